// Congestion control, HyStart++, PRR and pacing without a connection: ACK samples in, windows out.
#include "tcp/bbr.hpp"
#include "tcp/cubic.hpp"
#include "tcp/dctcp.hpp"
#include "tcp/hystart.hpp"
#include "tcp/new_reno.hpp"
#include "tcp/pacer.hpp"
#include "tcp/proportional_rate_reduction.hpp"
#include "tcp/windowed_filter.hpp"
#include "unit/tcp/congestion_path.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tapio::core::tcp {
namespace {

using namespace std::chrono_literals;

// -- Reno --------------------------------------------------------------------------------------------------------------

TEST(reno, doubles_in_slow_start_and_then_grows_by_one_segment)
{
    new_reno cc;
    path p(cc);
    p.round(), p.round();
    EXPECT_NEAR(p.segments(), 40, 1); // RFC 5681 §3.1: slow start doubles per RTT
    cc.loss_detected(40 * mss, p.now);
    EXPECT_EQ(p.segments(), 20);
    cc.recovered(20 * mss, p.now);
    for (int i = 0; i < 10; ++i) p.round();
    EXPECT_NEAR(p.segments(), 30, 1);
}

TEST(reno, does_not_grow_what_is_not_used)
{
    new_reno cc;
    path p(cc);
    for (int i = 0; i < 10; ++i) p.round(100ms, false);
    EXPECT_EQ(p.segments(), 10); // RFC 7661: no growth while the window is not used
}

TEST(reno, a_timeout_begins_anew_and_a_mistake_is_taken_back)
{
    new_reno cc;
    path p(cc);
    p.round();
    cc.timed_out(20 * mss, true, p.now);
    EXPECT_EQ(cc.window(), mss);
    EXPECT_EQ(cc.threshold(), 10 * mss);
    cc.timed_out(mss, false, p.now);
    EXPECT_EQ(cc.threshold(), 10 * mss) << "RFC 5681 §3.1: ssthresh is held constant for a repeated timeout";
    cc.undo(p.now);
    EXPECT_EQ(p.segments(), 20);
    EXPECT_GT(cc.threshold(), 1'000'000U);
}

// -- CUBIC ----------------------------------------------------------------------------------------------------------------

TEST(cubic, loses_three_tenths_and_comes_back_after_k_seconds)
{
    cubic cc;
    path p(cc, 1000 * mss);
    cc.loss_detected(1000 * mss, p.now);
    cc.recovered(1000 * mss, p.now);
    EXPECT_EQ(p.segments(), 700); // RFC 9438 §4.6: beta = 0.7
    const double k = std::cbrt(1000 * 0.3 / 0.4);
    const time_point start = p.now;
    double before = 0;
    while (p.now - start < std::chrono::duration<double>(k)) before = p.segments(), p.round();
    EXPECT_NEAR(before, 1000, 15); // RFC 9438 §4.2: W_cubic(K) = W_max
    EXPECT_LT(p.segments(), 1030);
    const double plateau = p.segments();
    for (int i = 0; i < 100; ++i) p.round();
    EXPECT_GT(p.segments(), plateau + 300) << "beyond W_max the growth is convex";
}

TEST(cubic, is_no_slower_than_reno_on_a_short_path)
{
    cubic cc;
    path p(cc, 20 * mss);
    cc.loss_detected(20 * mss, p.now);
    cc.recovered(20 * mss, p.now);
    EXPECT_EQ(p.segments(), 14);
    for (int i = 0; i < 20; ++i) p.round(1ms);
    EXPECT_NEAR(p.segments(), 14 + 20 * 0.53 * 1.1, 4)
        << "Reno-friendly region: alpha = 0.53 segments per RTT up to W_max (RFC 9438 §4.3)";
    for (int i = 0; i < 20; ++i) p.round(1ms);
    EXPECT_GT(p.segments(), 35);
}

TEST(cubic, gives_way_faster_when_it_loses_before_it_was_back)
{
    cubic a, b;
    path p(a, 1000 * mss), q(b, 1000 * mss);
    for (cubic* const cc : {&a, &b}) cc->loss_detected(1000 * mss, p.now), cc->recovered(1000 * mss, p.now);
    a.loss_detected(700 * mss, p.now); // at 700 of 1000 segments: W_max becomes 595 (RFC 9438 §4.7)
    a.recovered(700 * mss, p.now);
    EXPECT_EQ(p.segments(), 490);
    const time_point start = p.now;
    while (p.now - start < 4s) p.round();
    EXPECT_NEAR(p.segments(), 595, 20);
}

TEST(cubic, a_mark_takes_less_than_a_loss)
{
    cubic cc;
    path p(cc, 100 * mss);
    cc.congestion_experienced(100 * mss, p.now);
    EXPECT_EQ(p.segments(), 85); // RFC 8511 §3: beta_ecn = 0.85
}

TEST(cubic, takes_a_mistake_back)
{
    cubic cc;
    path p(cc, 100 * mss);
    cc.timed_out(100 * mss, true, p.now);
    EXPECT_EQ(p.segments(), 1);
    cc.undo(p.now);
    EXPECT_EQ(p.segments(), 100); // RFC 9438 §4.9
    EXPECT_GT(cc.threshold(), 1'000'000U);
}

TEST(cubic, time_in_which_the_window_is_not_used_does_not_count)
{
    cubic cc;
    path p(cc, 1000 * mss);
    cc.loss_detected(1000 * mss, p.now);
    cc.recovered(1000 * mss, p.now);
    p.round();
    for (int i = 0; i < 300; ++i) p.round(100ms, false); // application-limited for 30 s
    const double before = p.segments();
    p.round(), p.round();
    EXPECT_LT(p.segments(), before + 50) << "RFC 9438 §5.8: time without use of the window does not count";
}

// -- HyStart++ ------------------------------------------------------------------------------------------------------------

TEST(hystart_plus_plus, leaves_slow_start_when_round_trips_grow)
{
    cubic cc;
    path p(cc, 20 * mss);
    p.round(100ms), p.round(100ms);
    const double before = p.segments();
    EXPECT_NEAR(before, 80, 4);
    // RFC 9406 §4.2: five rounds of conservative slow start, then congestion avoidance
    for (int i = 0; i < 8; ++i) p.round(120ms);
    EXPECT_LT(cc.threshold(), UINT64_C(1'000'000));
    EXPECT_LT(p.segments(), before * 4);
}

TEST(hystart_plus_plus, goes_on_when_it_was_a_false_alarm)
{
    cubic cc;
    path p(cc, 20 * mss);
    p.round(100ms), p.round(100ms), p.round(120ms), p.round(100ms);
    const double before = p.segments();
    p.round(100ms);
    EXPECT_GT(p.segments(), before * 1.8);
    EXPECT_GT(cc.threshold(), UINT64_C(1'000'000));
}

TEST(hystart_plus_plus, slows_down_when_acknowledgements_fill_the_round_trip)
{
    cubic cc;
    path p(cc, 40 * mss);
    p.round(), p.round();
    p.spread = true;
    const double before = p.segments();
    EXPECT_NEAR(before, 160, 8);
    p.round();
    EXPECT_LT(p.segments(), before * 1.7) << "slower from the middle of the round on";
    const double slow = p.segments();
    p.round();
    EXPECT_NEAR(p.segments(), slow * 1.25, slow * 0.05);
    p.round(120ms);
    EXPECT_LT(cc.threshold(), UINT64_C(1'000'000)) << "a queue builds up: slow start ends at once";
}

TEST(hystart_plus_plus, trains_that_bring_no_delay_are_believed_for_five_rounds)
{
    cubic cc;
    path p(cc, 40 * mss);
    p.round(), p.round();
    p.spread = true;
    for (int i = 0; i < 7; ++i) p.round();
    const double before = p.segments();
    p.round();
    EXPECT_GT(p.segments(), before * 1.8);
    EXPECT_GT(cc.threshold(), UINT64_C(1'000'000));
}

// -- DCTCP ------------------------------------------------------------------------------------------------------------------

TEST(dctcp_window, gives_way_in_proportion_to_the_marks)
{
    dctcp cc;
    path p(cc, 100 * mss);
    cc.loss_detected(200 * mss, p.now); // leaves slow start
    cc.recovered(100 * mss, p.now);
    for (int i = 0; i < 60; ++i) p.round(); // alpha decays to almost 0
    const double before = p.segments();
    p.round(100ms, true, true);
    p.round();
    EXPECT_GT(p.segments(), before * 0.85) << "RFC 8257 §3.3: few marks reduce the window slightly";
    for (int i = 0; i < 60; ++i) p.round(100ms, true, true);
    EXPECT_LT(p.segments(), before * 0.2) << "if all is marked, the window is halved each RTT";
}

// -- PRR ----------------------------------------------------------------------------------------------------------------------

TEST(prr, sends_the_share_that_ssthresh_is_of_the_flight)
{
    proportional_rate_reduction prr;
    prr.start(20 * mss);
    std::uint64_t in_flight = 19 * mss, sent = 0;
    for (int i = 0; i < 18; ++i) { // RFC 9937 §6.2
        in_flight -= mss;
        prr.acknowledged(mss, in_flight, 10 * mss, mss, false);
        while (prr.window() >= in_flight + mss) in_flight += mss, sent += mss, prr.sent(mss);
    }
    EXPECT_NEAR(static_cast<double>(sent) / mss, 9, 1);
    EXPECT_NEAR(static_cast<double>(in_flight) / mss, 10, 1);
}

TEST(prr, sends_no_more_than_was_delivered_when_much_is_lost)
{
    proportional_rate_reduction prr;
    prr.start(20 * mss);
    prr.acknowledged(mss, 4 * mss, 10 * mss, mss, false); // pipe is far below ssthresh
    EXPECT_EQ(prr.window(), 5 * mss);                     // conservative reduction bound
    prr.sent(mss);
    prr.acknowledged(mss, 4 * mss, 10 * mss, mss, true); // safeACK: slow start reduction bound
    EXPECT_EQ(prr.window(), 6 * mss);
}

TEST(prr, lets_the_fast_retransmit_out_in_any_case)
{
    proportional_rate_reduction prr;
    prr.start(20 * mss);
    prr.acknowledged(0, 19 * mss, 10 * mss, mss, false);
    EXPECT_EQ(prr.window(), 20 * mss);
}

// -- BBR ----------------------------------------------------------------------------------------------------------------------

TEST(bbr_window, finds_rate_and_round_trip_and_keeps_about_one_product_in_flight)
{
    // A path with 1,000 segments/s and an RTT of 100 ms.
    bbr cc(1);
    time_point now{1h};
    cc.start(mss, 10 * mss, now);
    std::uint64_t delivered = 0;
    for (int i = 0; i < 30'000; ++i) { // 30 s of ACKs for one segment each
        now += 1ms;
        const std::uint64_t flight = std::min<std::uint64_t>(cc.window(), 200 * mss);
        const std::uint64_t prior = delivered > flight ? delivered - flight : 0;
        const duration rtt =
            std::max<duration>(100ms, 1ms * static_cast<duration::rep>(flight / mss)); // beyond 100 segments: a queue
        delivered += mss;
        ack_sample a;
        a.acked = a.delivered = mss;
        a.prior_flight = flight;
        a.in_flight = flight - mss;
        a.window_limited = true;
        a.rtt = a.smoothed_rtt = rtt;
        a.least_rtt = 100ms;
        a.now = now;
        a.rate.interval = rtt;
        a.rate.delivered = delivered - prior;
        a.rate.prior_delivered = prior;
        a.rate.total_delivered = delivered;
        a.rate.in_flight = flight;
        cc.acknowledged(a);
    }
    EXPECT_NEAR(static_cast<double>(cc.pacing_rate()), 1e6, 0.3e6);
    EXPECT_GE(cc.window(), 50 * mss);
    EXPECT_LE(cc.window(), 260 * mss);
    EXPECT_TRUE(cc.governs_recovery());
}

// -- parts ----------------------------------------------------------------------------------------------------------------------

TEST(windowed_maximum, forgets_what_is_too_old)
{
    windowed_max<int> m(10);
    m.update(5, 0), m.update(3, 4), m.update(4, 8);
    EXPECT_EQ(m.best(), 5);
    m.update(1, 11);
    EXPECT_EQ(m.best(), 4);
    m.update(1, 19);
    EXPECT_EQ(m.best(), 1);
    m.update(9, 20);
    EXPECT_EQ(m.best(), 9);
}

TEST(pacing, lets_out_at_the_rate_and_makes_up_for_a_late_timer)
{
    pacer p;
    const time_point t{1h};
    p.set_rate(1'000'000); // 1 octet/us
    EXPECT_TRUE(p.may_send(t));
    p.sent(1000, t); // pacing allows for a timer that is late by a millisecond
    EXPECT_TRUE(p.may_send(t));
    p.sent(1000, t);
    EXPECT_FALSE(p.may_send(t));
    EXPECT_EQ(p.next(), t + 1ms);
    EXPECT_TRUE(p.may_send(t + 1ms));
}

} // namespace
} // namespace tapio::core::tcp
