/// @file
/// nat44: network address and port translation for IPv4 (NAPT, "masquerading"). Hosts behind this one share its address.
///
///     tapio::nat44::options options;
///     options.outside = 1;                                                              // number of the interface
///     options.outside_addresses = {boost::asio::ip::make_address_v4("192.0.2.1")};      // an address of it
///     options.forwards = {{.protocol = 6, .outside_port = 443,                          // a server inside
///                          .inside = {boost::asio::ip::make_address("198.18.0.10"), 8443}}};
///     auto nat = std::make_shared<tapio::nat44>(options);
///     stack.set_forwarding();
///     stack.add_hook(nat);
#pragma once

#include <tapio/core/nat44.hpp>
#include <tapio/core/packet_hook.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

/// NAPT of TCP, UDP and ICMP as RFC 4787, RFC 5382, RFC 5508 and RFC 7857 require it. It knows no application protocols.
///
/// **From inside to outside** (output() on the outside interface, of packets that another interface has received): the source
/// becomes an outside address, with a port that belongs to the inside endpoint whatever the destination (endpoint-independent
/// mapping, RFC 4787 REQ-1). The port stays the same if it is in the range and free, else it is random; that of UDP keeps its
/// parity if it can (REQ-4). No two inside endpoints have the same one (REQ-3). ICMP errors about packets from outside are
/// translated with the packet that they quote (RFC 5508 REQ-5). Dropped and counted as unsupported: other protocols, other ICMP
/// messages, ICMP errors about other packets, packets without a complete TCP or UDP header, TCP port 0, a RST of no known
/// connection. Any other TCP segment opens a mapping, not only a SYN, so that the peer can answer a connection that was
/// forgotten.
///
/// **From outside to an outside address** (input()): the destination of TCP, UDP, ICMP replies, and ICMP errors, becomes the
/// inside endpoint that has the mapping, if the filter admits the sender. Otherwise the packet is dropped, and never answered
/// (RFC 5382 REQ-4). A packet of which there is no mapping is for this host. Simultaneous open works (REQ-2).
///
/// **From inside to an outside address** (hairpinning, RFC 4787 REQ-9): both of the above; each side sees the other's outside
/// endpoint. Echo requests to an outside address are for this host.
///
/// **Packets of this host** are left alone, except for ICMP errors about packets that were translated: what they quote is
/// translated back.
///
/// IPv6 is left alone. With several hooks, one that is added before sees packets from outside untranslated.
///
/// Not done: telling inside hosts by ICMP of a reached limit (RFC 5508 REQ-8); ports below 1024 for such ports inside (RFC 4787
/// REQ-3 a); static mappings while running (PCP).
///
/// @par Memory  calculated: about 1.5 MB with the default limits, and some 250 octets for each mapping with one session
/// @par Time  constant per packet; the tables have secret keys
/// @par Thread safety  distinct objects: safe; shared objects: safe. Shards may share one
class nat44 final : public core::packet_hook
{
public:
    using options = core::nat44_options;
    using forward_rule = core::nat44_forward;
    using filtering = core::nat44_filtering;
    using counters_type = core::nat44_counters;
    using mapping = core::nat44_mapping;

    /// Keys and port numbers are random. @throws boost::system::system_error as core::nat44 does
    explicit nat44(const options& o);
    /// The same packets at the same times get the same ports: for tests and virtual time, because peers may predict them.
    nat44(const options& o, std::uint64_t seed);

    /// Changes the outside addresses, for example when DHCP has got another one. All mappings but the forwards are deleted,
    /// unless the addresses are the present ones.
    /// @throws boost::system::system_error invalid_argument: an address that is unspecified or given twice
    void set_outside_addresses(const std::vector<core::address_v4>& addresses);

    counters_type counters() const;
    std::vector<mapping> mappings() const; ///< a copy, in no particular order. Packets wait meanwhile

    // -- called by the stack --------------------------------------------------------------------------------------------------
    core::hook_verdict input(core::hooked_packet& p, core::time_point now) override;
    core::hook_verdict forward(core::hooked_packet& p, core::time_point now) override;
    core::hook_verdict output(core::hooked_packet& p, core::time_point now) override;
    bool needs_whole_datagrams() const noexcept override;
    core::time_point next_deadline() const noexcept override;
    void advance(core::time_point now) override;

private:
    mutable std::mutex mutex_;
    core::nat44 machine_;
};

} // namespace tapio

#pragma GCC visibility pop
