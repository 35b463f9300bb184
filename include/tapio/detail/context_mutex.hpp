/// @file
/// The lock of a stack, or of data that its io_context keeps. If only one thread runs the io_context (concurrency_hint 1) nothing
/// is locked; an assertion then checks that no two threads are inside at once. Internal.
#pragma once

#include <tapio/core/config.hpp>

#include <boost/assert.hpp>

#include <mutex>

#pragma GCC visibility push(default)

namespace tapio::detail {

class context_mutex
{
public:
    explicit context_mutex(bool real) noexcept : real_(real) {}
    context_mutex(const context_mutex&) = delete;
    context_mutex& operator=(const context_mutex&) = delete;

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
    std::mutex& native() noexcept { return mutex_; } ///< for a condition variable; @pre real()

private:
    const bool real_;
    bool inside_ = false;
    std::mutex mutex_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
