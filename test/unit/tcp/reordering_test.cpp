// Congestion control on a path that reorders: SACKed octets raise the window, and undo after a spurious recovery restores the
// state completely.
#include "tcp/bbr.hpp"
#include "tcp/cubic.hpp"
#include "tcp/dctcp.hpp"
#include "tcp/new_reno.hpp"
#include "unit/tcp/congestion_path.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

namespace tapio::core::tcp {
namespace {

using namespace std::chrono_literals;

// -- acknowledgements that only bring SACK blocks ---------------------------------------------------------------------------

template <class Algorithm>
class sack_blocks_alone : public testing::Test
{
};
using algorithms = testing::Types<new_reno, cubic, dctcp>;
TYPED_TEST_SUITE(sack_blocks_alone, algorithms);

TYPED_TEST(sack_blocks_alone, raise_nothing_where_nothing_was_reordered) // RFC 5681 §3.2
{
    TypeParam cc;
    path p(cc);
    p.by_sack = true;
    p.round();
    EXPECT_EQ(p.segments(), 10);
}

TYPED_TEST(sack_blocks_alone, raise_the_window_of_a_path_that_reorders)
{
    TypeParam cc;
    path p(cc);
    p.by_sack = p.reorders = true;
    p.round();
    const bool has_hystart = std::is_same_v<TypeParam, cubic>; // without HyStart++ slow start would overshoot
    EXPECT_NEAR(p.segments(), has_hystart ? 20 : 10, 1) << "slow start";
    cc.loss_detected(40 * mss, p.now);
    cc.recovered(40 * mss, p.now);
    const double before = p.segments();
    for (int i = 0; i < 20; ++i) p.round();
    EXPECT_GT(p.segments(), before + 5) << "congestion avoidance";
}

TYPED_TEST(sack_blocks_alone, raise_nothing_in_a_recovery)
{
    TypeParam cc;
    path p(cc);
    p.by_sack = p.reorders = p.in_recovery = true;
    p.round();
    EXPECT_EQ(p.segments(), 10);
}

// -- reductions that are taken back -----------------------------------------------------------------------------------------

/// In the first slow start, enters a recovery that is undone one RTT later.
void recover_in_vain(path& p)
{
    p.cc.loss_detected(p.cc.window(), p.now);
    p.in_recovery = true;
    p.round();
    p.in_recovery = false;
    p.cc.undo(p.now);
}

TEST(undone_reduction, in_slow_start_leaves_hystart_at_work)
{
    cubic cc;
    path p(cc, 20 * mss);
    p.round(), p.round();
    recover_in_vain(p);
    const double before = p.segments();
    EXPECT_NEAR(before, 80, 4);
    p.round();
    EXPECT_NEAR(p.segments(), 2 * before, 8) << "slow start continues";
    for (int i = 0; i < 8; ++i) p.round(120ms);
    EXPECT_LT(cc.threshold(), UINT64_C(1'000'000)) << "RFC 9406 §4.2: slow start ends because RTTs have grown";
    EXPECT_LT(p.segments(), before * 8);
}

TEST(undone_reduction, does_not_make_hystart_forget_the_round_trips_before)
{
    cubic cc;
    path p(cc, 20 * mss);
    p.round(), p.round();
    recover_in_vain(p);
    p.round(120ms); // the first round afterwards: the RTT of 100 ms is still known
    const double before = p.segments();
    p.round(120ms);
    EXPECT_LT(p.segments(), before * 1.5) << "conservative slow start";
}

TEST(undone_reduction, of_a_timeout_leaves_hystart_at_work)
{
    cubic cc;
    path p(cc, 20 * mss);
    p.round(), p.round();
    cc.timed_out(80 * mss, true, p.now);
    p.now += 300ms;
    cc.undo(p.now);
    for (int i = 0; i < 8; ++i) p.round(120ms);
    EXPECT_LT(cc.threshold(), UINT64_C(1'000'000));
}

TEST(undone_reduction, does_not_set_cubic_back) // RFC 9438 §4.9.1: K and t_epoch are restored
{
    cubic disturbed, calm;
    path p(disturbed, 1000 * mss), q(calm, 1000 * mss);
    for (path* const x : {&p, &q}) {
        x->cc.loss_detected(1000 * mss, x->now);
        x->cc.recovered(1000 * mss, x->now);
    }
    for (int i = 0; i < 250; ++i) {
        p.round(), q.round();
        if (i % 3 == 0) recover_in_vain(p);
    }
    EXPECT_NEAR(p.segments(), q.segments(), q.segments() / 10);
}

/// BBR in Startup, on a path with an RTT of 100 ms whose rate is multiplied by `growth` each RTT.
struct growing_path
{
    explicit growing_path(std::uint64_t factor = 2) : growth(factor) { cc.start(mss, 10 * mss, now); }

