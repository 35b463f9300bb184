/// @file
/// Operations of a stack that belong to no socket of it, for any completion token: a thin template over plain functions.
/// Internal.
#pragma once

#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/cancellation.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/operation.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

std::uint64_t next_operation_id() noexcept;

/// The action of an operation whose handler gets what the engine has put into `result`.
template <class T>
struct result_action
{
    std::shared_ptr<T> result;

    bool perform(socket&, boost::system::error_code&) { return false; }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return bound_handler<Handler, boost::system::error_code, T>(std::move(h), ec, std::move(*result));
    }
};

/// The initiation function of such operations. `Request` says what is asked for: `action()` makes the operation's action, and is
/// called once; `start(engine, op)` begins the operation; `cancel(engine, id)` ends it early.
template <class Executor, class Request>
class engine_initiation
{
public:
    using executor_type = Executor; ///< Asio's composed operations look for it

    engine_initiation(std::shared_ptr<engine> e, Executor io) : engine_(std::move(e)), io_(std::move(io)) {}
    executor_type get_executor() const noexcept { return io_; }

    template <class Handler>
    void operator()(Handler&& handler, Request r) const // a copy: a deferred operation may begin several times
    {
        std::decay_t<Handler> own(std::forward<Handler>(handler));
        const auto slot = boost::asio::get_associated_cancellation_slot(own);
        const bool immediate = has_immediate_executor(own, io_);
        operation* const op = make_operation(r.action(), own, io_);
        op->has_immediate_executor = immediate;
        op->identify(next_operation_id());
        const std::shared_ptr<engine> kept = engine_; // the handler may run before we return, and destroy the stack
        watch_cancellation(slot, kept, [id = std::uint64_t{op->id}](engine& e) { Request::cancel(e, id); });
        r.start(kept, op);
    }

private:
    std::shared_ptr<engine> engine_;
    Executor io_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
