// Timestamps and PAWS, window scaling (RFC 7323); keep-alive (RFC 9293 §3.8.4); ICMP errors about an established connection (RFC
// 9293 §3.9.2.2, RFC 5927); path MTU discovery (RFC 1191).
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class timestamps : public packet_script
{
protected:
    script_socket open() { return open_passive("S 0:0(0) win 65535 <mss 1000,ts 100 0>"); }
};

TEST_F(timestamps, every_segment_carries_the_clock_and_the_peers_last) // RFC 9293 MUST-5
{
    script_socket s = open();
    s.send("abc");
    wire.out("P. 1:4(3) <ts 0 100>");
    wire.at(50ms).in(". 1:1(0) ack 4 <ts 150 0>");
    s.send("def");
    wire.out("P. 4:7(3) <ts 50 150>");
}

TEST_F(timestamps, not_without_an_offer)
{
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3) <no_ts>");
}

TEST_F(timestamps, our_own_user_can_do_without)
{
    wire.options.tcp.offer_timestamps = false;
    wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 1000,ts 100 0>").out("S. 0:0(0) ack 1 <no_ts>");
}

TEST_F(timestamps, a_delayed_acknowledgement_echoes_the_first_it_speaks_for)
{
    open();
    wire.at(10ms).in("P. 1:11(10) ack 1 <ts 110 0>").at(20ms).in("P. 11:21(10) ack 1 <ts 120 0>");
    wire.at(50ms).out(". 1:1(0) ack 21 <ts 50 110>"); // RFC 7323 §4.3 (2), case A
}

TEST_F(timestamps, beyond_a_hole_the_last_in_order_is_echoed)
{
    open();
    wire.at(10ms).in(". 1:11(10) ack 1 <ts 110 0>").at(50ms).out(". 1:1(0) ack 11 <ts 50 110>");
    wire.at(60ms).in(". 21:31(10) ack 1 <ts 160 0>").out(". 1:1(0) ack 11 <ts 60 110>"); // case B
    wire.at(70ms).in(". 11:21(10) ack 1 <ts 170 0>").out(". 1:1(0) ack 31 <ts 70 170>"); // case C
}

// A segment without the timestamps option is accepted, as on Linux; RFC 7323 §3.2: SHOULD drop.
TEST_F(timestamps, a_segment_without_one_is_taken)
{
    script_socket s = open();
    wire.in("P. 1:4(3) ack 1 <no_ts>", "abc").at(40ms).out(". 1:1(0) ack 4 <ts 40 100>");
    EXPECT_EQ(s.receive(), "abc");
    s.send("def");
    wire.out("P. 1:4(3)").at(60ms).in(". 4:4(0) ack 4 <no_ts>").at(1h).out_nothing();
    EXPECT_EQ(s.info().unacked, 0U);
    EXPECT_EQ(wire.counters().drops[drop_reason::tcp_paws], 0U);
}

TEST_F(timestamps, the_last_segment_of_the_handshake_may_be_without)
{
    script_socket l = wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 1000,ts 100 0>")
        .out("S. 0:0(0) ack 1 <ts 0 100>")
        .in(". 1:1(0) ack 1 <no_ts>")
        .out_nothing();
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    s.send("abc");
    wire.out("P. 1:4(3) <ts 0 100>");
    wire.at(10ms).in("P. 1:4(3) ack 4 <ts 110 0>", "abc").at(50ms).out(". 4:4(0) ack 4 <ts 50 110>");
    wire.in("P. 4:7(3) ack 4 <ts 109 60>", "old").out(". 4:4(0) ack 4"); // PAWS still applies to segments with the option
    EXPECT_EQ(s.receive(), "abc");
}

TEST_F(timestamps, one_without_in_time_wait_is_answered)
{
    script_socket s = open();
    s.close();
    wire.out("F. 1:1(0) ack 1").in(". 1:1(0) ack 2").in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2 <ts 0 100>");
    wire.at(10s).in("F. 1:1(0) ack 2 <no_ts>").out(". 2:2(0) ack 2 <ts 10000 100>");
}

