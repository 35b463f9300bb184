// Loss recovery without SACK: the retransmission timer (RFC 6298, RFC 9293 §3.8.1), giving up (§3.8.3), fast retransmit and fast
// recovery (RFC 5681 §3.2, RFC 6582), limited transmit (RFC 3042).
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class retransmission : public packet_script
{
protected:
    retransmission() { wire.options.congestion_control = "reno"; }

    /// An established connection without timestamps, whose handshake took `rtt`.
    script_socket open_after(duration rtt)
    {
        script_socket listener = wire.listen();
        wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1");
        wire.at(rtt).in(". 1:1(0) ack 1").out_nothing();
        return listener.accept();
    }
};

TEST_F(retransmission, after_the_rto_and_then_twice_as_long_each_time) // RFC 9293 MUST-19
{
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3)").at(199ms).out_nothing();
    for (const auto t : {200ms, 600ms, 1400ms, 3000ms, 6200ms}) wire.at(t).out("P. 1:4(3)").out_nothing(); // RFC 6298 §5.5
    wire.at(7s).in(". 1:1(0) ack 4").at(1h).out_nothing();
    EXPECT_EQ(wire.counters().tcp.timeouts, 5U);
    EXPECT_EQ(s.info().retransmissions, 5U);
}

TEST_F(retransmission, the_rto_follows_the_round_trip_time)
{
    script_socket s = open_after(300ms);
    EXPECT_EQ(s.info().srtt, 300ms); // RFC 6298 §2.2
    EXPECT_EQ(s.info().rttvar, 150ms);
    EXPECT_EQ(s.info().rto, 900ms);
    s.send("abc");
    wire.out("P. 1:4(3)").at(1199ms).out_nothing().at(1200ms).out("P. 1:4(3)");
}

TEST_F(retransmission, a_second_sample_is_smoothed)
{
    script_socket s = open_after(300ms);
    s.send("abc");
    wire.out("P. 1:4(3)").at(300ms + 380ms).in(". 1:1(0) ack 4");
    EXPECT_EQ(s.info().srtt, 310ms);      // RFC 6298 §2.3: 7/8 * 300 + 1/8 * 380
    EXPECT_EQ(s.info().rttvar, 132500us); // 3/4 * 150 + 1/4 * |300 - 380|
    EXPECT_EQ(s.info().rto, 840ms);
}

TEST_F(retransmission, each_acknowledgement_starts_the_timer_anew)
{
    script_socket s = open_after(100ms); // RTO 300 ms
    s.send(5000);
    for (unsigned i = 0; i < 4; ++i)
        wire.out(". " + std::to_string(1 + 1000 * i) + ":" + std::to_string(1001 + 1000 * i) + "(1000)");
    wire.out("P. 4001:5001(1000)");
    wire.at(350ms).in(". 1:1(0) ack 1001");
    const duration rto = s.info().rto;
    wire.after(rto - 1ms).out_nothing().after(1ms).out(". 1001:2001(1000)"); // RFC 6298 §5.3
}

TEST_F(retransmission, of_few_segments_the_time_since_they_were_sent_counts)
{
    script_socket s = open_after(100ms); // RTO 300 ms
    s.send(2000);
    wire.out(". 1:1001(1000)").out("P. 1001:2001(1000)");
    wire.at(250ms).in(". 1:1(0) ack 1001"); // 150 ms after both segments were sent
    const duration rto = s.info().rto;
    // RFC 7765 §4: the time since the segment was sent counts
    wire.after(rto - 151ms).out_nothing().after(1ms).out("P. 1001:2001(1000)");
}

TEST_F(retransmission, what_came_twice_is_no_sample) // RFC 9293 MUST-18
{
    script_socket s = open_after(100ms);
    s.send("abc");
    wire.out("P. 1:4(3)").at(400ms).out("P. 1:4(3)");
    wire.at(410ms).in(". 1:1(0) ack 4"); // an ACK of which transmission? No sample: Karn's algorithm (RFC 6298 §3)
    EXPECT_EQ(s.info().srtt, 100ms);
    EXPECT_EQ(s.info().rto, 600ms) << "the backoff is kept until there is a new sample";
    s.send("def");
    wire.out("P. 4:7(3)").at(510ms).in(". 1:1(0) ack 7");
    EXPECT_LT(s.info().rto, 300ms);
}

TEST_F(retransmission, an_echoed_timestamp_is_a_sample_even_then)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000,ts 100 0>");
    s.send("abc");
    wire.out("P. 1:4(3) <ts 0 100>").at(200ms).out("P. 1:4(3) <ts 200 100>");
    wire.at(280ms).in(". 1:1(0) ack 4 <ts 380 200>"); // RFC 7323 §4.1: it echoes the second transmission
    EXPECT_GE(s.info().srtt, 9ms);
    EXPECT_LE(s.info().srtt, 11ms) << "7/8 * 0 + 1/8 * 80 ms";
}

