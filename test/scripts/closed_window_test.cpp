// Traffic in one direction while the other is blocked by a closed window: SEG.SEQ of ACKs and RSTs while a window probe is in
// flight or after the peer has shrunk its window (RFC 9293 §3.8.6, §3.10.7.4 MUST-66), and when a connection with a closed window
// is given up (§3.8.6.1, RFC 5482).
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class small_window : public packet_script
{
protected:
    /// An established connection; `window` is the peer's, as in the header (16 bits, unscaled).
    script_socket open(unsigned window, const std::string& options = "<mss 1000>")
    {
        script_socket listener = wire.listen();
        wire.in("S 0:0(0) win " + std::to_string(window) + " " + options).out("S. 0:0(0) ack 1");
        wire.in(". 1:1(0) ack 1 win " + std::to_string(window)).out_nothing();
        return listener.accept();
    }
};

class blocked : public small_window
{
protected:
    /// An established connection: the peer's window is closed, 900 octets wait, and a window probe of one octet is in flight.
    script_socket open_and_probe()
    {
        script_socket s = open(100);
        s.send(1000);
        wire.out(". 1:101(100) ack 1").in(". 1:1(0) ack 101 win 0").out_nothing();
        wire.after(200ms).out(". 101:102(1) ack 1");
        return s;
    }
};

TEST_F(blocked, an_ack_stands_where_the_peer_takes_it_while_a_probe_is_out)
{
    script_socket s = open_and_probe();
    // SEG.SEQ is not 102, which is beyond the peer's window
    wire.in("P. 1:101(100) ack 101 win 0").after(40ms).out(". 101:101(0) ack 101");
    wire.in("P. 101:201(100) ack 101 win 0").after(40ms).out(". 101:101(0) ack 201");
    EXPECT_EQ(s.receive().size(), 200U);
}

TEST_F(blocked, data_of_the_peer_flows_for_an_hour_while_its_window_is_closed)
{
    script_socket s = open_and_probe();
    wire.ignore_output();
    std::uint32_t seq = 1;
    for (; wire.elapsed() < 1h; seq += 1000) {
        wire.in(". " + std::to_string(seq) + ":" + std::to_string(seq + 1000) + "(1000) ack 101 win 0").ignore_output();
        ASSERT_EQ(s.receive().size(), 1000U);
        wire.ignore_output();
        wire.after(10s).ignore_output();
    }
    EXPECT_EQ(s.state(), tcp_state::established);
    wire.in(". " + std::to_string(seq) + ":" + std::to_string(seq) + "(0) ack 101 win 65535").out("P. 101:1001(900)");
}

TEST_F(blocked, the_reset_of_an_abort_is_one_that_the_peer_takes)
{
    script_socket s = open_and_probe();
    s.abort();
    wire.out("R. 101:101(0) ack 1");
}

TEST_F(blocked, a_keep_alive_of_the_peer_gets_an_answer_that_it_takes)
{
    (void)open_and_probe();
    wire.in(". 0:0(0) ack 101 win 0").out(". 101:101(0) ack 1");
}

TEST_F(blocked, our_keep_alive_stands_before_the_window)
{
    script_socket s = open(100);
    s.send(100);
    wire.out(". 1:101(100) ack 1").in(". 1:1(0) ack 101 win 0");
    s.set(socket_option::keep_idle, 10);
    s.set(socket_option::keep_alive, 1);
    wire.after(10s).out(". 100:100(0) ack 1");
}

TEST_F(blocked, a_half_close_of_the_peer_is_acknowledged)
{
    script_socket s = open_and_probe();
    wire.in("F. 1:1(0) ack 101 win 0").out(". 101:101(0) ack 2");
    EXPECT_TRUE(s.at_end());
    wire.in(". 2:2(0) ack 101 win 1000").out("P. 101:1001(900) ack 2");
}

TEST_F(blocked, our_fin_follows_when_the_window_opens)
{
    script_socket s = open_and_probe();
    s.shutdown(shutdown_type::send);
    wire.in("P. 1:101(100) ack 101 win 0").after(40ms).out(". 101:101(0) ack 101");
    wire.in(". 101:101(0) ack 101 win 1000").out("FP. 101:1001(900) ack 101");
}

