/// @file
/// Starts an operation of a socket and connects its handler's cancellation slot. Internal.
#pragma once

#include <tapio/detail/cancellation.hpp>
#include <tapio/detail/operation.hpp>
#include <tapio/detail/socket.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>

#include <cstdint>
#include <memory>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// @param refused if set, the operation fails with it
template <class Action, class Handler, class IoExecutor>
void start_operation(const std::shared_ptr<socket>& s, direction d, Action action, Handler& handler, const IoExecutor& io,
                     error_code refused = {})
{
    const auto slot = boost::asio::get_associated_cancellation_slot(handler);
    const bool immediate = has_immediate_executor(handler, io);
    auto* const op = make_operation(std::move(action), handler, io);
    op->has_immediate_executor = immediate;
    if (!s && !refused) refused = boost::asio::error::bad_descriptor;
    if (refused) return fail(op, refused);
    const std::shared_ptr<socket> kept = s; // the handler may run before we return, on another thread, and destroy the socket
    op->identify(next_operation_id());
    watch_cancellation(slot, kept, [id = std::uint64_t{op->id}](socket& of) { of.cancel(id); });
    kept->start(d, op);
}

} // namespace tapio::detail

#pragma GCC visibility pop
