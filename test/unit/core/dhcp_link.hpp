/// @file
/// A host without addresses on one or two Ethernets, in virtual time, and on each a scripted DHCP server: 192.0.2.254, or
/// 198.51.100.254 on the second.
#pragma once

#include "base/checksum.hpp"
#include "base/split_mix.hpp"
#include "core/host.hpp"
#include "support/flat.hpp"
#include "wire/dhcpv4.hpp"
#include "wire/udp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace tapio::core {

using namespace std::chrono_literals;

class dhcp_link : public testing::Test
{
protected:
    static address_v4 v4(const char* text) { return boost::asio::ip::make_address_v4(text); }

    /// A message of the host's, and how it travelled.
    struct message
    {
        wire::dhcpv4_message m;
        address_v4 from, to;
        mac_address station;
        time_point when;
    };

    struct server
    {
        interface_id interface = 1;
        address_v4 address, leased;
        mac_address mac;
        bool silent = false, refuses = false, rapid = true;
        std::uint32_t lease_time = 3600;                  ///< s
        std::function<void(wire::dhcpv4_message&)> adapt; ///< of answers that are not DHCPNAKs
        std::vector<message> heard;
        std::vector<wire::arp_packet> arp;
        std::set<address_v4> taken; ///< other stations have these addresses
        unsigned pings = 0;         ///< echo replies of the host's

        std::size_t count(wire::dhcpv4_type type) const
        {
            return static_cast<std::size_t>(
                std::count_if(heard.begin(), heard.end(), [type](const message& one) { return one.m.type == type; }));
        }
        const message& last(wire::dhcpv4_type type) const
        {
            const auto at = std::find_if(heard.rbegin(), heard.rend(), [type](const message& one) { return one.m.type == type; });
            if (at == heard.rend()) throw std::logic_error("no such message");
            return *at;
        }
        unsigned probes(const address_v4& a) const
        {
            return static_cast<unsigned>(std::count_if(arp.begin(), arp.end(), [&](const wire::arp_packet& p) {
                return p.sender_ip.is_unspecified() && p.target_ip == a;
            }));
        }
    };

    dhcp_link() { start(); }

    void start(unsigned interfaces = 1)
    {
        std::array<std::byte, random_source::seed_size> seed{};
        h = std::make_unique<host>(options, seed);
        servers.clear();
        for (unsigned n = 1; n <= interfaces; ++n) {
            device_info eth;
            eth.name = "eth" + std::to_string(n);
            eth.mac = {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(n)}};
            EXPECT_EQ(h->add_interface(eth), n);
            server& s = servers.emplace_back();
            s.interface = n;
            s.address = n == 1 ? v4("192.0.2.254") : v4("198.51.100.254");
            s.leased = n == 1 ? v4("192.0.2.2") : v4("198.51.100.2");
            s.mac = {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(n)}};
        }
    }
    server& first() { return servers[0]; }
    void configure(const configure_options& o = {}, interface_id by = 1) { EXPECT_FALSE(h->configure(by, o, now)); }
    static configure_options only_v4()
    {
        configure_options o;
        o.slaac = false;
        return o;
    }
    /// Configures the first interface, and waits until it has the address.
    void bind(const configure_options& o = only_v4())
    {
        configure(o);
        run(10s);
        ASSERT_EQ(own(), first().leased);
    }

    void run(duration d)
    {
        const time_point end = now + d;
        for (;;) {
            settle();
            const time_point next = h->next_deadline();
            if (next > end) break;
            now = std::max(now, next);
        }
        now = end;
        settle();
    }
    void settle()
    {
        for (unsigned rounds = 0; rounds < 100; ++rounds) {
            h->advance(now);
            bool any = h->dispatch_events(now);
            for (server& s : servers)
                for (packet p; h->next_packet(s.interface, p, now); any = true) hear(s, std::move(p));
            if (!any) return;
        }
        FAIL() << "the host does not come to rest";
    }

    // -- the host ---------------------------------------------------------------------------------------------------------
    std::optional<address_v4> own(interface_id by = 1) const ///< the leased address
    {
        for (const auto& a : h->net().interface(by).addresses)
            if (a.origin == address_origin::dhcpv4) return a.address.to_v4();
        return std::nullopt;
    }
    std::size_t addresses(interface_id by = 1) const { return h->net().interface(by).addresses.size(); }
    std::optional<address> gateway_to(const char* destination) const ///< the next hop; none: no route
    {
        const auto found = h->net().routes().find(boost::asio::ip::make_address(destination), std::nullopt);
        return found ? std::optional(found->route->next_hop.address()) : std::nullopt;
    }
    interface_configuration configuration(interface_id by = 1) const { return h->configuration(by); }
    std::uint64_t drops(drop_reason why) const { return h->counters().drops[why]; }

    // -- the link ---------------------------------------------------------------------------------------------------------
    void receive(const server& s, packet p, const mac_address& to, wire::ether_type type)
    {
        wire::push_ethernet(p, to, s.mac, type);
        h->receive(s.interface, std::move(p), now);
        h->advance(now);
    }
    void say(const server& s, const wire::dhcpv4_message& m, const address_v4& to, const mac_address& station)
    {
        packet p(slice::copy_of(wire::make_dhcpv4(m)));
        udp(s, std::move(p), to, station);
    }
    void udp(const server& s, packet p, const address_v4& to, const mac_address& station)
    {
        wire::push_udp(p, wire::dhcpv4_server_port, wire::dhcpv4_client_port, s.address, to);
        wire::ipv4_fields f;
        f.source = s.address;
        f.destination = to;
        f.protocol = ip_protocol::udp;
        wire::push_ipv4(p, f);
        receive(s, std::move(p), station, wire::ether_type::ipv4);
    }
    void arp(const server& s, wire::arp_operation op, const mac_address& sender, const address_v4& sender_ip,
             const address_v4& target_ip)
    {
        const mac_address ours = h->net().interface(s.interface).info().mac;
        receive(s, wire::make_arp({op, sender, sender_ip, op == wire::arp_operation::reply ? ours : mac_address{}, target_ip}),
                mac_address::broadcast(), wire::ether_type::arp);
    }
    /// Another station announces the address.
    void insist(const server& s, const address_v4& a)
    {
        arp(s, wire::arp_operation::request, other_mac, a, a);
        settle();
    }
    wire::dhcpv4_message answer_to(const server& s, const wire::dhcpv4_message& m, wire::dhcpv4_type type) const
    {
        wire::dhcpv4_message a;
        a.from_server = true;
        a.xid = m.xid;
        a.broadcast = m.broadcast;
        a.chaddr = m.chaddr;
        a.type = type;
        a.client_id = m.client_id;
        a.server_id = s.address;
        if (type == wire::dhcpv4_type::nak) return a;
        a.yiaddr = s.leased;
        a.prefix_length = 24;
        a.lease_time = s.lease_time;
        a.routers = {s.address};
        a.dns_servers = {s.address};
        if (s.adapt) s.adapt(a);
        return a;
    }

    const mac_address other_mac{{2, 0, 0, 0, 2, 1}};
    std::deque<server> servers;
    host_options options;
    time_point now{1h};
    std::unique_ptr<host> h;