TEST_F(timestamps, stand_in_a_reset_of_ours) // RFC 7323 §3.2: SHOULD
{
    script_socket s = open();
    wire.at(10ms).in("P. 1:4(3) ack 1 <ts 110 0>", "abc").at(50ms).out(". 1:1(0) ack 4");
    s.close(); // with unread data: sends a RST
    wire.out("R. 1:1(0) ack 4 <ts 50 110>");
}

TEST_F(timestamps, an_old_acknowledgement_does_not_keep_one_from_being_echoed) // RFC 7323 §4.3 looks at SEG.SEQ only
{
    script_socket s = open();
    s.send("abc");
    wire.out("P. 1:4(3) <ts 0 100>").at(10ms).in(". 1:1(0) ack 4 <ts 110 0>");
    wire.at(20ms).in("P. 1:4(3) ack 1 <ts 120 0>", "def").at(60ms).out(". 4:4(0) ack 4 <ts 60 120>");
}

// As on Linux since commit bd090dfc634d ("tcp_replace_ts_recent() should not be called from tcp_validate_incoming()").
TEST_F(timestamps, one_with_an_unacceptable_acknowledgement_teaches_nothing)
{
    script_socket s = open();
    wire.at(10ms).in(". 1:4(3) ack 5000 <ts 900000 0>", "bad").ignore_output(); // acknowledges data never sent
    wire.at(20ms).in(". 1:4(3) ack 3000000000 <ts 900000 0>", "bad").ignore_output();
    wire.at(30ms).in("P. 1:4(3) ack 1 <ts 130 0>", "abc");
    EXPECT_EQ(s.receive(), "abc");
    wire.ignore_output();
}

TEST_F(timestamps, a_reset_needs_none)
{
    script_socket s = open();
    wire.in("R 1:1(0) <no_ts>").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::closed);
}

TEST_F(timestamps, an_old_one_is_answered_and_dropped)
{
    script_socket s = open();
    wire.at(10ms).in("P. 1:4(3) ack 1 <ts 200 0>", "abc").at(50ms).out(". 1:1(0) ack 4");
    wire.in("P. 4:7(3) ack 1 <ts 199 0>", "old").out(". 1:1(0) ack 4 <ts 50 200>"); // RFC 7323 §5.3 R1
    EXPECT_EQ(s.receive(), "abc");
    EXPECT_EQ(wire.counters().tcp.paws_drops, 1U);
    wire.in("P. 4:7(3) ack 1 <ts 200 0>", "new"); // an equal timestamp is not older
    EXPECT_EQ(s.receive(), "new");
    wire.out(". 1:1(0) ack 7");
}

TEST_F(timestamps, they_wrap)
{
    script_socket listener = wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 1000,ts 4294967290 0>").out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 1 <ts 4294967291 0>");
    script_socket s = listener.accept();
    wire.in("P. 1:4(3) ack 1 <ts 5 0>", "abc");
    EXPECT_EQ(s.receive(), "abc");
    wire.ignore_output().at(50ms).in("P. 4:7(3) ack 1 <ts 4294967295 0>", "old").ignore_output();
    EXPECT_EQ(s.receive(), "");
}

TEST_F(timestamps, after_24_days_of_silence_any_is_taken)
{
    script_socket s = open();
    wire.at(24h * 24 + 1s).in("P. 1:4(3) ack 1 <ts 7 0>", "abc"); // RFC 7323 §5.5: TS.Recent is outdated
    EXPECT_EQ(s.receive(), "abc");
    wire.out(". 1:1(0) ack 4");
}

TEST_F(timestamps, one_from_outside_the_window_teaches_nothing)
{
    script_socket s = open();
    wire.in(". 100000:100003(3) ack 1 <ts 900000 0>").ignore_output();
    wire.in("P. 1:4(3) ack 1 <ts 101 0>", "abc");
    EXPECT_EQ(s.receive(), "abc");
    wire.out(". 1:1(0) ack 4");
}