TEST_F(retransmission, after_a_syn_that_was_lost_data_waits_three_seconds)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").at(1s).out("S 0:0(0)");
    wire.at(1100ms).in("S. 0:0(0) ack 1 win 65535 <mss 1000>").out(". 1:1(0) ack 1");
    s.send("abc");
    wire.out("P. 1:4(3)").at(4099ms).out_nothing().at(4100ms).out("P. 1:4(3)"); // RFC 6298 §5.7
}

TEST_F(retransmission, the_least_rto_can_be_set)
{
    script_socket s = open_passive();
    s.set(socket_option::min_rto, 1000); // RFC 6298 §2.4: a minimum of 1 s
    s.send("abc");
    wire.out("P. 1:4(3)").in(". 1:1(0) ack 4");
    s.send("def");
    wire.out("P. 4:7(3)").at(999ms).out_nothing().at(1s).out("P. 4:7(3)");
}

TEST_F(retransmission, only_the_first_segment_goes_out_and_slow_start_brings_the_rest) // RFC 9293 MUST-19
{
    script_socket s = open_passive();
    s.send(4000);
    wire.out(".").out(".").out(".").out("P. 3001:4001(1000)");
    wire.at(200ms).out(". 1:1001(1000)").out_nothing(); // RFC 5681 §3.1: the loss window is one segment
    EXPECT_EQ(s.info().cwnd, 1000U);
    EXPECT_EQ(s.info().ssthresh, 2000U); // half of FlightSize
    wire.at(210ms).in(". 1:1(0) ack 1001").out(". 1001:2001(1000)").out(". 2001:3001(1000)").out_nothing();
    wire.at(220ms).in(". 1:1(0) ack 3001").out("P. 3001:4001(1000)");
}

TEST_F(retransmission, ssthresh_falls_once_for_a_loss)
{
    script_socket s = open_passive();
    s.send(8000);
    for (int i = 0; i < 8; ++i) wire.out(".");
    wire.at(200ms).out(". 1:1001(1000)");
    EXPECT_EQ(s.info().ssthresh, 4000U);
    wire.at(600ms).out(". 1:1001(1000)");
    EXPECT_EQ(s.info().ssthresh, 4000U); // RFC 5681 §3.1: not reduced again for the same segment
}

TEST_F(retransmission, an_acknowledgement_of_all_ends_it)
{
    script_socket s = open_passive();
    s.send(3000);
    wire.out(".").out(".").out("P.");
    wire.at(200ms).out(". 1:1001(1000)").in(". 1:1(0) ack 3001").at(1h).out_nothing(); // only the ACKs were lost
    EXPECT_EQ(s.info().unacked, 0U);
}

TEST_F(retransmission, pieces_are_not_larger_than_the_segments_of_today)
{
    if (over_v6()) GTEST_SKIP() << "with a path MTU below 1280";
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.out("P. 1:1461(1460)");
    wire.icmp_unreachable(wire::fragmentation_needed, 1, 600);
    wire.ignore_output();
    wire.at(5s).ignore_output();
    EXPECT_LE(s.info().send_mss, 560U); // RFC 1191 §3: 600 less IPv4 and TCP headers
}

TEST_F(retransmission, is_told_to_who_traces)
{
    struct : trace
    {
        void tcp_retransmitted(const endpoint&, const endpoint& remote, std::uint32_t, std::uint32_t octets, time_point) override
        {
            ports.push_back(remote.port), sizes.push_back(octets);
        }
        std::vector<unsigned> ports, sizes;
    } seen;
    wire.host().set_trace(&seen);
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3)").at(200ms).out("P. 1:4(3)");
    wire.host().set_trace(nullptr);
    EXPECT_EQ(seen.sizes, std::vector<unsigned>{3});
    EXPECT_EQ(seen.ports, std::vector<unsigned>{script::default_peer_port});
}

class giving_up : public packet_script
{
};

TEST_F(giving_up, after_fifteen_retransmissions_timed_out) // RFC 9293 MUST-20
{
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3)");
    for (int i = 0; i < 15; ++i) wire.out_within(61s, "P. 1:4(3)");
    EXPECT_GT(wire.elapsed(), 100s); // R2 of RFC 9293 §3.8.3 SHLD-11
    wire.after(61s).out_nothing();
    EXPECT_EQ(s.state(), tcp_state::closed);
    EXPECT_NE(s.poll() & readiness::error, readiness::none);
    EXPECT_EQ(s.receive_error(), errno_code(ETIMEDOUT));
    EXPECT_TRUE(s.at_end()); // as on Linux: the error is reported once, then end of stream
}

