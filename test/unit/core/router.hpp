/// @file
/// A host that forwards between two devices, packet by packet. Interface 1 has 198.18.0.1/24 and 2001:db8:0:1::1/64, interface 2
/// 198.18.1.1/24 and 2001:db8:0:2::1/64; both carry bare IP packets unless a test says otherwise.
#pragma once

#include "raw_host.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"
#include "wire/tcp.hpp"

#include <tapio/core/checksum.hpp>

#include <memory>
#include <vector>

namespace tapio::core {

class router : public testing::Test
{
public:
    struct udp_packet
    {
        const char *from, *to;
        std::size_t payload = 100; ///< octets
        std::uint8_t ttl = 64;
        bool dont_fragment = false;
    };
    /// A UDP datagram from port 1000 to port 2000, from its IP header on.
    static packet udp(const udp_packet& u)
    {
        const address from = boost::asio::ip::make_address(u.from), to = boost::asio::ip::make_address(u.to);
        packet p(slice::copy_of(octets(u.payload, std::byte{'x'})));
        wire::push_udp(p, 1000, 2000, from, to);
        push_ip(p, from, to, ip_protocol::udp, u.ttl, u.dont_fragment);
        return p;
    }

protected:
    router() { start(); }

    void start(device_info first = {}, device_info second = {})
    {
        std::array<std::byte, 32> seed{};
        h = std::make_unique<host>(options, seed);
        for (device_info* d : {&first, &second})
            if (d->name.empty()) d->link = link_type::ip;
        h->add_interface(first);
        h->add_interface(second);
        for (const auto& [address, prefix, interface] :
             {std::tuple("198.18.0.1", 24U, 1U), std::tuple("2001:db8:0:1::1", 64U, 1U), std::tuple("198.18.1.1", 24U, 2U),
              std::tuple("2001:db8:0:2::1", 64U, 2U)})
            EXPECT_FALSE(h->add_address(interface, boost::asio::ip::make_address(address), prefix, now));
        h->set_forwarding();
        for (int i = 0; i < 30; ++i, now += 100ms) // duplicate address detection
            for (interface_id at : {1U, 2U}) sent(at);
    }

    static void push_ip(packet& p, const address& from, const address& to, ip_protocol protocol, std::uint8_t ttl,
                        bool dont_fragment)
    {
        if (from.is_v6()) {
            const flow_key flow({from, 0}, {to, 0}, protocol);
            return wire::push_ipv6(p, {protocol, ttl, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        }
        wire::ipv4_fields f;
        f.source = from.to_v4();
        f.destination = to.to_v4();
        f.protocol = protocol;
        f.ttl = ttl;
        f.dont_fragment = dont_fragment;
        f.identification = 7;
        wire::push_ipv4(p, f);
    }
    void in(interface_id by, packet p)
    {
        h->receive(by, std::move(p), now);
        h->advance(now);
    }
    std::vector<packet> sent(interface_id by)
    {
        std::vector<packet> out;
        h->advance(now);
        for (packet p; h->next_packet(by, p, now);) out.push_back(std::move(p));
        return out;
    }
    /// The only packet that was sent by the interface; empty, and the test fails, if there is none or another one.
    packet one(interface_id by)
    {
        auto all = sent(by);
        EXPECT_EQ(all.size(), 1U) << "sent by interface " << by;
        return all.empty() ? packet() : std::move(all.front());
    }
    bool nothing_sent() { return sent(1).empty() && sent(2).empty(); }

    /// An ICMP error, and the packet that it quotes.
    struct error
    {
        address source;
        int type = -1, code = -1;
        std::uint32_t rest = 0;
        octets quote;
    };
    static error error_in(const packet& p)
    {
        error e;
        ip::rx_packet r{packet(p)};
        ip::parse_ip(r);
        EXPECT_FALSE(r.flaw);
        const octets message = flat(r.transport_part());
        if (message.size() < 8) return e;
        e.source = r.flow.source_address();
        e.type = std::to_integer<int>(message[0]);
        e.code = std::to_integer<int>(message[1]);
        e.rest = wire::load_32(message.data() + 4);
        e.quote.assign(message.begin() + 8, message.end());
        return e;
    }
    error error_sent(interface_id by) { return error_in(one(by)); }
    std::uint64_t drops(drop_reason r) const { return h->counters().drops[r]; }

    /// Whether all checksums of an IP packet are right.
    static bool sums_right(const packet& p)
    {
        packet again(slice::copy_of(flat(p)));
        EXPECT_TRUE(update_checksums(again, link_type::ip));
        return flat(again) == flat(p);
    }

    host_options options;
    time_point now{1h};
    std::unique_ptr<host> h;
};

} // namespace tapio::core
