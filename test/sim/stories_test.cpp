// Whole hosts in virtual time: a thousand connections, a filled link, wires that fail, readers that stop, and users that act at
// random.
#include "support/world/stream_user.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace tapio::test {
namespace {

using namespace std::chrono_literals;

/// Two hosts and a wire.
struct two_hosts : testing::Test
{
    wire_between& join(const impairment_options& both, std::size_t mtu = 1500)
    {
        return net.join(a, "192.0.2.1", b, "192.0.2.2", {link_type::ip, mtu, both, both});
    }
    static impairment_options delayed(duration d)
    {
        impairment_options o;
        o.delay = d;
        return o;
    }

    world net{7};
    host &a = net.add_host(), &b = net.add_host();
    const endpoint there = make_endpoint("192.0.2.2", 80);
};

TEST_F(two_hosts, a_thousand_connections_at_once)
{
    join(delayed(5ms));
    constexpr std::uint64_t size = 10'000;
    acceptor_user server(b, there, 2000, {size, 2, 1}, net.now());
    std::vector<std::unique_ptr<stream_user>> clients;
    for (int i = 0; i < 1000; ++i)
        clients.push_back(std::make_unique<stream_user>(a, start_connect(a, there, net.now()), stream_user::plan{size, 1, 2}));
    const auto all = [](const auto& users) {
        return std::all_of(users.begin(), users.end(), [](const auto& u) { return u->finished(); });
    };
    ASSERT_TRUE(net.run_until([&] { return server.users().size() == 1000 && all(clients) && all(server.users()); }, 2min));
    for (const auto& c : clients) {
        EXPECT_EQ(c->received(), size);
        EXPECT_FALSE(c->wrong_octets() || c->error());
    }
    net.run_for(2min);
    EXPECT_EQ(a.tcp().size(), 0U);
    EXPECT_EQ(b.tcp().size(), 1U);
    EXPECT_EQ(b.counters().tcp.curr_estab, 0U);
}

TEST_F(two_hosts, no_more_than_so_many_wait_for_their_time_to_pass)
{
    host_options few;
    few.time_wait_limit = 100;
    host& c = net.add_host(few);
    net.join(c, "198.51.100.1", b, "198.51.100.2", {link_type::ip, 1500, delayed(5ms), delayed(5ms)});
    const endpoint server_there = make_endpoint("198.51.100.2", 80);
    acceptor_user server(b, server_there, 2000, {10, 2, 1}, net.now());
    std::vector<std::unique_ptr<stream_user>> clients; // clients are destroyed before the server
    for (int i = 0; i < 300; ++i)
        clients.push_back(
            std::make_unique<stream_user>(c, start_connect(c, server_there, net.now()), stream_user::plan{10, 1, 2}));
    ASSERT_TRUE(net.run_until(
        [&] { return std::all_of(clients.begin(), clients.end(), [](const auto& u) { return u->finished(); }); }, 1min));
    net.run_for(1s);
    EXPECT_EQ(c.tcp().size() + b.tcp().size(), 101U);
    net.run_for(61s);
    EXPECT_EQ(c.tcp().size(), 0U);
    EXPECT_EQ(b.tcp().size(), 1U);
}

TEST_F(two_hosts, a_link_is_filled)
{
    impairment_options link = delayed(20ms);
    link.rate = 10'000'000;
    link.queue_limit = 50'000; // octets: one bandwidth-delay product
    wire_between& w = join(link);
    acceptor_user server(b, there, 5, {0, 2, 1}, net.now());
    stream_user client(a, start_connect(a, there, net.now()), {UINT64_C(1) << 40, 1, 2});
    net.run_for(5s);
    const std::uint64_t before = server.users().at(0)->received();
    net.run_for(30s);
    const std::uint64_t octets = server.users().at(0)->received() - before;
    const double used = static_cast<double>(octets) * 8 * 1500 / 1448 / (30.0 * 10'000'000);
    EXPECT_GT(used, 0.95) << "share of the link rate, with NewReno and a queue of one BDP";
    EXPECT_LE(used, 1.001);
    EXPECT_GT(w.forth.counters().queue_dropped, 0U) << "the link was not filled";
}

// RFC 4861 §7.3.1: ACKs received by TCP confirm the next hop, so that no ARP requests or neighbour solicitations are sent.
TEST(neighbor, of_a_busy_connection_is_asked_for_once)
{
    world net;
    host& a = net.add_host();
    host& b = net.add_host();
    world::wire_options options{.link = link_type::ethernet};
    options.forth.delay = options.back.delay = 5ms;
    options.forth.rate = options.back.rate = 200'000;
    wire_between& w = net.join(a, "198.51.100.1", b, "198.51.100.2", options);
    std::size_t arp = 0;
    const auto count = [&arp](const packet& p) {
        std::array<std::byte, 14 + 41> header{};
        p.copy_to(header);
        const bool v4 = header[12] == std::byte{0x08} && header[13] == std::byte{0x06};
        const bool solicitation = header[20] == std::byte{58} && header[54] == std::byte{135};
        if (v4 || (header[12] == std::byte{0x86} && solicitation)) ++arp;
    };
    w.forth.sees = w.back.sees = count;
    const endpoint there = make_endpoint("198.51.100.2", 80);
    acceptor_user server(b, there, 5, {0, 2, 1}, net.now());
    stream_user client(a, start_connect(a, there, net.now()), {UINT64_C(1) << 40, 1, 2});
    net.run_for(1s);
    const std::size_t first = arp;
    EXPECT_GT(first, 0U);
    net.run_for(10min);
    EXPECT_EQ(arp, first);
    EXPECT_GT(server.users().at(0)->received(), 10'000'000U);
}

TEST_F(two_hosts, a_wire_that_dies_ends_both_sides)
{
    wire_between& w = join(delayed(5ms));
    acceptor_user server(b, there, 5, {UINT64_C(1) << 40, 2, 1}, net.now());
    stream_user client(a, start_connect(a, there, net.now()), {UINT64_C(1) << 40, 1, 2});
    net.run_for(1s);
    impairment_options cut;
    cut.drop = 1;
    w.forth.change(cut, 1);
    w.back.change(cut, 2);
    EXPECT_TRUE(net.run_until([&] { return client.error() && server.users()[0]->error(); }, 30min));
    EXPECT_EQ(client.error(), errno_code(ETIMEDOUT));
    EXPECT_EQ(server.users()[0]->error(), errno_code(ETIMEDOUT));
    net.run_for(1h);
    EXPECT_EQ(a.tcp().size(), 0U);
    EXPECT_EQ(b.tcp().size(), 1U);
}

TEST_F(two_hosts, a_wire_that_comes_back_goes_on)
{
    wire_between& w = join(delayed(5ms));
    constexpr std::uint64_t size = 200'000'000;
    acceptor_user server(b, there, 5, {0, 2, 1}, net.now());
    stream_user client(a, start_connect(a, there, net.now()), {size, 1, 2});
    net.run_for(100ms);
    impairment_options cut;
    cut.drop = 1;
    w.forth.change(cut, 1);
    w.back.change(cut, 2);
    net.run_for(5min);
    EXPECT_FALSE(client.error());
    w.forth.change(delayed(5ms), 3);
    w.back.change(delayed(5ms), 4);
    ASSERT_TRUE(net.run_until([&] { return server.users()[0]->end_of_stream(); }, 10min));
    EXPECT_EQ(server.users()[0]->received(), size);
    EXPECT_FALSE(server.users()[0]->wrong_octets());
}

TEST_F(two_hosts, a_reader_that_stops_for_an_hour)
{
    join(delayed(5ms));
    constexpr std::uint64_t size = 3'000'000;
    acceptor_user server(b, there, 5, {0, 2, 1, 65536, 65536, true, false}, net.now());
    stream_user client(a, start_connect(a, there, net.now()), {size, 1, 2});
    net.run_for(1h);
    stream_user& reader = *server.users().at(0);
    EXPECT_EQ(reader.received(), 0U);
    EXPECT_LE(reader.info(net.now()).unread, 256U * 1024 + 256)
        << "a window in units of 1 << scale may exceed the buffer by up to a unit";
    EXPECT_GE(reader.info(net.now()).unread, 250U * 1024) << "the peer must fill the buffer";
    EXPECT_GT(a.counters().tcp.zero_window_probes, 50U);
    EXPECT_FALSE(client.error());
    reader.plan_.reading = true;
    reader.ready(readiness::readable, net.now());
    ASSERT_TRUE(net.run_until([&] { return reader.end_of_stream(); }, 1min));
    EXPECT_EQ(reader.received(), size);
    EXPECT_FALSE(reader.wrong_octets());
}

// -- users without a plan ----------------------------------------------------------------------------------------------

/// Performs random calls on a socket, and checks the octets that it reads.
class whim : public agent
{
public:
    whim(host& h, tcp_id id, std::uint64_t salt, std::uint64_t peer_salt) : host_(h), id_(id), salt_(salt), peer_salt_(peer_salt)
    {
        h.tcp().set_owner(id, this);
    }