TEST_F(giving_up, says_what_icmp_had_said) // RFC 9293 MUST-47
{
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3)").icmp_unreachable(wire::host_unreachable, 1);
    EXPECT_FALSE(s.error());
    for (int i = 0; i < 15; ++i) wire.out_within(61s, "P. 1:4(3)");
    wire.after(61s).out_nothing();
    EXPECT_EQ(s.receive_error(), errno_code(EHOSTUNREACH));
}

TEST_F(giving_up, a_user_timeout_decides_instead) // RFC 9293 MUST-21
{
    script_socket s = open_passive();
    s.set(socket_option::user_timeout, 3000); // RFC 5482
    s.send("abc");
    wire.out("P. 1:4(3)");
    wire.at(2999ms).ignore_output();
    EXPECT_EQ(s.state(), tcp_state::established);
    wire.at(7s).ignore_output(); // ends when the next retransmission is due
    EXPECT_EQ(s.receive_error(), errno_code(ETIMEDOUT));
}

// When the user timeout ends a connection, no RST is sent: RFC 9293 §3.10.8 has none, and Linux (tcp_write_err) sends one for
// keep-alive only.
TEST_F(giving_up, by_a_user_timeout_says_nothing_to_the_peer)
{
    script_socket s = open_passive();
    s.set(socket_option::user_timeout, 3000);
    s.send("abc");
    wire.out("P. 1:4(3)").at(2900ms).ignore_output().at(10s).ignore_output();
    ASSERT_EQ(s.state(), tcp_state::closed);
    EXPECT_EQ(wire.counters().tcp.out_rsts, 0U);
    wire.in("P. 1:4(3) ack 1").out("R 1:1(0)"); // a later segment of the peer gets a RST
}

TEST_F(giving_up, progress_begins_the_count_anew)
{
    // the MSS is so small that no path MTU black hole is suspected
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 500>");
    s.send(1000);
    wire.out(".").out("P.");
    for (int i = 0; i < 14; ++i) wire.out_within(61s, ". 1:501(500)");
    wire.in(". 1:1(0) ack 501").out("P. 501:1001(500)");
    for (int i = 0; i < 14; ++i) wire.out_within(61s, "P. 501:1001(500)");
    wire.in(". 1:1(0) ack 1001").at(3h).out_nothing();
    EXPECT_EQ(s.state(), tcp_state::established);
}

class fast_retransmit : public packet_script
{
protected:
    fast_retransmit() { wire.options.congestion_control = "reno"; }

    /// An established connection with `n` full segments in flight.
    script_socket in_flight(unsigned n)
    {
        script_socket s = open_passive();
        s.set(socket_option::no_delay, 1);
        s.send(n * 1000);
        for (unsigned i = 0; i < n; ++i) wire.out(".");
        wire.out_nothing();
        return s;
    }
    script& duplicate() { return wire.in(". 1:1(0) ack 1"); }
};

TEST_F(fast_retransmit, the_third_duplicate_acknowledgement_means_loss)
{
    script_socket s = in_flight(6);
    wire.at(10ms);
    duplicate().out_nothing();
    duplicate().out_nothing();
    duplicate().out(". 1:1001(1000)").out_nothing();
    EXPECT_EQ(s.info().ssthresh, 3000U); // RFC 5681 §3.2 step 2: half of FlightSize
    EXPECT_EQ(wire.counters().tcp.fast_retransmits, 1U);
    wire.at(20ms).in(". 1:1(0) ack 6001").out_nothing();
    EXPECT_EQ(s.info().cwnd, 2000U); // RFC 6582 §3.2 step 3 (1): min(ssthresh, max(FlightSize, SMSS) + SMSS)
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
}

TEST_F(fast_retransmit, the_first_two_let_new_data_out)
{
    script_socket s = in_flight(10); // the initial window is full
    s.send(5000);
    wire.out_nothing().at(10ms);
    duplicate().out(". 10001:11001(1000)").out_nothing(); // RFC 3042: limited transmit
    duplicate().out(". 11001:12001(1000)").out_nothing();
    duplicate().out(". 1:1001(1000)").out_nothing();
}

TEST_F(fast_retransmit, more_duplicates_let_new_data_out_when_half_has_left)
{
    script_socket s = in_flight(10);
    s.send(5000);
    wire.at(10ms);
    duplicate().out("."), duplicate().out("."), duplicate().out(". 1:1001(1000)");
    unsigned new_data = 0;
    for (int i = 0; i < 8; ++i) { // RFC 5681 §3.2 step 4: each duplicate ACK means that one segment has left the network
        duplicate();
        new_data += static_cast<unsigned>(wire.packets_waiting());
        wire.ignore_output();
    }
    EXPECT_GE(new_data, 2U);
    EXPECT_LE(new_data, 4U);
    EXPECT_GE(s.info().ssthresh, 5000U);
}

