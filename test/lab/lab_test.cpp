// Some cells of the laboratory's table, held to their bounds; fairness; long transfers. `tcp_lab --table` runs all of it.
#include "lab/bound.hpp"
#include "lab/lossy_transfer.hpp"
#include "lab/plot.hpp"
#include "support/world/stream_user.hpp"

#include <gmock/gmock.h>

#include <array>

namespace tapio::lab {
namespace {

using namespace std::chrono_literals;

struct path
{
    const char* congestion_control;
    unsigned mbit, rtt;      ///< ms
    double loss, reordering; ///< %
};
void PrintTo(const path& p, std::ostream* out)
{
    *out << p.congestion_control << ' ' << p.mbit << " Mbit/s, " << p.rtt << " ms, loss " << p.loss << " %, reordering "
         << p.reordering << " %";
}

cell cell_of(const path& p)
{
    cell c;
    c.congestion_control = p.congestion_control;
    c.rate = p.mbit * UINT64_C(1'000'000);
    c.rtt = std::chrono::milliseconds(p.rtt);
    c.loss = p.loss / 100;
    c.reordering = p.reordering / 100;
    return c;
}

std::vector<path> paths(const std::vector<double>& losses, const std::vector<double>& reorderings)
{
    std::vector<path> out;
    for (const char* cc : {"reno", "cubic", "bbr"})
        for (const unsigned mbit : {10U, 100U})
            for (const unsigned rtt : {1U, 20U, 100U})
                for (const double loss : losses)
                    for (const double reorder : reorderings) out.push_back({cc, mbit, rtt, loss, reorder});
    return out;
}

class without_loss : public testing::TestWithParam<path>
{
};

TEST_P(without_loss, the_path_is_full)
{
    const cell c = cell_of(GetParam());
    const outcome r = run(c);
    EXPECT_GE(r.utilisation, c.congestion_control == "reno" || c.reordering > 0 ? 0.93 : 0.95);
    EXPECT_LE(r.goodput, bound_of(c) * 1.001) << "more than the link can carry";
    if (c.reordering > 0) return;
    EXPECT_EQ(r.timeouts, 0U);
    EXPECT_LE(r.retransmissions, r.dropped) << "something was sent again that was not lost";
}
INSTANTIATE_TEST_SUITE_P(paths, without_loss, testing::ValuesIn(paths({0}, {0, 5})));

class with_loss : public testing::TestWithParam<path>
{
};

// The response functions are those of long averages: half a minute of a slow path has few losses, so there is some room.
TEST_P(with_loss, reaches_the_response_function)
{
    const cell c = cell_of(GetParam());
    const outcome r = run(c);
    const double bound = bound_of(c);
    const bool few_segments = bandwidth_delay_product(c) < 100 * 1500;
    if (c.congestion_control != "bbr") {
        EXPECT_GE(r.goodput, 0.6 * bound);
        EXPECT_LE(r.goodput, 1.6 * bound);
    } else if (c.loss <= 0.01 && !few_segments) {
        EXPECT_GE(r.utilisation, 0.9);
    } else {
        EXPECT_GE(r.goodput, 0.2 * bound); // beyond its loss threshold, or with too few packets to tell
    }
    EXPECT_LE(r.timeouts, c.loss <= 0.001 ? 0U : 5U);
    EXPECT_LE(static_cast<double>(r.retransmissions), 1.1 * static_cast<double>(r.dropped) + 5);
}
INSTANTIATE_TEST_SUITE_P(paths, with_loss, testing::ValuesIn(paths({0.1, 1, 3}, {0})));

class flows : public testing::TestWithParam<std::tuple<const char*, unsigned>>
{
};

TEST_P(flows, of_a_kind_share_fairly)
{
    cell c;
    std::tie(c.congestion_control, c.flows) = GetParam();
    c.rate = 100'000'000;
    c.rtt = 20ms;
    c.start_up = 40s; // CUBIC's flows approach each other slowly
    c.length = 60s;
    double fairness = 0;
    for (c.seed = 1; c.seed <= 3; ++c.seed) {
        const outcome r = run(c);
        fairness += r.fairness / 3;
        EXPECT_GE(r.utilisation, 0.95);
    }
    EXPECT_GE(fairness, 0.95);
}
INSTANTIATE_TEST_SUITE_P(kinds, flows, testing::Combine(testing::Values("reno", "cubic", "bbr"), testing::Values(2U, 8U)));

TEST(marks, instead_of_losses)
{
    for (const char* cc : {"cubic", "dctcp"}) {
        cell c;
        c.congestion_control = cc;
        c.rate = 100'000'000;
        c.rtt = 20ms;
        c.ecn = true;
        const outcome r = run(c);
        EXPECT_EQ(r.dropped, 0U) << cc;
        EXPECT_EQ(r.retransmissions, 0U) << cc;
        EXPECT_GE(r.utilisation, 0.9) << cc;
        EXPECT_LT(r.queue_mean, 5ms) << cc;
    }
}

TEST(buffers, that_begin_small_grow_to_what_the_path_needs)
{
    cell c;
    c.rate = 1'000'000'000;
    c.rtt = 50ms; // 6 MB
    c.length = 5s;
    c.tuned = true;
    EXPECT_GE(run(c).utilisation, 0.95);
}

// Two losses together among few segments are chance, not too much in flight.
TEST(random_loss, does_not_keep_bbr_small_on_a_long_path)
{
    for (const std::uint64_t seed : {1, 3}) {
        cell c = cell_of({"bbr", 10, 300, 1, 0});
        c.seed = seed;
        EXPECT_GE(run(c).utilisation, 0.9) << "seed " << seed;
    }
}

TEST(plots, show_what_was_sent_and_what_was_said_of_it)
{
    cell c = cell_of({"reno", 10, 50, 2, 0});
    c.start_up = 0ms;
    c.length = 5s;
    segment_log log(1s, 3s);
    const outcome o = run(c, {}, 10ms, &log);
    std::array<std::size_t, 4> kinds{};
    for (const segment_event& e : log.events()) {
        ++kinds[static_cast<std::size_t>(e.what)];
        EXPECT_LT(e.begin, e.end);
        EXPECT_TRUE(e.at >= 1s && e.at <= 3s);
    }
    EXPECT_GT(kinds[0], 100U);
    EXPECT_GT(kinds[1], 0U);
    EXPECT_LE(kinds[1], o.retransmissions);
    EXPECT_GT(kinds[2], 50U);
    EXPECT_GT(kinds[3], 0U);
    const std::string svg = plot_sequence(c, log);
    EXPECT_THAT(svg, testing::AllOf(testing::HasSubstr("sent again"), testing::EndsWith("</svg>\n")));
    EXPECT_THAT(svg, testing::Not(testing::AnyOf(testing::HasSubstr("nan"), testing::HasSubstr("inf"))));
}

TEST(plots, show_the_run)
{
    cell c;
    c.rate = 10'000'000;
    c.rtt = 20ms;
    c.start_up = 1s;
    c.length = 1s;
    std::vector<snapshot> seen;
    run(c, [&](const snapshot& s) { seen.push_back(s); });
    EXPECT_EQ(seen.size(), 200U);
    const std::string svg = plot(c, seen);
    EXPECT_TRUE(svg.starts_with("<svg"));
    EXPECT_NE(svg.find("queueing delay"), std::string::npos);
}

// -- what looks like loss and is none -----------------------------------------------------------------------------------

struct mistake
{
    double reordering = 0; ///< share of packets
    duration later{}, stall{}, stall_every{};
    double utilisation = 0; ///< at least
};
void PrintTo(const mistake& m, std::ostream* out)
{
    using ms = std::chrono::duration<double, std::milli>;
    *out << 100 * m.reordering << " % later by " << ms(m.later).count() << " ms, stalls of " << ms(m.stall).count() << " ms each "
         << ms(m.stall_every).count() << " ms";
}

class mistaken_recovery : public testing::TestWithParam<mistake>
{
};

/// Recoveries that were begun for reordering, and timeouts for a delay, are undone: what a path of 66 ms carries does not suffer.
TEST_P(mistaken_recovery, is_undone)
{
    const mistake& m = GetParam();
    cell c;
    c.rate = 50'000'000;
    c.rtt = 66ms;
    c.queue = 2; // of what comes at once after a stall nothing is lost
    c.reordering = m.reordering;
    c.reorder_delay = m.later;
    c.stall = m.stall;
    c.stall_every = m.stall_every;
    c.start_up = 5s;
    c.length = 20s;
    const outcome r = run(c);
    EXPECT_GE(r.utilisation, m.utilisation);
}
INSTANTIATE_TEST_SUITE_P(paths, mistaken_recovery,
                         testing::Values(mistake{.reordering = 0.01, .later = 10ms, .utilisation = 0.97},
                                         mistake{.reordering = 0.01, .later = 30ms, .utilisation = 0.97},
                                         mistake{.reordering = 0.05, .later = 50ms, .utilisation = 0.97},
                                         mistake{.stall = 100ms, .stall_every = 1s, .utilisation = 0.95},
                                         mistake{.stall = 300ms, .stall_every = 2s, .utilisation = 0.82},
                                         mistake{.stall = 1s, .stall_every = 5s, .utilisation = 0.75}));

// -- what takes a timeout -------------------------------------------------------------------------------------------------

class random_loss : public testing::TestWithParam<std::pair<duration, double>>
{
};

/// Both the data and the acknowledgements, of which there is one for all that arrived at one time.
TEST_P(random_loss, takes_hardly_ever_a_timeout)
{
    lossy_outcome all;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const lossy_outcome r = transfer({.rtt = GetParam().first, .loss = GetParam().second, .size = 8 << 20, .seed = seed});
        EXPECT_TRUE(r.complete);
        all.dropped += r.dropped;
        all.timeouts += r.timeouts;
        EXPECT_LE(r.took, 2s + 1500 * GetParam().first);
    }
    const bool rto_is_far = GetParam().first <= 10ms; // how many probes there is time for
    EXPECT_LE(all.timeouts_per_loss(), rto_is_far ? 0.005 : 0.02);
}
INSTANTIATE_TEST_SUITE_P(paths, random_loss,
                         testing::Values(std::pair{1us, 0.01}, std::pair{1us, 0.05}, std::pair{100us, 0.01},
                                         std::pair{100us, 0.05}, std::pair{10ms, 0.01}, std::pair{10ms, 0.05},
                                         std::pair{100ms, 0.01}, std::pair{100ms, 0.05}));

// -- long and hard transfers ----------------------------------------------------------------------------------------------

using test::agent;
using test::make_endpoint;

/// Octets that repeat after a number that no segment size divides.
const std::vector<std::byte>& pattern()
{
    static const std::vector<std::byte> all = [] {
        std::vector<std::byte> out((1 << 20) + 7);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = test::octet_at(i, 3);
        return out;
    }();
    return all;
}
const_bytes at_position(std::uint64_t position) { return const_bytes(pattern()).subspan(position % pattern().size()); }

class long_sender final : public agent
{
public:
    long_sender(host& h, tcp_id id, std::uint64_t size) : host_(h), id_(id), left_(size) { host_.tcp().set_owner(id_, this); }
    void ready(readiness what, time_point now) override
    {
        while (left_ > 0 && sent_ < pause_at && any(what & readiness::writable)) {
            const_bytes next = at_position(sent_);
            const std::array<const_bytes, 1> list{next.first(std::min<std::uint64_t>({next.size(), left_, pause_at - sent_}))};
            const auto n = host_.tcp().send(id_, list, now);
            if (!n) return;
            sent_ += *n;
            left_ -= *n;
        }
        if (left_ == 0 && !std::exchange(shut_, true)) (void)host_.tcp().shutdown(id_, shutdown_type::send, now);
    }

