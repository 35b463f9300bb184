// SYN cookies (RFC 4987 §3.6), and the two limits of a listener: half-open connections (SYN queue) and connections not yet
// accepted (backlog).
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class syn_flood : public packet_script
{
protected:
    static constexpr unsigned bound = 17; ///< half-open connections that a listener with a small backlog keeps

    /// Sends `bound` SYNs whose handshakes are never completed.
    script_socket flooded(int backlog = 4)
    {
        script_socket l = wire.listen(backlog);
        for (unsigned i = 0; i < bound; ++i)
            wire.peer(static_cast<std::uint16_t>(50000 + i)).in("S 0:0(0) win 65535 <mss 1000>").ignore_output();
        wire.peer(script::default_peer_port);
        return l;
    }
};

TEST_F(syn_flood, is_answered_with_cookies_and_whoever_is_there_gets_in)
{
    script_socket l = flooded();
    wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1");
    EXPECT_EQ(wire.counters().tcp.syn_cookies_sent, 1U);
    EXPECT_FALSE(l.accept());
    wire.in(". 1:1(0) ack 1").out_nothing();
    EXPECT_EQ(wire.counters().tcp.syn_cookies_received, 1U);
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.info().send_mss, 536U) << "of the MSS values that a cookie can encode, the next lower one";
    wire.in(". 1:11(10) ack 1");
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    wire.out(". 1:1(0) ack 11");
    s.send("hello");
    wire.out("P. 1:6(5) ack 11");
}

TEST_F(syn_flood, options_are_remembered_in_the_timestamp)
{
    script_socket l = flooded();
    wire.in("S 0:0(0) win 65535 <mss 1460,wscale 7,sackOK,ts 100 0>").out("S. 0:0(0) ack 1 <wscale 7,sackOK>");
    wire.in(". 1:1(0) ack 1 win 1000").out_nothing();
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.info().send_mss, 1448U);
    EXPECT_TRUE(s.info().sack);
    EXPECT_TRUE(s.info().timestamps);
    EXPECT_TRUE(s.info().window_scaling);
    EXPECT_EQ(s.info().send_window, 128'000U);
}

TEST_F(syn_flood, without_timestamps_there_are_no_options)
{
    script_socket l = flooded();
    wire.in("S 0:0(0) win 65535 <mss 1460,wscale 7,sackOK>").out("S. 0:0(0) ack 1 <no_wscale,no_sackOK,no_ts>");
    wire.in(". 1:1(0) ack 1 win 1000");
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_FALSE(s.info().sack);
    EXPECT_FALSE(s.info().window_scaling);
    EXPECT_EQ(s.info().send_window, 1000U);
}

TEST_F(syn_flood, options_are_lost_with_the_timestamp_that_remembers_them) // as on Linux: cookie_timestamp_decode
{
    script_socket l = flooded();
    wire.in("S 0:0(0) win 65535 <mss 1460,wscale 7,sackOK,ts 100 0>").out("S. 0:0(0) ack 1 <wscale 7,sackOK>");
    wire.in(". 1:1(0) ack 1 win 1000 <no_ts>").out_nothing();
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_FALSE(s.info().timestamps);
    EXPECT_EQ(s.info().send_window, 1000U);
    s.send("abc");
    wire.out("P. 1:4(3) <no_ts>").in("P. 1:4(3) ack 4 <ts 101 0>", "abc");
    EXPECT_EQ(s.receive(), "abc");
    wire.ignore_output().at(1s).ignore_output();
}

TEST_F(syn_flood, an_accecn_setup_syn_gets_a_classic_answer)
{
    wire.options.tcp.accept_ecn = true;
    flooded();
    wire.in("SEWA 0:0(0) win 65535 <mss 1000,ts 100 0>").out("SE. 0:0(0) ack 1");
}

TEST_F(syn_flood, data_with_the_acknowledgement_counts)
{
    script_socket l = flooded();
    wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1").in(". 1:11(10) ack 1").ignore_output();
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    wire.out(". 1:1(0) ack 11");
}

TEST_F(syn_flood, a_cookie_is_good_for_a_minute_or_two)
{
    script_socket l = flooded();
    wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1").at(119s).ignore_output();
    wire.in(". 1:1(0) ack 1").out("R 1:1(0)");
    EXPECT_FALSE(l.accept());
}

TEST_F(syn_flood, a_guess_is_reset)
{
    script_socket l = flooded();
    wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 12345").out("R 12345:12345(0)");
    wire.in(". 2:2(0) ack 1").out("R 1:1(0)"); // the cookie of another SYN
    EXPECT_FALSE(l.accept());
    EXPECT_EQ(wire.counters().tcp.syn_cookies_received, 0U);
}

TEST_F(syn_flood, without_cookies_the_syn_is_dropped)
{
    wire.options.tcp.syn_cookies = false;
    flooded();
    wire.in("S 0:0(0) win 65535 <mss 1000>").out_nothing();
    EXPECT_EQ(wire.counters().tcp.listen_overflows, 1U);
}

TEST_F(syn_flood, nobody_accepting_is_another_bound)
{
    script_socket l = wire.listen(0);
    wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1");
    wire.peer(40001).in("S 0:0(0) win 65535 <mss 1000>").out_nothing(); // the accept queue is full: the SYN is dropped
    EXPECT_EQ(wire.counters().tcp.listen_overflows, 1U);
    EXPECT_TRUE(l.accept());
}

TEST_F(syn_flood, a_handshake_that_ends_while_nobody_accepts_waits)
{
    script_socket l = wire.listen(0);
    wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1");
    wire.peer(40001).in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1").out_nothing();
    wire.peer(script::default_peer_port).in(". 1:1(0) ack 1").out_nothing(); // the accept queue is full: the ACK is dropped
    EXPECT_TRUE(l.accept());
    EXPECT_FALSE(l.accept());
    wire.at(1s).out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1"); // the SYN,ACK is retransmitted, and the accept queue has room now
    EXPECT_TRUE(l.accept());
}

} // namespace
} // namespace tapio::test
