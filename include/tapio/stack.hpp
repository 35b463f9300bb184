/// @file
/// tapio::stack: a TCP/IP host inside the process, usable as an Asio execution context.
///
///     boost::asio::io_context io;
///     tapio::stack stack(io, tapio::open_tap({.name = "tap0"}));
///     stack.add_address(boost::asio::ip::make_address("198.18.0.2"), 24);
///     tapio::ip::tcp::acceptor acceptor(stack, {tapio::ip::tcp::v4(), 80});
///     io.run();
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/autoconfigure_options.hpp>
#include <tapio/core/congestion_control.hpp>
#include <tapio/core/counters.hpp>
#include <tapio/core/dns.hpp>
#include <tapio/core/dns_status.hpp>
#include <tapio/core/forwarding_options.hpp>
#include <tapio/core/interface_configuration.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/mdns.hpp>
#include <tapio/core/packet_hook.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/tcp_info.hpp>
#include <tapio/core/trace.hpp>
#include <tapio/detail/configuration_wait.hpp>
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
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

class stack;
class virtual_time;

namespace detail {
[[noreturn]] void throw_made_from_socket(); ///< for use_stack(Stream&, stack&)
const std::shared_ptr<engine>& engine_of_stack(const stack& s) noexcept;
} // namespace detail

using core::address_origin;
using core::configure_options;
using core::connection_info;
using core::datagram_socket_info;
using core::detailed_connection;
using core::dhcpv4_lease;
using core::dhcpv4_state;
using core::dhcpv6_lease;
using core::dhcpv6_state;
using core::dhcpv6_use;
using core::dns_options;
using core::dns_status;
using core::host_counters;
using core::interface_configuration;
using core::interface_counters;
using core::interface_info;
using core::interface_state;
using core::interface_status;
using core::mdns_options;
using core::mdns_service;
using core::mdns_status;
using core::mdns_use;
using core::neighbor_info;
using core::neighbor_state;
using core::route_info;
using core::route_kind;

/// Options of a new stack. Times are durations; sizes are octets. The constructor of stack checks them and throws
/// boost::system::system_error (invalid_argument) whose text names the option: receive buffers below 2304 octets, send buffers
/// below 4608 (Linux's bounds), `tcp_memory` below their sum, an unknown congestion control, an RTO or orphan timeout below 1 ms,
/// another time that is negative, `shard >= shards`.
struct stack_options
{
    std::uint32_t tcp_receive_buffer = 256 * 1024;            ///< initial receive buffer of a connection; SO_RCVBUF fixes it
    std::uint32_t tcp_send_buffer = 256 * 1024;               ///< initial send buffer of a connection; SO_SNDBUF fixes it
    std::uint32_t tcp_receive_buffer_limit = 6 * 1024 * 1024; ///< a receive buffer that SO_RCVBUF did not fix grows up to this
    std::uint32_t tcp_send_buffer_limit = 4 * 1024 * 1024;    ///< a send buffer that SO_SNDBUF did not fix grows up to this
    std::uint64_t tcp_memory = UINT64_C(1) << 30; ///< memory budget of all connections together; near it buffers stop growing
    /// How many idle connections keep their full state. Of the others, the longest idle are reduced to what they must remember
    /// (about 500 octets each); the next event on one restores it, which takes some microseconds.
    std::size_t tcp_awake_connections = 1024;
    std::string tcp_congestion_control = "cubic"; ///< default of TCP_CONGESTION: "cubic", "reno", "bbr" or "dctcp"
    bool tcp_offer_ecn = false;                   ///< offer ECN in SYNs (RFC 3168); a peer that offers it is answered in any case
    /// TCP Fast Open without cookies, for a network whose hosts trust one another (Linux's net.ipv4.tcp_fastopen with 0x4 and
    /// 0x200): with TCP_FASTOPEN_CONNECT a SYN carries data although no cookie is known; with TCP_FASTOPEN a listener accepts
    /// such data. Anybody who can forge addresses may then make listeners work (RFC 7413 §5). TCP_FASTOPEN_NO_COOKIE does the
    /// same for one socket.
    bool tcp_fast_open_without_cookie = false;
    /// Delays what a handler on the user's io_context sends until that handler, and the others that are ready to run, have
    /// returned: several writes, or a write and a close, leave in one segment. A handler that computes for long holds its output
    /// back for as long. Without effect on a stack with a thread of its own and in virtual time.
    bool defer_output = false;
    std::size_t udp_receive_buffer = 208 * 1024;                    ///< receive queue of a UDP socket; SO_RCVBUF changes it
    core::duration tcp_min_rto = std::chrono::milliseconds(200);    ///< lower bound of the RTO; RFC 6298 §2.4 says 1 s
    core::duration tcp_delayed_ack = std::chrono::milliseconds(40); ///< longest delay of an ACK; RFC 9293 §3.8.6.3 allows 500 ms
    core::duration tcp_time_wait = std::chrono::seconds(60);        ///< length of TIME-WAIT (2 MSL)
    /// An orphan is a connection whose socket was closed before the peer acknowledged everything; it finishes without a user.
    /// Beyond `tcp_orphan_limit` orphans, or `tcp_orphan_memory` octets in all of them, close() resets the connection. An orphan
    /// whose peer answers but takes no data for `tcp_orphan_timeout` is reset.
    std::size_t tcp_orphan_limit = 65'536;
    std::uint64_t tcp_orphan_memory = UINT64_C(256) << 20;
    core::duration tcp_orphan_timeout = std::chrono::seconds(210);
    bool answer_echo = true; ///< ICMP echo requests are answered (RFC 1122 §3.2.2.6); raw sockets see them in any case
    /// ICMP redirects from the present gateway are followed (RFC 1122 §3.2.2.2, RFC 4861 §8.3), unless the stack forwards.
    bool accept_redirects = true;
    /// RFC 1122 §3.3.4.2: a packet is for this host only if its destination is an address of the interface that received it, and
    /// leaves only by the interface that has its source address. Otherwise all addresses are the host's.
    bool strong_host = false;
    unsigned shards = 1, shard = 0; ///< set by tapio::shards: how many stacks share the addresses, and the number of this one
    core::trace* trace = nullptr;   ///< observer of packets, drops and TCP states; must outlive the stack
    virtual_time* time = nullptr;   ///< the clock; null: real time. Must outlive the stack
};

