// Data transfer: reassembly, delayed ACKs (RFC 9293 §3.8.6.3, RFC 5681 §4.2), segment sizes and the Nagle algorithm (§3.7),
// windows and zero-window probes (§3.8.6), urgent data (§3.8.5).
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class receiving : public packet_script
{
protected:
    static constexpr const char* syn = "S 0:0(0) win 65535 <mss 1460>";
};

TEST_F(receiving, a_small_segment_is_acknowledged_after_40_ms) // RFC 9293 MUST-40
{
    script_socket s = open_passive(syn);
    wire.in("P. 1:6(5) ack 1", "hello").out_nothing();
    wire.at(39ms).out_nothing();
    wire.at(40ms).out(". 1:1(0) ack 6");
    EXPECT_EQ(s.receive(), "hello");
    wire.at(10s).out_nothing();
}

TEST_F(receiving, every_second_full_segment_is_acknowledged_at_once) // RFC 9293 MUST-58
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 100>");
    std::uint32_t seq = 1;
    const auto next = [&] {
        const std::string begin = std::to_string(seq), end = std::to_string(seq += 1460);
        wire.in(". " + begin + ":" + end + "(1460) ack 1");
        return ". 1:1(0) ack " + end;
    };
    for (int i = 0; i < 16; ++i) wire.out(next()); // at the start each is acknowledged, because the peer is in slow start
    next();
    wire.out_nothing();
    wire.out(next()); // RFC 5681 §4.2: at least every second full segment
    next();
    wire.out_nothing();
    wire.out(next());
    EXPECT_EQ(s.receive().size(), 20U * 1460);
    wire.ignore_output();
}

TEST_F(receiving, after_a_mended_loss_or_a_pause_each_is_acknowledged_for_a_while) // RFC 5681 §4.2 permits more ACKs
{
    script_socket l = wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 100>").out("S. 0:0(0) ack 1");
    wire.at(100ms).in(". 1:1(0) ack 1");
    script_socket s = l.accept();
    std::uint32_t seq = 1;
    const auto full = [&](std::uint32_t from) {
        wire.in(". " + std::to_string(from) + ":" + std::to_string(from + 1460) + "(1460) ack 1");
    };
    const auto next_is_acknowledged = [&] {
        full(seq), seq += 1460;
        const bool told = wire.packets_waiting() == 1;
        wire.ignore_output();
        (void)s.receive();
        wire.ignore_output();
        return told;
    };
    const auto hole_of = [&](duration d) {
        full(seq + 1460);
        wire.ignore_output().after(d);
        full(seq), seq += 2920;
        wire.ignore_output();
    };
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(next_is_acknowledged()); // the start of the connection
    EXPECT_FALSE(next_is_acknowledged());
    EXPECT_TRUE(next_is_acknowledged());
    hole_of(10ms); // filled within the RTT of 100 ms: reordering, not loss
    EXPECT_FALSE(next_is_acknowledged());
    EXPECT_TRUE(next_is_acknowledged());
    hole_of(150ms); // filled after more than an RTT: retransmitted
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(next_is_acknowledged());
    EXPECT_FALSE(next_is_acknowledged());
    wire.after(5s).ignore_output(); // an idle time in which the peer's RTO may have expired
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(next_is_acknowledged());
}

TEST_F(receiving, data_carries_the_acknowledgement)
{
    script_socket s = open_passive(syn);
    wire.in("P. 1:6(5) ack 1", "hello");
    s.send("world");
    wire.out("P. 1:6(5) ack 6");
    wire.at(100ms).out_nothing();
}

TEST_F(receiving, out_of_order_data_is_kept_and_acknowledged_at_once) // RFC 9293 MUST-59
{
    script_socket s = open_passive(syn);
    wire.in(". 6:11(5) ack 1").out(". 1:1(0) ack 1"); // RFC 5681 §4.2: an immediate duplicate ACK
    EXPECT_EQ(s.receive(), "");
    wire.in(". 1:6(5) ack 1").out(". 1:1(0) ack 11"); // RFC 5681 §4.2: immediate, as the segment fills a gap
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
}

TEST_F(receiving, many_gaps_in_any_order)
{
    script_socket s = open_passive(syn);
    for (const char* t : {". 41:51(10) ack 1", ". 21:31(10) ack 1", ". 11:21(10) ack 1", ". 31:36(5) ack 1"})
        wire.in(t).out(". 1:1(0) ack 1");
    wire.in(". 1:11(10) ack 1").out(". 1:1(0) ack 36");
    wire.in(". 33:43(10) ack 1").out(". 1:1(0) ack 51"); // overlaps data received on both sides
    EXPECT_EQ(s.receive(), wire.octets(1, 50));
}

