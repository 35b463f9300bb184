/// @file
/// The list of a service's I/O objects, which the service needs when its context is destroyed. Internal.
#pragma once

#include <tapio/detail/context_mutex.hpp>

#include <boost/asio/execution_context.hpp>

#include <mutex>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// Whether the context is that of a stack whose user has promised that a single thread uses it (runs_on_one_thread()).
bool promises_one_thread(boost::asio::execution_context& context);

/// An intrusive list: `T` has members `next` and `previous` for it.
template <class T>
class service_objects
{
public:
    explicit service_objects(boost::asio::execution_context& context) : mutex_(!promises_one_thread(context)) {}

    void add(T& object)
    {
        const std::lock_guard lock(mutex_);
        link(object);
    }
    /// Does nothing if the object is not in the list, because clear() may have removed it.
    void remove(T& object)
    {
        const std::lock_guard lock(mutex_);
        unlink(object);
    }
    /// remove() and add() under one lock.
    void replace(T& gone, T& object)
    {
        const std::lock_guard lock(mutex_);
        unlink(gone);
        link(object);
    }
    /// Removes every object and calls `f(object)` for it.
    template <class F>
    void clear(F&& f)
    {
        const std::lock_guard lock(mutex_);
        while (T* const object = first_) {
            first_ = object->next;
            object->next = object->previous = nullptr;
            f(*object);
        }
    }

private:
    void link(T& object) noexcept
    {
        object.next = first_;
        object.previous = nullptr;
        if (first_ != nullptr) first_->previous = &object;
        first_ = &object;
    }
    void unlink(T& object) noexcept
    {
        if (object.previous != nullptr) object.previous->next = object.next;
        if (first_ == &object) first_ = object.next;
        if (object.next != nullptr) object.next->previous = object.previous;
        object.next = object.previous = nullptr;
    }

    context_mutex mutex_;
    T* first_ = nullptr;
};

} // namespace tapio::detail

#pragma GCC visibility pop
