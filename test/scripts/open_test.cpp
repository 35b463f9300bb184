// Opening a connection: RFC 9293 §3.5 (figures 6 to 9), §3.10.7.1 to §3.10.7.3; the backlog, ICMP errors about a SYN, addresses
// and initial sequence numbers.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class passive_open : public packet_script
{
};
class active_open : public packet_script
{
};
class simultaneous_open : public packet_script
{
};

TEST_F(passive_open, three_way_handshake)
{
    script_socket listener = wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 1460>");
    wire.out("S. 0:0(0) ack 1 <mss 1460,no_wscale,no_ts,no_sackOK>");
    EXPECT_FALSE(listener.accept());
    wire.in(". 1:1(0) ack 1").out_nothing();
    script_socket s = listener.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.state(), tcp_state::established);
    EXPECT_EQ(wire.our_isn(), script::default_isn) << "every script must cross the sequence number wrap";
}

TEST_F(passive_open, lost_syn_ack_is_retransmitted_after_initial_rto)
{
    wire.listen();
    wire.at(0ms).in("S 0:0(0) win 65535");
    wire.out("S. 0:0(0) ack 1");
    wire.at(999ms).out_nothing();
    wire.at(1000ms).out("S. 0:0(0) ack 1"); // RFC 6298 §2.1: RTO = 1 s before any sample
    wire.at(3s).out("S. 0:0(0) ack 1");     // RFC 6298 §5.5: exponential backoff
}

TEST_F(passive_open, a_syn_again_is_answered_again)
{
    wire.listen();
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.at(500ms).in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
}

TEST_F(passive_open, options_are_answered_if_offered)
{
    wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 1460,wscale 7,sackOK,ts 100 0>");
    wire.out("S. 0:0(0) ack 1 <mss 1460,wscale 7,ts 0 100,sackOK>");
}

TEST_F(passive_open, the_wrong_ack_in_syn_received_is_reset)
{
    wire.listen();
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 2").out("R 2:2(0)"); // RFC 9293 §3.10.7.4: "if not acceptable, form a reset, SEQ=SEG.ACK"
    wire.in(". 1:1(0) ack 1").out_nothing();   // the handshake still completes
    EXPECT_EQ(wire.counters().tcp.curr_estab, 1U);
}

TEST_F(passive_open, a_reset_in_syn_received_goes_back_to_listen) // RFC 9293 MUST-11
{
    script_socket listener = wire.listen();
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.in("R 1:1(0)").out_nothing();
    EXPECT_EQ(wire.host().tcp().size(), 1U); // only the listener is left
    EXPECT_FALSE(listener.accept());
    wire.at(10s).out_nothing();
}

TEST_F(passive_open, data_with_the_third_segment)
{
    script_socket listener = wire.listen();
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.in("P. 1:6(5) ack 1", "hello");
    script_socket s = listener.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.receive(), "hello");
    wire.out(". 1:1(0) ack 6");
}

TEST_F(passive_open, data_with_the_syn_is_not_lost)
{
    script_socket listener = wire.listen();
    wire.in("S 0:3(3) win 65535", "abc");
    // RFC 9293 §3.10.7.2: the data should be queued. Here it is not acknowledged (ack 1), and the peer sends it again.
    wire.out("S. 0:0(0) ack 1");
    wire.in(". 1:4(3) ack 1", "abc");
    script_socket s = listener.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.receive(), "abc");
    wire.out(". 1:1(0) ack 4");
}

TEST_F(passive_open, fin_with_the_third_segment)
{
    script_socket listener = wire.listen();
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.in("F. 1:1(0) ack 1").out(". 1:1(0) ack 2");
    script_socket s = listener.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.state(), tcp_state::close_wait);
    EXPECT_TRUE(s.at_end());
}