    void ready(readiness, time_point) override {}

    void act(std::mt19937& random, time_point now)
    {
        if (closed_) return;
        switch (random() % 16) {
        case 0: shut_ = !host_.tcp().shutdown(id_, shutdown_type::send, now) || shut_; break;
        case 1:
            if (random() % 8 == 0) close(now);
            break;
        case 2:
            if (random() % 16 == 0) {
                (void)host_.tcp().set_option(id_, socket_option::linger, 0, now);
                close(now);
            }
            break;
        case 3: (void)host_.tcp().set_option(id_, socket_option::no_delay, random() % 2, now); break;
        case 4: (void)host_.tcp().set_option(id_, socket_option::keep_alive, random() % 2, now); break;
        case 5: (void)host_.tcp().poll(id_), (void)host_.tcp().available(id_), (void)host_.tcp().info(id_, now); break;
        case 6:
        case 7:
        case 8:
        case 9: send(random() % 20'000, now); break;
        default: receive(1 + random() % 20'000, now); break;
        }
    }
    void close(time_point now)
    {
        if (!std::exchange(closed_, true)) host_.tcp().close(id_, now);
    }
    std::uint64_t sent() const noexcept { return sent_; }
    std::uint64_t received() const noexcept { return received_; }
    std::uint64_t salt() const noexcept { return salt_; }
    bool wrong() const noexcept { return wrong_; }
    bool sent_after_shutdown() const noexcept { return after_shutdown_; }

private:
    void send(std::size_t size, time_point now)
    {
        std::vector<std::byte> memory(size);
        for (std::size_t i = 0; i < size; ++i) memory[i] = octet_at(sent_ + i, salt_);
        const std::array<const_bytes, 1> from{memory};
        const auto n = host_.tcp().send(id_, from, now);
        if (!n) return;
        after_shutdown_ = after_shutdown_ || (shut_ && *n > 0);
        sent_ += *n;
    }
    void receive(std::size_t size, time_point now)
    {
        std::vector<std::byte> memory(size);
        const std::array<mutable_bytes, 1> into{memory};
        const auto n = host_.tcp().receive(id_, into, {}, now);
        for (std::size_t i = 0; n && i < *n; ++i) wrong_ = wrong_ || memory[i] != octet_at(received_ + i, peer_salt_);
        if (n) received_ += *n;
    }

    host& host_;
    tcp_id id_;
    std::uint64_t salt_, peer_salt_, sent_ = 0, received_ = 0;
    bool closed_ = false, shut_ = false, wrong_ = false, after_shutdown_ = false;
};

class users_without_a_plan : public testing::TestWithParam<std::uint64_t>
{
};

TEST_P(users_without_a_plan, lose_nothing_and_leave_nothing_behind)
{
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    world net(GetParam());
    host &a = net.add_host(), &b = net.add_host();
    impairment_options o;
    o.delay = 3ms;
    o.drop = o.duplicate = 0.02;
    o.reorder = 0.05;
    net.join(a, "192.0.2.1", b, "192.0.2.2", {link_type::ip, 1500, o, o});
    const endpoint there = make_endpoint("192.0.2.2", 80);
    const tcp_id listener = *b.tcp().open(test_family());
    ASSERT_FALSE(b.tcp().bind(listener, there));
    ASSERT_FALSE(b.tcp().listen(listener, 20, net.now()));
    // The salt of a connection's data is the client's port, which both ends know.
    std::vector<std::unique_ptr<whim>> clients, servers;
    for (unsigned step = 0; step < 4000; ++step) {
        if (random() % 40 == 0) {
            const tcp_id id = start_connect(a, there, net.now());
            const std::uint64_t salt = a.tcp().local_endpoint(id)->port;
            clients.push_back(std::make_unique<whim>(a, id, 2 * salt, 2 * salt + 1));
        }
        endpoint peer;
        if (const auto id = b.tcp().accept(listener, peer, net.now()))
            servers.push_back(std::make_unique<whim>(b, *id, 2 * peer.port + 1, 2 * peer.port));
        if (!clients.empty()) clients[random() % clients.size()]->act(random, net.now());
        if (!servers.empty()) servers[random() % servers.size()]->act(random, net.now());
        net.run_for(random() % 4 == 0 ? duration(1ms) * (random() % 50) : duration(1us) * (random() % 500));
    }
    EXPECT_GT(clients.size(), 50U);
    EXPECT_GT(servers.size(), 30U);
    std::uint64_t moved = 0;
    for (const auto* side : {&clients, &servers})
        for (const auto& w : *side) {
            EXPECT_FALSE(w->wrong());
            EXPECT_FALSE(w->sent_after_shutdown());
            moved += w->received();
        }
    EXPECT_GT(moved, 1'000'000U);
    for (const auto& s : servers)
        for (const auto& c : clients)
            if (c->salt() + 1 == s->salt()) {
                EXPECT_LE(s->received(), c->sent());
                EXPECT_LE(c->received(), s->sent());
            }
    for (const auto* side : {&clients, &servers})
        for (const auto& w : *side) w->close(net.now());
    b.tcp().close(listener, net.now());
    net.run_for(1h);
    EXPECT_EQ(a.tcp().size(), 0U);
    EXPECT_EQ(b.tcp().size(), 0U);
    EXPECT_EQ(a.counters().tcp.curr_estab, 0U);
    EXPECT_EQ(b.counters().tcp.curr_estab, 0U);
}

INSTANTIATE_TEST_SUITE_P(seeds, users_without_a_plan, testing::Range<std::uint64_t>(1, 21));

} // namespace
} // namespace tapio::test
