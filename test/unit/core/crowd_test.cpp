// A host in an Ethernet of a thousand others that all speak with it.
#include "raw_host.hpp"
#include "support/repetitions.hpp"

#include <algorithm>
#include <map>

namespace tapio::core::crowd_test {
namespace {

mac_address mac_of(std::uint32_t n)
{
    return {{2, 1, static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
             static_cast<std::uint8_t>(n)}};
}
address host_of(family f, std::uint32_t n)
{
    if (f == family::v4) return address_v4(0xc612'0000U + 1 + n);
    address_v6::bytes_type o{0x20, 0x01, 0x0d, 0xb8};
    for (unsigned i = 0; i < 4; ++i) o[12 + i] = static_cast<std::uint8_t>((n + 1) >> (24 - 8 * i));
    return address_v6(o);
}

/// Hosts at one switch, which floods frames to groups, except reports of members. Host 0 answers UDP on port 7 and accepts TCP on
/// port 80. Even hosts speak IPv4 to it, odd ones IPv6.
class ethernet
{
public:
    explicit ethernet(std::uint32_t hosts)
    {
        for (std::uint32_t n = 0; n < hosts; ++n) {
            std::array<std::byte, 32> seed{};
            seed[0] = static_cast<std::byte>(n), seed[1] = static_cast<std::byte>(n >> 8);
            host_options o;
            o.duplicate_address_probes = 0;
            host& h = *all.emplace_back(std::make_unique<host>(o, seed));
            device_info eth;
            eth.name = "eth0";
            eth.mac = mac_of(n);
            h.add_interface(eth);
            for (const family f : {family::v4, family::v6})
                EXPECT_FALSE(h.add_address(1, host_of(f, n), f == family::v4 ? 15 : 64, now));
            ports[eth.mac] = n;
        }
        run_for(3s);
    }

    static family family_of(std::uint32_t n) { return n % 2 == 0 ? family::v4 : family::v6; }

    void run_for(duration d)
    {
        const time_point ends = now + d;
        for (;;) {
            for (auto& h : all) advance(*h);
            exchange();
            if (now >= ends) return;
            time_point next = ends;
            for (auto& h : all) next = std::min(next, h->next_deadline());
            now = std::max(next, now + 1ms);
        }
    }
    std::map<neighbor_state, std::size_t> neighbors(std::uint32_t of) const
    {
        std::map<neighbor_state, std::size_t> count;
        for (const neighbor_info& n : all[of]->net().list_neighbors()) ++count[n.state];
        return count;
    }

    time_point now{1h};
    std::vector<std::unique_ptr<host>> all;
    std::uint64_t frames = 0;

private:
    void advance(host& h) const
    {
        if (h.next_deadline() > now && !h.wants_advance()) return;
        h.advance(now);
        h.dispatch_events(now);
    }
    void exchange()
    {
        for (bool any = true; any;) {
            any = false;
            for (std::uint32_t n = 0; n < all.size(); ++n)
                for (packet p; all[n]->next_packet(1, p, now); any = true) deliver(n, p);
        }
    }
    void deliver(std::uint32_t sender, const packet& p)
    {
        ++frames;
        const auto to = wire::destination_of(p.front());
        if (to == mac_address{{0x33, 0x33, 0, 0, 0, 0x16}}) return; // MLD reports, for routers alone (RFC 3810 §5.2.14)
        if (const auto at = ports.find(to); at != ports.end()) return receive(at->second, p);
        for (std::uint32_t n = 0; n < all.size(); ++n)
            if (n != sender) receive(n, p);
    }
    void receive(std::uint32_t n, const packet& p)
    {
        all[n]->receive(1, packet(p), now);
        advance(*all[n]);
    }

    struct less
    {
        bool operator()(const mac_address& a, const mac_address& b) const { return a.octets < b.octets; }
    };
    std::map<mac_address, std::uint32_t, less> ports;
};

class crowd : public testing::Test
{
protected:
    static constexpr std::uint32_t hosts = 1 + static_cast<std::uint32_t>(test::repetitions(1000));

    crowd() : net(hosts), server(*net.all[0])
    {
        listener = *server.tcp().open(family::v6);
        EXPECT_FALSE(server.tcp().bind(listener, {address_v6::any(), 80}));
        EXPECT_FALSE(server.tcp().listen(listener, 2000, net.now));
        echo = *server.udp().open(family::v6);
        EXPECT_FALSE(server.udp().set_option(echo, socket_option::receive_buffer_size, 8'000'000, net.now));
        EXPECT_FALSE(server.udp().bind(echo, {address_v6::any(), 7}));
        for (std::uint32_t n = 1; n < hosts; ++n) {
            const family f = ethernet::family_of(n);
            streams.push_back(*net.all[n]->tcp().open(f));
            datagrams.push_back(*net.all[n]->udp().open(f));
        }
    }
    /// Every host sends a datagram, and the server one to each that it hears of. @return answers
    std::size_t ask_all()
    {
        for (std::uint32_t n = 1; n < hosts; ++n) {
            const endpoint to{host_of(ethernet::family_of(n), 0), 7};
            EXPECT_TRUE(net.all[n]->udp().send(datagrams[n - 1], out, &to, net.now)) << n;
        }
        net.run_for(100ms);
        received_message about;
        while (server.udp().receive(echo, in, {}, &about, net.now))
            EXPECT_TRUE(server.udp().send(echo, out, &about.sender, net.now));
        net.run_for(5s);
        std::size_t answers = 0;
        for (std::uint32_t n = 1; n < hosts; ++n)
            if (net.all[n]->udp().receive(datagrams[n - 1], in, {}, nullptr, net.now)) ++answers;
        return answers;
    }

    std::array<std::byte, 4> some{};
    const std::array<const_bytes, 1> out{const_bytes(some)};
    const std::array<mutable_bytes, 1> in{mutable_bytes(some)};
    ethernet net;
    host& server;
    tcp_id listener;
    socket_id echo;
    std::vector<tcp_id> streams;
    std::vector<socket_id> datagrams;
};

TEST_F(crowd, of_a_thousand_hosts_all_reach_one_and_do_so_again_after_their_entries_have_aged)
{
    EXPECT_EQ(ask_all(), hosts - 1);
    for (std::uint32_t n = 1; n < hosts; ++n)
        (void)net.all[n]->tcp().connect(streams[n - 1], {host_of(ethernet::family_of(n), 0), 80}, net.now);
    net.run_for(2s);
    EXPECT_EQ(server.counters().tcp.passive_opens, hosts - 1);
    EXPECT_EQ(server.counters().tcp.curr_estab, hosts - 1);
    const auto fresh = net.neighbors(0);
    EXPECT_EQ(fresh.at(neighbor_state::reachable), hosts - 1) << "confirmed by the handshakes";

    net.run_for(10min);
    const std::uint64_t before = net.frames;
    EXPECT_EQ(ask_all(), hosts - 1);
    net.run_for(10s);
    EXPECT_EQ(net.neighbors(0).at(neighbor_state::reachable), hosts - 1) << "they were probed";
    EXPECT_LT(net.frames - before, 8 * hosts) << "a datagram, its answer, and a probe and its answer at either end";
    std::vector<tcp_id> accepted;
    endpoint peer;
    while (const auto c = server.tcp().accept(listener, peer, net.now)) accepted.push_back(*c);
    ASSERT_EQ(accepted.size(), hosts - 1);
    net.run_for(10min);
    for (const tcp_id id : accepted) EXPECT_TRUE(server.tcp().send(id, out, net.now));
    net.run_for(1s);
    for (std::uint32_t n = 1; n < hosts; ++n) EXPECT_TRUE(net.all[n]->tcp().receive(streams[n - 1], in, {}, net.now)) << n;
}

} // namespace
} // namespace tapio::core::crowd_test