private:
    void hear(server& s, packet frame)
    {
        ip::rx_packet p(std::move(frame), s.interface);
        ip::parse(p, link_type::ethernet);
        const mac_address station = wire::parse_ethernet(p.contents.front())->destination;
        if (p.kind == ip::packet_kind::arp) return hear_arp(s, *wire::parse_arp(p.network_header()));
        if (p.kind != ip::packet_kind::ipv4) return;
        ASSERT_FALSE(p.flaw);
        if (p.protocol() == ip_protocol::icmp) ++s.pings;
        if (p.protocol() != ip_protocol::udp || p.flow.destination_port() != wire::dhcpv4_server_port) return;
        ASSERT_EQ(p.flow.source_port(), wire::dhcpv4_client_port);
        packet payload = p.contents;
        payload.consume(p.payload_at);
        const auto m = wire::parse_dhcpv4(test::flat(payload));
        ASSERT_TRUE(m);
        s.heard.push_back({*m, p.flow.source_address().to_v4(), p.flow.destination_address().to_v4(), station, now});
        if (!s.silent) answer(s, s.heard.back());
    }
    void answer(server& s, const message& to)
    {
        using enum wire::dhcpv4_type;
        const bool asked = !to.m.server_id || to.m.server_id == s.address;
        if (to.m.type == discover) return reply(s, to, s.rapid && to.m.rapid_commit ? ack : offer);
        if (to.m.type == request && asked) return reply(s, to, s.refuses ? nak : ack);
    }
    /// RFC 2131 §4.1: unicast to a client that has the address, else broadcast.
    void reply(server& s, const message& to, wire::dhcpv4_type type)
    {
        wire::dhcpv4_message a = answer_to(s, to.m, type);
        a.rapid_commit = to.m.type == wire::dhcpv4_type::discover && type == wire::dhcpv4_type::ack;
        const bool unicast = type != wire::dhcpv4_type::nak && !to.m.ciaddr.is_unspecified();
        say(s, a, unicast ? to.m.ciaddr : address_v4::broadcast(), unicast ? to.m.chaddr : mac_address::broadcast());
    }
    void hear_arp(server& s, const wire::arp_packet& said)
    {
        s.arp.push_back(said);
        const bool asks = said.operation == wire::arp_operation::request && said.sender_ip != said.target_ip;
        if (!asks || (said.target_ip != s.address && !s.taken.contains(said.target_ip))) return;
        const mac_address mac = said.target_ip == s.address ? s.mac : other_mac;
        arp(s, wire::arp_operation::reply, mac, said.target_ip, said.sender_ip);
    }
};

} // namespace tapio::core
