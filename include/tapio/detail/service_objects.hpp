/// @file
/// The list that a service keeps of its objects, for the day when their context ends. Internal.
#pragma once

#include <tapio/detail/context_mutex.hpp>

#include <boost/asio/execution_context.hpp>

#include <mutex>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// Whether it is a stack's, whose user has promised that one thread alone runs it and touches its objects.
bool promises_one_thread(boost::asio::execution_context& context);

/// `T` has members `next` and `previous`, which are the list's.
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
    /// Nothing happens to one that is not in the list: clear() may have come first.
    void remove(T& object)
    {
        const std::lock_guard lock(mutex_);
        unlink(object);
    }
    /// remove() and add() at once.
    void replace(T& gone, T& object)
    {
        const std::lock_guard lock(mutex_);
        unlink(gone);
        link(object);
    }
    /// Calls `f(object)` for each, which is in the list no more.
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
