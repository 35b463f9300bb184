// Closing a connection: RFC 9293 §3.6 (figures 12 and 13), half-close, TIME-WAIT (§3.6.1, §3.10.7.4), close with unread data,
// abort, FIN-WAIT-2 of closed sockets.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class closing : public packet_script
{
};

TEST_F(closing, we_close_first_and_pass_through_time_wait) // RFC 9293 MUST-13
{
    script_socket s = open_passive();
    s.shutdown(shutdown_type::send);
    wire.out("F. 1:1(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::fin_wait_1);
    wire.in(". 1:1(0) ack 2").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::fin_wait_2);
    wire.in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2");
    EXPECT_EQ(s.state(), tcp_state::time_wait);
    EXPECT_TRUE(s.at_end());
    s.close();
    wire.at(59s).out_nothing();
    EXPECT_EQ(wire.host().tcp().size(), 2U);
    wire.at(61s).out_nothing();
    EXPECT_EQ(wire.host().tcp().size(), 1U);
}

TEST_F(closing, the_peer_closes_first)
{
    script_socket s = open_passive();
    wire.in("F. 1:1(0) ack 1").out(". 1:1(0) ack 2");
    EXPECT_EQ(s.state(), tcp_state::close_wait);
    EXPECT_TRUE(s.at_end());
    EXPECT_EQ(s.send("abc"), 3U); // half-close: we may still send
    wire.out("P. 1:4(3) ack 2").in(". 2:2(0) ack 4");
    s.close();
    wire.out("F. 4:4(0) ack 2");
    wire.in(". 2:2(0) ack 5").out_nothing();
    EXPECT_EQ(wire.host().tcp().size(), 1U); // only the listener: LAST-ACK ends at once, without TIME-WAIT
}

TEST_F(closing, both_at_once)
{
    script_socket s = open_passive();
    s.shutdown(shutdown_type::send);
    wire.out("F. 1:1(0) ack 1");
    wire.in("F. 1:1(0) ack 1").out(". 2:2(0) ack 2");
    EXPECT_EQ(s.state(), tcp_state::closing);
    wire.in(". 2:2(0) ack 2").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::time_wait);
}

TEST_F(closing, fin_and_its_ack_in_one_segment)
{
    script_socket s = open_passive();
    s.shutdown(shutdown_type::send);
    wire.out("F. 1:1(0) ack 1");
    wire.in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2"); // FIN-WAIT-1 -> TIME-WAIT
    EXPECT_EQ(s.state(), tcp_state::time_wait);
}

TEST_F(closing, we_half_close_and_go_on_reading)
{
    script_socket s = open_passive();
    s.shutdown(shutdown_type::send);
    wire.out("F. 1:1(0) ack 1").in(". 1:1(0) ack 2");
    wire.in("P. 1:6(5) ack 2", "hello");
    EXPECT_EQ(s.receive(), "hello");
    wire.out(". 2:2(0) ack 6");
    wire.in("F. 6:6(0) ack 2").out(". 2:2(0) ack 7");
    EXPECT_EQ(s.send("x"), 0U); // EPIPE
}

TEST_F(closing, the_fin_waits_for_the_data)
{
    script_socket s = open_passive();
    s.send(500);
    wire.out("P. 1:501(500)");
    s.send(600);
    wire.out_nothing(); // the Nagle algorithm
    s.shutdown(shutdown_type::send);
    wire.out("FP. 501:1101(600) ack 1");
    EXPECT_EQ(s.state(), tcp_state::fin_wait_1);
    wire.in(". 1:1(0) ack 1101").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::fin_wait_1);
    wire.in(". 1:1(0) ack 1102").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::fin_wait_2);
}

TEST_F(closing, a_lost_fin_is_sent_again)
{
    script_socket s = open_passive();
    s.shutdown(shutdown_type::send);
    wire.out("F. 1:1(0) ack 1");
    wire.at(200ms).out("F. 1:1(0) ack 1"); // the RTT sample of the handshake is 0, so the RTO is its minimum
    wire.in(". 1:1(0) ack 2").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::fin_wait_2);
}

