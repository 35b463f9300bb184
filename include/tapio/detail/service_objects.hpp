/// @file
/// The list that a service keeps of its objects, for the day when their context ends. Internal.
#pragma once

#include <boost/asio/execution_context.hpp>

#include <mutex>

namespace tapio::detail {

/// Whether it is a stack's, whose user has promised that one thread alone runs it and touches its objects.
bool promises_one_thread(boost::asio::execution_context& context);

/// `T` has members `next` and `previous`, which are the list's.
template <class T>
class service_objects
{
public:
    explicit service_objects(boost::asio::execution_context& context) : locks_(!promises_one_thread(context)) {}

    void add(T& object)
    {
        const auto lock = locked();
        link(object);
    }
    /// Nothing happens to one that is not in the list: clear() may have come first.
    void remove(T& object)
    {
        const auto lock = locked();
        unlink(object);
    }
    /// remove() and add() at once.
    void replace(T& gone, T& object)
    {
        const auto lock = locked();
        unlink(gone);
        link(object);
    }
    /// Calls `f(object)` for each, which is in the list no more.
    template <class F>
    void clear(F&& f)
    {
        const auto lock = locked();
        while (T* const object = first_) {
            first_ = object->next;
            object->next = object->previous = nullptr;
            f(*object);
        }
    }

private:
    std::unique_lock<std::mutex> locked() { return locks_ ? std::unique_lock(mutex_) : std::unique_lock<std::mutex>(); }
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

    const bool locks_;
    std::mutex mutex_;
    T* first_ = nullptr;
};

} // namespace tapio::detail
