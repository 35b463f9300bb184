/// @file
/// The calls of a device's handlers to its receiver, until `stop()` closes them off.
#pragma once

#include <tapio/device/device.hpp>

#include <mutex>
#include <utility>

namespace tapio::detail {

/// Handlers call the receiver through `with_receiver()` only. Once `close()` has returned, no call is in progress and none
/// follows. Thread safety: all functions. A handler may call `close()` itself (the mutex is recursive). Lock order: this
/// mutex before the stack's lock.
class delivery
{
public:
    void open(device_receiver& receiver)
    {
        const std::lock_guard lock(mutex_);
        receiver_ = &receiver;
    }

    void close()
    {
        const std::lock_guard lock(mutex_);
        receiver_ = nullptr;
    }

    /// Calls `f(receiver)` unless closed. @return false: closed
    template <class F>
    bool with_receiver(F&& f)
    {
        const std::lock_guard lock(mutex_);
        if (receiver_ == nullptr) return false;
        std::forward<F>(f)(*receiver_);
        return true;
    }

    /// For use within `with_receiver()`: false if the receiver has called close() meanwhile.
    bool is_open() const noexcept { return receiver_ != nullptr; }

private:
    std::recursive_mutex mutex_;
    device_receiver* receiver_ = nullptr;
};

} // namespace tapio::detail
