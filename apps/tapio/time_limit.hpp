/// @file
/// Bounds the time of an operation within a coroutine.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace apps::tools {

/// Calls a function when the time is over, unless end() was called or the object is gone by then: what the function refers to may
/// be gone, too. (Cancelling a timer does not take back a handler that is queued already.)
class time_limit
{
public:
    /// @param after  0: there is no limit
    template <class F>
    time_limit(boost::asio::io_context& io, std::chrono::nanoseconds after, F when_over) : state_(std::make_shared<state>(io))
    {
        if (after.count() <= 0) return;
        state_->timer.expires_after(after);
        state_->timer.async_wait([s = state_, when_over = std::move(when_over)](boost::system::error_code error) {
            if (error || s->ended) return;
            s->over = true;
            when_over();
        });
    }
    time_limit(const time_limit&) = delete;
    time_limit& operator=(const time_limit&) = delete;
    ~time_limit() { end(); }

    /// @return the time was over before
    bool end()
    {
        state_->ended = true;
        state_->timer.cancel();
        return state_->over;
    }

private:
    struct state
    {
        explicit state(boost::asio::io_context& io) : timer(io) {}

        boost::asio::steady_timer timer;
        bool ended = false, over = false;
    };

    std::shared_ptr<state> state_;
};

} // namespace apps::tools