TEST_F(receiving, overlaps_are_cut)
{
    script_socket s = open_passive(syn);
    wire.in(". 1:11(10) ack 1").ignore_output();
    wire.in(". 6:16(10) ack 1").ignore_output();
    std::string old_and_new(1, '?');
    old_and_new += wire.octets(1, 20);
    wire.in(". 0:21(21) ack 1", old_and_new).ignore_output();
    EXPECT_EQ(s.receive(), wire.octets(1, 20));
    EXPECT_EQ(s.info().bytes_received, 20U);
}

TEST_F(receiving, data_beyond_the_window_is_cut)
{
    wire.options.tcp.receive_buffer = 100;
    script_socket s = open_passive(syn);
    wire.in(". 1:151(150) ack 1").out(". 1:1(0) ack 101 win 0"); // at once, to tell the peer the window
    EXPECT_EQ(s.receive(), wire.octets(1, 100));
    wire.out(". 1:1(0) ack 101 win 100");
}

TEST_F(receiving, an_old_segment_is_acknowledged_at_once)
{
    open_passive(syn);
    wire.in(". 1:6(5) ack 1").at(40ms).out(". 1:1(0) ack 6");
    wire.in(". 1:6(5) ack 1").out(". 1:1(0) ack 6");
}

TEST_F(receiving, the_window_shrinks_by_what_waits_and_never_moves_back)
{
    wire.options.tcp.receive_buffer = 8000;
    script_socket s = open_passive(syn);
    wire.in(". 1:1001(1000) ack 1").at(40ms).out(". 1:1(0) ack 1001 win 7000");
    s.receive(100); // too little for a window update
    wire.out_nothing();
    // SWS avoidance: the right edge does not move by 100 octets
    wire.in(". 1001:2001(1000) ack 1").at(80ms).out(". 1:1(0) ack 2001 win 6000");
}

TEST_F(receiving, a_closed_window_opens_by_a_good_piece_only) // RFC 9293 MUST-39
{
    wire.options.tcp.receive_buffer = 4000;
    script_socket s = open_passive(syn);
    for (const char* t :
         {". 1:1001(1000) ack 1", ". 1001:2001(1000) ack 1", ". 2001:3001(1000) ack 1", ". 3001:4001(1000) ack 1"})
        wire.in(t).ignore_output();
    wire.at(100ms).ignore_output();
    EXPECT_EQ(s.receive(100).size(), 100U);
    wire.out_nothing(); // RFC 9293 §3.8.6.2.2: less than min(half the buffer, MSS) = 1460
    EXPECT_EQ(s.receive(1300).size(), 1300U);
    wire.out_nothing();
    EXPECT_EQ(s.receive(100).size(), 100U);
    wire.out(". 1:1(0) ack 4001 win 1500");
}

TEST_F(receiving, urgent_data_is_in_the_stream_and_harmless)
{
    script_socket s = open_passive(syn);
    wire.in("PU. 1:6(5) ack 1 urg 5", "hello").ignore_output();
    wire.in("U. 6:6(0) ack 1 urg 60000").ignore_output(); // the urgent pointer is far beyond the data
    wire.in("U. 6:8(2) ack 1 urg 0", "ab").ignore_output();
    const std::string got = s.receive();
    EXPECT_TRUE(got == "helloab" || got == "hellab") << got; // with or without the urgent octet, which may be out of line
    EXPECT_EQ(s.state(), tcp_state::established);
    wire.out(". 1:1(0) ack 8");
}

// -- what reading sets off (Linux's tcp_cleanup_rbuf() and its "ping-pong mode") -------------------------------------------

TEST_F(receiving, all_of_a_small_segment_read_is_acknowledged_at_once)
{
    script_socket s = open_passive(syn);
    // the ACK is not delayed, because the peer's Nagle algorithm may wait for it
    for (std::uint32_t at = 1; at < 3000; at += 100) {
        wire.in("P. " + std::to_string(at) + ":" + std::to_string(at + 100) + "(100) ack 1").out_nothing();
        EXPECT_EQ(s.receive().size(), 100U);
        wire.out(". 1:1(0) ack " + std::to_string(at + 100));
    }
}

TEST_F(receiving, a_part_of_a_small_segment_read_is_not)
{
    script_socket s = open_passive(syn);
    wire.in("P. 1:101(100) ack 1");
    EXPECT_EQ(s.receive(99).size(), 99U);
    wire.out_nothing();
    EXPECT_EQ(s.receive().size(), 1U);
    wire.out(". 1:1(0) ack 101");
}

TEST_F(receiving, full_segments_are_acknowledged_as_they_come_and_not_as_they_are_read)
{
    script_socket s = open_passive(syn);
    wire.in(". 1:1461(1460) ack 1").ignore_output(); // quick-ACK mode: acknowledged at once
    wire.at(1s);
    s.receive();
    wire.out_nothing();
}

