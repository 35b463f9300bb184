// Tail loss probes and RACK (RFC 8985), undo of spurious reductions: Eifel (RFC 3522, RFC 4015), D-SACK (RFC 3708), F-RTO (RFC
// 5682); path MTU black holes (RFC 4821 §7.7), pacing, ECN (RFC 3168), and the size of reductions.
#include "support/script/script.hpp"

namespace tapio::test::tail_probe_test {
namespace {

std::string segment(unsigned from, unsigned to)
{
    return ". " + std::to_string(from) + ":" + std::to_string(to) + "(" + std::to_string(to - from) + ")";
}

class sender_with_sack : public packet_script
{
protected:
    sender_with_sack() { wire.options.congestion_control = "reno"; }

    /// An established connection with an RTT of 100 ms (RTO 300 ms) and `n` full segments in flight.
    script_socket in_flight(unsigned n, const std::string& options = "mss 1000,sackOK", const std::string& win = "65535")
    {
        script_socket l = wire.listen();
        wire.in("S 0:0(0) win 65535 <" + options + ">").out("S. 0:0(0) ack 1");
        wire.at(100ms).in(". 1:1(0) ack 1 win " + win);
        script_socket s = l.accept();
        s.set(socket_option::no_delay, 1);
        s.send(n * 1000);
        for (unsigned i = 0; i < n; ++i) wire.out(segment(1 + 1000 * i, 1001 + 1000 * i));
        wire.out_nothing();
        return s;
    }
};

class tail_probe : public sender_with_sack
{
};

TEST_F(tail_probe, repeats_the_last_segment_after_two_round_trips)
{
    script_socket s = in_flight(3);
    wire.at(301ms).out_nothing().at(302ms).out(segment(2001, 3001)).out_nothing(); // PTO = 2 * SRTT + 2 ms
    EXPECT_EQ(wire.counters().tcp.tail_probes, 1U);
    wire.at(402ms).in(". 1:1(0) ack 2001 <sack 2001:3001>");
    wire.in(". 1:1(0) ack 3001").at(1h).out_nothing();
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
    (void)s;
}

TEST_F(tail_probe, a_lost_tail_is_mended_without_a_timeout)
{
    script_socket s = in_flight(5); // the last three segments are lost
    wire.at(200ms).in(". 1:1(0) ack 2001").out_nothing();
    wire.at(402ms).out(segment(4001, 5001)); // 2 * SRTT + 2 ms after the last ACK
    wire.at(502ms).in(". 1:1(0) ack 2001 <sack 4001:5001>");
    // RACK: segments sent long before it are lost; PRR (RFC 9937) sends as much as was delivered
    wire.out(segment(2001, 3001)).out_nothing();
    wire.at(552ms).in(". 1:1(0) ack 3001 <sack 4001:5001>").out(segment(3001, 4001));
    wire.at(602ms).in(". 1:1(0) ack 5001").at(1h).out_nothing();
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
    EXPECT_EQ(wire.counters().tcp.fast_retransmits, 1U);
    (void)s;
}

TEST_F(tail_probe, new_data_is_the_better_probe)
{
    script_socket s = in_flight(10); // the initial window is full
    s.send(1000);
    // RFC 8985 §7.3 (TLP_send_probe): new data is preferred
    wire.out_nothing().at(302ms).out(segment(10001, 11001)).out_nothing();
    wire.at(402ms).in(". 1:1(0) ack 11001").at(1h).out_nothing();
    EXPECT_EQ(s.info().retransmissions, 0U);
    EXPECT_EQ(s.info().cwnd, 21000U) << "no loss was detected: slow start continues";
}

TEST_F(tail_probe, of_a_single_segment_waits_for_a_delayed_acknowledgement)
{
    in_flight(1);
    // 2 * SRTT + 200 ms, but the probe is sent no later than the RTO
    wire.at(399ms).out_nothing().at(400ms).out(segment(1, 1001));
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
    EXPECT_EQ(wire.counters().tcp.tail_probes, 1U);
}

TEST_F(tail_probe, there_is_one_and_then_the_timeout)
{
    in_flight(3);
    wire.at(302ms).out(segment(2001, 3001)).at(601ms).out_nothing();
    wire.at(602ms).out(segment(1, 1001)); // an RTO after the probe (RFC 8985 §7.3)
    EXPECT_EQ(wire.counters().tcp.timeouts, 1U);
    EXPECT_EQ(wire.counters().tcp.tail_probes, 1U);
}

TEST_F(tail_probe, others_follow_each_after_twice_the_time_until_the_timeout) // as RFC 9002 §6.2 does
{
    script_socket l = wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 1000,sackOK>").out("S. 0:0(0) ack 1");
    wire.at(1ms).in(". 1:1(0) ack 1"); // RTO 200 ms, PTO 4 ms
    script_socket s = l.accept();
    s.send(3000);
    for (int i = 0; i < 3; ++i) wire.out(i < 2 ? "." : "P.");
    for (const auto at : {5ms, 13ms, 29ms, 61ms, 125ms}) wire.at(at - 1ms).out_nothing().at(at).out("P. 2001:3001(1000)");
    wire.at(204ms).out_nothing().at(205ms).out(segment(1, 1001)); // RFC 8985 §7.3: the RTO runs from the first probe
    EXPECT_EQ(wire.counters().tcp.timeouts, 1U);
    EXPECT_EQ(wire.counters().tcp.tail_probes, 5U);
}

TEST_F(tail_probe, begin_anew_when_something_was_delivered)
{
    script_socket l = wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 1000,sackOK>").out("S. 0:0(0) ack 1");
    wire.at(1ms).in(". 1:1(0) ack 1");
    script_socket s = l.accept();
    s.send(3000);
    wire.out(".").out(".").out("P.").at(5ms).out("P. 2001:3001(1000)").at(13ms).out("P. 2001:3001(1000)");
    wire.at(20ms).in(". 1:1(0) ack 1001");
    const duration probe_timeout = 2 * s.info().srtt + 2ms;
    wire.after(probe_timeout - 1us).out_nothing().after(1us).out("P. 2001:3001(1000)");
}

TEST_F(tail_probe, in_a_recovery_shows_that_a_retransmission_was_lost)
{
    script_socket s = in_flight(10);
    s.send(5000);
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:4001>").out(segment(1, 1001)).out_nothing();
    wire.at(401ms).out_nothing().at(402ms).out(segment(10001, 11001)).out_nothing(); // no ACK for 2 * SRTT + 2 ms
    // RFC 8985 §6.2: the retransmission was sent before 10001, and is lost
    wire.at(502ms).in(". 1:1(0) ack 1 <sack 10001:11001 1001:4001>").out(segment(1, 1001));
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
    EXPECT_EQ(wire.counters().tcp.tail_probes, 1U);
    EXPECT_EQ(s.info().ssthresh, 5000U) << "still the same recovery: no second reduction";
    wire.ignore_output();
}

TEST_F(tail_probe, is_what_is_known_to_be_lost_if_anything_is)
{
    script_socket s = in_flight(10); // the first six segments are lost, and so are their retransmissions
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 6001:10001>");
    for (unsigned i = 0; i < 4; ++i) wire.out(segment(1 + 1000 * i, 1001 + 1000 * i));
    wire.out_nothing();
    s.send(1000);
    wire.at(402ms).out(segment(4001, 5001)).out_nothing();
    EXPECT_EQ(wire.counters().tcp.tail_probes, 1U);
    wire.at(502ms).in(". 1:1(0) ack 1 <sack 4001:5001 6001:10001>").out(segment(1, 1001)).ignore_output();
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
}

TEST_F(tail_probe, that_arrived_twice_is_no_sign_of_loss)
{
    script_socket s = in_flight(3);
    const auto cwnd = s.info().cwnd;
    wire.at(302ms).out(segment(2001, 3001));
    wire.at(303ms).in(". 1:1(0) ack 3001");
    wire.at(402ms).in(". 1:1(0) ack 3001 <sack 2001:3001>"); // RFC 8985 §7.4.1 case 1: the probe was a duplicate
    EXPECT_GE(s.info().cwnd, cwnd);
    EXPECT_GT(s.info().ssthresh, 100'000U);
}

TEST_F(tail_probe, that_mended_the_loss_slows_down_all_the_same)
{
    script_socket s = in_flight(3); // the last segment is lost
    wire.at(200ms).in(". 1:1(0) ack 2001").at(600ms).ignore_output();
    EXPECT_EQ(wire.counters().tcp.tail_probes, 1U);
    wire.in(". 1:1(0) ack 3001");
    s.send(1000);
    // RFC 8985 §7.4.1 case 2: an ACK beyond the probe, no D-SACK: the probe repaired a loss
    wire.out(segment(3001, 4001).replace(0, 1, "P.")).after(100ms).in(". 1:1(0) ack 4001");
    EXPECT_LT(s.info().ssthresh, 100'000U);
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
}

TEST_F(tail_probe, is_not_sent_without_sack)
{
    in_flight(3, "mss 1000");
    wire.at(399ms).out_nothing().at(400ms).out(segment(1, 1001));
    EXPECT_EQ(wire.counters().tcp.timeouts, 1U);
}

// -- retransmissions that are lost ----------------------------------------------------------------------------------------

class lost_retransmission : public sender_with_sack
{
};

TEST_F(lost_retransmission, is_known_by_a_later_one_that_arrived) // RFC 8985 §6.2
{
    in_flight(10); // the first two segments are lost, and so is the retransmission of the first
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 2001:5001>").out(segment(1, 1001)).ignore_output();
    wire.at(210ms).in(". 1:1(0) ack 1 <sack 2001:9001>").ignore_output();
    wire.at(310ms).in(". 1:1(0) ack 1 <sack 1001:9001>").out(segment(1, 1001));
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
    wire.ignore_output();
}

// An ACK caused by data above a hole echoes the timestamp of the data before the hole (RFC 7323 §4.3), so it does not tell which
// transmission it acknowledges.
TEST_F(lost_retransmission, is_known_so_with_timestamps_too)
{
    in_flight(10, "mss 1012,sackOK,ts 100 0");
    wire.at(200ms).in(". 1:1(0) ack 1 <ts 200 0,sack 2001:5001>").out(segment(1, 1001)).ignore_output();
    wire.at(210ms).in(". 1:1(0) ack 1 <ts 210 0,sack 2001:9001>").ignore_output();
    wire.at(310ms).in(". 1:1(0) ack 1 <ts 310 0,sack 1001:9001>").out(segment(1, 1001));
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
    wire.ignore_output();
}

// -- mistakes --------------------------------------------------------------------------------------------------------

class mistaken_loss : public sender_with_sack
{
};

TEST_F(mistaken_loss, a_timestamp_tells_that_the_first_transmission_arrived)
{
    script_socket s = in_flight(4, "mss 1012,sackOK,ts 100 0");
    const auto cwnd = s.info().cwnd;
    wire.at(1s).ignore_output(); // probes and timeouts, because the path stalled for a second
    EXPECT_GE(wire.counters().tcp.timeouts, 1U);
    EXPECT_EQ(s.info().cwnd, 1000U);
    wire.in(". 1:1(0) ack 1001 <ts 1100 100>"); // echoes the first transmission, at 100 ms: RFC 3522 §3.2
    EXPECT_GE(s.info().cwnd, cwnd);
    EXPECT_GT(s.info().ssthresh, 100'000U); // RFC 4015 §3.2
    EXPECT_EQ(s.info().in_flight, 3000U);
}

TEST_F(mistaken_loss, a_timestamp_that_answers_the_retransmission_proves_nothing)
{
    script_socket s = in_flight(4, "mss 1012,sackOK,ts 100 0");
    wire.at(1s).ignore_output();
    wire.in(". 1:1(0) ack 1001 <ts 1100 1000>").ignore_output();
    EXPECT_LT(s.info().ssthresh, 100'000U);
}

TEST_F(mistaken_loss, reordering_that_looked_like_loss_is_forgiven_when_all_was_told_twice)
{
    script_socket s = in_flight(6);
    const auto cwnd = s.info().cwnd;
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:4001>").out(segment(1, 1001));
    EXPECT_LT(s.info().ssthresh, 100'000U);
    // RFC 3708 §3: the D-SACK shows that the retransmission was spurious
    wire.at(210ms).in(". 1:1(0) ack 6001").at(300ms).in(". 1:1(0) ack 6001 <sack 1:1001>");
    EXPECT_GE(s.info().cwnd, cwnd);
    EXPECT_GT(s.info().ssthresh, 100'000U);
}

TEST_F(mistaken_loss, after_a_timeout_new_data_finds_out)
{
    script_socket s = in_flight(4);
    s.send(4000);
    for (unsigned i = 4; i < 8; ++i) wire.out(".");
    s.send(4000);
    wire.ignore_output().at(650ms).ignore_output(); // a probe, then a timeout
    const auto resent = s.info().retransmissions;
    EXPECT_GE(wire.counters().tcp.timeouts, 1U);
    wire.in(". 1:1(0) ack 1001"); // RFC 5682 §3.1 step 2b: sends new data instead of retransmissions
    EXPECT_EQ(s.info().retransmissions, resent);
    wire.ignore_output().in(". 1:1(0) ack 2001"); // RFC 5682 §3.1 step 3b: the timeout was spurious
    wire.ignore_output();
    EXPECT_EQ(s.info().retransmissions, resent);
    EXPECT_GT(s.info().ssthresh, 100'000U);
}

TEST_F(mistaken_loss, a_duplicate_after_a_timeout_means_that_it_was_right)
{
    script_socket s = in_flight(4);
    wire.at(2s).ignore_output();
    wire.in(". 1:1(0) ack 1001 <sack 3001:4001>").ignore_output().in(". 1:1(0) ack 1001 <sack 3001:4001>").ignore_output();
    EXPECT_LT(s.info().ssthresh, 100'000U);
}

// -- black holes -------------------------------------------------------------------------------------------------------

class black_hole : public packet_script_v4
{
};

TEST_F(black_hole, what_times_out_three_times_goes_on_in_smaller_pieces)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.out("P. 1:1461(1460)");
    wire.at(200ms).out("P. 1:1461(1460)").at(600ms).out("P. 1:1461(1460)");
    // RFC 4821 §7.7: after three timeouts an MTU of 1024 octets is tried
    wire.at(1400ms).out(". 1:985(984)").out("P. 985:1461(476)").out_nothing();
    wire.at(1500ms).in(". 1:1(0) ack 1461").at(1h).out_nothing();
    EXPECT_EQ(s.info().send_mss, 984U);
}

TEST_F(black_hole, and_in_smaller_ones_still_after_five)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.ignore_output().at(6199ms).ignore_output().at(6200ms).out(". 1:513(512)").ignore_output();
    EXPECT_EQ(s.info().send_mss, 512U);
}

TEST_F(black_hole, small_segments_do_not_fail_for_their_size)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(500);
    wire.ignore_output().at(10s).ignore_output();
    EXPECT_EQ(s.info().send_mss, 1460U);
}

TEST_F(black_hole, is_put_to_the_test_by_one_full_segment_as_soon_as_something_is_acknowledged)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460,sackOK>");
    s.send(1460);
    wire.ignore_output().at(1600ms).ignore_output().at(1700ms).in(". 1:1(0) ack 1461"); // the outage ends at 1700 ms
    EXPECT_EQ(s.info().send_mss, 984U);
    s.send(3000);
    wire.out(". 1461:2921(1460)").ignore_output().at(1701ms).in(". 1:1(0) ack 2921").ignore_output();
    EXPECT_EQ(s.info().send_mss, 1460U);
}

TEST_F(black_hole, where_the_full_segment_is_lost_sizes_between_are_tried)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460,sackOK>");
    s.send(1460);
    wire.ignore_output().at(1600ms).ignore_output().at(1700ms).in(". 1:1(0) ack 1461");
    s.send(20'000);
    wire.out(". 1461:2921(1460)").out(". 2921:3905(984)").ignore_output();
    const std::uint64_t window = s.info().cwnd;
    wire.at(1701ms).in(". 1:1(0) ack 1461 <sack 2921:3905>").out(". 3905:4889(984)");
    wire.out_within(1ms, ". 1461:2445(984)").out(". 2445:2921(476)");
    EXPECT_GE(s.info().cwnd, window) << "a lost trial is no sign of congestion";
}

TEST_F(black_hole, is_refuted_by_what_was_sent_before_and_has_arrived)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(14'600);
    wire.ignore_output().at(1400ms).ignore_output();
    EXPECT_EQ(s.info().send_mss, 984U);
    wire.at(1500ms).in(". 1:1(0) ack 14601"); // only ACKs were lost: the full segments had arrived
    EXPECT_EQ(s.info().send_mss, 1460U);
}

TEST_F(black_hole, a_router_that_speaks_counts_more)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.ignore_output().at(1400ms).ignore_output().icmp_unreachable(wire::fragmentation_needed, 1, 900).ignore_output();
    wire.in(". 1:1(0) ack 1461");
    s.send(3000);
    wire.out(". 1461:2321(860)").ignore_output();
    EXPECT_EQ(s.info().send_mss, 860U);
}

TEST_F(black_hole, a_paced_socket_sends_at_its_rate)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000>");
    s.set(socket_option::max_pacing_rate, 100'000); // one segment per 10 ms
    s.send(5000);
    wire.out(".").out_nothing().at(9ms).out(".").out_nothing(); // the timer may be late by a millisecond; pacing catches up
    wire.at(19ms).out(".").at(29ms).out(".").at(39ms).out("P.");
}

// -- ECN ---------------------------------------------------------------------------------------------------------------

class ecn_script : public packet_script
{
protected:
    script_socket open()
    {
        script_socket l = wire.listen();
        wire.in("SEW 0:0(0) win 65535 <mss 1000,sackOK>").out("SE. 0:0(0) ack 1"); // RFC 3168 §6.1.1
        wire.at(100ms).in(". 1:1(0) ack 1");
        return l.accept();
    }
};

TEST_F(ecn_script, who_asks_gets_it)
{
    script_socket s = open();
    EXPECT_TRUE(s.info().ecn);
    s.send(1000);
    wire.out("P. 1:1001(1000)");
    EXPECT_TRUE(wire.last_was_ecn_capable());
}

TEST_F(ecn_script, who_does_not_ask_does_not)
{
    script_socket s = open_passive();
    EXPECT_FALSE(s.info().ecn);
    s.send(1000);
    wire.out("P. 1:1001(1000)");
    EXPECT_FALSE(wire.last_was_ecn_capable());
}

// RFC 9768 §3.1.2, table 2: AE, CWR and ECE offer AccECN. A server with RFC 3168 only answers with ECE, and both use classic ECN.
// AE is a reserved bit for us and never set in our segments, which the harness checks.
TEST_F(ecn_script, an_accecn_setup_syn_gets_a_classic_answer)
{
    script_socket l = wire.listen();
    wire.in("SEWA 0:0(0) win 65535 <mss 1000,sackOK>").out("SE. 0:0(0) ack 1").at(100ms).in(". 1:1(0) ack 1");
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_TRUE(s.info().ecn);
    s.send(1000);
    wire.out("P. 1:1001(1000)");
    EXPECT_TRUE(wire.last_was_ecn_capable());
    wire.marked().in("P. 1:11(10) ack 1001").in("P. 11:21(10) ack 1001").at(140ms).out("E. 1001:1001(0) ack 21");
    wire.in("PWA. 21:31(10) ack 1001").at(180ms).out(". 1001:1001(0) ack 31"); // AE on a later segment is ignored
}

TEST_F(ecn_script, an_accecn_setup_syn_gets_a_plain_answer_where_ecn_is_not_wanted)
{
    wire.options.tcp.accept_ecn = false;
    wire.listen();
    wire.in("SEWA 0:0(0) win 65535 <mss 1000,sackOK>").out("S. 0:0(0) ack 1");
}

TEST_F(ecn_script, is_asked_for_if_wanted)
{
    wire.options.tcp.offer_ecn = true;
    script_socket s = wire.connect();
    wire.out("SEW 0:0(0)").in("SE. 0:0(0) ack 1 win 65535 <mss 1000>").out(". 1:1(0) ack 1");
    EXPECT_TRUE(s.info().ecn);
}

TEST_F(ecn_script, a_peer_that_reflects_our_bits_has_not_agreed)
{
    wire.options.tcp.offer_ecn = true;
    script_socket s = wire.connect();
    wire.out("SEW 0:0(0)").in("SEW. 0:0(0) ack 1 win 65535 <mss 1000>").out(". 1:1(0) ack 1");
    EXPECT_FALSE(s.info().ecn);
}

TEST_F(ecn_script, a_syn_that_is_lost_is_sent_again_without)
{
    wire.options.tcp.offer_ecn = true;
    script_socket s = wire.connect();
    wire.out("SEW 0:0(0)").at(1s).out("S 0:0(0)"); // RFC 3168 §6.1.1.1: retransmitted as a SYN without ECN
    wire.in("SE. 0:0(0) ack 1 win 65535 <mss 1000>").out(". 1:1(0) ack 1");
    EXPECT_FALSE(s.info().ecn);
}

TEST_F(ecn_script, a_mark_is_echoed_until_the_sender_has_slowed_down)
{
    open();
    // RFC 3168 §6.1.3
    wire.marked().in(". 1:1001(1000) ack 1").in(". 1001:2001(1000) ack 1").after(40ms).out("E. 1:1(0) ack 2001");
    wire.in(". 2001:3001(1000) ack 1").in(". 3001:4001(1000) ack 1").after(40ms).out("E. 1:1(0) ack 4001");
    wire.in("W. 4001:5001(1000) ack 1").in(". 5001:6001(1000) ack 1").after(40ms).out(". 1:1(0) ack 6001");
}

TEST_F(ecn_script, an_echo_slows_the_sender_down_once_a_window)
{
    wire.options.congestion_control = "reno";
    script_socket s = open();
    s.set(socket_option::no_delay, 1);
    s.send(10000);
    for (int i = 0; i < 10; ++i) wire.out(".");
    wire.at(200ms).in("E. 1:1(0) ack 1001");
    EXPECT_EQ(s.info().cwnd, 8000U); // RFC 8511 §3: to 0.8 of cwnd
    wire.in("E. 1:1(0) ack 2001").in("E. 1:1(0) ack 3001");
    EXPECT_EQ(s.info().cwnd, 8000U);
    EXPECT_EQ(s.info().retransmissions, 0U);
    s.send(1000);
    wire.ignore_output().in(". 1:1(0) ack 10001");
    wire.ignore_output();
    s.send(1000);
    wire.out("P. 11001:12001(1000)");
}

TEST_F(ecn_script, new_data_tells_that_the_window_was_reduced)
{
    script_socket s = open();
    s.set(socket_option::no_delay, 1);
    s.send(1000);
    wire.out("P. 1:1001(1000)").at(200ms).in("E. 1:1(0) ack 1001");
    s.send(1000);
    wire.out("PW. 1001:2001(1000)"); // RFC 3168 §6.1.2: CWR on the first new data
    s.send(1000);
    wire.out("P. 2001:3001(1000)");
}

TEST_F(ecn_script, what_is_sent_again_is_not_ecn_capable)
{
    script_socket s = open();
    s.send(1000);
    wire.out("P. 1:1001(1000)").at(400ms);
    wire.out("P. 1:1001(1000)"); // RFC 3168 §6.1.5: retransmissions are not ECN-capable
    EXPECT_FALSE(wire.last_was_ecn_capable());
}

/// By how much a loss reduces ssthresh and cwnd.
class reduction : public sender_with_sack
{
};

TEST_F(reduction, is_reckoned_from_what_is_not_acknowledged_though_most_of_it_is_sacked) // RFC 5681 §2: FlightSize
{
    script_socket s = in_flight(10);
    wire.at(200ms).in(". 1:1(0) ack 1001 <sack 2001:3001>").in(". 1:1(0) ack 3001").out_nothing(); // shows that the path reorders
    // RFC 8985 §6.2: so RACK waits for the reordering window
    wire.at(201ms).in(". 1:1(0) ack 3001 <sack 4001:10001>").out_nothing();
    wire.out_within(60ms, segment(3001, 4001));
    EXPECT_EQ(s.info().ssthresh, 3000U) << "half of the seven segments outstanding, not of the one that is in the network";
}

TEST_F(reduction, a_timeout_in_recovery_leaves_it_as_it_is)
{
    script_socket s = in_flight(10);
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:10001>").out(segment(1, 1001)).out_nothing();
    ASSERT_EQ(s.info().ssthresh, 5000U);
    wire.out_within(1s, segment(1, 1001)); // the retransmission is lost, and so is this probe
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
    wire.out_within(1s, segment(1, 1001));
    EXPECT_EQ(wire.counters().tcp.timeouts, 1U);
    EXPECT_EQ(s.info().cwnd, 1000U);
    EXPECT_EQ(s.info().ssthresh, 5000U);
}

TEST_F(reduction, a_long_recovery_is_no_idle_time) // RFC 5681 §4.1: "has not sent data"
{
    wire.options.tcp.initial_window = 4;
    script_socket s = in_flight(4);
    wire.at(200ms).in(". 1:1(0) ack 4001 win 65535");
    s.send(8000);
    wire.ignore_output().at(300ms).in(". 1:1(0) ack 12001 win 65535");
    s.send(16000);
    wire.ignore_output();
    wire.at(400ms).in(". 1:1(0) ack 12001 win 65535 <sack 15001:20001>").ignore_output();
    wire.at(500ms).in(". 1:1(0) ack 20001 win 65535 <sack 23001:28001>").ignore_output();
    wire.at(690ms).in(". 1:1(0) ack 28001 win 65535").out_nothing();
    s.send(8000);
    EXPECT_EQ(wire.packets_waiting(), 8U) << "the window was not reduced to the restart window of four";
    wire.ignore_output();
    EXPECT_EQ(wire.counters().tcp.timeouts, 0U);
}

} // namespace
} // namespace tapio::test::tail_probe_test