/// One TCP/IP host: its devices, addresses, routes and sockets. Sockets, acceptors, resolvers and timers of tapio are made from
/// it as from any Asio execution context: `tapio::ip::tcp::socket s(stack);`.
/// @par Thread safety  every member may be called from any thread, with two exceptions: if the io_context was made with
///   concurrency_hint 1 the stack takes no lock, and if the stack is in virtual time there is one thread by definition. Then only
///   the thread that runs the io_context may call members.
/// @par Lifetime  sockets and the io_context may outlive the stack (operations then fail with bad_descriptor); the stack must not
///   outlive the io_context
/// @par Blocking  members take the stack's lock for as long as their work lasts; none waits for the network
class stack
{
public:
    using executor_type = detail::basic_stack_executor<boost::asio::io_context::executor_type>;
    /// Number of an interface: 0 is the loopback, 1 the first device. The same numbers are in ip::packet_info and in traces.
    /// Socket options that take an interface (SO_BINDTOIFINDEX, IP_MULTICAST_IF, groups) use Linux's numbers, which are one more.
    using interface_id = std::uint32_t;

    /// A host that `io` drives: its device, timers and handlers run in `io.run()`.
    /// @param medium  becomes interface 1; null: only the loopback
    /// @throws boost::system::system_error invalid_argument: an option (see stack_options), or the device's MTU (see add_device)
    /// @par Work  As in Asio, `run()` returns when nothing can happen any more. A device with a descriptor (TAP, TUN) counts as
    ///   work until shutdown(). With other devices (pipes, the loopback) pending operations and running timers count, also those
    ///   of closed connections: TIME-WAIT keeps `run()` busy for a minute.
    /// @par Synchronous calls  A synchronous socket call that waits while no thread runs `io` drives all stacks of `io` itself,
    ///   but runs no handlers.
    /// @par One thread  If `io` was made with concurrency_hint 1, the stack takes no lock: not even distinct sockets of it may be
    ///   used from two threads at once. Handlers of operations that finished together then run one after the other within one
    ///   handler of `io`; a handler among them that calls `io.run()` itself must not wait for those behind it. Answers to input
    ///   (acknowledgements) leave after the handlers of that input, together with what these write; while handlers take longer
    ///   than half a millisecond, before them.
    explicit stack(boost::asio::io_context& io, std::unique_ptr<device> medium = nullptr, const stack_options& options = {});

