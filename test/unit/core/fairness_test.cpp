// Many connections share an interface whose device accepts, or holds, a limited number of packets: each connection gets a fair
// share, in either direction.
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

enum class device_kind
{
    plain, ///< no offload: TCP makes no segments larger than the MTU
    gso,   ///< no offload in the device: the host cuts GSO segments just before the device
    tso,   ///< the device itself cuts large segments (TSO)
};

struct load
{
    std::size_t connections;
    device_kind kind;
};

/// Bulk data from a to b on many connections; a turn lasts 500 us.
struct bulk : testing::TestWithParam<load>, two_hosts
{
    struct stream
    {
        tcp_id client, server;
        std::uint64_t got = 0; ///< octets that b's user has read
    };

    explicit bulk(std::size_t queue_length) : two_hosts(options_of_a_stack(), device(queue_length))
    {
        listener = listen(1000);
        for (std::size_t i = 0; i < GetParam().connections; ++i) {
            const tcp_id client = dial();
            settle();
            streams.push_back({client, accept()});
        }
    }
    static host_options options_of_a_stack()
    {
        host_options o;
        o.send_quantum = 65536; // the value that a stack in real time uses
        return o;
    }
    static device_info device(std::size_t queue_length)
    {
        const device_kind kind = GetParam().kind;
        device_info eth;
        eth.queue_length = queue_length;
        eth.offload.gso = kind == device_kind::gso;
        eth.offload.checksum = eth.offload.tso_v4 = kind == device_kind::tso;
        return eth;
    }
    tcp_id accept()
    {
        endpoint peer;
        const auto id = b.tcp().accept(listener, peer, now);
        return id ? *id : tcp_id{};
    }
    std::size_t write(tcp_id id, const std::string& text)
    {
        const const_bytes piece = octets(text);
        const auto n = a.tcp().send(id, std::span(&piece, 1), now);
        return n ? *n : 0;
    }
    void write_all()
    {
        for (const stream& s : streams)
            while (write(s.client, much) > 0) {}
    }
    std::size_t read(tcp_id id)
    {
        std::vector<slice> all;
        (void)b.tcp().receive(id, all, 100'000'000, now);
        std::size_t n = 0;
        for (const slice& s : all) n += s.size();
        return n;
    }
    void read_all()
    {
        for (stream& s : streams) s.got += read(s.server);
    }
    /// Delivers b's packets to a without any limit, then lets 500 us pass.
    void answer()
    {
        packet p;
        b.advance(now);
        while (b.next_packet(1, p, now)) a.receive(1, std::move(p), now);
        now += 500us;
    }
    /// Runs `turns`. @return the most octets that a connection received, divided by the least
    template <class Turn>
    double unfairness(std::size_t turns, Turn&& turn)
    {
        for (stream& s : streams) s.got = 0;
        while (turns-- > 0) turn();
        const auto less = [](const stream& x, const stream& y) { return x.got < y.got; };
        const auto [least, most] = std::minmax_element(streams.begin(), streams.end(), less);
        return static_cast<double>(most->got) / static_cast<double>(std::max<std::uint64_t>(least->got, 1));
    }

    const std::string much = std::string(30'000, 'x');
    tcp_id listener;
    std::vector<stream> streams;
};

std::string name_of(const testing::TestParamInfo<load>& p)
{
    constexpr const char* kinds[] = {"plain", "gso", "tso"};
    return std::to_string(p.param.connections) + "_over_" + kinds[static_cast<int>(p.param.kind)];
}

// -- sending ------------------------------------------------------------------------------------------------------------------

/// a's device accepts `places` packets in each turn and refuses the rest.
struct senders : bulk
{
    static constexpr std::size_t places = 32;

    senders() : bulk(0) { turns(500); }

