// Floods of flows from sources without number to forwarders with any-IP: the bounds hold, and honest clients come through.
// TAPIO_FLOOD is the number of packets of each flood.
#include "base/flow_key.hpp"
#include "core/undecided_flows.hpp"
#include "raw_host.hpp"
#include "wire/ipv6.hpp"
#include "wire/tcp.hpp"

#include <cstdlib>
#include <functional>
#include <random>
#include <set>

namespace tapio::core::forwarder_flood_test {
namespace {

std::uint32_t flood_size()
{
    const char* const given = std::getenv("TAPIO_FLOOD");
    return given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10)) : 500'000U;
}

// -- the table ----------------------------------------------------------------------------------------------------------------

constexpr siphash_key key{1, 2};

flow_key flow_of(std::uint32_t n) { return {{address_v4(0xc612'0000U + n), 1000}, {at("203.0.113.5"), 80}, ip_protocol::tcp}; }

struct nothing
{
};

TEST(undecided_flows, of_a_sender_that_tries_again_has_room_that_a_flood_cannot_fill)
{
    undecided_flows<nothing> all({.most_pending = 40}, key);
    for (std::uint32_t n = 0; n < 1000; ++n) (void)all.add(flow_of(n), {}, {});
    EXPECT_EQ(all.size(), 30U);
    for (std::uint32_t n = 995; n < 1000; ++n) EXPECT_NE(all.add(flow_of(n), {}, {}), nullptr) << n;
    for (std::uint32_t n = 100; n < 1000; ++n)
        if (all.find(flow_of(n)) == nullptr) (void)all.add(flow_of(n), {}, {});
    EXPECT_EQ(all.size(), 40U) << "the bound holds for these too";
}

TEST(undecided_flows, that_are_over_before_they_are_taken_leave_nothing_behind)
{
    undecided_flows<nothing> all({.most_pending = 4}, key);
    for (std::uint32_t n = 0; n < 1000; ++n) all.erase(*all.add(flow_of(n), {}, {}));
    EXPECT_EQ(all.untaken(), 0U);
    ASSERT_NE(all.add(flow_of(1), {}, {}), nullptr);
    EXPECT_EQ(all.take()->flow, flow_of(1));
    EXPECT_EQ(all.take(), nullptr);
}

// -- a host ---------------------------------------------------------------------------------------------------------------------

struct kind
{
    core::family family;
    bool tcp;
};

/// 100,000 flows/s from sources that send one packet each.
class flood_of_flows : public testing::TestWithParam<kind>, private event_sink
{
protected:
    static constexpr duration between = 10us;
    static constexpr std::uint32_t clients = 20;

    flood_of_flows()
    {
        std::array<std::byte, 32> seed{};
        h = std::make_unique<host>(host_options{}, seed);
        device_info tun;
        tun.name = "tun0";
        tun.link = link_type::ip;
        h->add_interface(tun);
        EXPECT_FALSE(h->add_address(1, v4 ? address(at("192.0.2.1")) : address(at6("2001:db8:ffff::1")), v4 ? 24 : 64, now));
        EXPECT_FALSE(h->add_route(v4 ? address(address_v4()) : address(address_v6()), 0, std::nullopt, 1));
        EXPECT_FALSE(h->accept_any_destination(1, true));
        EXPECT_FALSE(forwarder().open({}, *this));
    }

    flow_forwarder& forwarder()
    {
        if (tcp) return h->tcp().forwarder();
        return h->udp().forwarder();
    }
    std::uint64_t requests() const { return tcp ? h->counters().tcp.forwarder_requests : h->counters().udp.forwarder_requests; }

    void send(const endpoint& from)
    {
        packet p;
        const endpoint to{v4 ? address(at("203.0.113.5")) : address(at6("2001:db8:fffe::5")), 80};
        if (tcp) {
            wire::tcp_fields f;
            f.source_port = from.port;
            f.destination_port = to.port;
            f.flags = wire::tcp_syn;
            f.window = 65535;
            wire::push_tcp(p, f, from.address, to.address);
        } else {
            wire::push_udp(p, from.port, to.port, from.address, to.address);
        }
        const ip_protocol protocol = tcp ? ip_protocol::tcp : ip_protocol::udp;
        if (v4) {
            wire::push_ipv4(p,
                            wire::ipv4_words{protocol, 64, 0, 0, from.address.to_v4().to_uint(), to.address.to_v4().to_uint()});
        } else {
            const flow_key flow(from, to, protocol);
            wire::push_ipv6(p, {protocol, 64, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        }
        h->receive(1, packet(slice::copy_of(flat(p))), now);
    }
    /// Of 198.18.0.0/15, whose addresses come again with another port; or of as many /64 prefixes.
    endpoint flooder(std::uint32_t n) const
    {
        if (v4) return {address_v4(0xc612'0000U + n % 131'072), static_cast<std::uint16_t>(1000 + n / 131'072)};
        address_v6::bytes_type o{0x20, 0x01, 0x0d, 0xb8};
        for (unsigned i = 0; i < 4; ++i) o[4 + i] = static_cast<std::uint8_t>(n >> (24 - 8 * i));
        o[15] = 9;
        return {address_v6(o), 1000};
    }
    endpoint client(std::uint32_t n) const
    {
        if (v4) return {address_v4(0xc633'6400U + n), 5000};
        address_v6::bytes_type o{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xfd};
        o[7] = static_cast<std::uint8_t>(n);
        o[15] = 1;
        return {address_v6(o), 5000};
    }
    bool is_honest(const endpoint& e) const { return e.port == 5000; }

    /// Clients begin in the first quarter of a flood that they try to get through by exponential backoff from 1 s, as TCP does.
    void run(std::uint32_t packets, const std::function<void()>& user)
    {
        struct attempt
        {
            time_point next;
            duration wait = 1s;
        };
        std::vector<attempt> attempts(clients);
        const time_point begins = now;
        for (std::uint32_t i = 0; i < clients; ++i) attempts[i].next = begins + between * (packets / 4 / clients) * i + 3us;
        for (std::uint32_t n = 0; n < packets; ++n, now += between) {
            send(flooder(n));
            for (std::uint32_t i = 0; i < clients; ++i) {
                attempt& a = attempts[i];
                if (now < a.next || offered.count(client(i).address) != 0) continue;
                send(client(i));
                a.next = now + a.wait;
                a.wait *= 2;
            }
            if (n % 10 != 0) continue;
            h->advance(now);
            h->dispatch_events(now);
            user();
            for (packet p; h->next_packet(1, p, now);) ++sent;
            EXPECT_LE(requests() - decided, 1024U);
        }
    }

    /// Takes what there is, and decides `after` so long.
    void eager(duration after)
    {
        while (const auto f = forwarder().take()) taken.emplace_back(now + after, *f);
        while (!taken.empty() && taken.front().first <= now) {
            decide(taken.front().second);
            taken.pop_front();
        }
    }
    void decide(const taken_flow& f)
    {
        ++decided;
        if (!is_honest(f.facts.source)) return forwarder().refuse(f.id, refusal::reset, std::nullopt, now);
        if (forwarder().accept(f.id, now)) offered.insert(f.facts.source.address);
    }
    void ready(readiness, time_point) override { ++told; }

    const bool v4 = GetParam().family == family::v4, tcp = GetParam().tcp;
    time_point now{1h};
    std::unique_ptr<host> h;
    std::deque<std::pair<time_point, taken_flow>> taken;
    std::set<address> offered; ///< honest clients whose flow was accepted
    std::uint64_t decided = 0, sent = 0, told = 0;
};

TEST_P(flood_of_flows, a_user_that_decides_at_once_hears_of_all)
{
    run(flood_size() / 5, [&] { eager({}); });
    EXPECT_EQ(offered.size(), clients);
    EXPECT_EQ(requests(), flood_size() / 5 + clients);
}

// A decision takes 20 ms, so that twice as many flows arrive as may wait
TEST_P(flood_of_flows, honest_clients_come_through_to_a_user_that_needs_time)
{
    run(flood_size(), [&] { eager(20ms); });
    EXPECT_EQ(offered.size(), clients);
    EXPECT_LT(decided, flood_size()) << "it was a flood";
}

TEST_P(flood_of_flows, honest_clients_come_through_to_a_user_that_takes_few)
{
    time_point next = now;
    run(flood_size(), [&] {
        if (now < next) return;
        next = now + 1ms;
        if (const auto f = forwarder().take()) decide(*f);
    });
    EXPECT_GE(offered.size(), clients - clients / 4) << "a refused flow may have been forgotten before it comes again";
}

TEST_P(flood_of_flows, a_user_that_takes_nothing_costs_no_more_than_the_bound)
{
    run(flood_size() / 5, [] {});
    EXPECT_LE(requests(), 1024U);
    EXPECT_EQ(h->tcp().size(), 0U);
    now += 31s;
    h->advance(now);
    EXPECT_FALSE(forwarder().take()) << "their time is up";
    send(client(99));
    const auto f = forwarder().take();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->facts.source, client(99));
    EXPECT_EQ(h->next_deadline(), now + 30s);
}

INSTANTIATE_TEST_SUITE_P(each, flood_of_flows,
                         testing::Values(kind{family::v4, true}, kind{family::v6, true}, kind{family::v4, false},
                                         kind{family::v6, false}),
                         [](const auto& p) {
                             return std::string(p.param.tcp ? "tcp_" : "udp_") + (p.param.family == family::v4 ? "v4" : "v6");
                         });

} // namespace
} // namespace tapio::core::forwarder_flood_test
