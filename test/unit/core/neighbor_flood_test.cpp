// The neighbour cache under floods of spoofed ARP and NDP packets, and of packets to neighbours that do not exist (RFC 6583).
// TAPIO_FLOOD is the number of packets of each flood.
#include "base/flow_key.hpp"
#include "link/neighbor_cache.hpp"
#include "raw_host.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"
#include "wire/ndp.hpp"

#include <cstdlib>
#include <functional>
#include <map>

namespace tapio::core::neighbor_flood_test {
namespace {

constexpr std::size_t most_entries = link::neighbor_cache::most_entries;

std::uint32_t flood_size()
{
#ifdef NDEBUG
    constexpr std::uint32_t usual = 1'000'000;
#else
    constexpr std::uint32_t usual = 100'000; // for want of time
#endif
    const char* const given = std::getenv("TAPIO_FLOOD");
    return given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10)) : usual;
}

mac_address mac_of(std::uint32_t n)
{
    return {{2, 1, static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
             static_cast<std::uint8_t>(n)}};
}
/// Of 130,000 in 198.18.0.0/15, which come again; of 2001:db8::/64
address host_of(family f, std::uint32_t n)
{
    if (f == family::v4) return address_v4(0xc612'0000U + 16 + n % 130'000);
    address_v6::bytes_type o{0x20, 0x01, 0x0d, 0xb8};
    for (unsigned i = 0; i < 4; ++i) o[12 + i] = static_cast<std::uint8_t>((n + 16) >> (24 - 8 * i));
    return address_v6(o);
}

/// A host or router at an Ethernet on which a flood of 100,000 packets/s arrives. Honest neighbours answer after 1 ms.
class flooded : public testing::TestWithParam<family>
{
protected:
    static constexpr duration answers_after = 1ms, between = 10us;

    flooded()
    {
        std::array<std::byte, 32> seed{};
        host_options o;
        o.duplicate_address_probes = 0;
        h = std::make_unique<host>(o, seed);
        device_info d;
        d.name = "eth0";
        d.mac = our_mac;
        h->add_interface(d);
        d = {};
        d.name = "tun0";
        d.link = link_type::ip;
        h->add_interface(d);
        EXPECT_FALSE(h->add_address(1, ours, v4 ? 15 : 64, now));
        EXPECT_FALSE(h->add_address(2, v4 ? address(at("203.0.113.1")) : address(at6("2001:db8:0:9::1")), v4 ? 24 : 64, now));
        socket = *h->udp().open(GetParam());
        collect();
    }

