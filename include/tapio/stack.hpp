/// @file
/// A stack: one TCP/IP host inside the process, as an Asio execution context.
///
///     boost::asio::io_context io;
///     tapio::stack stack(io, tapio::open_tap({.name = "tap0"}));
///     stack.add_address(boost::asio::ip::make_address("198.18.0.2"), 24);
///     tapio::ip::tcp::acceptor acceptor(stack, {tapio::ip::tcp::v4(), 80});
///     io.run();
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/congestion_control.hpp>
#include <tapio/core/counters.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/tcp_info.hpp>
#include <tapio/core/trace.hpp>
#include <tapio/detail/drain.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/interface_wait.hpp>
#include <tapio/detail/io_object.hpp>
#include <tapio/detail/stack_executor.hpp>
#include <tapio/device/device.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

class virtual_time;

namespace detail {
[[noreturn]] void throw_made_from_socket(); ///< of use_stack(Stream&, stack&)
}

using core::connection_info;
using core::host_counters;
using core::interface_counters;
using core::interface_info;
using core::interface_state;
using core::interface_status;
using core::neighbor_info;
using core::neighbor_state;
using core::route_info;

/// What can be set when a stack is made. Times are durations, sizes octets. What cannot work (buffers of less than 2304 and 4608
/// octets, a congestion control that nobody knows, negative times) the constructor refuses: invalid_argument, and its text names
/// the option.
struct stack_options
{
    std::uint32_t tcp_receive_buffer = 256 * 1024;            ///< each connection begins with it; SO_RCVBUF fixes another
    std::uint32_t tcp_send_buffer = 256 * 1024;               ///< likewise, SO_SNDBUF
    std::uint32_t tcp_receive_buffer_limit = 6 * 1024 * 1024; ///< it grows up to there as the path wants it
    std::uint32_t tcp_send_buffer_limit = 4 * 1024 * 1024;    ///< likewise
    std::uint64_t tcp_memory = UINT64_C(1) << 30; ///< octets that all connections may hold together; near it buffers stay small
    /// So many idle connections stay as they are; of the others, those idle for the longest, little more is kept than what they
    /// have to remember (some 500 octets), until something happens on them, which then takes some microseconds more.
    std::size_t tcp_awake_connections = 1024;
    std::string tcp_congestion_control = "cubic"; ///< of sockets that name no other (TCP_CONGESTION)
    bool tcp_offer_ecn = false;                   ///< ask for ECN when connecting (RFC 3168); who asks us gets it
    /// TCP Fast Open for a network whose hosts trust one another (Linux's net.ipv4.tcp_fastopen with 0x4 and 0x200): the data of
    /// a SYN is sent, with TCP_FASTOPEN_CONNECT, and taken, with TCP_FASTOPEN, without a cookie. Anybody who can forge addresses
    /// may then make listeners work (RFC 7413 §5). TCP_FASTOPEN_NO_COOKIE says so for one socket.
    bool tcp_fast_open_without_cookie = false;
    /// What a handler on the stack's io_context sends leaves when it, and what else is ready to run, has returned: several
    /// writes, or a write and a close, go in one segment. A handler that computes for long holds its output back for as long.
    bool defer_output = false;
    std::size_t udp_receive_buffer = 208 * 1024;                    ///< each socket's, before SO_RCVBUF
    core::duration tcp_min_rto = std::chrono::milliseconds(200);    ///< RFC 6298 §2.4 says 1 s
    core::duration tcp_delayed_ack = std::chrono::milliseconds(40); ///< RFC 9293 §3.8.6.3 allows 500 ms
    core::duration tcp_time_wait = std::chrono::seconds(60);        ///< 2 MSL
    /// Connections whose socket was closed finish alone. How many may, and how many octets they may hold together: beyond either
    /// close() resets. And how long one goes on whose peer answers but takes nothing, before it is reset.
    std::size_t tcp_orphan_limit = 65'536;
    std::uint64_t tcp_orphan_memory = UINT64_C(256) << 20;
    core::duration tcp_orphan_timeout = std::chrono::seconds(210);
    unsigned shards = 1, shard = 0; ///< stacks that share one device's addresses (shards.hpp), and which of them this is
    core::trace* trace = nullptr;   ///< sees what happens inside; must outlive the stack
    virtual_time* time = nullptr;   ///< null: real time
};

/// One host: its devices, addresses, routes and sockets.
/// @par Thread safety  every member may be called from any thread
/// @par Lifetime  sockets and the io_context may outlive it; it must not outlive the io_context
class stack
{
public:
    using executor_type = detail::basic_stack_executor<boost::asio::io_context::executor_type>;
    /// 0 is the loopback, 1 the first device; also in ip::packet_info and traces. Socket options that take an interface
    /// (SO_BINDTOIFINDEX, IP_MULTICAST_IF, groups) have Linux's numbers, which are one more.
    using interface_id = std::uint32_t;