TEST_F(blocked, a_taken_back_window_is_the_edge_of_our_acks)
{
    script_socket s = open(4000);
    s.send(4000);
    wire.out(". 1:1001(1000)").out(". 1001:2001(1000)").out(". 2001:3001(1000)").out("P. 3001:4001(1000)");
    wire.in(". 1:1(0) ack 1001 win 500").out_nothing(); // shrinks the window, whose right edge was 4001
    wire.in("P. 1:11(10) ack 1001 win 500", "0123456789").after(40ms).out(". 1501:1501(0) ack 11");
    s.receive();
    s.abort();
    wire.out("R. 1501:1501(0) ack 11");
}

TEST_F(blocked, a_window_that_only_was_rounded_down_is_not_taken_back)
{
    script_socket s = open(8, "<mss 1000,wscale 7>"); // in the SYN the window is 8 octets, later 8 << 7 = 1024
    s.send(1024);
    wire.out(". 1:1001(1000)").out("P. 1001:1025(24)");
    // 924 octets are left of the window; in units of 128 octets the peer can only advertise 896
    wire.in(". 1:1(0) ack 101 win 7").out_nothing();
    wire.in("P. 1:11(10) ack 101 win 7", "0123456789").after(40ms).out(". 1025:1025(0) ack 11");
}

// -- as the receiver ----------------------------------------------------------------------------------------------------

class closed : public packet_script
{
protected:
    closed() { wire.options.tcp.receive_buffer = 4000; }

    /// Our receive window is closed; RCV.NXT is 4001.
    script_socket open_and_fill()
    {
        script_socket s = open_passive();
        for (const char* t :
             {". 1:1001(1000) ack 1", ". 1001:2001(1000) ack 1", ". 2001:3001(1000) ack 1", ". 3001:4001(1000) ack 1"})
            wire.in(t).ignore_output();
        EXPECT_EQ(s.info().receive_window, 0U);
        wire.after(1s).ignore_output();
        return s;
    }
};

TEST_F(closed, takes_the_ack_of_a_peer_that_counts_its_probe)
{
    script_socket s = open_and_fill();
    s.send("abc");
    wire.out("P. 1:4(3) ack 4001 win 0");
    wire.in(". 4002:4002(0) ack 4").out_nothing();
    EXPECT_EQ(s.info().unacked, 0U);
}

TEST_F(closed, takes_the_ack_of_a_probe_that_begins_earlier)
{
    script_socket s = open_and_fill();
    s.send("abc");
    wire.out("P. 1:4(3) ack 4001 win 0");
    wire.in(". 3501:4501(1000) ack 4").out(". 4:4(0) ack 4001 win 0");
    EXPECT_EQ(s.info().unacked, 0U);
    EXPECT_EQ(s.receive().size(), 4000U);
    wire.out(". 4:4(0) ack 4001 win 4000");
}

TEST_F(closed, takes_a_reset)
{
    script_socket s = open_and_fill();
    // a challenge ACK: the peer's SEG.SEQ includes the octet of its window probe
    wire.in("R 4002:4002(0)").out(". 1:1(0) ack 4001 win 0");
    wire.in("R 4001:4001(0)").out_nothing();
    EXPECT_EQ(s.error(), errno_code(ECONNRESET));
}

TEST_F(closed, hears_of_urgent_data)
{
    script_socket s = open_and_fill();
    wire.in("U. 4001:4002(1) ack 1 urg 1").out(". 1:1(0) ack 4001 win 0");
    EXPECT_NE(s.poll() & readiness::error, readiness::none);
}

// -- RFC 5482, against Linux ----------------------------------------------------------------------------------------------

class user_timeout : public small_window
{
protected:
    /// @param answers the peer answers each probe with a closed window  @return time from now until the connection has failed, at
    /// most `limit`
    duration until_failure(script_socket& s, bool answers, duration limit)
    {
        const duration from = wire.elapsed();
        while (s.state() != tcp_state::closed && wire.elapsed() - from < limit) {
            wire.after(10ms);
            if (wire.packets_waiting() == 0) continue;
            wire.ignore_output();
            if (answers && s.state() != tcp_state::closed) wire.in(". 1:1(0) ack 101 win 0").ignore_output();
        }
        return wire.elapsed() - from;
    }
};