    // -- packets of the flood
    void in(packet p, wire::ether_type type, const mac_address& to, const mac_address& from)
    {
        wire::push_ethernet(p, to, from, type);
        h->receive(1, packet(slice::copy_of(flat(p))), now);
    }
    void ndp(packet body, wire::icmpv6_type type, std::uint32_t rest, const address& from, const address& to,
             const mac_address& mac)
    {
        const flow_key flow({from, 0}, {to, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(body, type, 0, rest, flow);
        wire::push_ipv6(body, {ip_protocol::icmpv6, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(body), wire::ether_type::ipv6, our_mac, mac);
    }
    /// A neighbour asks for us.
    void request(const address& from, const mac_address& mac)
    {
        if (v4)
            return in(wire::make_arp({wire::arp_operation::request, mac, from.to_v4(), {}, ours.to_v4()}), wire::ether_type::arp,
                      mac_address::broadcast(), mac);
        ndp(wire::make_neighbor_solicitation({ours.to_v6(), mac, 0}), wire::icmpv6_type::neighbor_solicitation, 0, from, ours,
            mac);
    }
    /// A neighbour says where it is.
    void reply(const address& from, const mac_address& mac, bool solicited)
    {
        if (v4)
            return in(wire::make_arp({wire::arp_operation::reply, mac, from.to_v4(), our_mac, ours.to_v4()}),
                      wire::ether_type::arp, our_mac, mac);
        const wire::neighbor_advertisement a{from.to_v6(), false, solicited, true, mac};
        ndp(wire::make_neighbor_advertisement(a), wire::icmpv6_type::neighbor_advertisement, rest_of(a), from, ours, mac);
    }
    /// A packet from the tunnel, to be forwarded to a neighbour.
    void through(const address& to)
    {
        const address from = v4 ? address(at("203.0.113.9")) : address(at6("2001:db8:0:9::9"));
        packet p(slice::copy_of(octets(8)));
        wire::push_udp(p, 1, 2, from, to);
        if (v4) {
            wire::ipv4_fields f;
            f.source = from.to_v4();
            f.destination = to.to_v4();
            f.protocol = ip_protocol::udp;
            wire::push_ipv4(p, f);
        } else {
            const flow_key flow({from, 0}, {to, 0}, ip_protocol::udp);
            wire::push_ipv6(p, {ip_protocol::udp, 64, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        }
        h->receive(2, packet(slice::copy_of(flat(p))), now);
    }

    // -- honest neighbours
    static constexpr std::uint32_t first_honest = 0x7f00'0000; ///< numbers from here on are honest
    address honest(std::uint32_t n) const
    {
        if (v4) return address_v4(0xc612'0001U + 1 + n % 12);
        return host_of(family::v6, first_honest + n);
    }
    bool is_honest(const address& a) const
    {
        if (v4) return a.to_v4().to_uint() - 0xc612'0002U < 12;
        return a.to_v6().to_bytes()[12] == first_honest >> 24;
    }
    /// What the host sends. Honest neighbours that are asked for answer later; datagrams to them are counted.
    void collect()
    {
        h->advance(now);
        for (packet p; h->next_packet(1, p, now);) {
            ++sent;
            const octets o = flat(p);
            const bool is_arp = o[12] == std::byte{8} && o[13] == std::byte{6};
            const bool asks = is_arp ? o[21] == std::byte{1} : !v4 && o[20] == std::byte{58} && o[54] == std::byte{135};
            const bool is_datagram = !is_arp && o[v4 ? 23 : 20] == std::byte{17};
            if (asks || is_datagram)
                heard(asks, is_arp ? read_address(o, 38) : asks ? read_address(o, 62) : read_address(o, v4 ? 30 : 38));
        }
        for (packet p; h->next_packet(2, p, now);) ++errors;
        while (!answers.empty() && answers.front().first <= now) {
            const address who = answers.front().second;
            answers.pop_front();
            reply(who, their_mac, true);
            h->advance(now);
        }
    }
    void heard(bool asks, const address& who)
    {
        if (!is_honest(who)) return;
        if (asks) return void(answers.emplace_back(now + answers_after, who));
        ++reached[who];
    }
    address read_address(const octets& o, std::size_t place) const
    {
        if (v4) return address_v4(wire::load_32(o.data() + place));
        address_v6::bytes_type b;
        for (std::size_t i = 0; i < b.size(); ++i) b[i] = std::to_integer<std::uint8_t>(o[place + i]);
        return address_v6(b);
    }
    void send_to(const address& who)
    {
        const std::array<std::byte, 4> some{};
        const std::array<const_bytes, 1> out{const_bytes(some)};
        const endpoint to{who, 9};
        (void)h->udp().send(socket, out, &to, now);
    }

    /// Ten times during the flood a datagram is sent to a neighbour that is not known; it has to leave within a second.
    /// @param one sends the n-th packet of the flood  @param ask makes the host send to an honest neighbour
    void run(const std::function<void(std::uint32_t)>& one, const std::function<void(const address&)>& ask)
    {
        const std::uint32_t size = flood_size();
        std::map<address, time_point> asked;
        std::size_t most = 0, resolved = 0;
        for (std::uint32_t n = 0; n < size; ++n, now += between) {
            one(n);
            if (n % (size / 10) == size / 20) {
                const address who = honest(n / (size / 10));
                asked[who] = now;
                ask(who);
            }
            collect();
            if (n % 1024 == 0) most = std::max(most, h->net().interface(1).neighbors.size());
            for (auto it = asked.begin(); it != asked.end();) {
                const bool done = reached[it->first] > 0;
                if (done) ++resolved;
                EXPECT_LT(now - it->second, 1s) << it->first << " was not reached, packet " << n;
                it = done || now - it->second >= 1s ? asked.erase(it) : std::next(it);
            }
        }
        EXPECT_GE(resolved, 9U);
        EXPECT_LE(most, most_entries);
        most_seen = most;
    }

    static constexpr mac_address our_mac{{2, 0, 0, 0, 0, 1}}, their_mac{{2, 0, 0, 0, 0, 2}};
    const bool v4 = GetParam() == family::v4;
    const address ours = v4 ? address(at("198.18.0.1")) : address(at6("2001:db8::1"));
    time_point now{1h};
    std::unique_ptr<host> h;
    socket_id socket;
    std::deque<std::pair<time_point, address>> answers;
    std::map<address, std::size_t> reached;
    std::uint64_t sent = 0, errors = 0;
    std::size_t most_seen = 0;
};

TEST_P(flooded, by_spoofed_requests_a_host_still_finds_its_neighbors)
{
    run([&](std::uint32_t n) { request(host_of(GetParam(), n), mac_of(n)); }, [&](const address& who) { send_to(who); });
    EXPECT_EQ(most_seen, most_entries) << "it was a flood";
}

TEST_P(flooded, by_spoofed_replies_a_host_learns_nobody)
{
    run([&](std::uint32_t n) { reply(host_of(GetParam(), n), mac_of(n), n % 2 == 0); },
        [&](const address& who) { send_to(who); });
    EXPECT_LE(most_seen, 10U);
}

TEST_P(flooded, a_neighbor_in_use_is_not_displaced)
{
    send_to(honest(0));
    for (int i = 0; i < 500; ++i, now += between) collect();
    ASSERT_EQ(reached[honest(0)], 1U);
    std::uint32_t lost = 0;
    run(
        [&](std::uint32_t n) {
            n % 2 == 0 ? request(host_of(GetParam(), n), mac_of(n)) : send_to(host_of(GetParam(), n));
            if (n % 1000 != 0) return;
            if (!h->net().interface(1).neighbors.address_of(honest(0))) ++lost;
            send_to(honest(0));
        },
        [&](const address& who) { send_to(who); });
    EXPECT_EQ(lost, 0U);
}

// RFC 6583: a scan of the prefix makes the router look for neighbours that are not there
TEST_P(flooded, a_router_whose_prefix_is_scanned_still_finds_its_neighbors)
{
    h->set_forwarding();
    run([&](std::uint32_t n) { through(host_of(GetParam(), n)); }, [&](const address& who) { through(who); });
    EXPECT_EQ(most_seen, most_entries) << "it was a flood";
    now += 10s;
    collect();
    for (int i = 0; i < 5; ++i, now += 1s) collect();
    EXPECT_LE(h->net().interface(1).neighbors.size(), 10U) << "what was not found is forgotten";
    EXPECT_LT(errors, 20'000U) << "ICMP errors are limited in rate";
}

INSTANTIATE_TEST_SUITE_P(each_family, flooded, testing::Values(family::v4, family::v6),
                         [](const auto& p) { return p.param == family::v4 ? "v4" : "v6"; });

} // namespace
} // namespace tapio::core::neighbor_flood_test