    /// A host driven by a thread of its own, started here and ended by shutdown(): connections are kept alive, retransmitted and
    /// closed whether or not anybody runs an io_context, and the user's `run()` returns when the user's work is done. Meant for
    /// use_stack() and set_default_stack(). Handlers of sockets made from the stack itself run on its thread.
    /// @param medium  as above  @throws as above
    explicit stack(std::unique_ptr<device> medium, const stack_options& options = {});
    stack(const stack&) = delete;
    stack& operator=(const stack&) = delete;
    ~stack(); ///< calls shutdown()

    /// Runs handlers on the io_context, and names the stack as its context: I/O objects made from it belong to this stack.
    executor_type get_executor() const noexcept;
    /// The execution context from which sockets, timers and resolvers of tapio are made. Any other service that is asked of it
    /// (Asio's own timers, kernel sockets, signal sets, a user's service) is that of the io_context and runs there, without a
    /// thread of its own. `boost::asio::make_service<S>()` takes the io_context; with this context it throws
    /// invalid_service_owner, because a service can be added only to the context that owns it.
    boost::asio::execution_context& context() const noexcept;
    operator boost::asio::execution_context&() const noexcept { return context(); }

    /// Attaches one more device. @return the number of its interface
    /// @throws boost::system::system_error invalid_argument: `medium` is null, or its MTU is below 68 (RFC 791) or above 65535
    /// octets
    interface_id add_device(std::unique_ptr<device> medium);

    /// Replaces the device of an interface, whatever its state. Addresses, routes and connections stay and use the new device.
    /// Name, link type, MTU and offload become those of the new device, and so does the link-layer address if the device brings
    /// one. The old device is stopped and destroyed; packets that wait for it are dropped.
    /// @throws boost::system::system_error no_such_device (also for the loopback) · invalid_argument: null, or its MTU as above
    void replace_device(interface_id interface, std::unique_ptr<device> medium);

    /// Name, ifOperStatus, ifAdminStatus and MTU of an interface (RFC 2863 §3.1.14). A device that fails or is removed leaves its
    /// interface `not_present`; a link without a peer, or an interface that was disabled, is `down`.
    ///
    /// While an interface is not up, sending by it fails at once with network_down (connects and datagrams alike), unless another
    /// route leads to the destination. Established connections stay, as on Linux: they retransmit until the interface is up
    /// again, until another route exists, or until their own timers end them with timed_out (a pending connect: network_down).
    /// @throws boost::system::system_error no_such_device
    core::interface_status interface_status(interface_id interface = 1) const;

    /// Sets ifAdminStatus: an interface that is disabled neither sends nor receives. Before that, what publish() has told on its
    /// link is taken back.
    /// @throws boost::system::system_error no_such_device
    void set_interface_up(interface_id interface, bool up);

    /// Waits for the next change of an interface's state.
    ///
    ///     for (auto state = stack.interface_status(1).state; state != tapio::interface_state::not_present;)
    ///         state = co_await stack.async_wait_interface(1, state, use_awaitable);
    ///
    /// @param known  (second overload) the state that the caller knows; the wait completes at once if the present state differs,
    ///   so that no change between two waits is missed
    /// @param token  completion signature `void(error_code, interface_state)`, the state at completion. The handler runs on its
    ///   own executor, or on the stack's if it has none; until then the wait is outstanding work
    /// @par Errors  no_such_device · operation_aborted (cancelled, or the stack was shut down)
    /// @par Cancellation  terminal, partial, total: operation_aborted
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

    /// Gives an interface an address and adds the route to its network. On Ethernet an IPv4 address is announced (RFC 5227 §2.3),
    /// not probed for first. An IPv6 address can be used at once, too (it is optimistic, RFC 4429), while duplicate address
    /// detection runs (RFC 4862 §5.4); it is removed if another node answers for it. With the first IPv6 address an Ethernet also
    /// gets a link-local one, made of its MAC address.
    /// @param prefix_length  bits, 0 to 32 or 128
    /// @throws boost::system::system_error address_in_use (this host has it) · invalid_argument (the prefix length; an
    ///   unspecified, multicast or IPv4-mapped address) · no_such_device
    void add_address(const boost::asio::ip::address& address, unsigned prefix_length, interface_id interface = 1);