TEST_F(receiving, who_answers_what_it_reads_acknowledges_with_the_answer)
{
    script_socket s = open_passive(syn);
    wire.in("P. 1:4(3) ack 1", "abc");
    EXPECT_EQ(s.receive(), "abc");
    wire.out(". 1:1(0) ack 4"); // it is not known yet that this user answers
    s.send("x");
    wire.out("P. 1:2(1) ack 4");
    wire.in("P. 4:7(3) ack 2", "def");
    EXPECT_EQ(s.receive(), "def");
    wire.out_nothing();
    s.send("y");
    wire.out("P. 2:3(1) ack 7");
    // The user reads a second small segment before it answers: the ACK is not delayed any longer.
    wire.in("P. 7:8(1) ack 3", "g").out_nothing();
    EXPECT_EQ(s.receive(), "g");
    wire.out_nothing().in("P. 8:9(1) ack 3", "h");
    EXPECT_EQ(s.receive(), "h");
    wire.out(". 3:3(0) ack 9");
}

TEST_F(receiving, who_has_stopped_answering_is_found_out_by_the_delayed_ack)
{
    script_socket s = open_passive(syn);
    wire.in("P. 1:4(3) ack 1", "abc");
    s.send("x");
    wire.out("P. 1:2(1) ack 4");
    EXPECT_EQ(s.receive(), "abc");
    wire.in("P. 4:7(3) ack 2", "def");
    EXPECT_EQ(s.receive(), "def");
    wire.out_nothing().after(40ms).out(". 2:2(0) ack 7");
    wire.in("P. 7:10(3) ack 2", "ghi");
    EXPECT_EQ(s.receive(), "ghi");
    wire.out(". 2:2(0) ack 10");
}

class sending : public packet_script
{
};

TEST_F(sending, segments_of_the_peers_mss) // RFC 9293 MUST-14, MUST-16
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 700>");
    s.send(2100);
    wire.out(". 1:701(700) ack 1").out(". 701:1401(700) ack 1").out("P. 1401:2101(700) ack 1");
}

TEST_F(sending, without_an_mss_option_it_is_the_default_of_the_family) // 536 or 1220
{
    script_socket s = open_passive("S 0:0(0) win 65535"); // RFC 9293 §3.7.1 MUST-15
    const std::size_t mss = sizes_of(test_family()).default_mss;
    s.send(2 * mss);
    wire.out(". 1:" + std::to_string(1 + mss) + '(' + std::to_string(mss) + ')');
    wire.out("P. " + std::to_string(1 + mss) + ':' + std::to_string(1 + 2 * mss) + '(' + std::to_string(mss) + ')');
}

TEST_F(sending, the_timestamp_takes_its_room_from_the_mss)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000,ts 100 0>");
    s.send(2000); // RFC 9293 §3.7.1: Eff.snd.MSS is the MSS less 12 octets of options
    wire.out(". 1:989(988)").out(". 989:1977(988)").out("P. 1977:2001(24)");
}

TEST_F(sending, the_mtu_bounds_the_segments) // RFC 9293 MUST-67
{
    if (over_v6()) GTEST_SKIP() << "an IPv6 link has an MTU of 1280 at least";
    wire.mtu = 576;
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 9000>");
    s.send(536);
    wire.out("P. 1:537(536)");
}

TEST_F(sending, nagle_keeps_one_small_segment_in_flight) // RFC 9293 MUST-38, MUST-60, MUST-61
{
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3)");
    s.send("def");
    s.send("ghi");
    wire.out_nothing();
    wire.at(50ms).in(". 1:1(0) ack 4").out("P. 4:10(6)");
}

TEST_F(sending, nagle_waits_for_what_was_small_and_not_for_what_was_full) // the Minshall variant, as on Linux
{
    script_socket s = open_passive();
    s.send(1100);
    wire.out(". 1:1001(1000)").out("P. 1001:1101(100)");
    s.send(1100);
    wire.out(". 1101:2101(1000)"); // the partial segment waits
    wire.at(10ms).in(". 1:1(0) ack 1001").out_nothing();
    wire.at(20ms).in(". 1:1(0) ack 1101").out("P. 2101:2201(100)");
}

TEST_F(sending, no_delay_switches_nagle_off) // RFC 9293 MUST-17
{
    script_socket s = open_passive();
    s.set(socket_option::no_delay, 1);
    s.send("abc");
    wire.out("P. 1:4(3)");
    s.send("def");
    wire.out("P. 4:7(3)");
}

TEST_F(sending, switching_nagle_off_lets_go_what_waits)
{
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3)");
    s.send("def");
    wire.out_nothing();
    s.set(socket_option::no_delay, 1); // as on Linux
    wire.out("P. 4:7(3)");
}