TEST_F(closing, close_with_unread_data_resets)
{
    script_socket s = open_passive();
    wire.in("P. 1:6(5) ack 1", "hello");
    s.close();                   // RFC 9293 §3.6.1, RFC 1122 §4.2.2.13: SHOULD send a RST to show that data was lost
    wire.out("R. 1:1(0) ack 6"); // with an ACK, as Linux's tcp_send_active_reset; RFC 9293 §3.10.5 has <SEQ=SND.NXT><CTL=RST>
    EXPECT_EQ(wire.host().tcp().size(), 1U);
}

TEST_F(closing, data_after_close_resets)
{
    script_socket s = open_passive();
    s.close();
    wire.out("F. 1:1(0) ack 1").in(". 1:1(0) ack 2");
    wire.in("P. 1:6(5) ack 2", "hello").out("R."); // the socket is closed: no user can read the data
    EXPECT_EQ(wire.host().tcp().size(), 1U);
}

TEST_F(closing, abort_is_a_reset)
{
    script_socket s = open_passive();
    s.send("abc");
    wire.out("P. 1:4(3) ack 1");
    s.abort();
    wire.out("R. 4:4(0)"); // <SEQ=SND.NXT><CTL=RST>
    EXPECT_EQ(wire.host().tcp().size(), 1U);
    wire.at(10s).out_nothing();
}

TEST_F(closing, fin_wait_2_of_a_closed_socket_ends)
{
    script_socket s = open_passive();
    s.close();
    wire.out("F. 1:1(0) ack 1").in(". 1:1(0) ack 2");
    wire.at(59s).out_nothing();
    EXPECT_EQ(wire.host().tcp().size(), 2U);
    wire.at(61s).ignore_output();
    EXPECT_EQ(wire.host().tcp().size(), 1U);
}

TEST_F(closing, fin_wait_2_of_an_open_socket_stays)
{
    script_socket s = open_passive();
    s.shutdown(shutdown_type::send);
    wire.out("F. 1:1(0) ack 1").in(". 1:1(0) ack 2");
    wire.at(1h).out_nothing();
    EXPECT_EQ(s.state(), tcp_state::fin_wait_2);
}

TEST_F(closing, a_reset_ends_it_with_connection_reset) // RFC 9293 MUST-12
{
    script_socket s = open_passive();
    wire.in("R 1:1(0)").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::closed);
    EXPECT_EQ(s.receive_error(), errno_code(ECONNRESET));
    EXPECT_TRUE(s.at_end()); // the error is reported once
    EXPECT_EQ(s.send("x"), 0U);
}

TEST_F(closing, data_that_came_before_the_fin_is_read_before_the_end)
{
    script_socket s = open_passive();
    wire.in("FP. 1:6(5) ack 1", "hello").out(". 1:1(0) ack 7");
    EXPECT_EQ(s.receive(3), "hel");
    EXPECT_EQ(s.receive(3), "lo");
    EXPECT_TRUE(s.at_end());
}