    /// From now on the interface, an Ethernet, has the IPv6 addresses and routes that routers advertise (RFC 4861 §6.3, RFC
    /// 4862): a link-local address, a stable one for each advertised prefix (RFC 7217) and, if wanted, temporary ones (RFC 8981);
    /// default routers and more specific routes with their preferences (RFC 4191). They come, age and go as advertised;
    /// add_address() and add_route() may add others. The advertised MTU, hop limit (of sockets that have not set their own), and
    /// timers of Neighbour Discovery are followed, too, and set_dns() says how advertised DNS servers and search domains (RFC
    /// 8106) are used. If wanted, the interface also gets an IPv4 link-local address (RFC 3927): not at once, but after some
    /// seconds of probing; interfaces() shows it.
    /// @throws boost::system::system_error no_such_device · already_started (called before) · operation_not_supported (not an
    ///   Ethernet)
    void autoconfigure(interface_id interface = 1, const core::autoconfigure_options& options = {});

    /// Configures an interface, an Ethernet, without the user: by DHCP (RFC 2131), by routers (autoconfigure()), and by DHCPv6
    /// (RFC 8415) as routers say, or as core::configure_options wants it. What comes from whom is kept apart (configuration()): a
    /// lease that ends takes with it what has come with it, and nothing that add_address(), add_route() or a router gave. Routes
    /// of DHCP have metric 1024, so that a user's are preferred. DHCPv6 gives no routes: these come from routers.
    ///
    /// A leased address stays, as a user's, while the link is down; it is verified with the DHCP servers when the link is up
    /// again. It is given up when its lease expires, when a server refuses it, or when another station has it. An address of
    /// DHCPv6 has 128 bits, because it says nothing about neighbours.
    ///
    /// With core::configure_options::delegate_prefix the host is a router that asks for a prefix of its networks: the prefix is
    /// in interface_configuration::lease_v6, and as a whole unreachable until add_address() puts a part of it on another
    /// interface. It comes and goes as the server says, and async_wait_configuration() tells of it; who has added addresses of it
    /// removes them.
    /// @throws boost::system::system_error no_such_device · operation_not_supported (not an Ethernet, or a stack of
    ///   tapio::shards) · already_started (called before) · address_in_use (a socket has UDP port 68, or 546) · invalid_argument
    ///   (a value that core::configure_options does not allow, or nothing is wanted)
    void configure(interface_id interface = 1, const core::configure_options& options = {});

