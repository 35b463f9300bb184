/// @file
/// The lock of a stack. A stack on an io_context that only one thread runs (concurrency_hint 1) does without: then this only
/// looks, where assertions are on, that no two threads are inside at once.
#pragma once

#include <boost/assert.hpp>

#include <mutex>

namespace tapio::detail {

class engine_mutex
{
public:
    explicit engine_mutex(bool real) noexcept : real_(real) {}
    engine_mutex(const engine_mutex&) = delete;
    engine_mutex& operator=(const engine_mutex&) = delete;

    void lock()
    {
        if (real_) return mutex_.lock();
        BOOST_ASSERT_MSG(!inside_, "two threads on a stack whose io_context promised one (concurrency_hint 1)");
        inside_ = true;
    }
    void unlock()
    {
        if (real_) return mutex_.unlock();
        inside_ = false;
    }
    bool real() const noexcept { return real_; }
    std::mutex& native() noexcept { return mutex_; } ///< to wait with; only if it is real

private:
    const bool real_;
    bool inside_ = false;
    std::mutex mutex_;
};

} // namespace tapio::detail