    /// A host driven by `io`: device, timers and handlers run in `io.run()`. What keeps `run()` from returning is, as in Asio,
    /// whatever may still happen: a device with a descriptor (TAP, TUN), until the stack is shut down; elsewhere (pipes, the
    /// loopback) pending operations and running timers, those of closed connections included (TIME-WAIT: a minute). A synchronous
    /// call that waits while nobody runs `io` drives all stacks of `io` meanwhile, but none of their handlers.
    /// If `io` was made with concurrency_hint 1 (one thread alone runs it), the stack takes no lock, and all its sockets are for
    /// that thread alone too: then not even distinct ones may be used from two threads at once. Handlers of operations that have
    /// finished together run one after the other within one handler of `io`'s; one that runs `io` itself would wait in vain for
    /// those behind it. What the host answers to input (acknowledgements) goes out with what the handlers of that input write,
    /// behind them; while handlers take longer than half a millisecond, before them.
    explicit stack(boost::asio::io_context& io, std::unique_ptr<device> medium = nullptr, const stack_options& options = {});

    /// A host driven by a thread of its own: connections are kept alive, retransmitted and closed whether or not anybody runs
    /// an io_context, and `run()` of the user's returns when the user's work is done. Use it with use_stack() or
    /// set_default_stack(); handlers of sockets made from the stack itself run on that thread.
    explicit stack(std::unique_ptr<device> medium, const stack_options& options = {});
    stack(const stack&) = delete;
    stack& operator=(const stack&) = delete;
    ~stack(); ///< shutdown()

    executor_type get_executor() const noexcept;
    /// What sockets, timers and resolvers of tapio are made from. All other services asked of it (Asio's own timers, kernel
    /// sockets, signal sets, a user's) are those of the io_context: they run there, without a thread of their own.
    /// `boost::asio::make_service<S>()` takes the io_context: with this one it throws invalid_service_owner, as a service can
    /// only be added where it belongs.
    boost::asio::execution_context& context() const noexcept;
    operator boost::asio::execution_context&() const noexcept { return context(); }

    /// Attaches another medium. @return the interface's number
    /// @throws boost::system::system_error invalid_argument: its MTU is below 68 (RFC 791) or above 65535
    interface_id add_device(std::unique_ptr<device> medium);

    /// Puts another medium in the place of an interface's, whatever state that is in. Addresses, routes and connections stay and
    /// go on over it; name, MTU, offload and, if it has one of its own, the link-layer address are the new medium's.
    /// @throws boost::system::system_error no_such_device · invalid_argument (null)
    void replace_device(interface_id interface, std::unique_ptr<device> medium);

    /// What an interface is like now: ifOperStatus, ifAdminStatus, MTU. A device that fails or is removed takes its interface
    /// down (`not_present`), as does a link without a peer (`down`). What would go by an interface that is not up fails at once
    /// with network_down, connects and datagrams alike, unless another route leads there. Connections stay, as on Linux: they
    /// retransmit until the interface is up again, another route exists, or their own timers end them (timed_out; a connect
    /// that waits: network_down). @throws boost::system::system_error no_such_device
    core::interface_status interface_status(interface_id interface = 1) const;

    /// The user's own word on it (ifAdminStatus): taken down, it neither sends nor receives. @throws as above
    void set_interface_up(interface_id interface, bool up);