    /// The same, and waits until the interface has an address that reaches beyond the link.
    ///
    ///     const auto found = co_await stack.async_configure(1, {.hostname = "camera-7"}, use_awaitable);
    ///
    /// @param token  completion signature `void(error_code, interface_configuration)`, the configuration at completion. The
    ///   handler runs on its own executor, or on the stack's if it has none; until then the operation is outstanding work
    /// @par Errors  those of configure() · timed_out (configure_options::timeout: the attempts go on) ·
    ///   operation_aborted (cancelled, or the stack was shut down)
    /// @par Cancellation  terminal, partial, total: operation_aborted; the attempts go on
    template <BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, core::interface_configuration)) CompletionToken>
    auto async_configure(interface_id interface, const core::configure_options& options, CompletionToken&& token)
    {
        return wait_for_configuration({interface, std::nullopt, options}, token);
    }

    /// The addresses of an interface and their origin, the DHCP leases, servers of DNS and of time.
    /// @throws boost::system::system_error no_such_device
    core::interface_configuration configuration(interface_id interface = 1) const;

    /// Waits until the configuration of an interface is not the one that the caller knows.
    ///
    ///     for (auto c = stack.configuration();; c = co_await stack.async_wait_configuration(1, c.version, use_awaitable))
    ///         use(c);
    ///
    /// @param known  interface_configuration::version of the configuration that the caller knows; the wait completes at once if
    ///   the present one differs, so that no change between two waits is missed
    /// @param token  completion signature `void(error_code, interface_configuration)`, as of async_configure()
    /// @par Errors  no_such_device · operation_aborted (cancelled, or the stack was shut down)
    /// @par Cancellation  terminal, partial, total: operation_aborted
    template <BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, core::interface_configuration)) CompletionToken>
    auto async_wait_configuration(interface_id interface, std::uint64_t known, CompletionToken&& token)
    {
        return wait_for_configuration({interface, known, std::nullopt}, token);
    }

    /// Gives what was leased back to the DHCP servers, and ends what configure() has begun of DHCP; configure() may be called
    /// again. What routers gave stays.
    /// @throws boost::system::system_error errc::no_such_file_or_directory (Linux's ENOENT): no DHCP is going on
    void release_lease(interface_id interface = 1);

    /// Removes an address and the route that came with it; when an interface loses its last address of a family, all its
    /// routes of that family go, too.
    /// Sockets bound to the address stay, as on Linux: sending from it fails with network_unreachable, and connections time out
    /// unless the address comes back. With an address that was leased from a DHCP server the lease is given back, and the client
    /// that has leased it ends, as by release_lease(), with all that it has; the client of the other family goes on.
    /// @throws boost::system::system_error address_not_available
    void remove_address(const boost::asio::ip::address& address);

    /// Adds a route through a gateway, with metric 0. The longest prefix wins, then the route that was added first; routes by an
    /// interface that is not up are passed over.
    /// @param prefix_length  bits, 0 to 32 or 128  @param gateway  of the same family; may be link-local, with or without a zone
    /// @throws boost::system::system_error network_unreachable (the gateway is in no network of the interface) · invalid_argument
    ///   (the prefix length; a gateway of the other family) · no_such_device
    void add_route(const boost::asio::ip::address& network, unsigned prefix_length, const boost::asio::ip::address& gateway,
                   interface_id interface = 1);
    /// Removes what add_route() added with the same arguments.
    /// @throws boost::system::system_error errc::no_such_process if there is no such route (Linux's ESRCH) · invalid_argument
    void remove_route(const boost::asio::ip::address& network, unsigned prefix_length, const boost::asio::ip::address& gateway,
                      interface_id interface = 1);
    /// add_route() of 0.0.0.0/0 or ::/0, by the gateway's family. A second default route does not replace the first: it serves
    /// while the first one's interface is not up. @throws as add_route()
    void set_default_gateway(const boost::asio::ip::address& gateway, interface_id interface = 1);

    /// Adds a route of any kind and metric (core/snapshot.hpp): to destinations on the link if it has no gateway; `blackhole`,
    /// `unreachable` and `prohibit` refuse packets.
    /// @throws boost::system::system_error as the other add_route(); invalid_argument also for a gateway with a kind that has
    /// none
    void add_route(const route_info& r);
    /// Removes what add_route() added with the same arguments.
    /// @throws as the other remove_route()
    void remove_route(const route_info& r);
    /// Removes all routes to `r`'s network with `r`'s metric, and adds `r`. @throws as add_route()
    void replace_route(const route_info& r);

    // -- forwarding -----------------------------------------------------------------------------------------------------------
    /// From now on this host is a router: it forwards packets between its interfaces (RFC 1812 §5, RFC 8200 §3), fragments those
    /// of IPv4 where it must, and tells senders by ICMP what it cannot forward. Multicasts, link-local addresses and
    /// **source-routed packets are not forwarded**. Redirects are no longer followed.
    /// @par Shards  each shard forwards what its queue receives
    void set_forwarding(const core::forwarding_options& options = {});

    /// Adds a hook, which sees packets after those added before it (core/packet_hook.hpp).
    /// @throws boost::system::system_error invalid_argument: null
    void add_hook(std::shared_ptr<core::packet_hook> hook);
    void remove_hook(const std::shared_ptr<core::packet_hook>& hook); ///< does nothing if it was not added

    /// Any-IP: every unicast packet that the interface receives is for this host, whatever its destination, and sockets may bind
    /// to any unicast address. Meant for proxies, with tcp_forwarder and udp_forwarder. An Ethernet interface does not answer ARP
    /// or NDP for these addresses unless proxy_neighbors() is on, too.
    /// @throws boost::system::system_error no_such_device
    void accept_any_destination(interface_id interface = 1, bool yes = true);

    /// Proxy ARP (RFC 1027) and NDP: the interface answers for every address that this host reaches by another interface, or
    /// accepts by accept_any_destination().
    /// @throws boost::system::system_error no_such_device
    void proxy_neighbors(interface_id interface, bool yes = true);

    /// Makes an interface of the frames with an IEEE 802.1Q tag on another one. It has addresses, routes, neighbours and counters
    /// of its own, and the link-layer address, link state and queue of its carrier; its MTU is the carrier's. Frames with
    /// identifier 0 (a priority tag) belong to the carrier.
    /// @param id  VLAN identifier, 1 to 4094  @return the number of the new interface
    /// @throws boost::system::system_error no_such_device · invalid_argument (the identifier; the carrier is no Ethernet, or a
    ///   VLAN itself) · already_exists
    interface_id add_vlan(interface_id carrier, std::uint16_t id);

    /// Adds a line to the hosts table that the stack's resolvers search before they ask DNS. Names are not case-sensitive
    /// (RFC 1034 §3.1) and may have several addresses. "localhost" is there from the start.
    void add_host_name(const std::string& name, const boost::asio::ip::address& address);

    /// How the stack's resolvers use DNS (core/dns.hpp): from now on, for lookups that begin. Other servers than before empty the
    /// cache. Without servers here, those are used that DHCP and routers have named for the interfaces (configuration()); without
    /// any, names that are not in the hosts table fail with host_not_found. "localhost" and names below it are the loopback's
    /// addresses, names below "invalid" do not exist, and neither is asked for (RFC 6761). With `options.mdns` names such as
    /// printer.local are asked for by multicast, from UDP port 5353; while a socket of the user's has that port and does not
    /// share it, they are not found. More: tapio/dns.hpp.
    /// @par Shards  each shard has a resolver of its own
    void set_dns(const core::dns_options& options);
    /// The servers and search domains in use, the size of the cache, and counters.
    core::dns_status dns() const;

    /// What the stack says of itself by multicast DNS (RFC 6762, RFC 6763), in place of what it said before: its name, and
    /// services. From each interface that is up, but the loopback, it probes for the names, which takes about a second, then
    /// announces them, answers for them, and follows changes of addresses; an address is told on its own link only. shutdown()
    /// takes everything back, as far as the devices still send it.
    ///
    ///     stack.publish({.host_name = "printer", .services = {{.type = "_http._tcp", .port = 80}}});
    ///
    /// @throws boost::system::system_error invalid_argument: a name, a type or a text of `options` is none (core/mdns.hpp) ·
    ///   address_in_use: a socket of the user's has UDP port 5353, and does not share it · operation_not_supported: the stack is
    ///   one of several shards
    void publish(const core::mdns_options& options);
    /// The names in use, which differ from those of publish() if other hosts have these; whether they are announced; counters.
    core::mdns_status published() const;

    /// Registers a congestion-control algorithm for TCP_CONGESTION (core/congestion_control.hpp). "reno", "cubic", "bbr" and
    /// "dctcp" are built in. An algorithm of the same name is replaced for connections that start later.
    /// @param make  called once for each connection, under the stack's lock: it must not call the stack, nor return null
    void add_congestion_control(const std::string& name, core::congestion_control_factory make);

    /// Counters since the stack was made (core/counters.hpp): of the host, and of one interface. All are 0 for an interface that
    /// does not exist.
    host_counters counters() const;
    interface_counters counters(interface_id interface) const;
    /// The link-layer address of an interface; unspecified if it has none or does not exist.
    core::mac_address mac(interface_id interface = 1) const;

    // -- snapshots, taken under the stack's lock (core/snapshot.hpp) --------------------------------------------------------
    /// All TCP sockets: connections, also those in TIME-WAIT and those without a user, and listeners. The stack handles no
    /// packets while the list is made, which takes time in proportion to its length.
    std::vector<connection_info> connections() const;
    std::vector<detailed_connection> detailed_connections() const; ///< the same, each with its tcp_info: about ten times as large
    /// Bound UDP sockets and ping sockets, and raw sockets, in this order.
    std::vector<datagram_socket_info> datagram_sockets() const;
    std::vector<interface_info> interfaces() const; ///< ordered by number: the loopback comes first
    std::vector<neighbor_info> neighbors() const;   ///< neighbour caches of all interfaces
    std::vector<route_info> routes() const;         ///< in the order in which they are searched

    /// Ends the stack: pending operations complete with operation_aborted, connections are reset, devices are stopped and
    /// destroyed, a thread of its own ends. Data that was written but not acknowledged is lost: see async_drain(). Idempotent.
    /// @par Blocking  waits for a device's handler that is running on another thread, and for the stack's own thread: the caller
    ///   must hold no lock that a handler waits for
    void shutdown();

    /// The graceful form of shutdown(). Listeners accept no more connections, and a pending accept completes with
    /// operation_aborted. Every connection sends what was written to it, then a FIN. The FIN waits until no write is pending and
    /// none has begun for 10 ms, so that a large write that goes on in parts is not cut off. When the peers have acknowledged all
    /// data and all FINs, also those of closed sockets, the stack shuts down without resetting these peers, and the operation
    /// completes. Until then sockets may still read.
    /// @param timeout  after it, shutdown() follows with resets for connections that are not finished
    /// @param token  completion signature `void(error_code)`
    /// @par Errors  none: everything was acknowledged · timed_out: not everything was · operation_aborted: shutdown() was called,
    ///   or the operation was cancelled
    /// @par Cancellation  terminal, partial, total: operation_aborted. The stack is not shut down, but listeners stay closed to
    ///   new connections, and FINs that were sent stay sent
    /// @par Example
    ///     signals.async_wait([&](error_code, int) { stack.async_drain(5s, [](error_code) {}); });
    template <class Token = boost::asio::default_completion_token_t<executor_type>>
    auto async_drain(core::duration timeout, Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
            detail::engine_initiation<executor_type, detail::drain_request>(engine_, get_executor()), token,
            detail::drain_request{timeout});
    }