class window_scale : public packet_script
{
};

TEST_F(window_scale, the_handshake_needs_three_segments_however_large_the_buffer)
{
    // the window in a SYN is at most 65535 (RFC 7323 §2.2): no window update follows
    open_passive("S 0:0(0) win 65535 <mss 1000,wscale 7>");
    wire.at(1h).out_nothing();
}

TEST_F(window_scale, the_peers_windows_are_shifted_after_the_syn) // RFC 9293 MUST-1
{
    script_socket s = open_passive("S 0:0(0) win 1000 <mss 1000,wscale 7>");
    wire.in(". 1:1(0) ack 1 win 20");
    EXPECT_EQ(s.info().send_window, 20U * 128);
    s.send(4000);
    wire.out(". 1:1001(1000)").out(". 1001:2001(1000)").out_nothing();
}

TEST_F(window_scale, the_one_in_the_syn_is_not)
{
    script_socket listener = wire.listen();
    wire.in("S 0:0(0) win 500 <mss 1000,wscale 7>").out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 1 win 4");
    EXPECT_EQ(listener.accept().info().send_window, 512U);
}

TEST_F(window_scale, ours_is_shifted_too)
{
    wire.options.tcp.receive_buffer = 1 << 20;
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000,wscale 0>");
    EXPECT_EQ(s.info().receive_window_scale, 7U);
    wire.in("P. 1:4(3) ack 1", "abc").ignore_output().at(40ms).in("P. 4:7(3) ack 1", "def");
    wire.at(80ms).out(". 1:1(0) ack 7 win " + std::to_string(((1 << 20) - 6) / 128));
}

TEST_F(window_scale, without_an_offer_none_is_used_either_way)
{
    wire.options.tcp.receive_buffer = 1 << 20;
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000>");
    wire.in("P. 1:4(3) ack 1 win 300", "abc").at(40ms).out(". 1:1(0) ack 4 win 65535");
    EXPECT_EQ(s.info().send_window, 300U);
}

TEST_F(window_scale, more_than_14_is_14)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000,wscale 15>");
    wire.in(". 1:1(0) ack 1 win 1").in(". 1:1(0) ack 1 win 2");
    EXPECT_EQ(s.info().send_window, 2U << 14); // RFC 7323 §2.3: a shift of more than 14 is treated as 14
}

TEST_F(window_scale, a_window_that_a_unit_cannot_say_is_never_taken_back)
{
    wire.options.tcp.receive_buffer = 10'000;
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000,wscale 0>");
    std::uint64_t edge = 0;
    for (std::uint32_t at = 1; at < 9'000; at += 37) {
        wire.in("P. " + std::to_string(at) + ':' + std::to_string(at + 37) + "(37) ack 1").after(41ms).ignore_output();
        const tcp_info i = s.info();
        EXPECT_GE(i.bytes_received + i.receive_window, edge) << at; // RFC 9293 §3.8.6: the right edge never moves left
        edge = i.bytes_received + i.receive_window;
    }
}

class keep_alive : public packet_script
{
protected:
    script_socket open()
    {
        script_socket s = open_passive();
        s.set(socket_option::keep_alive, 1);
        s.set(socket_option::keep_idle, 60);
        s.set(socket_option::keep_interval, 10);
        s.set(socket_option::keep_count, 3);
        return s;
    }
};

TEST_F(keep_alive, is_off_by_default)
{
    open_passive();
    wire.at(100h).out_nothing(); // RFC 9293 MUST-25
}

TEST_F(keep_alive, waits_two_hours_by_default) // RFC 9293 MUST-24, MUST-27
{
    script_socket s = open_passive();
    s.set(socket_option::keep_alive, 1);
    wire.at(2h - 1ms).out_nothing().at(2h).out(". 0:0(0) ack 1"); // MUST-28; SEG.SEQ = SND.NXT - 1
}