TEST_F(passive_open, listen_ignores_a_reset_and_resets_an_ack)
{
    wire.listen();
    wire.in("R 1:1(0)").out_nothing(); // §3.10.7.2 first
    wire.in("R. 1:1(0) ack 1000").out_nothing();
    wire.in(". 1:1(0) ack 1000").out("R 1000:1000(0)"); // second
    wire.in("S. 0:0(0) ack 1000").out("R 1000:1000(0)");
    wire.in("F 1:1(0)").out_nothing(); // fourth: dropped
    wire.in("- 1:11(10)").out_nothing();
}

TEST_F(passive_open, gives_up_on_a_peer_that_is_silent)
{
    wire.options.tcp.syn_retries = 2;
    wire.listen();
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.at(1s).out("S. 0:0(0) ack 1");
    wire.at(3s).out("S. 0:0(0) ack 1");
    wire.at(7s).ignore_output(); // a RST to the peer is permitted, but not required
    EXPECT_EQ(wire.host().tcp().size(), 1U);
    wire.at(100s).out_nothing();
}

TEST_F(passive_open, the_backlog_bounds_what_waits) // RFC 9293 MUST-41
{
    script_socket listener = wire.listen(1); // backlog + 1 connections may wait, as on Linux
    for (const std::uint16_t port : std::array<std::uint16_t, 2>{1001, 1002}) {
        wire.peer(port).in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
        wire.in(". 1:1(0) ack 1").out_nothing();
    }
    wire.peer(1003).in("S 0:0(0) win 65535").out_nothing(); // accept queue full: dropped, so that the peer retransmits
    EXPECT_EQ(wire.counters().tcp.listen_overflows, 1U);
    EXPECT_TRUE(listener.accept());
    wire.at(1s).in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
}

TEST_F(passive_open, closing_the_listener_resets_what_was_not_accepted)
{
    script_socket listener = wire.listen();
    wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 1").out_nothing();
    listener.close();
    wire.out("R. 1:1(0)");
    wire.in("S 5:5(0) win 65535").out("R. ");
}

TEST_F(active_open, three_way_handshake)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0) <mss 1460,wscale 7,ts 0 0,sackOK>");
    EXPECT_EQ(s.state(), tcp_state::syn_sent);
    wire.in("S. 0:0(0) ack 1 win 65535 <mss 1460>").out(". 1:1(0) ack 1 <no_ts>");
    EXPECT_EQ(s.state(), tcp_state::established);
    EXPECT_FALSE(s.error());
    EXPECT_TRUE(any(s.poll() & readiness::writable));
}

TEST_F(active_open, the_syn_is_retransmitted_and_given_up) // RFC 9293 MUST-22
{
    wire.options.tcp.syn_retries = 3;
    script_socket s = wire.connect();
    wire.out("S 0:0(0)");
    wire.at(1s).out("S 0:0(0)");
    wire.at(3s).out("S 0:0(0)");
    wire.at(7s).out("S 0:0(0)");
    wire.at(14999ms).out_nothing();
    EXPECT_FALSE(s.error());
    wire.at(15s).ignore_output();
    EXPECT_EQ(s.error(), errno_code(ETIMEDOUT));
}

TEST_F(active_open, syn_retries_last_three_minutes_by_default)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)");
    for (const auto t : {1s, 3s, 7s, 15s, 31s, 63s, 123s}) wire.at(t).out("S 0:0(0)");
    wire.at(180s); // RFC 9293 MUST-23: R2 for a SYN at least 3 minutes
    wire.ignore_output();
    EXPECT_FALSE(s.error());
    EXPECT_EQ(s.state(), tcp_state::syn_sent);
}

TEST_F(active_open, refused)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("R. 0:0(0) ack 1").out_nothing();
    EXPECT_EQ(s.error(), errno_code(ECONNREFUSED));
    EXPECT_EQ(s.state(), tcp_state::closed);
}