    tcp_id id() const noexcept { return id_; }

    std::uint64_t pause_at = UINT64_MAX; ///< octets; change it and call ready() to go on

private:
    host& host_;
    tcp_id id_;
    std::uint64_t left_, sent_ = 0;
    bool shut_ = false;
};

class long_receiver final : public agent
{
public:
    long_receiver(host& h, time_point now) : host_(h), id_(*h.tcp().open(family::v4))
    {
        (void)host_.tcp().bind(id_, make_endpoint("198.18.0.2", 80));
        (void)host_.tcp().listen(id_, 1, now);
        host_.tcp().set_owner(id_, this);
    }
    void ready(readiness, time_point now) override
    {
        endpoint peer;
        if (!accepted_) {
            const auto s = host_.tcp().accept(id_, peer, now);
            if (!s) return;
            accepted_ = true;
            id_ = *s;
            host_.tcp().set_owner(id_, this);
        }
        for (;;) {
            const_bytes wanted = at_position(received);
            const std::array<mutable_bytes, 1> into{mutable_bytes(scratch_).first(std::min(scratch_.size(), wanted.size()))};
            const auto n = host_.tcp().receive(id_, into, {}, now);
            if (!n) return;
            if (*n == 0) return void(ended = true);
            right = right && std::equal(scratch_.begin(), scratch_.begin() + static_cast<std::ptrdiff_t>(*n), wanted.begin());
            received += *n;
        }
    }
    std::uint64_t received = 0;
    bool right = true, ended = false;

private:
    host& host_;
    tcp_id id_;
    bool accepted_ = false;
    std::vector<std::byte> scratch_ = std::vector<std::byte>(1 << 18);
};

struct transfer
{
    transfer(std::uint64_t size, const test::world::wire_options& wire, std::uint64_t seed = 1)
        : net(seed),
          a(net.add_host()),
          b(net.add_host()),
          w(net.join(a, "198.18.0.1", b, "198.18.0.2", wire)),
          to(b, net.now()),
          from(a, test::start_connect(a, make_endpoint("198.18.0.2", 80), net.now()), size)
    {
    }
    test::world net;
    host &a, &b;
    test::wire_between& w;
    long_receiver to;
    long_sender from;
};

TEST(long_transfer, past_eight_gibibytes)
{
    constexpr std::uint64_t size = (UINT64_C(8) << 30) + 12345;
    test::world::wire_options wire;
    wire.mtu = 65000;
    wire.forth.delay = wire.back.delay = 100us;
    wire.forth.drop = 0.0001; // so that SACK has to do with every wrap
    transfer t(size, wire);
    ASSERT_TRUE(t.net.run_until([&] { return t.to.ended; }, 1h));
    EXPECT_EQ(t.to.received, size);
    EXPECT_TRUE(t.to.right);
    EXPECT_GT(t.a.counters().tcp.retrans_segs, 0U);
}

/// 4 GiB after the SYN comes an octet of its number. A segment that begins there, or ends, is none.
TEST(long_transfer, the_octet_that_has_the_number_of_the_syn_is_lost_and_comes_again)
{
    constexpr std::uint64_t round = (UINT64_C(1) << 32) - 1; // octets from the SYN to its number
    test::world::wire_options wire;
    wire.mtu = 65000;
    wire.forth.delay = wire.back.delay = 100us;
    transfer t(round + 1000, wire);
    t.from.pause_at = round;
    ASSERT_TRUE(t.net.run_until([&] { return t.to.received == round; }, 1h));
    t.net.run_for(1s);
    ASSERT_EQ(t.a.tcp().info(t.from.id(), t.net.now())->unacked, 0U) << "an acknowledgement that ends there ends all";
    impairment_options dead = wire.forth;
    dead.drop = 1;
    t.w.forth.change(dead, 1);
    t.from.pause_at = round + 1;
    t.from.ready(readiness::writable, t.net.now());
    t.net.run_for(300ms); // sent, and sent again in vain
    t.w.forth.change(wire.forth, 1);
    EXPECT_GT(t.a.counters().tcp.retrans_segs, 0U);
    t.from.pause_at = UINT64_MAX;
    t.from.ready(readiness::writable, t.net.now());
    ASSERT_TRUE(t.net.run_until([&] { return t.to.ended; }, 1min));
    EXPECT_EQ(t.to.received, round + 1000);
    EXPECT_TRUE(t.to.right);
}

// -- outages and black holes (RFC 4821) -----------------------------------------------------------------------------------

test::world::wire_options dsl()
{
    test::world::wire_options w;
    w.forth.delay = w.back.delay = 10ms;
    w.forth.rate = w.back.rate = 50'000'000;
    w.forth.queue_limit = w.back.queue_limit = 125'000;
    return w;
}

duration time_of(transfer& t, std::uint64_t size)
{
    const time_point start = t.net.now();
    EXPECT_TRUE(t.net.run_until([&] { return t.to.ended; }, 1h));
    EXPECT_EQ(t.to.received, size);
    EXPECT_TRUE(t.to.right);
    return t.net.now() - start;
}

class outage : public testing::TestWithParam<std::chrono::milliseconds>
{
};

TEST_P(outage, leaves_the_segments_as_large_as_they_were)
{
    constexpr std::uint64_t size = 20 << 20; // 3.5 s
    static const duration undisturbed = [] {
        transfer t(size, dsl());
        return time_of(t, size);
    }();
    transfer t(size, dsl());
    t.net.run_for(1s);
    impairment_options dead = dsl().forth;
    dead.drop = 1;
    t.w.forth.change(dead, 1);
    t.w.back.change(dead, 1);
    t.net.run_for(GetParam());
    t.w.forth.change(dsl().forth, 1);
    t.w.back.change(dsl().back, 1);
    const std::uint64_t before = t.to.received;
    ASSERT_TRUE(t.net.run_until([&] { return t.to.received > before + 100'000; }, 1min));
    EXPECT_EQ(t.a.tcp().info(t.from.id(), t.net.now())->send_mss, 1448U);
    // The last timeout, of those that double, is as late as the outage is long; the window begins anew at one segment.
    EXPECT_LE(1s + GetParam() + time_of(t, size), undisturbed + 2 * GetParam() + 1500ms);
}
INSTANTIATE_TEST_SUITE_P(lengths, outage, testing::Values(500ms, 1s, 2s, 3s, 4s, 5s, 6s, 7s));

class hole : public testing::TestWithParam<std::chrono::milliseconds>
{
};

TEST_P(hole, is_overcome_wherever_it_begins)
{
    constexpr std::uint64_t size = 20 << 20;
    test::world::wire_options narrow = dsl();
    narrow.mtu = 1024;
    static const duration at_best = [&] {
        transfer t(size, narrow);
        return time_of(t, size);
    }();
    transfer t(size, dsl());
    t.net.run_for(GetParam());
    t.w.forth.largest = 1200;
    EXPECT_LE(time_of(t, size), at_best + 5s) << "three timeouts, and a window that begins anew";
    EXPECT_GT(t.a.counters().tcp.timeouts, 0U);
    EXPECT_LE(t.a.counters().tcp.timeouts, 5U) << "the trial costs none";
}
INSTANTIATE_TEST_SUITE_P(times, hole, testing::Values(0ms, 1500ms));

class terrible_wire : public testing::TestWithParam<std::uint64_t>
{
};

TEST_P(terrible_wire, a_fifth_of_all_packets_lost_both_ways)
{
    constexpr std::uint64_t megabyte = 1 << 20;
    test::world::wire_options wire;
    wire.forth.drop = wire.back.drop = 0.2;
    wire.forth.delay = wire.back.delay = 10ms;
    transfer t(megabyte, wire, GetParam());
    ASSERT_TRUE(t.net.run_until([&] { return t.to.ended; }, 1h));
    EXPECT_EQ(t.to.received, megabyte);
    EXPECT_TRUE(t.to.right);
}
INSTANTIATE_TEST_SUITE_P(seeds, terrible_wire, testing::Range<std::uint64_t>(1, 9));

} // namespace
} // namespace tapio::lab
