/// @file
/// Counters of a host and of its interfaces, under the names of the RFCs (without their prefixes): RFC 4293 (IP, ICMP),
/// RFC 4113 (UDP), RFC 4022 (TCP), RFC 2863 (interfaces). stack::counters() returns them. Counters only grow; a gauge is marked
/// as such. Operations here are plain functions of values: no lock, no error.
#pragma once

#include <tapio/core/drop_reason.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace tapio::core {

struct interface_counters ///< RFC 2863 ifTable
{
    std::uint64_t in_packets = 0, in_octets = 0;
    std::uint64_t out_packets = 0, out_octets = 0;
    std::uint64_t in_discards = 0, out_discards = 0; ///< all drops; their reasons are in drop_counters
    std::uint64_t out_errors = 0;                    ///< packets that the device refused for good (EIO, ENOBUFS, EMSGSIZE)
    std::uint64_t state_changes = 0;                 ///< of ifOperStatus
};

struct ip_counters ///< RFC 4293 ipSystemStatsTable
{
    std::uint64_t in_receives = 0, in_hdr_errors = 0, in_addr_errors = 0, in_unknown_protos = 0, in_discards = 0, in_delivers = 0;
    std::uint64_t in_forw_datagrams = 0;  ///< not for this host, which tried to forward them
    std::uint64_t in_no_routes = 0;       ///< of these, without a route to their destination
    std::uint64_t out_forw_datagrams = 0; ///< forwarded
    std::uint64_t out_requests = 0, out_no_routes = 0, out_discards = 0;
    std::uint64_t reasm_reqds = 0;    ///< fragments received
    std::uint64_t reasm_oks = 0;      ///< datagrams reassembled
    std::uint64_t reasm_fails = 0;    ///< datagrams given up, and fragments refused because of what they are
    std::uint64_t reasm_timeout = 0;  ///< of reasm_fails: datagrams whose time ran out (Linux's ReasmTimeout)
    std::uint64_t out_frag_reqds = 0; ///< datagrams longer than the path's MTU
    std::uint64_t out_frag_oks = 0, out_frag_fails = 0;
    std::uint64_t out_frag_creates = 0; ///< fragments made of them
};

struct icmp_counters ///< RFC 4293 icmpStatsTable, and the types that matter from icmpMsgStatsTable
{
    std::uint64_t in_msgs = 0, in_errors = 0, out_msgs = 0, out_errors = 0;
    std::uint64_t in_echos = 0, out_echo_reps = 0, in_dest_unreachs = 0, out_dest_unreachs = 0;
    std::uint64_t in_time_excds = 0, out_time_excds = 0, out_rate_limited = 0;
    std::uint64_t in_redirects = 0, out_redirects = 0;
};

struct udp_counters ///< RFC 4113
{
    std::uint64_t in_datagrams = 0, no_ports = 0, in_errors = 0, out_datagrams = 0;
    std::uint64_t forwarder_requests = 0, forwarder_overflows = 0; ///< flows offered to udp_forwarder::async_next(), and refused
};

struct tcp_counters ///< RFC 4022, and a few of Linux's TcpExt
{
    std::uint64_t active_opens = 0, passive_opens = 0, attempt_fails = 0, estab_resets = 0;
    std::uint64_t curr_estab = 0; ///< gauge: ESTABLISHED or CLOSE-WAIT now
    std::uint64_t at_rest = 0;    ///< gauge: of these, idle ones in reduced memory (stack_options::tcp_awake_connections)
    std::uint64_t wakes = 0;      ///< times that an event restored one of these
    std::uint64_t in_segs = 0, out_segs = 0, retrans_segs = 0, in_errs = 0, out_rsts = 0;
    std::uint64_t listen_overflows = 0, out_of_order_segs = 0, timeouts = 0, fast_retransmits = 0, zero_window_probes = 0,
                  challenge_acks = 0, paws_drops = 0, keep_alive_probes = 0, tail_probes = 0, syn_cookies_sent = 0,
                  syn_cookies_received = 0;
    std::uint64_t acks_skipped = 0;        ///< ACKs for unacceptable segments that the rate limit suppressed
    std::uint64_t orphans = 0;             ///< gauge: closed by the user, and not yet acknowledged by the peer
    std::uint64_t orphans_timed_out = 0;   ///< reset after stack_options::tcp_orphan_timeout without progress
    std::uint64_t orphans_refused = 0;     ///< reset by close(): beyond tcp_orphan_limit or tcp_orphan_memory
    std::uint64_t fast_opens_active = 0;   ///< SYNs sent whose data the peer accepted (RFC 7413)
    std::uint64_t fast_opens_refused = 0;  ///< SYNs sent whose data the peer did not accept, or that were lost
    std::uint64_t fast_opens_passive = 0;  ///< SYNs received whose data was accepted
    std::uint64_t fast_open_overflows = 0; ///< SYNs whose data was refused: too many such half-open connections
    std::uint64_t forwarder_requests = 0;  ///< SYNs offered to tcp_forwarder::async_next()
    std::uint64_t forwarder_overflows = 0; ///< SYNs dropped because too many waited for it
};