TEST_F(active_open, a_reset_that_acknowledges_nothing_of_ours_is_ignored)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("R. 0:0(0) ack 2").out_nothing(); // §3.10.7.3 first: RST with an unacceptable ACK: dropped
    wire.in("R 0:0(0)").out_nothing();                        // RST without ACK: dropped
    EXPECT_FALSE(s.error());
    EXPECT_EQ(s.state(), tcp_state::syn_sent);
}

TEST_F(active_open, a_wrong_ack_is_reset_and_the_opening_goes_on)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("S. 0:0(0) ack 77").out("R 77:77(0)"); // figure 9 and §3.10.7.3
    wire.in(". 5:5(0) ack 0").out("R 0:0(0)");
    wire.in("S. 0:0(0) ack 1 win 1000").out(". 1:1(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::established);
}

TEST_F(active_open, neither_syn_nor_reset_is_dropped)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in(". 1:1(0) ack 1").out_nothing(); // §3.10.7.3 fifth
    wire.in("F. 1:1(0) ack 1").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::syn_sent);
}

TEST_F(active_open, data_with_the_syn_ack)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("S. 0:5(5) ack 1 win 1000", "hello").out(". 1:1(0) ack 6");
    EXPECT_EQ(s.state(), tcp_state::established);
    EXPECT_EQ(s.receive(), "hello");
}

// Our policy: in LISTEN and SYN-SENT a SYN with FIN or RST is dropped (RFC 9293 would permit SYN with FIN).
TEST_F(active_open, syn_with_fin_is_dropped)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("SF. 0:0(0) ack 1").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::syn_sent);
    EXPECT_EQ(wire.counters().drops[drop_reason::tcp_bad_flags], 1U);
}

TEST_F(active_open, a_second_syn_ack_is_acknowledged_again)
{
    script_socket s = open_active();
    wire.in("S. 0:0(0) ack 1 win 65535").out(". 1:1(0) ack 1"); // the peer did not get our ACK
    EXPECT_EQ(s.state(), tcp_state::established);
}

struct icmp_case
{
    std::uint8_t code;
    int error;
};
class icmp_on_syn : public packet_script, public testing::WithParamInterface<icmp_case>
{
};

TEST_P(icmp_on_syn, ends_the_opening_or_explains_its_end)
{
    wire.options.tcp.syn_retries = 2;
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").icmp_unreachable(GetParam().code, 0).out_nothing();
    wire.at(30s).ignore_output();
    const int error = GetParam().error == ENOPROTOOPT && over_v6() ? EPROTO : GetParam().error; // RFC 4443 §3.4
    EXPECT_EQ(s.error(), errno_code(error));
}

// RFC 1122 §4.2.3.9: codes 2 to 4 are hard errors (SHOULD abort); 0, 1 and 5 are soft errors (MUST NOT abort, but are reported if
// the connection fails).
INSTANTIATE_TEST_SUITE_P(codes, icmp_on_syn,
                         testing::Values(icmp_case{0, ENETUNREACH}, icmp_case{1, EHOSTUNREACH}, icmp_case{2, ENOPROTOOPT},
                                         icmp_case{3, ECONNREFUSED}));

TEST_F(active_open, icmp_about_a_sequence_never_sent_is_ignored)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").icmp_unreachable(3, 5000).out_nothing(); // RFC 5927 §4.1: dropped unless SND.UNA =< SEG.SEQ < SND.NXT
    EXPECT_FALSE(s.error());
    wire.in("S. 0:0(0) ack 1 win 1000").out(". 1:1(0) ack 1");
}

TEST_F(active_open, initial_sequence_numbers_differ_between_conversations) // RFC 9293 MUST-8, MUST-9
{
    wire.listen();
    std::set<std::uint32_t> seen;
    for (std::uint16_t port = 2000; port < 2012; ++port) {
        wire.peer(port).in("S 0:0(0) win 1000").out("S. 0:0(0) ack 1");
        seen.insert(wire.our_isn() >> 16);
    }
    EXPECT_EQ(seen.size(), 12U); // RFC 6528: a separate ISN space for each connection
}

