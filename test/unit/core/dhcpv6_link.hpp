/// @file
/// A host on one or two Ethernets, in virtual time, and on the first a router, fe80::254, that is a scripted DHCPv6 server.
#pragma once

#include "core/host.hpp"
#include "support/flat.hpp"
#include "wire/dhcpv6.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"
#include "wire/ndp.hpp"
#include "wire/router_advertisement.hpp"
#include "wire/udp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace tapio::core {

using namespace std::chrono_literals;

class dhcpv6_link : public testing::Test
{
protected:
    static address_v6 v6(const char* text) { return boost::asio::ip::make_address_v6(text); }

    /// A message of the host's, and how it travelled.
    struct message
    {
        wire::dhcpv6_message m;
        address_v6 from, to;
        mac_address station;
        time_point when;
    };

    dhcpv6_link()
    {
        std::array<std::byte, random_source::seed_size> seed{};
        h = std::make_unique<host>(host_options(), seed);
        for (std::uint8_t n = 1; n <= 2; ++n) {
            device_info eth;
            eth.name = "eth" + std::to_string(n);
            eth.mac = {{2, 0, 0, 0, 0, n}};
            EXPECT_EQ(h->add_interface(eth), n);
        }
    }

    // -- the host ---------------------------------------------------------------------------------------------------------
    static configure_options only_v6()
    {
        configure_options o;
        o.dhcpv4 = false;
        return o;
    }
    void configure(const configure_options& o) { EXPECT_FALSE(h->configure(1, o, now)); }
    /// Configures the first interface, whatever routers say, and waits until it has the address.
    void bind(configure_options o = only_v6())
    {
        o.dhcpv6 = dhcpv6_use::stateful;
        configure(o);
        run(5s);
        ASSERT_EQ(own(), std::vector{leased});
    }
    std::vector<address_v6> own(interface_id by = 1) const ///< the leased addresses
    {
        std::vector<address_v6> out;
        for (const auto& a : h->net().interface(by).addresses)
            if (a.origin == address_origin::dhcpv6) out.push_back(a.address.to_v6());
        return out;
    }
    interface_configuration configuration() const { return h->configuration(1); }
    std::uint64_t drops(drop_reason why) const { return h->counters().drops[why]; }
    std::size_t count(wire::dhcpv6_type type) const
    {
        return static_cast<std::size_t>(
            std::count_if(heard.begin(), heard.end(), [type](const message& one) { return one.m.type == type; }));
    }
    const message& last(wire::dhcpv6_type type) const
    {
        const auto at = std::find_if(heard.rbegin(), heard.rend(), [type](const message& one) { return one.m.type == type; });
        if (at == heard.rend()) throw std::logic_error("no such message");
        return *at;
    }