    /// @param lost share of the octets in flight that is lost
    void round(double lost)
    {
        constexpr std::uint64_t steps = 10;
        const std::uint64_t flight = rate / 10, begin = delivered;
        for (std::uint64_t i = 0; i < steps; ++i) {
            now += 100ms / steps;
            delivered += flight / steps;
            ack_sample a;
            a.acked = a.delivered = flight / steps;
            a.prior_flight = a.in_flight = flight;
            a.window_limited = true;
            a.rtt = a.smoothed_rtt = a.least_rtt = 100ms;
            a.rate.lost = static_cast<std::uint64_t>(lost * static_cast<double>(flight));
            a.lost = a.rate.lost / steps;
            a.rate.interval = 100ms;
            a.rate.delivered = a.rate.in_flight = flight;
            a.rate.prior_delivered = last_begin + i * (begin - last_begin) / steps;
            a.rate.total_delivered = delivered;
            a.now = now;
            cc.acknowledged(a);
        }
        last_begin = begin;
        rate *= growth;
    }

    const std::uint64_t growth;
    bbr cc{1};
    time_point now{1h};
    std::uint64_t rate = 1'000'000; ///< octets/s
    std::uint64_t delivered = 0, last_begin = 0;
};

TEST(undone_reduction, brings_the_octets_back_though_segments_have_become_smaller)
{
    cubic cc;
    path p(cc, 100 * mss);
    cc.loss_detected(100 * mss, p.now);
    cc.mss_changed(mss / 2);
    cc.undo(p.now);
    EXPECT_EQ(cc.window(), 100 * mss);
}

TEST(undone_reduction, brings_bbr_back_to_its_startup)
{
    growing_path mistaken, lossy;
    for (growing_path* const p : {&mistaken, &lossy}) {
        for (int i = 0; i < 4; ++i) p->round(0);
        p->cc.loss_detected(p->cc.window(), p->now);
        p->round(0.1), p->round(0.1); // BBRCheckStartupHighLoss ends Startup
    }
    mistaken.cc.undo(mistaken.now);
    lossy.cc.recovered(lossy.cc.window(), lossy.now);
    mistaken.round(0), lossy.round(0);
    EXPECT_GT(mistaken.cc.pacing_rate(), 2 * lossy.cc.pacing_rate()) << "one is back in Startup, the other drains the queue";
}

TEST(undone_reduction, lifts_the_long_term_bound_that_ended_a_probe_of_bbr) // BBRHandleSpuriousLossDetection
{
    growing_path mistaken(1), lossy(1);
    for (growing_path* const p : {&mistaken, &lossy}) {
        const auto probes = [&] { return p->cc.pacing_rate() > p->rate * 6 / 5; };
        for (int i = 0; i < 10; ++i) p->round(0); // until Startup and Drain have ended
        ASSERT_FALSE(probes());
        for (int i = 0; i < 200 && !probes(); ++i) p->round(0);
        ASSERT_TRUE(probes()) << "ProbeBW_UP was not entered";
        ASSERT_GT(p->cc.window(), 150 * mss) << "the window is not bounded, and is twice the BDP of 100 segments";
        p->cc.segment_lost({.size = mss, .in_flight = 80 * mss, .lost = 8 * mss, .now = p->now});
        p->cc.loss_detected(80 * mss, p->now);
        p->round(0);
        EXPECT_LT(p->cc.window(), 120 * mss) << "bounded by what was in flight at the loss";
    }
    mistaken.cc.undo(mistaken.now);
    lossy.cc.recovered(80 * mss, lossy.now);
    mistaken.round(0), lossy.round(0);
    EXPECT_GT(mistaken.cc.window(), 150 * mss);
    EXPECT_LT(lossy.cc.window(), 120 * mss);
}

} // namespace
} // namespace tapio::core::tcp