TEST_F(active_open, from_a_socket_without_a_name_has_the_source_that_the_route_says) // RFC 9293 MUST-44
{
    const script_socket s = wire.open();
    EXPECT_EQ(wire.host().tcp().connect(s.id(), wire.remote(), wire.now()), errno_code(EINPROGRESS));
    EXPECT_EQ(wire.host().tcp().local_endpoint(s.id())->address, wire.local().address);
    EXPECT_GE(wire.host().tcp().local_endpoint(s.id())->port, 32768);
}

TEST_F(active_open, from_a_socket_with_a_name_keeps_it) // RFC 9293 MUST-43, MUST-45
{
    const script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("S. 0:0(0) ack 1").out(". 1:1(0) ack 1 <no_mss>"); // MUST-65
    EXPECT_EQ(*wire.host().tcp().local_endpoint(s.id()), wire.local());
    const script_socket stranger = wire.open();
    EXPECT_EQ(wire.host().tcp().bind(stranger.id(), {boost::asio::ip::make_address("203.0.113.77"), 1}),
              errno_code(EADDRNOTAVAIL));
}

TEST_F(active_open, to_no_single_host_is_refused) // RFC 9293 MUST-46
{
    for (const char* const nobody : {"255.255.255.255", "224.0.0.1", "239.1.2.3"}) {
        const script_socket s = wire.open();
        const endpoint to{boost::asio::ip::make_address(nobody), 80};
        EXPECT_EQ(wire.host().tcp().connect(s.id(), to, wire.now()), errno_code(ENETUNREACH)) << nobody;
    }
    wire.out_nothing();
}

TEST_F(active_open, another_may_listen_at_its_port_meanwhile) // RFC 9293 MUST-42
{
    script_socket s = wire.open();
    s.set(socket_option::reuse_address, 1);
    EXPECT_FALSE(wire.host().tcp().bind(s.id(), wire.local()));
    EXPECT_EQ(wire.host().tcp().connect(s.id(), wire.remote(), wire.now()), errno_code(EINPROGRESS));
    wire.drive();
    wire.out("S 0:0(0)");
    script_socket l = wire.open();
    l.set(socket_option::reuse_address, 1);
    EXPECT_FALSE(wire.host().tcp().bind(l.id(), wire.local()));
    EXPECT_FALSE(wire.host().tcp().listen(l.id(), 5, wire.now()));
    wire.peer(40001).in("S 0:0(0)").out("S. 0:0(0) ack 1");
}

TEST_F(active_open, time_to_live_and_service_are_the_users) // RFC 9293 MUST-48, MUST-49
{
    script_socket s = open_active("S. 0:0(0) ack 1");
    EXPECT_EQ(wire.last_ttl(), 64U);
    EXPECT_EQ(wire.last_tos(), 0U);
    s.set(socket_option::ttl, 7);
    s.set(socket_option::tos, 0xb8);
    s.send("x");
    wire.out("P. 1:2(1) ack 1");
    EXPECT_EQ(wire.last_ttl(), 7U);
    EXPECT_EQ(wire.last_tos(), 0xb8U);
}

TEST_F(simultaneous_open, figure_8) // RFC 9293 MUST-10
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("S 0:0(0) win 65535 <mss 1000>");
    wire.out("S. 0:0(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::syn_received);
    wire.in("S. 0:0(0) ack 1 win 65535").ignore_output();
    EXPECT_EQ(s.state(), tcp_state::established);
    s.send("hi");
    wire.out("P. 1:3(2) ack 1");
}

TEST_F(simultaneous_open, the_peer_acknowledges_with_a_bare_ack)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 1").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::established);
}

TEST_F(simultaneous_open, a_reset_is_a_refusal)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
    wire.in("R 1:1(0)").out_nothing(); // §3.10.7.4 second: after an active OPEN a RST means connection refused
    EXPECT_EQ(s.error(), errno_code(ECONNREFUSED));
}

} // namespace
} // namespace tapio::test