    // -- time -------------------------------------------------------------------------------------------------------------
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
            for (interface_id n = 1; n <= 2; ++n)
                for (packet p; h->next_packet(n, p, now); any = true) hear(n, std::move(p));
            if (!any) return;
        }
        FAIL() << "the host does not come to rest";
    }

    // -- the link ---------------------------------------------------------------------------------------------------------
    void advertise(bool managed, bool other)
    {
        wire::router_advertisement ra;
        ra.router_lifetime = 1800;
        ra.source_link = server_mac;
        ra.managed = managed;
        ra.other = other;
        ra.dns_servers = router_dns;
        icmp(wire::icmpv6_type::router_advertisement, wire::rest_of(ra), wire::make_router_advertisement(ra), server,
             v6("ff02::1"));
    }
    /// Another node has the address.
    void claim(const address_v6& a)
    {
        const wire::neighbor_advertisement n{a, false, false, true, mac_address{{2, 0, 0, 0, 2, 1}}};
        icmp(wire::icmpv6_type::neighbor_advertisement, wire::rest_of(n), wire::make_neighbor_advertisement(n), a, v6("ff02::1"));
    }
    void say(const wire::dhcpv6_message& m, const address_v6& to)
    {
        packet p(slice::copy_of(wire::make_dhcpv6(m)));
        udp(std::move(p), server, to, wire::dhcpv6_server_port, wire::dhcpv6_client_port);
    }
    void udp(packet p, const address_v6& from, const address_v6& to, std::uint16_t source_port, std::uint16_t port)
    {
        wire::push_udp(p, source_port, port, address(from), address(to));
        const flow_key flow({from, 0}, {to, 0}, ip_protocol::udp);
        wire::push_ipv6(p, {ip_protocol::udp, 64, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        receive(std::move(p), to);
    }
    wire::dhcpv6_message answer_to(const wire::dhcpv6_message& m, wire::dhcpv6_type type) const
    {
        wire::dhcpv6_message a;
        a.type = type;
        a.xid = m.xid;
        a.client_id = m.client_id;
        a.server_id = duid;
        a.dns_servers = {v6("2001:db8::53")};
        a.search_domains = {"corp.example"};
        const auto grant = [&](const wire::dhcpv6_association& asked, const address_v6& what, std::uint8_t length) {
            return wire::dhcpv6_association{asked.id, t1, t2, {{what, length, preferred, valid, {}}}, {}};
        };
        for (const auto& one : m.addresses) a.addresses.push_back(grant(one, leased, 128));
        for (const auto& one : m.prefixes) a.prefixes.push_back(grant(one, delegated, 56));
        if (adapt) adapt(a);
        return a;
    }

    const mac_address server_mac{{2, 0, 0, 0, 1, 1}};
    const address_v6 server = v6("fe80::254");
    std::vector<std::byte> duid{std::byte{0}, std::byte{3}, std::byte{0}, std::byte{1}, std::byte{99}};
    address_v6 leased = v6("2001:db8:1::77"), delegated = v6("2001:db8:7700::");
    std::uint32_t t1 = 1800, t2 = 2880, preferred = 3600, valid = 7200; ///< s
    bool silent = false, rapid = false;
    std::vector<wire::dns_server> router_dns;
    std::function<void(wire::dhcpv6_message&)> adapt; ///< of answers
    std::vector<message> heard;
    std::set<address_v6> taken;               ///< other nodes have these addresses
    std::vector<address_v6> probed;           ///< targets of duplicate address detection
    std::vector<wire::icmpv6_message> errors; ///< of the host's, on the first interface
    time_point now{1h};
    std::unique_ptr<host> h;

private:
    void receive(packet p, const address_v6& to)
    {
        const auto o = to.to_bytes();
        const mac_address group{{0x33, 0x33, o[12], o[13], o[14], o[15]}};
        wire::push_ethernet(p, to.is_multicast() ? group : h->net().interface(1).info().mac, server_mac, wire::ether_type::ipv6);
        h->receive(1, std::move(p), now);
        h->advance(now);
    }
    void icmp(wire::icmpv6_type type, std::uint32_t rest, packet body, const address_v6& from, const address_v6& to)
    {
        const flow_key flow({from, 0}, {to, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(body, type, 0, rest, flow);
        wire::push_ipv6(body, {ip_protocol::icmpv6, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        receive(std::move(body), to);
    }
    void hear(interface_id by, packet frame)
    {
        ip::rx_packet p(std::move(frame), by);
        ip::parse(p, link_type::ethernet);
        if (p.kind != ip::packet_kind::ipv6 || by != 1) return;
        ASSERT_FALSE(p.flaw);
        packet payload = p.contents;
        if (p.protocol() == ip_protocol::icmpv6) {
            payload.consume(p.transport_at);
            return hear_icmp(p, test::flat(payload));
        }
        if (p.protocol() != ip_protocol::udp || p.flow.destination_port() != wire::dhcpv6_server_port) return;
        ASSERT_EQ(p.flow.source_port(), wire::dhcpv6_client_port);
        payload.consume(p.payload_at);
        const auto m = wire::parse_dhcpv6(test::flat(payload));
        ASSERT_TRUE(m);
        heard.push_back({*m, p.flow.source_address().to_v6(), p.flow.destination_address().to_v6(),
                         wire::parse_ethernet(p.contents.front())->destination, now});
        if (!silent) answer(heard.back());
    }
    void hear_icmp(const ip::rx_packet& p, const std::vector<std::byte>& icmp)
    {
        const auto m = wire::parse_icmpv6(icmp);
        ASSERT_TRUE(m);
        if (m->is_error()) errors.push_back(*m);
        if (m->type != wire::icmpv6_type::neighbor_solicitation || !p.flow.source_address().is_unspecified()) return;
        const auto s = wire::parse_neighbor_solicitation(const_bytes(icmp).subspan(8));
        ASSERT_TRUE(s);
        probed.push_back(s->target);
        if (taken.contains(s->target)) claim(s->target);
    }
    void answer(const message& to)
    {
        using enum wire::dhcpv6_type;
        const bool rapidly = to.m.type == solicit && rapid && to.m.rapid_commit;
        auto a = answer_to(to.m, to.m.type == solicit && !rapidly ? advertise_type : reply);
        a.rapid_commit = rapidly;
        if (to.m.type == decline || to.m.type == release || to.m.type == confirm) a.addresses.clear(), a.prefixes.clear();
        say(a, to.from);
    }
    static constexpr auto advertise_type = wire::dhcpv6_type::advertise;
};

} // namespace tapio::core
