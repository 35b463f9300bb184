/// @file
/// A router around core::nat44: packets pass the hooks as in a stack that forwards. And packets to send through it.
#pragma once

#include "base/flow_key.hpp"
#include "ip/rx_packet.hpp"
#include "support/flat.hpp"
#include "wire/icmpv4.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"
#include "wire/udp.hpp"

#include <tapio/core/checksum.hpp>
#include <tapio/core/nat44.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tapio::core::ip {

using namespace std::chrono_literals;
using test::flat;
using test::octets;

inline address_v4 a4(const std::string& text) { return boost::asio::ip::make_address_v4(text); }
inline endpoint ep(const std::string& text, std::uint16_t port = 0) { return {address(a4(text)), port}; }

inline const endpoint outside = ep("192.0.2.1"), server = ep("203.0.113.5", 80), other_server = ep("198.51.100.9", 80);
inline const endpoint alice = ep("198.18.0.10", 40001), bob = ep("198.18.0.11", 40002);

// -- packets ----------------------------------------------------------------------------------------------------------------

inline packet ip_packet(packet p, const endpoint& from, const endpoint& to, ip_protocol protocol)
{
    wire::ipv4_fields f;
    f.source = from.address.to_v4();
    f.destination = to.address.to_v4();
    f.protocol = protocol;
    wire::push_ipv4(p, f);
    p.offload.checksum_start = sizeof(wire::ipv4_header);
    return p;
}

inline packet with_payload(std::size_t size = 5)
{
    packet p;
    p.append(slice::copy_of(octets(size, std::byte{0x5a})));
    return p;
}

inline packet udp(const endpoint& from, const endpoint& to, bool partial = false)
{
    packet p = with_payload();
    wire::push_udp(p, from.port, to.port, from.address, to.address, partial);
    return ip_packet(std::move(p), from, to, ip_protocol::udp);
}

inline packet tcp(const endpoint& from, const endpoint& to, std::uint8_t flags = wire::tcp_ack, bool partial = false)
{
    packet p = with_payload();
    wire::tcp_fields f;
    f.source_port = from.port;
    f.destination_port = to.port;
    f.flags = flags;
    wire::push_tcp(p, f, from.address, to.address, partial);
    return ip_packet(std::move(p), from, to, ip_protocol::tcp);
}

/// The port of the querying side is the identifier.
inline packet echo(const endpoint& from, const endpoint& to, bool reply = false)
{
    packet p = with_payload();
    const std::uint32_t identifier = reply ? to.port : from.port;
    wire::push_icmpv4(p, reply ? wire::icmpv4_type::echo_reply : wire::icmpv4_type::echo_request, 0, identifier << 16 | 7);
    return ip_packet(std::move(p), from, to, ip_protocol::icmp);
}

/// @param quoted_size octets of `about` that are quoted: by default the IP header and the 64 bits of RFC 792
inline packet error(const endpoint& from, const endpoint& to, const packet& about, std::size_t quoted_size = 28,
                    wire::icmpv4_type type = wire::icmpv4_type::destination_unreachable)
{
    octets quote = flat(about);
    quote.resize(std::min(quote.size(), quoted_size));
    packet p;
    p.append(slice::copy_of(quote));
    wire::push_icmpv4(p, type, wire::port_unreachable, 0);
    return ip_packet(std::move(p), from, to, ip_protocol::icmp);
}

/// The packet that an ICMP error quotes.
inline packet quoted(const packet& error)
{
    packet p(slice::copy_of(flat(error)));
    p.consume(sizeof(wire::ipv4_header) + sizeof(wire::icmpv4_header));
    return p;
}

/// Addresses, and ports or identifier, as the headers have them.
inline std::pair<endpoint, endpoint> ends(const packet& p)
{
    const octets o = flat(p);
    const auto at = [&o](std::size_t offset) { return wire::load_16(o.data() + offset); };
    std::pair<endpoint, endpoint> e{{address(address_v4(wire::load_32(o.data() + 12))), 0},
                                    {address(address_v4(wire::load_32(o.data() + 16))), 0}};
    if (std::to_integer<int>(o[9]) != 1) {
        e.first.port = at(20), e.second.port = at(22);
    } else if (o[20] == std::byte{8}) {
        e.first.port = at(24);
    } else if (o[20] == std::byte{0}) {
        e.second.port = at(24);
    }
    return e;
}
inline endpoint source_of(const packet& p) { return ends(p).first; }
inline endpoint destination_of(const packet& p) { return ends(p).second; }