TEST_F(keep_alive, an_answer_begins_the_time_anew)
{
    open();
    for (const auto t : {60s, 120s, 180s}) wire.at(t).out(". 0:0(0) ack 1").in(". 1:1(0) ack 1").out_nothing();
    EXPECT_EQ(wire.counters().tcp.keep_alive_probes, 3U);
}

TEST_F(keep_alive, so_does_anything_the_peer_sends)
{
    script_socket s = open();
    wire.at(50s).in("P. 1:4(3) ack 1", "abc");
    s.receive();
    wire.out(". 1:1(0) ack 4");
    wire.at(110s - 1ms).out_nothing().at(110s).out(". 0:0(0) ack 4");
}

TEST_F(keep_alive, without_answers_it_resets_and_times_out) // RFC 9293 MUST-29
{
    script_socket s = open();
    for (const auto t : {60s, 70s, 80s}) wire.at(t).out(". 0:0(0) ack 1");
    wire.at(90s).out("R. 1:1(0) ack 1").out_nothing();
    EXPECT_EQ(s.receive_error(), errno_code(ETIMEDOUT));
}

TEST_F(keep_alive, not_while_data_is_outstanding) // RFC 9293 MUST-26
{
    script_socket s = open();
    s.send("abc");
    wire.out("P. 1:4(3)");
    for (int i = 0; i < 9; ++i) wire.out_within(61s, "P. 1:4(3)"); // retransmissions take the place of keep-alives
    EXPECT_EQ(wire.counters().tcp.keep_alive_probes, 0U);
}

TEST_F(keep_alive, the_peers_probe_is_answered)
{
    open_passive();
    wire.at(1h).in(". 0:0(0) ack 1").out(". 1:1(0) ack 1");
    wire.at(2h).in(". 0:1(1) ack 1", "?").out(". 1:1(0) ack 1"); // keep-alive in the old form, with one octet of garbage
}

class icmp_on_established : public packet_script, public testing::WithParamInterface<int>
{
};

TEST_P(icmp_on_established, does_not_end_the_connection) // RFC 9293 MUST-54, MUST-56
{
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3)").icmp_unreachable(static_cast<std::uint8_t>(GetParam()), 1).out_nothing();
    EXPECT_EQ(s.state(), tcp_state::established); // RFC 5927 §4.2: hard errors do not abort an established connection either
    wire.in(". 1:1(0) ack 4").out_nothing();
    EXPECT_FALSE(s.error());
}

INSTANTIATE_TEST_SUITE_P(codes, icmp_on_established, testing::Values(0, 1, 2, 3, 5, 9, 13));

TEST_F(packet_script, over_v6_a_path_mtu_makes_smaller_segments_but_none_below_1280) // RFC 8201 §4
{
    if (!over_v6()) return;
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(3000);
    wire.ignore_output().icmp_unreachable(4, 1, 1380); // 1400 octets over IPv6
    EXPECT_EQ(*wire.host().tcp().get_option(s.id(), socket_option::path_mtu), 1400);
    wire.out(". 1:1341(1340)").ignore_output().icmp_unreachable(4, 1, 600);
    EXPECT_EQ(*wire.host().tcp().get_option(s.id(), socket_option::path_mtu), 1280);
    wire.out(". 1:1221(1220)").ignore_output();
}

class path_mtu : public packet_script_v4
{
};

TEST_F(path_mtu, a_smaller_one_makes_smaller_segments)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.out("P. 1:1461(1460)").icmp_unreachable(wire::fragmentation_needed, 1, 1000);
    wire.out(". 1:961(960)").out("P. 961:1461(500)"); // RFC 1191 §6.3: retransmitted at once
    EXPECT_EQ(s.info().cwnd, 10U * 1460) << "not a congestion signal (RFC 1191 §6.4)";
}

