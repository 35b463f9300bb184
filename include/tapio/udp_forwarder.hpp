/// @file
/// Datagrams for which the stack has no socket, handed to the user by flows: all datagrams from one endpoint to another.
///
///     stack.accept_any_destination(1);       // whatever arrives by the first device is for us
///     tapio::udp_forwarder forwarder(stack);
///     for (;;) {
///         tapio::udp_request r = co_await forwarder.async_next(use_awaitable);
///         tapio::ip::udp::socket here = r.accept(); // connected to the client, and has its first datagrams
///         co_spawn(io, relay(std::move(here)), detached);
///     }
///
/// apps/tun_proxy is the whole program. A flow ends when its socket is closed; its user closes it after some silence (RFC 4787
/// §4.3 says five minutes, and not less than two).
///
/// @par Thread safety  distinct objects: safe; shared objects: unsafe (as in Asio)
/// @par Lifetime  forwarders and requests may outlive the stack; then operations fail, and decisions have no effect
#pragma once

#include <tapio/detail/flow_request.hpp>
#include <tapio/ip/udp.hpp>

#pragma GCC visibility push(default)

namespace tapio {

using core::forwarder_options;
using core::refusal;

/// A flow of datagrams that nobody receives yet. Undecided, it is dropped when the object is destroyed: the next datagram makes
/// another request.
class udp_request : public detail::flow_request<ip::udp>
{
public:
    udp_request() = default;
    udp_request(std::unique_ptr<detail::flow> f, executor_type executor)
        : flow_request(std::move(f), std::move(executor)) {} ///< internal

    /// The payload of the first datagram, which the accepted socket will receive; empty once the request is decided. A proxy that
    /// sends it on before it decides can tell the client of an ICMP error that comes back.
    std::vector<std::byte> first_datagram() const { return flow_ ? flow_->first_payload() : std::vector<std::byte>(); }

    /// A socket that is connected to the client, whose local endpoint is the destination that the client named. It has the
    /// forwarder's executor, and the datagrams that came so far.
    /// @par Errors  connection_aborted (decided before, or the time was over) · network_unreachable (no route to the client)
    ip::udp::socket accept(boost::system::error_code& ec)
    {
        ip::udp::socket out(executor_);
        const auto f = std::exchange(flow_, nullptr);
        if (!f) {
            ec = boost::asio::error::connection_aborted;
            return out;
        }
        auto s = f->accept(ec);
        const bool v4 = f->facts().destination.address.is_v4();
        if (!ec) out.assign(v4 ? ip::udp::v4() : ip::udp::v6(), detail::native_handle_value(std::move(s)), ec);
        return out;
    }
    /// @throws boost::system::system_error with the same errors
    ip::udp::socket accept()
    {
        boost::system::error_code ec;
        ip::udp::socket out = accept(ec);
        if (ec) throw boost::system::system_error(ec, "accept");
        return out;
    }
};

/// Takes the datagrams that no socket receives; those to groups and broadcast addresses are left out. At most one for each stack.
class udp_forwarder : public detail::flow_forwarder<udp_request>
{
public:
    /// @throws boost::system::system_error address_in_use: the stack has a udp_forwarder · bad_descriptor: it was shut down
    explicit udp_forwarder(stack& s, const core::forwarder_options& options = {})
        : flow_forwarder(s, detail::socket_kind::udp, options, "udp_forwarder")
    {
    }
};

} // namespace tapio

#pragma GCC visibility pop