inline bool has_valid_checksums(const packet& p)
{
    packet original = p; // a partial checksum is valid if its completion is
    complete_checksums(original);
    packet summed = original;
    return update_checksums(summed, link_type::ip) && flat(summed) == flat(original);
}

// -- the router -------------------------------------------------------------------------------------------------------------

enum class fate : std::uint8_t
{
    sent,
    local, ///< delivered to the router itself
    dropped
};

struct outcome
{
    core::ip::fate fate = fate::dropped;
    packet contents{};
    std::uint32_t by = hooked_packet::none; ///< the interface that sends it
};

/// Interface 0 is outside, with 192.0.2.1. Interface 1 has 198.18.0.0/16 inside. The first port is odd, and few ports are there.
class nat44_router
{
public:
    static nat44_options defaults()
    {
        nat44_options o;
        o.outside_addresses = {outside.address.to_v4()};
        return o;
    }

    explicit nat44_router(const nat44_options& o = defaults(), unsigned char seed = 1) : nat(o, seed_of(seed)) {}

    outcome receive(packet p, std::uint32_t interface)
    {
        std::uint32_t mark = 0;
        rx_packet parsed(packet(slice::copy_of(flat(p)))); // contiguous in a slice, as a device delivers it
        parsed.contents.offload = p.offload;
        parse_ip(parsed);
        EXPECT_FALSE(parsed.flaw);
        const auto hooked = [&](std::uint32_t out) {
            return hooked_packet(parsed.contents, parsed.flow, 0, parsed.transport_at, parsed.payload_at != 0, interface, out,
                                 mark);
        };
        hooked_packet in = hooked(hooked_packet::none);
        if (nat.input(in, now) != hook_verdict::accept) return {};
        if (is_ours(in.destination().address)) return {fate::local, std::move(parsed.contents)};
        const std::uint32_t out = is_inside(in.destination().address) ? 1 : 0;
        hooked_packet through = hooked(out);
        if (nat.forward(through, now) != hook_verdict::accept) return {};
        if (nat.output(through, now) != hook_verdict::accept) return {};
        return {fate::sent, std::move(parsed.contents), out};
    }
    outcome from_inside(packet p) { return receive(std::move(p), 1); }
    outcome from_outside(packet p) { return receive(std::move(p), 0); }

    /// A packet of the router itself leaves.
    packet send(packet p, std::uint32_t interface = 0)
    {
        std::uint32_t mark = 0;
        rx_packet parsed(std::move(p));
        parse_ip(parsed);
        hooked_packet h(parsed.contents, parsed.flow, 0, parsed.transport_at, parsed.payload_at != 0, hooked_packet::none,
                        interface, mark);
        EXPECT_EQ(nat.output(h, now), hook_verdict::accept);
        return std::move(parsed.contents);
    }

    /// The outside endpoint of a packet that leaves; port 0: it does not.
    endpoint mapped(packet p)
    {
        const outcome o = from_inside(std::move(p));
        if (o.fate != fate::sent) return {};
        EXPECT_TRUE(has_valid_checksums(o.contents));
        return source_of(o.contents);
    }
    /// Where a packet from outside arrives; port 0: nowhere inside.
    endpoint delivered(packet p)
    {
        const outcome o = from_outside(std::move(p));
        if (o.fate != fate::sent) return {};
        EXPECT_TRUE(has_valid_checksums(o.contents));
        EXPECT_EQ(o.by, 1U);
        return destination_of(o.contents);
    }

    void pass(duration d) ///< as a stack does it: advance() at each deadline
    {
        const time_point end = now + d;
        while (nat.next_deadline() <= end) {
            now = std::max(now, nat.next_deadline());
            nat.advance(now);
        }
        now = end;
    }

    time_point now{1h};
    nat44 nat;

private:
    static nat44::seed_type seed_of(unsigned char n)
    {
        nat44::seed_type seed;
        seed.fill(std::byte{n});
        return seed;
    }
    static bool is_inside(const address& a) { return a.to_v4().to_uint() >> 16 == alice.address.to_v4().to_uint() >> 16; }
    static bool is_ours(const address& a) { return (a.to_v4().to_uint() & ~3U) == (outside.address.to_v4().to_uint() & ~3U); }
};

} // namespace tapio::core::ip