TEST_F(fast_retransmit, a_partial_acknowledgement_shows_the_next_hole)
{
    script_socket s = in_flight(8); // 1 and 3001 are lost
    wire.at(10ms);
    for (int i = 0; i < 2; ++i) duplicate().out_nothing();
    duplicate().out(". 1:1001(1000)");
    duplicate(), duplicate();
    wire.ignore_output();
    // RFC 6582 §3.2 step 3: at once, without three more duplicates
    wire.at(20ms).in(". 1:1(0) ack 3001").out(". 3001:4001(1000)");
    wire.at(30ms).in(". 1:1(0) ack 8001").out_nothing();
    EXPECT_EQ(s.info().ssthresh, 4000U) << "one reduction for all losses in one window";
    EXPECT_EQ(wire.counters().tcp.fast_retransmits, 1U);
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
}

TEST_F(fast_retransmit, a_window_of_many_losses_needs_no_timeout)
{
    in_flight(10); // 1, 2001, 4001 and 6001 are lost
    wire.at(10ms);
    for (int i = 0; i < 3; ++i) duplicate();
    wire.ignore_output();
    for (const char* ack : {". 1:1(0) ack 2001", ". 1:1(0) ack 4001", ". 1:1(0) ack 6001"})
        wire.after(10ms).in(ack).ignore_output();
    wire.after(10ms).in(". 1:1(0) ack 10001").at(1h).out_nothing();
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
    EXPECT_EQ(wire.counters().tcp.retrans_segs, 4U);
}

// RFC 5681 §2: a duplicate ACK carries no data and no FIN, does not change the window, and there is data in flight
TEST_F(fast_retransmit, these_are_no_duplicates)
{
    in_flight(6);
    wire.at(10ms);
    wire.in(". 1:1(0) ack 1 win 60000")
        .in(". 1:1(0) ack 1 win 61000")
        .in(". 1:1(0) ack 1 win 62000")
        .in(". 1:1(0) ack 1 win 63000");
    wire.in(". 1:2(1) ack 1 win 63000").in(". 2:3(1) ack 1 win 63000").ignore_output();
    wire.in(". 3:4(1) ack 1 win 63000").in(". 4:5(1) ack 1 win 63000").ignore_output();
    EXPECT_EQ(wire.counters().tcp.fast_retransmits, 0U);
    EXPECT_EQ(wire.counters().tcp.retrans_segs, 0U);
}

TEST_F(fast_retransmit, not_when_nothing_is_outstanding)
{
    open_passive();
    for (int i = 0; i < 10; ++i) wire.in(". 1:1(0) ack 1").out_nothing();
}

TEST_F(fast_retransmit, duplicates_after_a_timeout_are_echoes_of_our_own)
{
    in_flight(6);
    wire.at(200ms).out(". 1:1001(1000)");
    // RFC 6582 §4.1: duplicates below `recover` do not start fast retransmit
    for (int i = 0; i < 5; ++i) duplicate().out_nothing();
    wire.at(210ms).in(". 1:1(0) ack 6001").out_nothing();
    EXPECT_EQ(wire.counters().tcp.fast_retransmits, 0U);
}

TEST_F(fast_retransmit, what_is_lost_again_takes_a_timeout)
{
    script_socket s = in_flight(6);
    wire.at(10ms);
    for (int i = 0; i < 3; ++i) duplicate();
    wire.out(". 1:1001(1000)");
    wire.out_within(300ms, ". 1:1001(1000)");
    EXPECT_EQ(wire.counters().tcp.timeouts, 1U);
    EXPECT_EQ(s.info().cwnd, 1000U);
    wire.after(10ms).in(". 1:1(0) ack 6001").at(1h).out_nothing();
}

TEST_F(fast_retransmit, afterwards_slow_start_to_ssthresh_and_then_one_segment_in_a_round_trip)
{
    script_socket s = in_flight(6);
    wire.at(10ms);
    for (int i = 0; i < 3; ++i) duplicate();
    wire.out(". 1:1001(1000)").at(20ms).in(". 1:1(0) ack 6001");
    ASSERT_EQ(s.info().ssthresh, 3000U);
    std::uint32_t acked = 6001;
    s.send(40'000);
    for (const std::size_t window : {2U, 3U, 4U, 5U, 6U}) { // RFC 5681 §3.1: slow start up to ssthresh, then one segment per RTT
        EXPECT_EQ(s.info().cwnd / 1000, window);
        EXPECT_EQ(s.info().in_flight, window * 1000);
        wire.ignore_output().after(10ms);
        for (std::size_t i = 0; i < window; ++i) wire.ignore_output().in(". 1:1(0) ack " + std::to_string(acked += 1000));
    }
    wire.ignore_output();
}

} // namespace
} // namespace tapio::test
