/// @file
/// Why a packet was dropped. Every drop in tapio has one of these reasons and is counted under it.
#pragma once

#include <tapio/core/config.hpp>

#include <boost/system/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

#pragma GCC visibility push(default)

namespace tapio::core {

// X(name, description)
#define TAPIO_DROP_REASONS(X)                                                                            \
    X(ethernet_truncated, "Ethernet: shorter than its header")                                           \
    X(ethernet_other_host, "Ethernet: addressed to another station")                                     \
    X(ethernet_bad_source, "Ethernet: the source is a group address")                                    \
    X(ethernet_unknown_type, "Ethernet: no protocol of ours")                                            \
    X(ethernet_unknown_vlan, "Ethernet: a VLAN without an interface here")                               \
    X(arp_truncated, "ARP: shorter than its header")                                                     \
    X(arp_unsupported, "ARP: hardware or protocol type, or their lengths, are not Ethernet and IPv4")    \
    X(arp_unknown_operation, "ARP: neither request nor reply")                                           \
    X(arp_bad_address, "ARP: a group, broadcast or mismatched sender")                                   \
    X(arp_conflict, "ARP: another station uses our address")                                             \
    X(arp_unsolicited, "ARP: a reply to no question of ours, about an address unknown or just learnt")   \
    X(arp_not_for_us, "ARP: asks for another host")                                                      \
    X(ipv4_truncated, "IPv4: shorter than its header or total length")                                   \
    X(ipv4_bad_version, "IPv4: version is not 4")                                                        \
    X(ipv4_bad_header_length, "IPv4: IHL below 5 or beyond the packet")                                  \
    X(ipv4_bad_total_length, "IPv4: total length below the header's")                                    \
    X(ipv4_bad_checksum, "IPv4: header checksum")                                                        \
    X(ipv4_bad_options, "IPv4: malformed options")                                                       \
    X(ipv4_source_route, "IPv4: source routing is refused")                                              \
    X(ipv4_bad_source, "IPv4: source is a group, broadcast, loopback from outside, or our own")          \
    X(ipv4_bad_destination, "IPv4: destination cannot be one (0.0.0.0/8, loopback from outside, 240/4)") \
    X(ipv4_not_for_us, "IPv4: destination is not ours and we do not forward")                            \
    X(ipv4_ttl_exceeded, "IPv4: TTL ran out on the way through us")                                      \
    X(ipv4_unknown_protocol, "IPv4: no such transport protocol here")                                    \
    X(ipv4_too_big, "IPv4: larger than the MTU with DF set")                                             \
    X(ipv6_truncated, "IPv6: shorter than its header, payload length or chain of extension headers")     \
    X(ipv6_bad_version, "IPv6: version is not 6")                                                        \
    X(ipv6_bad_extension, "IPv6: a malformed or excessive extension header")                             \
    X(ipv6_unknown_option, "IPv6: an unknown option that forbids its packet to unaware nodes")           \
    X(ipv6_source_route, "IPv6: source routing is refused")                                              \
    X(ipv6_bad_source, "IPv6: source is a group, loopback from outside, IPv4-mapped, or our own")        \
    X(ipv6_bad_destination, "IPv6: destination cannot be one (::, ::1 from outside, IPv4-mapped)")       \
    X(ipv6_not_for_us, "IPv6: destination is not ours and we do not forward")                            \
    X(ipv6_unknown_protocol, "IPv6: no such next header here, or at this place")                         \
    X(ipv6_hop_limit_exceeded, "IPv6: the hop limit ran out on the way through us")                      \
    X(ip_not_forwardable, "IP: addresses or options with which a packet must not be forwarded")          \
    X(ip_reverse_path, "IP: an answer to the source would leave by another interface")                   \
    X(ip_route_refuses, "IP: the route to the destination is a blackhole, unreachable or prohibited")    \
    X(hook_dropped, "hook: dropped")                                                                     \
    X(hook_rejected, "hook: rejected")                                                                   \
    X(ip_bad_fragment, "IP: a fragment whose length or offset cannot be")                                \
    X(ip_fragment_tiny, "IP: a first fragment without its transport header, or one that rewrites it")    \
    X(ip_fragment_too_long, "IP: a fragment that ends beyond the largest packet")                        \
    X(ip_fragment_duplicate, "IP: a fragment that has arrived already")                                  \
    X(ip_fragment_overlap, "IP: a fragment that overlaps another, or contradicts the datagram's end")    \
    X(ip_fragment_ecn, "IP: fragments of a datagram with and without ECN")                               \
    X(ip_fragment_discarded, "IP: a fragment of a datagram that was discarded before")                   \
    X(ip_fragment_too_many, "IP: a datagram in too many fragments")                                      \
    X(ip_fragment_table_full, "IP: no room for the datagram's fragments")                                \
    X(ip_fragment_timeout, "IP: the other fragments of the datagram did not arrive in time")             \
    X(ndp_malformed, "NDP: malformed, or not from the link (hop limit below 255)")                       \
    X(ndp_conflict, "NDP: another node uses our address")                                                \
    X(ndp_not_for_us, "NDP: about an address that is neither ours nor a neighbour we asked for")         \
    X(igmp_malformed, "IGMP: malformed, about no group, or not from the link")                           \
    X(igmp_bad_checksum, "IGMP: checksum")                                                               \
    X(igmp_unknown_type, "IGMP: type unknown")                                                           \
    X(mld_malformed, "MLD: malformed, about no group, or not from the link")                             \
    X(icmp_truncated, "ICMP: shorter than its header")                                                   \
    X(icmp_bad_checksum, "ICMP: checksum")                                                               \
    X(icmp_unknown_type, "ICMP: type or code unknown")                                                   \
    X(icmp_bad_quote, "ICMP: the quoted packet is malformed or none of ours")                            \
    X(icmp_bad_redirect, "ICMP: a redirect that is not from the present router, or not accepted")        \
    X(icmp_rate_limited, "ICMP: an answer was held back by the rate limit")                              \
    X(udp_truncated, "UDP: shorter than its header")                                                     \
    X(udp_bad_length, "UDP: length below 8 or beyond the packet")                                        \
    X(udp_bad_checksum, "UDP: checksum")                                                                 \
    X(udp_zero_port, "UDP: destination port 0")                                                          \
    X(udp_no_socket, "UDP: no socket bound")                                                             \
    X(udp_refused, "UDP: refused by the user of a forwarder")                                            \
    X(udp_forwarder_full, "UDP: too many flows wait for the user of a forwarder")                        \
    X(udp_queue_full, "UDP: the socket's receive queue is full")                                         \
    X(udp_filtered, "UDP: refused by the socket's filter")                                               \
    X(dhcp_malformed, "DHCP: not a valid message")                                                       \
    X(dhcp_unexpected, "DHCP: no answer to a message of ours, or an offer that cannot be used")          \
    X(tcp_truncated, "TCP: shorter than its header")                                                     \
    X(tcp_bad_offset, "TCP: data offset below 5 or beyond the segment")                                  \
    X(tcp_bad_checksum, "TCP: checksum")                                                                 \
    X(tcp_bad_options, "TCP: malformed options")                                                         \
    X(tcp_zero_port, "TCP: port 0")                                                                      \
    X(tcp_bad_flags, "TCP: a combination of flags that means nothing")                                   \
    X(tcp_group_address, "TCP: to or from a group or broadcast address")                                 \
    X(tcp_no_socket, "TCP: no such connection or listener")                                              \
    X(tcp_out_of_window, "TCP: sequence number outside the receive window")                              \
    X(tcp_paws, "TCP: timestamp older than the last (PAWS)")                                             \
    X(tcp_bad_ack, "TCP: acknowledges what was never sent")                                              \
    X(tcp_no_ack, "TCP: without ACK where it is required")                                               \
    X(tcp_challenge, "TCP: answered by a challenge ACK")                                                 \
    X(tcp_refused, "TCP: refused by the user of a forwarder")                                            \
    X(tcp_forwarder_full, "TCP: too many SYNs wait for the user of a forwarder")                         \
    X(tcp_forwarder_waits, "TCP: a SYN that waits for the user of a forwarder already")                  \
    X(tcp_backlog_full, "TCP: the listener's backlog is full")                                           \
    X(tcp_no_memory, "TCP: the receive buffer or the host's memory budget is full")                      \
    X(neighbor_unreachable, "link: the next hop did not answer")                                         \
    X(neighbor_queue_full, "link: too many packets wait for the next hop's address")                     \
    X(no_route, "IP: no route to the destination")                                                       \
    X(transmit_queue_full, "interface: transmit queue full")                                             \
    X(interface_down, "interface: down or gone")                                                         \
    X(too_big, "interface: larger than the MTU")

/// Reasons, ordered by layer. describe() says what each means.
enum class drop_reason : std::uint8_t
{
#define TAPIO_X(name, text) name,
    TAPIO_DROP_REASONS(TAPIO_X)
#undef TAPIO_X
};

inline constexpr std::size_t drop_reason_count = 0
#define TAPIO_X(name, text) +1
    TAPIO_DROP_REASONS(TAPIO_X)
#undef TAPIO_X
    ;

const char* name(drop_reason reason) noexcept;     ///< the enumerator's name
const char* describe(drop_reason reason) noexcept; ///< one line for people

/// The result of a parser: a checked value, or the reason why the packet is dropped.
template <class T>
using parsed = boost::system::result<T, drop_reason>;

/// Drops by reason.
struct drop_counters
{
    std::array<std::uint64_t, drop_reason_count> by_reason{};

    std::uint64_t& operator[](drop_reason r) noexcept { return by_reason[static_cast<std::size_t>(r)]; }
    std::uint64_t operator[](drop_reason r) const noexcept { return by_reason[static_cast<std::size_t>(r)]; }
};

/// Throws std::logic_error: `parsed<T>::value()` was called on a drop, which is a bug. Boost.System calls it, found by ADL.
[[noreturn]] void throw_exception_from_error(drop_reason reason, const boost::source_location& where);

} // namespace tapio::core

#pragma GCC visibility pop