TEST_F(sending, stops_at_the_peers_window)
{
    script_socket s = open_passive("S 0:0(0) win 2000 <mss 1000>");
    wire.in(". 1:1(0) ack 1 win 2000").out_nothing();
    s.send(5000);
    wire.out(". 1:1001(1000)").out(". 1001:2001(1000)").out_nothing();
    wire.in(". 1:1(0) ack 1001 win 1000").out_nothing();
    // SWS avoidance: the 500 octets left of the window are not used
    wire.in(". 1:1(0) ack 2001 win 1500").out(". 2001:3001(1000)").out_nothing();
}

TEST_F(sending, an_old_segment_does_not_change_the_window)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000>");
    // SND.WL1 is 1: the second segment is older
    wire.in(". 1:11(10) ack 1 win 3000").in(". 1:1(0) ack 1 win 9000").ignore_output();
    EXPECT_EQ(s.info().send_window, 3000U) << "RFC 9293 §3.10.7.4 fifth: the window is updated if SND.WL1 < SEG.SEQ or ...";
}

TEST_F(sending, a_shrunken_window_does_not_confuse) // RFC 9293 MUST-34
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000>");
    s.send(3000);
    wire.out(". 1:1001(1000)").out(". 1001:2001(1000)").out("P. 2001:3001(1000)");
    wire.in(". 1:1(0) ack 1001 win 500").out_nothing(); // §3.8.6: robust against window shrinking
    EXPECT_EQ(s.state(), tcp_state::established);
    wire.at(100ms).in(". 1:1(0) ack 3001 win 65535").out_nothing();
    EXPECT_EQ(s.info().unacked, 0U);
}

TEST_F(sending, the_initial_window_is_ten_segments)
{
    script_socket s = open_passive();
    s.send(20'000);
    for (unsigned i = 0; i < 10; ++i) wire.out("."); // RFC 6928: 10 segments
    wire.out_nothing();
    wire.in(". 1:1(0) ack 1001").out(".").out(".").out_nothing(); // slow start: cwnd grows by the acknowledged segment
}

class probing : public packet_script
{
protected:
    /// An established connection whose peer's window is closed; 3 octets wait to be sent.
    script_socket stalled()
    {
        script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000>");
        s.send(1000);
        wire.out("P. 1:1001(1000)").in(". 1:1(0) ack 1001 win 0").out_nothing();
        s.send("abc");
        wire.out_nothing();
        return s;
    }
};

TEST_F(probing, a_closed_window_is_probed_with_backoff) // RFC 9293 MUST-35, MUST-36
{
    script_socket s = stalled();
    wire.at(200ms).out(". 1001:1002(1)"); // RFC 9293 §3.8.6.1: the first probe after an RTO, then exponential backoff
    wire.in(". 1:1(0) ack 1001 win 0").out_nothing();
    wire.at(600ms).out(". 1001:1002(1)").in(". 1:1(0) ack 1001 win 0");
    wire.at(1400ms).out(". 1001:1002(1)").in(". 1:1(0) ack 1001 win 0");
    wire.at(2s)
        .in(". 1:1(0) ack 1001 win 1000")
        .out("P. 1001:1004(3)"); // when the window opens, the probe's octet is sent again at once, together with the rest
    wire.in(". 1:1(0) ack 1004").out_nothing();
    EXPECT_EQ(s.info().unacked, 0U);
    wire.at(1h).out_nothing();
}

TEST_F(probing, an_accepted_probe_is_data)
{
    stalled();
    wire.at(200ms).out(". 1001:1002(1)");
    wire.in(". 1:1(0) ack 1002 win 0").out_nothing();
    wire.at(300ms).in(". 1:1(0) ack 1002 win 100").out("P. 1002:1004(2)");
}

TEST_F(probing, a_peer_that_answers_is_never_given_up)
{
    script_socket s = stalled();
    for (unsigned i = 0; i < 60; ++i) {
        wire.out_within(61s, ". 1001:1002(1)").in(". 1:1(0) ack 1001 win 0");
    }
    EXPECT_EQ(s.state(), tcp_state::established); // MUST-37
    EXPECT_GT(wire.elapsed(), 30min);
}

TEST_F(probing, a_peer_that_is_gone_is_given_up)
{
    script_socket s = stalled();
    for (unsigned i = 0; i < 15; ++i) wire.out_within(61s, ". 1001:1002(1)");
    wire.after(125s).ignore_output();
    EXPECT_EQ(s.error(), errno_code(ETIMEDOUT));
}

TEST_F(probing, a_fin_waits_behind_a_closed_window)
{
    script_socket s = stalled();
    s.shutdown(shutdown_type::send);
    wire.out_nothing();
    wire.at(150ms).in(". 1:1(0) ack 1001 win 100").out("FP. 1001:1004(3)");
}

} // namespace
} // namespace tapio::test
