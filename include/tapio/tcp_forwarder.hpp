/// @file
/// Connections for which the stack has no listener, handed to the user before they are answered: for proxies, VPNs and tunnels.
///
///     stack.accept_any_destination(1);       // whatever arrives by the first device is for us
///     tapio::tcp_forwarder forwarder(stack);
///     for (;;) {
///         tapio::tcp_request r = co_await forwarder.async_next(use_awaitable);
///         co_spawn(io, proxy(std::move(r)), detached);
///     }
///
///     awaitable<void> proxy(tapio::tcp_request r)
///     {
///         boost::asio::ip::tcp::socket there(co_await this_coro::executor);
///         auto [ec] = co_await there.async_connect({r.destination().address(), r.destination().port()},
///         as_tuple(use_awaitable)); if (ec) co_return r.refuse();       // the client's connect fails at once
///         tapio::ip::tcp::socket here = co_await r.async_accept(use_awaitable);
///         co_await relay(here, there);
///     }
///
/// apps/tun_proxy is the whole program. Connections and listeners of the stack come first: only a SYN that matches neither is a
/// request. While a request waits, the client's SYN is neither answered nor forgotten; bounds keep one client, or one address
/// that never answers, from using up the room of all (core/forwarder_options.hpp).
///
/// @par Thread safety  distinct objects: safe; shared objects: unsafe (as in Asio)
/// @par Lifetime  forwarders and requests may outlive the stack; then operations fail, and decisions have no effect
/// @par Source  RFC 9293 §3.10.7.2
#pragma once

#include <tapio/detail/flow_request.hpp>
#include <tapio/ip/tcp.hpp>

#pragma GCC visibility push(default)

namespace tapio {

using core::forwarder_options;
using core::refusal;

namespace detail {

/// tcp_request::async_accept(): completes when the handshake has ended.
struct accept_flow_action
{
    std::shared_ptr<socket> accepted;
    boost::asio::any_io_executor executor;
    ip::tcp protocol;

    bool perform(socket& s, error_code& ec)
    {
        bool started = true;
        return s.try_connect({}, started, ec);
    }
    template <class Handler>
    auto bind(Handler&& h, error_code ec) &&
    {
        ip::tcp::socket out(executor);
        if (!ec) out.assign(protocol, native_handle_value(std::move(accepted)), ec);
        return bound_handler<Handler, error_code, ip::tcp::socket>(std::move(h), ec, std::move(out));
    }
};

} // namespace detail

/// A connection that a client wants to open. Undecided, it is dropped when the object is destroyed: the client tries again.
class tcp_request : public detail::flow_request<ip::tcp>
{
public:
    tcp_request() = default;
    tcp_request(std::unique_ptr<detail::flow> f, executor_type executor)
        : flow_request(std::move(f), std::move(executor)) {} ///< internal

    /// Answers the client, and completes with a connected socket. Its local endpoint is the destination that the client named.
    /// @param token  completion signature `void(error_code, ip::tcp::socket)`. The socket has the forwarder's executor
    /// @par Errors  connection_aborted (decided before, the client has given up, or the time was over) · connection_reset ·
    ///   timed_out (the client does not end the handshake) · network_unreachable (no route to the client) · operation_aborted
    /// @par Cancellation  terminal, partial, total: operation_aborted; the connection is reset
    template <class Token = boost::asio::default_completion_token_t<executor_type>>
    auto async_accept(Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(boost::system::error_code, ip::tcp::socket)>(
            initiate_accept(executor_), token, std::exchange(flow_, nullptr));
    }

private:
    class initiate_accept
    {
    public:
        using executor_type = tcp_request::executor_type;
        explicit initiate_accept(executor_type io) : io_(std::move(io)) {}
        executor_type get_executor() const noexcept { return io_; }

        template <class Handler>
        void operator()(Handler&& handler, std::unique_ptr<detail::flow> f) const
        {
            auto h = std::forward<Handler>(handler);
            boost::system::error_code ec = boost::asio::error::connection_aborted;
            const bool v4 = f && f->facts().destination.address.is_v4();
            const auto s = f ? f->accept(ec) : nullptr;
            detail::start_operation(s, detail::direction::write,
                                    detail::accept_flow_action{s, io_, v4 ? ip::tcp::v4() : ip::tcp::v6()}, h, io_, ec);
        }

    private:
        executor_type io_;
    };
};

/// Takes the SYNs that no listener matches. At most one for each stack.
class tcp_forwarder : public detail::flow_forwarder<tcp_request>
{
public:
    /// @throws boost::system::system_error address_in_use: the stack has a tcp_forwarder · bad_descriptor: it was shut down
    explicit tcp_forwarder(stack& s, const core::forwarder_options& options = {})
        : flow_forwarder(s, detail::socket_kind::tcp, options, "tcp_forwarder")
    {
    }
};

} // namespace tapio

#pragma GCC visibility pop