    void leave()
    {
        for (std::size_t left = places; left > 0;) {
            a.advance(now);
            const auto first = a.first_packets(1, now);
            if (first.empty()) break;
            const std::size_t taken = std::min(first.size(), left);
            for (packet* const p : first.first(taken)) {
                sent += p->size();
                b.receive(1, std::move(*p), now);
            }
            a.drop_first_packets(1, taken);
            left -= taken;
        }
        a.advance(now);
    }
    void turn()
    {
        write_all();
        leave();
        read_all();
        answer();
    }
    void turns(std::size_t n)
    {
        while (n-- > 0) turn();
    }
    /// Most octets that can be ahead of a packet: a full transmit queue, and what the device accepts in two turns.
    std::size_t longest_queue() const
    {
        const std::size_t packet = GetParam().kind == device_kind::tso ? 65536 : 1514;
        return options.transmit_queue * 1514 + 2 * places * packet;
    }

    std::uint64_t sent = 0; ///< octets that the device has accepted
};

TEST_P(senders, get_equal_shares)
{
    EXPECT_LE(unfairness(2000, [&] { turn(); }), 2);
}

TEST_P(senders, let_a_newcomer_and_what_is_short_pass)
{
    const std::uint64_t began = sent;
    const tcp_id client = dial();
    tcp_id server;
    for (; !server && sent - began < 10 * longest_queue(); server = accept()) turn();
    ASSERT_TRUE(server);
    EXPECT_LE(sent - began, 2 * longest_queue()) << "octets sent before its SYN and before its ACK";
    const std::uint64_t asked = sent;
    EXPECT_EQ(write(client, "a request"), 9U);
    while (read(server) == 0 && sent - asked < 10 * longest_queue()) turn();
    EXPECT_LE(sent - asked, longest_queue()) << "octets sent before its request";
}

TEST_P(senders, all_go_on_after_the_link_was_down)
{
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    turns(1000);
    EXPECT_TRUE(a.set_link(1, true, 1500, now));
    turns(2000);
    EXPECT_LE(unfairness(2000, [&] { turn(); }), 4);
}

INSTANTIATE_TEST_SUITE_P(all, senders,
                         testing::Values(load{3, device_kind::plain}, load{3, device_kind::gso}, load{3, device_kind::tso},
                                         load{16, device_kind::plain}, load{16, device_kind::gso}, load{16, device_kind::tso},
                                         load{100, device_kind::plain}, load{100, device_kind::gso}, load{100, device_kind::tso}),
                         name_of);

// -- receiving ----------------------------------------------------------------------------------------------------------------

/// b's device queues `places` packets, which b reads once in each turn; the device drops packets that arrive while it is full.
struct uploaders : bulk
{
    static constexpr std::size_t places = 1000;

    uploaders() : bulk(places)
    {
        for (int i = 0; i < 500; ++i) turn(); // 250 ms: until window auto-tuning has settled
    }
    void arrive()
    {
        std::vector<packet> queue;
        for (bool more = true; more;) {
            more = false;
            a.advance(now);
            for (packet p; a.next_packet(1, p, now); more = true) {
                if (queue.size() < places) {
                    queue.push_back(std::move(p));
                } else {
                    ++dropped;
                }
            }
        }
        b.receive(1, queue, now);
    }
    void turn()
    {
        write_all();
        arrive();
        read_all();
        answer();
    }

    std::size_t dropped = 0; ///< packets
};

TEST_P(uploaders, share_the_queue_of_the_device_and_all_get_on)
{
    dropped = 0;
    EXPECT_LE(unfairness(100, [&] { turn(); }), 2);
    EXPECT_EQ(dropped, 0U);
    for (const stream& s : streams) EXPECT_GE(s.got, 100 * 1448U) << "less than one segment per turn";
}

INSTANTIATE_TEST_SUITE_P(all, uploaders,
                         testing::Values(load{3, device_kind::plain}, load{3, device_kind::tso}, load{16, device_kind::plain},
                                         load{16, device_kind::tso}, load{100, device_kind::plain}, load{100, device_kind::tso},
                                         load{300, device_kind::plain}, load{300, device_kind::tso}),
                         name_of);

} // namespace
} // namespace tapio::core
