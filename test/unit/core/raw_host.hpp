/// @file
/// One host on an Ethernet with address 192.0.2.1/24. The test is the peer 192.0.2.2, and exchanges raw frames with it.
#pragma once

#include "base/checksum.hpp"
#include "core/host.hpp"
#include "support/flat.hpp"
#include "wire/udp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core {

using namespace std::chrono_literals;

using test::flat;
using test::octets;

inline address_v4 at(const char* text) { return boost::asio::ip::make_address_v4(text); }
inline address_v6 at6(const char* text) { return boost::asio::ip::make_address_v6(text); }
inline const_bytes bytes_of(const std::string& s) { return std::as_bytes(std::span(s)); }

/// A frame sent by the host, parsed.
struct sent_frame
{
    wire::ethernet_frame link;
    std::optional<wire::arp_packet> arp;
    std::optional<wire::ipv4_fields> ip;
    std::optional<wire::icmpv4_message> icmp;
    octets payload; ///< after the last header parsed, without Ethernet padding
};

class raw_host : public testing::Test
{
protected:
    static constexpr mac_address our_mac{{2, 0, 0, 0, 0, 1}};
    static constexpr mac_address their_mac{{2, 0, 0, 0, 0, 2}};

    raw_host() { start(); }

    /// Creates a new host; its ARP announcement is discarded.
    void start()
    {
        std::array<std::byte, 32> seed{};
        h = std::make_unique<host>(options, seed);
        device_info eth;
        eth.name = "eth0";
        eth.mac = our_mac;
        EXPECT_EQ(h->add_interface(eth), 1U);
        EXPECT_FALSE(h->add_address(1, ours, 24, now));
        drain();
    }

    // -- in ---------------------------------------------------------------------------------------------------------------
    void in(packet p, wire::ether_type type, const mac_address& to = our_mac, const mac_address& from = their_mac)
    {
        wire::push_ethernet(p, to, from, type);
        raw(flat(p));
    }
    void raw(const octets& frame)
    {
        h->receive(1, packet(slice::copy_of(frame)), now);
        h->advance(now);
    }
    void arp(wire::arp_operation op, const address_v4& sender, const address_v4& target, const mac_address& from = their_mac)
    {
        const bool asks = op == wire::arp_operation::request;
        in(wire::make_arp({op, from, sender, asks ? mac_address{} : our_mac, target}), wire::ether_type::arp,
           asks ? mac_address::broadcast() : our_mac, from);
    }
    /// The host learns the link-layer address of 192.0.2.2.
    void introduce()
    {
        arp(wire::arp_operation::request, theirs, ours);
        drain();
    }
    wire::ipv4_fields header(wire::ip_protocol protocol) const
    {
        wire::ipv4_fields f;
        f.source = theirs;
        f.destination = ours;
        f.protocol = protocol;
        return f;
    }
    void ip(packet p, const wire::ipv4_fields& f, const mac_address& to = our_mac)
    {
        wire::push_ipv4(p, f);
        in(std::move(p), wire::ether_type::ipv4, to);
    }
    static packet udp(const wire::ipv4_fields& f, std::uint16_t from, std::uint16_t to, const std::string& data)
    {
        packet p = data.empty() ? packet() : packet(slice::copy_of(bytes_of(data)));
        wire::push_udp(p, from, to, f.source, f.destination);
        return p;
    }
    static packet icmp(wire::icmpv4_type type, std::uint8_t code, std::uint32_t rest, const octets& data)
    {
        packet p{slice::copy_of(data)};
        wire::push_icmpv4(p, type, code, rest);
        return p;
    }

    // -- out --------------------------------------------------------------------------------------------------------------
    std::optional<sent_frame> next()
    {
        packet p;
        h->advance(now);
        if (!h->next_packet(1, p, now)) return std::nullopt;
        sent_frame out;
        p.pull(std::min<std::size_t>(p.size(), 100));
        out.link = wire::parse_ethernet(p.front()).value();
        p.consume(out.link.header_length);
        if (out.link.type == wire::ether_type::arp) out.arp = wire::parse_arp(p.front()).value();
        if (out.link.type == wire::ether_type::ipv4) {
            out.ip = wire::parse_ipv4(p.front(), p.size()).value();
            p.truncate(out.ip->total_length);
            p.consume(out.ip->header_length);
            if (out.ip->protocol == wire::ip_protocol::icmp) {
                out.icmp = wire::parse_icmpv4(p).value();
                p.consume(sizeof(wire::icmpv4_header));
            }
        }
        out.payload = flat(p);
        return out;
    }
    bool silent() { return !next(); }
    std::size_t drain()
    {
        std::size_t n = 0;
        while (next()) ++n;
        return n;
    }
    std::uint64_t drops(drop_reason why) const { return h->counters().drops[why]; }

    const address_v4 ours = at("192.0.2.1"), theirs = at("192.0.2.2");
    host_options options;
    time_point now{1h};
    std::unique_ptr<host> h;
};

} // namespace tapio::core