TEST_F(closing, a_fin_out_of_order_waits_for_the_gap)
{
    script_socket s = open_passive();
    wire.in("F. 6:6(0) ack 1").out(". 1:1(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::established);
    wire.in("P. 1:6(5) ack 1", "hello").ignore_output();
    wire.in("F. 6:6(0) ack 1").ignore_output(); // a stack may or may not have kept the early FIN
    EXPECT_EQ(s.state(), tcp_state::close_wait);
    EXPECT_EQ(s.receive(), "hello");
    EXPECT_TRUE(s.at_end());
}

TEST_F(closing, a_fin_again_is_acknowledged_again)
{
    script_socket s = open_passive();
    wire.in("F. 1:1(0) ack 1").out(". 1:1(0) ack 2");
    wire.in("F. 1:1(0) ack 1").out(". 1:1(0) ack 2");
    EXPECT_EQ(s.state(), tcp_state::close_wait);
}

TEST_F(closing, data_behind_the_fin_is_ignored)
{
    script_socket s = open_passive();
    wire.in("F. 1:1(0) ack 1").out(". 1:1(0) ack 2");
    wire.in("P. 2:7(5) ack 1").ignore_output();
    EXPECT_EQ(s.state(), tcp_state::close_wait);
    EXPECT_TRUE(s.at_end());
}

TEST_F(closing, last_ack_survives_a_lost_fin)
{
    script_socket s = open_passive();
    wire.in("F. 1:1(0) ack 1").out(". 1:1(0) ack 2");
    s.close();
    wire.out("F. 1:1(0) ack 2");
    wire.at(200ms).out("F. 1:1(0) ack 2");
    wire.at(600ms).out("F. 1:1(0) ack 2").in(". 2:2(0) ack 2").out_nothing();
    EXPECT_EQ(wire.host().tcp().size(), 1U);
}

class time_wait : public packet_script
{
protected:
    void enter()
    {
        script_socket s = open_passive();
        s.close();
        wire.out("F. 1:1(0) ack 1");
        wire.in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2");
    }
};

TEST_F(time_wait, a_fin_again_is_acknowledged_and_restarts_the_time)
{
    enter();
    wire.at(50s).in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2"); // §3.10.7.4 eighth: restart the 2 MSL timeout
    wire.at(70s).out_nothing();
    EXPECT_EQ(wire.host().tcp().size(), 2U);
    wire.at(111s);
    EXPECT_EQ(wire.host().tcp().size(), 1U);
}

TEST_F(time_wait, a_new_syn_with_a_later_sequence_reopens)
{
    enter();
    wire.at(5s).new_incarnation(script::default_isn + 100'000);
    // RFC 1122 §4.2.2.13 permits a new SYN with a greater sequence number to reopen
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 1").out_nothing();
    EXPECT_EQ(wire.counters().tcp.curr_estab, 1U);
}

TEST_F(time_wait, our_new_sequence_lies_beyond_the_old)
{
    enter();
    const std::uint32_t old = wire.our_isn();
    wire.new_incarnation(script::default_isn + 100'000);
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    EXPECT_GT(static_cast<std::int32_t>(wire.our_isn() - old), 2);
}

TEST_F(time_wait, an_old_syn_does_not_reopen)
{
    enter();
    wire.at(5s).in("S 0:0(0) win 65535").out(". 2:2(0) ack 2");
    EXPECT_EQ(wire.host().tcp().size(), 2U);
}

TEST_F(time_wait, a_reset_does_not_kill_it_early)
{
    enter();
    wire.at(5s).in("R 1:1(0)").ignore_output(); // RFC 1337; SEG.SEQ is out of the window here
    EXPECT_EQ(wire.host().tcp().size(), 2U);
}

TEST_F(time_wait, it_answers_as_often_as_it_is_asked_and_then_ends)
{
    enter();
    for (int s = 5; s < 30; s += 5) {
        wire.at(std::chrono::seconds(s)).in("R 2:2(0)").out_nothing(); // RFC 1337: SEG.SEQ = RCV.NXT, but TIME-WAIT does not end
        wire.in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2");
        wire.in(". 2:2(0) ack 9").out(". 2:2(0) ack 2"); // acknowledges data never sent
    }
    wire.at(84s);
    EXPECT_EQ(wire.host().tcp().size(), 2U);
    wire.at(86s).out_nothing();
    EXPECT_EQ(wire.host().tcp().size(), 1U);
}

TEST_F(time_wait, segments_of_one_that_has_ended_meet_nobody)
{
    enter();
    wire.at(61s).in("F. 1:1(0) ack 2").out("R 2:2(0)");
}

TEST_F(time_wait, the_port_can_be_listened_at_with_reuse_only)
{
    enter();
    const endpoint here = wire.local();
    script_socket other = wire.open();
    EXPECT_EQ(wire.host().tcp().bind(other.id(), here), errno_code(EADDRINUSE));
}

} // namespace
} // namespace tapio::test