TEST_F(path_mtu, is_known_to_the_user)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    EXPECT_EQ(*wire.host().tcp().get_option(s.id(), socket_option::path_mtu), 1500);
    s.send(1460);
    wire.out("P. 1:1461(1460)").icmp_unreachable(wire::fragmentation_needed, 1, 1000).ignore_output();
    EXPECT_EQ(*wire.host().tcp().get_option(s.id(), socket_option::path_mtu), 1000);
}

TEST_F(path_mtu, a_larger_one_is_tried_after_ten_minutes) // RFC 1191 §6.3
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1400>");
    s.send(1400);
    wire.out("P. 1:1401(1400)").icmp_unreachable(wire::fragmentation_needed, 1, 1000);
    wire.out(". 1:961(960)").out("P. 961:1401(440)").in(". 1:1(0) ack 1401").at(9min);
    s.send(960);
    wire.out("P. 1401:2361(960)").in(". 1:1(0) ack 2361").at(10min);
    s.send(1400);
    wire.out("P. 2361:3761(1400)").icmp_unreachable(wire::fragmentation_needed, 2361, 1000); // the path MTU is still 1000
    wire.out(". 2361:3321(960)").out("P. 3321:3761(440)").in(". 1:1(0) ack 3761").at(20min);
    s.send(1400);
    wire.out("P. 3761:5161(1400)").in(". 1:1(0) ack 5161");
    EXPECT_EQ(s.info().send_mss, 1400U);
}

TEST_F(path_mtu, of_a_segment_that_is_not_out_there_is_ignored)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.out("P. 1:1461(1460)").in(". 1:1(0) ack 1461").icmp_unreachable(wire::fragmentation_needed, 1, 1000).out_nothing();
    // RFC 5927 §7: the quoted sequence number is not in flight
    wire.icmp_unreachable(wire::fragmentation_needed, 100'000, 1000).out_nothing();
    EXPECT_EQ(s.info().send_mss, 1460U);
}

TEST_F(path_mtu, absurd_ones_are_ignored_or_bounded)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.out("P. 1:1461(1460)").icmp_unreachable(wire::fragmentation_needed, 1, 9000).out_nothing();
    EXPECT_EQ(s.info().send_mss, 1460U);
    wire.icmp_unreachable(wire::fragmentation_needed, 1, 68).ignore_output();
    EXPECT_GE(s.info().send_mss, 512U) << "RFC 1191 permits 68; so small a path MTU is an attack (RFC 5927 §7.2)";
}

// As on Linux (ip_rt_min_pmtu, mtu_locked): segments stay at 552 octets or more, and DF is cleared so that routers can fragment
// them.
TEST_F(path_mtu, below_552_octets_goes_without_df)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.out("P. 1:1461(1460)");
    EXPECT_FALSE(wire.last_may_be_fragmented());
    wire.icmp_unreachable(wire::fragmentation_needed, 1, 296);
    for (const char* piece : {". 1:513(512)", ". 513:1025(512)", "P. 1025:1461(436)"}) {
        wire.out(piece);
        EXPECT_TRUE(wire.last_may_be_fragmented());
    }
    wire.icmp_unreachable(wire::fragmentation_needed, 1, 296).out_nothing(); // about segments sent before
    wire.in(". 1:1(0) ack 1461").at(5min);
    s.send(10);
    wire.out("P. 1461:1471(10)").in(". 1:1(0) ack 1471");
    EXPECT_TRUE(wire.last_may_be_fragmented());
    wire.at(10min);
    s.send(1460);
    // RFC 1191 §6.3: after ten minutes the larger size is tried again, with DF
    wire.out("P. 1471:2931(1460)").in(". 1:1(0) ack 2931");
    EXPECT_FALSE(wire.last_may_be_fragmented());
}