private:
    friend class shards;
    friend void use_stack(boost::asio::io_context& io, stack& s);
    friend void set_default_stack(stack& s);
    friend const std::shared_ptr<detail::engine>& detail::engine_of_stack(const stack& s) noexcept;
    friend boost::asio::execution_context& detail::home_of_services(boost::asio::execution_context& context);

    template <class CompletionToken>
    auto wait_for(const detail::interface_wait& w, CompletionToken& token)
    {
        return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code, core::interface_state)>(
            detail::engine_initiation<executor_type, detail::interface_wait>(engine_, get_executor()), token, w);
    }

    template <class CompletionToken>
    auto wait_for_configuration(detail::configuration_wait w, CompletionToken& token)
    {
        return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code, core::interface_configuration)>(
            detail::engine_initiation<executor_type, detail::configuration_wait>(engine_, get_executor()), token, std::move(w));
    }

    class own_context;
    void begin(boost::asio::io_context& io, std::unique_ptr<device> medium);
    std::shared_ptr<detail::engine> engine_;
    own_context* context_; ///< owned by the io_context, which outlives us
};

/// From now on sockets made from `io` itself belong to `s`. Once `s` is shut down, opening one fails with bad_descriptor.
/// @par Thread safety  safe
void use_stack(boost::asio::io_context& io, stack& s);

/// The same for a stream that has an io_context of its own. The stream's socket is closed; connections that the stream makes from
/// now on belong to `s`:
///
///     tapio::ip::tcp::iostream stream;
///     use_stack(stream, stack);
///     stream.connect("198.18.0.2", "80");
///
/// A stream made from a socket (`tcp::iostream stream{tcp::socket(stack)};`) uses the stack of that socket.
/// @throws boost::system::system_error invalid_argument: the stream was made from a socket
template <class Stream>
requires requires(Stream& stream) { stream.rdbuf()->own_context(); }
void use_stack(Stream& stream, stack& s)
{
    boost::asio::io_context* const own = stream.rdbuf()->own_context();
    if (own == nullptr) detail::throw_made_from_socket();
    stream.rdbuf()->socket().close();
    use_stack(*own, s);
}

/// From now on sockets of the whole process that are made from a context without a stack belong to `s`, until `s` is shut down.
/// Without a default stack, such sockets belong to a host that has only the loopback: within the process they reach each other;
/// connecting or sending to another host, or binding to another address, fails with tapio::errc::no_stack (error.hpp).
/// @par Thread safety  safe
void set_default_stack(stack& s);

} // namespace tapio

#pragma GCC visibility pop
