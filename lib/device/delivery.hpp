/// @file
/// The way from a device's handlers to its receiver, which `stop()` closes for good.
#pragma once

#include <tapio/device/device.hpp>

#include <mutex>
#include <utility>

namespace tapio::detail {

/// Handlers reach the receiver through `with_receiver()` only; once `close()` has returned none is inside and none gets
/// in. Thread safety: all of it. A handler may call `close()` itself (the mutex is recursive). The stack's lock is
/// taken under this mutex, never the other way round.
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

    /// Calls `f(receiver)` unless closed; false if closed.
    template <class F>
    bool with_receiver(F&& f)
    {
        const std::lock_guard lock(mutex_);
        if (receiver_ == nullptr) return false;
        std::forward<F>(f)(*receiver_);
        return true;
    }

    /// For use within `with_receiver()`: whether the receiver has closed it meanwhile.
    bool is_open() const noexcept { return receiver_ != nullptr; }

private:
    std::recursive_mutex mutex_;
    device_receiver* receiver_ = nullptr;
};

} // namespace tapio::detail
