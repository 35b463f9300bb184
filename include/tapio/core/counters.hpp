/// @file
/// Counters of a host and of its interfaces, under the names of the RFCs (without their prefixes): RFC 4293 (IP, ICMP),
/// RFC 4113 (UDP), RFC 4022 (TCP), RFC 2863 (interfaces). All only grow, except where said.
#pragma once

#include <tapio/core/drop_reason.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace tapio::core {

struct interface_counters ///< RFC 2863 ifTable
{
    std::uint64_t in_packets = 0, in_octets = 0;
    std::uint64_t out_packets = 0, out_octets = 0;
    std::uint64_t in_discards = 0, out_discards = 0; ///< all drops; the reasons stand in drop_counters
    std::uint64_t out_errors = 0;                    ///< packets that the device refused for good (EIO, ENOBUFS, EMSGSIZE)
    std::uint64_t state_changes = 0;                 ///< of ifOperStatus
};

struct ip_counters ///< RFC 4293 ipSystemStatsTable
{
    std::uint64_t in_receives = 0, in_hdr_errors = 0, in_addr_errors = 0, in_unknown_protos = 0, in_discards = 0, in_delivers = 0;
    std::uint64_t out_requests = 0, out_no_routes = 0, out_discards = 0;
};

struct icmp_counters ///< RFC 4293 icmpStatsTable, and the types that matter from icmpMsgStatsTable
{
    std::uint64_t in_msgs = 0, in_errors = 0, out_msgs = 0, out_errors = 0;
    std::uint64_t in_echos = 0, out_echo_reps = 0, in_dest_unreachs = 0, out_dest_unreachs = 0;
    std::uint64_t in_time_excds = 0, out_time_excds = 0, out_rate_limited = 0;
};

struct udp_counters ///< RFC 4113
{
    std::uint64_t in_datagrams = 0, no_ports = 0, in_errors = 0, out_datagrams = 0;
};

struct tcp_counters ///< RFC 4022, and a few of Linux's TcpExt
{
    std::uint64_t active_opens = 0, passive_opens = 0, attempt_fails = 0, estab_resets = 0;
    std::uint64_t curr_estab = 0; ///< gauge: ESTABLISHED or CLOSE-WAIT now
    std::uint64_t at_rest = 0;    ///< gauge: of these, idle ones that only remember
    std::uint64_t wakes = 0;      ///< ... that something happened to
    std::uint64_t in_segs = 0, out_segs = 0, retrans_segs = 0, in_errs = 0, out_rsts = 0;
    std::uint64_t listen_overflows = 0, out_of_order_segs = 0, timeouts = 0, fast_retransmits = 0, zero_window_probes = 0,
                  challenge_acks = 0, paws_drops = 0, keep_alive_probes = 0, tail_probes = 0, syn_cookies_sent = 0,
                  syn_cookies_received = 0;
    std::uint64_t acks_skipped = 0;        ///< answers to unacceptable segments that the limit held back
    std::uint64_t orphans = 0;             ///< gauge: closed by the user, and not yet acknowledged by the peer
    std::uint64_t orphans_timed_out = 0;   ///< reset, as the peer took nothing for too long (host_options, tcp_options)
    std::uint64_t orphans_refused = 0;     ///< reset when they were closed, as there were too many or they held too much
    std::uint64_t fast_opens_active = 0;   ///< data in our SYN that the peer took (RFC 7413)
    std::uint64_t fast_opens_refused = 0;  ///< ... that it did not take, or that never arrived
    std::uint64_t fast_opens_passive = 0;  ///< SYNs whose data we took
    std::uint64_t fast_open_overflows = 0; ///< ... whose data we did not take as too many such connections were half open
};

/// Everything a host counts.
struct host_counters
{
    ip_counters ip;
    icmp_counters icmp;
    udp_counters udp;
    tcp_counters tcp;
    drop_counters drops;
};

} // namespace tapio::core

#pragma GCC visibility pop