/// All counters of a host.
struct host_counters
{
    ip_counters ip;      ///< IPv4
    ip_counters ip6;     ///< IPv6
    icmp_counters icmp;  ///< ICMP for IPv4
    icmp_counters icmp6; ///< ICMPv6
    udp_counters udp;
    tcp_counters tcp;
    drop_counters drops;
};

/// A counter of a group: the name of its member, and a pointer to that member.
template <class Group>
struct named_counter
{
    std::string_view name;
    std::uint64_t Group::*member;
};

/// The names of all counters of a group. for_each() checks at compile time that none is missing.
template <class Group>
struct counter_names;

template <>
struct counter_names<interface_counters>
{
    using c = interface_counters;
    static constexpr named_counter<c> all[] = {{"in_packets", &c::in_packets},   {"in_octets", &c::in_octets},
                                               {"out_packets", &c::out_packets}, {"out_octets", &c::out_octets},
                                               {"in_discards", &c::in_discards}, {"out_discards", &c::out_discards},
                                               {"out_errors", &c::out_errors},   {"state_changes", &c::state_changes}};
};

template <>
struct counter_names<ip_counters>
{
    using c = ip_counters;
    static constexpr named_counter<c> all[] = {{"in_receives", &c::in_receives},
                                               {"in_hdr_errors", &c::in_hdr_errors},
                                               {"in_addr_errors", &c::in_addr_errors},
                                               {"in_unknown_protos", &c::in_unknown_protos},
                                               {"in_discards", &c::in_discards},
                                               {"in_delivers", &c::in_delivers},
                                               {"in_forw_datagrams", &c::in_forw_datagrams},
                                               {"in_no_routes", &c::in_no_routes},
                                               {"out_forw_datagrams", &c::out_forw_datagrams},
                                               {"out_requests", &c::out_requests},
                                               {"out_no_routes", &c::out_no_routes},
                                               {"out_discards", &c::out_discards},
                                               {"reasm_reqds", &c::reasm_reqds},
                                               {"reasm_oks", &c::reasm_oks},
                                               {"reasm_fails", &c::reasm_fails},
                                               {"reasm_timeout", &c::reasm_timeout},
                                               {"out_frag_reqds", &c::out_frag_reqds},
                                               {"out_frag_oks", &c::out_frag_oks},
                                               {"out_frag_fails", &c::out_frag_fails},
                                               {"out_frag_creates", &c::out_frag_creates}};
};

template <>
struct counter_names<icmp_counters>
{
    using c = icmp_counters;
    static constexpr named_counter<c> all[] = {{"in_msgs", &c::in_msgs},
                                               {"in_errors", &c::in_errors},
                                               {"out_msgs", &c::out_msgs},
                                               {"out_errors", &c::out_errors},
                                               {"in_echos", &c::in_echos},
                                               {"out_echo_reps", &c::out_echo_reps},
                                               {"in_dest_unreachs", &c::in_dest_unreachs},
                                               {"out_dest_unreachs", &c::out_dest_unreachs},
                                               {"in_time_excds", &c::in_time_excds},
                                               {"out_time_excds", &c::out_time_excds},
                                               {"out_rate_limited", &c::out_rate_limited},
                                               {"in_redirects", &c::in_redirects},
                                               {"out_redirects", &c::out_redirects}};
};

template <>
struct counter_names<udp_counters>
{
    using c = udp_counters;
    static constexpr named_counter<c> all[] = {{"in_datagrams", &c::in_datagrams},
                                               {"no_ports", &c::no_ports},
                                               {"in_errors", &c::in_errors},
                                               {"out_datagrams", &c::out_datagrams},
                                               {"forwarder_requests", &c::forwarder_requests},
                                               {"forwarder_overflows", &c::forwarder_overflows}};
};