    /// Waits for the next change of an interface's state.
    ///
    ///     for (auto state = stack.interface_status(1).state; state != tapio::interface_state::not_present;)
    ///         state = co_await stack.async_wait_interface(1, state, use_awaitable);
    ///
    /// @param known (second form) what the caller takes it to be; completes at once if it is another, so that no change is
    ///   missed between two waits
    /// @param token  completion signature `void(error_code, interface_state)`; runs on the stack's executor unless the handler
    ///   has its own. Outstanding work meanwhile
    /// @par Errors  no_such_device · operation_aborted (cancelled, or the stack was shut down)
    /// @par Cancellation  terminal, partial, total
    template <BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, core::interface_state)) CompletionToken>
    auto async_wait_interface(interface_id interface, CompletionToken&& token)
    {
        return wait_for({interface, std::nullopt}, token);
    }
    template <BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, core::interface_state)) CompletionToken>
    auto async_wait_interface(interface_id interface, core::interface_state known, CompletionToken&& token)
    {
        return wait_for({interface, known}, token);
    }

    /// Gives an interface an address, with the route to its network; announced on Ethernet (RFC 5227).
    /// @throws boost::system::system_error address_in_use · invalid_argument · address_family_not_supported (IPv6) ·
    /// no_such_device
    void add_address(const boost::asio::ip::address& address, unsigned prefix_length, interface_id interface = 1);

    /// Takes it away again, with the route to its network, and with the last one of an interface all routes by that. As on Linux
    /// its sockets stay: what they would send from it fails with network_unreachable, connections time out unless it comes back.
    /// @throws boost::system::system_error address_not_available
    void remove_address(const boost::asio::ip::address& address);

    /// @throws boost::system::system_error network_unreachable when the gateway is on no link of ours
    void add_route(const boost::asio::ip::address& network, unsigned prefix_length, const boost::asio::ip::address& gateway,
                   interface_id interface = 1);
    /// @throws boost::system::system_error errc::no_such_process (as Linux: there is no such route)
    void remove_route(const boost::asio::ip::address& network, unsigned prefix_length, const boost::asio::ip::address& gateway,
                      interface_id interface = 1);
    void set_default_gateway(const boost::asio::ip::address& gateway, interface_id interface = 1);

    /// What resolvers of this stack's sockets know beside numbers ("localhost" is known).
    void add_host_name(const std::string& name, const boost::asio::ip::address& address);

    /// An algorithm that sockets of this stack can name with TCP_CONGESTION: "reno", "cubic", "bbr" and "dctcp" are there;
    /// one of the same name is replaced, for connections to come.
    void add_congestion_control(const std::string& name, core::congestion_control_factory make);

    host_counters counters() const;
    interface_counters counters(interface_id interface) const;
    core::mac_address mac(interface_id interface = 1) const;

    // -- what it has: values of the moment of the call, made under the stack's lock (core/snapshot.hpp) --------------------
    /// TCP sockets and connections, listeners and TIME-WAIT included. The stack does nothing else meanwhile.
    std::vector<connection_info> connections() const;
    std::vector<interface_info> interfaces() const; ///< by number, the loopback first
    std::vector<neighbor_info> neighbors() const;   ///< of all interfaces
    std::vector<route_info> routes() const;         ///< the one that is looked at first comes first

    /// Ends everything: pending operations complete with operation_aborted, connections are reset, devices detached. Idempotent.
    void shutdown();

    /// The graceful form of shutdown(), for a server that is told to end. Listeners take no more connections, and what waits for
    /// one there completes with operation_aborted. Every connection sends what has been written to it, and a FIN as soon as no
    /// write is pending on it and none has begun for 10 ms: a large write that goes on in parts is not cut. When the peers have
    /// acknowledged all data and all FINs, those of connections whose sockets have been closed included, shutdown() follows, but
    /// without a reset to those peers; then it completes. What can be read may be read meanwhile.
    /// @param timeout  then what has not been acknowledged is given up: shutdown(), with its resets
    /// @param token  completion signature `void(error_code)`
    /// @par Errors  timed_out: not everything was acknowledged · operation_aborted: shutdown() was called, or it was cancelled
    /// @par Cancellation  terminal, partial, total: operation_aborted; the stack is not shut down, but connections that have sent
    ///   their FIN stay so, and listeners listen no more
    /// @par Example
    ///     signals.async_wait([&](error_code, int) { stack.async_drain(5s, [](error_code) {}); });
    template <class Token = boost::asio::default_completion_token_t<executor_type>>
    auto async_drain(core::duration timeout, Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
            detail::drain_initiation<executor_type>(engine_, get_executor()), token, timeout);
    }

private:
    friend class shards;
    friend void use_stack(boost::asio::io_context& io, stack& s);
    friend void set_default_stack(stack& s);
    friend boost::asio::execution_context& detail::home_of_services(boost::asio::execution_context& context);

    template <class CompletionToken>
    auto wait_for(const detail::interface_wait& w, CompletionToken& token)
    {
        return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code, core::interface_state)>(
            detail::initiate_interface_wait(engine_, get_executor()), token, w);
    }

    class own_context;
    void begin(boost::asio::io_context& io, std::unique_ptr<device> medium);
    std::shared_ptr<detail::engine> engine_;
    own_context* context_; ///< owned by the io_context, which outlives us
};

/// From now on sockets made from `io` itself belong to `s`.
void use_stack(boost::asio::io_context& io, stack& s);

/// The same for a stream that has an io_context of its own. It is for what the stream connects from now on:
///
///     tapio::ip::tcp::iostream s;
///     use_stack(s, stack);
///     s.connect("198.18.0.2", "80");
///
/// A stream made from a socket (`tcp::iostream s{tcp::socket(stack)};`) has that socket's stack.
/// @throws boost::system::system_error invalid_argument: it was made from a socket
template <class Stream>
requires requires(Stream& stream) { stream.rdbuf()->own_context(); }
void use_stack(Stream& stream, stack& s)
{
    boost::asio::io_context* const own = stream.rdbuf()->own_context();
    if (own == nullptr) detail::throw_made_from_socket();
    stream.rdbuf()->socket().close();
    use_stack(*own, s);
}

/// From now on sockets made from any context without a stack of its own belong to `s` (until it is shut down). Where there is
/// none, they belong to a host that has nothing but the loopback: within the process they reach each other, and connecting or
/// sending to another host, or binding to another address, fails with tapio::errc::no_stack (error.hpp).
void set_default_stack(stack& s);

} // namespace tapio

#pragma GCC visibility pop