TEST_F(path_mtu, below_that_of_a_narrow_link_goes_without_df_too)
{
    if (over_v6()) GTEST_SKIP() << "an IPv6 link has an MTU of 1280 at least";
    wire.mtu = 400;
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(360);
    wire.out("P. 1:361(360)").icmp_unreachable(wire::fragmentation_needed, 1, 300).out("P. 1:361(360)");
    EXPECT_TRUE(wire.last_may_be_fragmented());
}

TEST_F(path_mtu, of_segments_that_a_device_cuts_none_is_cut_without_df)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(20'000);
    wire.ignore_output().icmp_unreachable(wire::fragmentation_needed, 1, 296).ignore_output();
    EXPECT_EQ(s.info().send_mss, 512U);
}

/// RFC 1191 §5: a router that does not report its next-hop MTU.
struct plateau
{
    std::uint16_t sent, next; ///< octets of IP packet; sent: the rejected one, next: the plateau used afterwards
};

class silent_router : public packet_script_v4, public testing::WithParamInterface<plateau>
{
};

TEST_P(silent_router, means_the_next_lower_plateau)
{
    wire.mtu = 40'000;
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 39960>");
    s.send(GetParam().sent - 40U);
    wire.ignore_output().icmp_unreachable(wire::fragmentation_needed, 1, 0, GetParam().sent);
    const unsigned n = GetParam().next - 40U;
    wire.out((n < GetParam().sent - 40U ? ". 1:" : "P. 1:") + std::to_string(1 + n) + "(" + std::to_string(n) + ")");
    wire.ignore_output();
    EXPECT_EQ(*wire.host().tcp().get_option(s.id(), socket_option::path_mtu), GetParam().next);
}

INSTANTIATE_TEST_SUITE_P(sizes, silent_router,
                         testing::Values(plateau{40000, 32000}, plateau{20000, 17914}, plateau{10000, 8166}, plateau{5000, 4352},
                                         plateau{2500, 2002}, plateau{1500, 1492}, plateau{1492, 1006}, plateau{1006, 552}));

TEST_F(path_mtu, plateaus_follow_each_other_until_one_fits)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    s.send(1460);
    wire.out("P. 1:1461(1460)").icmp_unreachable(wire::fragmentation_needed, 1, 0, 1500);
    wire.out(". 1:1453(1452)").out("P. 1453:1461(8)").icmp_unreachable(wire::fragmentation_needed, 1, 0, 1492);
    wire.out(". 1:967(966)").out(". 967:1453(486)").out("P. 1453:1461(8)");
    wire.icmp_unreachable(wire::fragmentation_needed, 1, 0, 1500).out_nothing(); // about a packet sent before
    EXPECT_FALSE(wire.last_may_be_fragmented());
    wire.icmp_unreachable(wire::fragmentation_needed, 1, 0, 1006);
    for (int i = 0; i < 4; ++i) wire.out(i < 3 ? "." : "P.");
    EXPECT_TRUE(wire.last_may_be_fragmented());
    EXPECT_EQ(wire.elapsed(), 0ms);
}

TEST_F(path_mtu, of_a_syn_does_not_fail_the_connect)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").icmp_unreachable(wire::fragmentation_needed, 0, 0, 60).out_nothing();
    EXPECT_EQ(s.state(), tcp_state::syn_sent);
    EXPECT_FALSE(s.error());
    wire.at(1s).out("S 0:0(0)");
    EXPECT_TRUE(wire.last_may_be_fragmented());
    wire.in("S. 0:0(0) ack 1 win 65535 <mss 1460>").out(". 1:1(0) ack 1");
    EXPECT_EQ(s.info().send_mss, 512U);
}

TEST_F(path_mtu, of_a_syn_bounds_the_segments)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").icmp_unreachable(wire::fragmentation_needed, 0, 1400).out_nothing();
    wire.in("S. 0:0(0) ack 1 win 65535 <mss 1460>").out(". 1:1(0) ack 1");
    EXPECT_EQ(s.info().send_mss, 1360U);
}

} // namespace
} // namespace tapio::test