template <>
struct counter_names<tcp_counters>
{
    using c = tcp_counters;
    static constexpr named_counter<c> all[] = {{"active_opens", &c::active_opens},
                                               {"passive_opens", &c::passive_opens},
                                               {"attempt_fails", &c::attempt_fails},
                                               {"estab_resets", &c::estab_resets},
                                               {"curr_estab", &c::curr_estab},
                                               {"at_rest", &c::at_rest},
                                               {"wakes", &c::wakes},
                                               {"in_segs", &c::in_segs},
                                               {"out_segs", &c::out_segs},
                                               {"retrans_segs", &c::retrans_segs},
                                               {"in_errs", &c::in_errs},
                                               {"out_rsts", &c::out_rsts},
                                               {"listen_overflows", &c::listen_overflows},
                                               {"out_of_order_segs", &c::out_of_order_segs},
                                               {"timeouts", &c::timeouts},
                                               {"fast_retransmits", &c::fast_retransmits},
                                               {"zero_window_probes", &c::zero_window_probes},
                                               {"challenge_acks", &c::challenge_acks},
                                               {"paws_drops", &c::paws_drops},
                                               {"keep_alive_probes", &c::keep_alive_probes},
                                               {"tail_probes", &c::tail_probes},
                                               {"syn_cookies_sent", &c::syn_cookies_sent},
                                               {"syn_cookies_received", &c::syn_cookies_received},
                                               {"acks_skipped", &c::acks_skipped},
                                               {"orphans", &c::orphans},
                                               {"orphans_timed_out", &c::orphans_timed_out},
                                               {"orphans_refused", &c::orphans_refused},
                                               {"fast_opens_active", &c::fast_opens_active},
                                               {"fast_opens_refused", &c::fast_opens_refused},
                                               {"fast_opens_passive", &c::fast_opens_passive},
                                               {"fast_open_overflows", &c::fast_open_overflows},
                                               {"forwarder_requests", &c::forwarder_requests},
                                               {"forwarder_overflows", &c::forwarder_overflows}};
};

/// Calls `f(std::string_view name, std::uint64_t value)` for each counter of a group, by the name of its member.
template <class Group, class F>
requires requires { counter_names<Group>::all; }
void for_each(const Group& counters, F&& f)
{
    static_assert(std::size(counter_names<Group>::all) * sizeof(std::uint64_t) == sizeof(Group), "one has no name");
    for (const auto& c : counter_names<Group>::all) f(c.name, counters.*c.member);
}
/// The same for each drop reason.
template <class F>
void for_each(const drop_counters& counters, F&& f)
{
    for (std::size_t i = 0; i < drop_reason_count; ++i)
        f(std::string_view(name(static_cast<drop_reason>(i))), counters.by_reason[i]);
}
/// The same for all counters of a host, with the group in the name: "tcp_active_opens", "drop_arp_conflict". `name` is valid only
/// during the call.
///
///     for_each(stack.counters(), [&](std::string_view name, std::uint64_t value) {
///         page << "tapio_" << name << ' ' << value << '\n'; // what Prometheus reads
///     });
template <class F>
void for_each(const host_counters& counters, F&& f)
{
    const auto group = [&f](const std::string& prefix, const auto& of) {
        for_each(of, [&](std::string_view name, std::uint64_t value) { f(std::string_view(prefix + std::string(name)), value); });
    };
    group("ip_", counters.ip);
    group("ip6_", counters.ip6);
    group("icmp_", counters.icmp);
    group("icmp6_", counters.icmp6);
    group("udp_", counters.udp);
    group("tcp_", counters.tcp);
    group("drop_", counters.drops);
}

/// Adds the counters of another interface or host.
template <class Group>
requires requires { counter_names<Group>::all; }
Group& operator+=(Group& a, const Group& b) noexcept
{
    for (const auto& c : counter_names<Group>::all) a.*c.member += b.*c.member;
    return a;
}
inline drop_counters& operator+=(drop_counters& a, const drop_counters& b) noexcept
{
    for (std::size_t i = 0; i < drop_reason_count; ++i) a.by_reason[i] += b.by_reason[i];
    return a;
}
inline host_counters& operator+=(host_counters& a, const host_counters& b) noexcept
{
    a.ip += b.ip;
    a.ip6 += b.ip6;
    a.icmp += b.icmp;
    a.icmp6 += b.icmp6;
    a.udp += b.udp;
    a.tcp += b.tcp;
    a.drops += b.drops;
    return a;
}

} // namespace tapio::core

#pragma GCC visibility pop