TEST_F(user_timeout, of_a_closed_window_counts_from_the_first_probe)
{
    script_socket s = open(100);
    s.send(100);
    wire.out(". 1:101(100) ack 1").in(". 1:1(0) ack 101 win 0");
    s.set(socket_option::user_timeout, 10'000);
    wire.after(1h).out_nothing();
    s.send(100);
    const duration took = until_failure(s, true, 60s);
    EXPECT_EQ(s.error(), errno_code(ETIMEDOUT));
    EXPECT_GE(took, 10s);
    EXPECT_LE(took, 10500ms); // Linux: 5.5 s with a user timeout of 5 s
}

TEST_F(user_timeout, ends_retransmission_in_time)
{
    script_socket listener = wire.listen();
    for (const auto& [milliseconds, port] : {std::pair{7'000, 41001}, {60'000, 41002}}) {
        SCOPED_TRACE(milliseconds);
        wire.peer(static_cast<std::uint16_t>(port));
        wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1").out_nothing();
        script_socket s = listener.accept();
        s.set(socket_option::user_timeout, milliseconds);
        s.send(100);
        wire.ignore_output();
        const duration took = until_failure(s, false, 5min);
        EXPECT_EQ(s.error(), errno_code(ETIMEDOUT));
        EXPECT_GE(took, std::chrono::milliseconds(milliseconds));
        EXPECT_LE(took, std::chrono::milliseconds(milliseconds + 20));
    }
}

TEST_F(user_timeout, ends_a_connect_to_a_silent_host)
{
    script_socket s = wire.open();
    s.set(socket_option::user_timeout, 3'000);
    EXPECT_FALSE(wire.host().tcp().bind(s.id(), wire.local()));
    EXPECT_EQ(wire.host().tcp().connect(s.id(), wire.remote(), wire.now()), errno_code(EINPROGRESS));
    wire.drive();
    wire.ignore_output();
    wire.after(2990ms).ignore_output();
    EXPECT_EQ(s.state(), tcp_state::syn_sent);
    wire.after(10ms).ignore_output();
    EXPECT_EQ(s.state(), tcp_state::closed); // as on Linux: 3.0 s
    EXPECT_EQ(s.error(), errno_code(ETIMEDOUT));
}

TEST_F(user_timeout, is_heeded_by_keep_alive)
{
    script_socket s = open_passive();
    s.set(socket_option::keep_idle, 10);
    s.set(socket_option::keep_interval, 75);
    s.set(socket_option::user_timeout, 30'000);
    s.set(socket_option::keep_alive, 1);
    wire.after(10s).out(". 0:0(0) ack 1");
    wire.after(74s).out_nothing();
    wire.after(1s).out("R. 1:1(0) ack 1"); // after 85 s, as on Linux: checked only when the next probe would be due
    EXPECT_EQ(s.error(), errno_code(ETIMEDOUT));
}

TEST_F(user_timeout, set_while_data_is_outstanding_counts_from_the_data)
{
    script_socket s = open_passive();
    s.send(100);
    wire.ignore_output();
    wire.after(20s).ignore_output();
    s.set(socket_option::user_timeout, 21'000);
    wire.after(1s).ignore_output();
    EXPECT_EQ(s.error(), errno_code(ETIMEDOUT));
}

TEST_F(user_timeout, does_not_end_what_goes_on)
{
    script_socket s = open_passive();
    s.set(socket_option::user_timeout, 1'000);
    for (unsigned at = 1; at < 5000; at += 100) {
        s.send(100);
        wire.ignore_output();
        wire.after(900ms).ignore_output();
        wire.in(". 1:1(0) ack " + std::to_string(at + 100)).ignore_output();
    }
    EXPECT_EQ(s.state(), tcp_state::established);
}

} // namespace
} // namespace tapio::test
