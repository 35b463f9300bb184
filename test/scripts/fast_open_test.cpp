// TCP Fast Open (RFC 7413), server and client.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

// -- the server (RFC 7413 §4.2.2) -------------------------------------------------------------------------------------

class fast_open_server : public packet_script
{
protected:
    script_socket listen(int queue = 8)
    {
        script_socket l = wire.listen();
        l.set(socket_option::fast_open, queue);
        return l;
    }
    /// A connection by which the client obtains a cookie; it is aborted afterwards.
    void fetch_cookie(script_socket& l)
    {
        wire.in("S 0:0(0) <mss 1460,FO>").out("S. 0:0(0) ack 1 <FO ours>").in(". 1:1(0) ack 1");
        l.accept().abort();
        wire.ignore_output();
        const std::string cookie = wire.our_cookie();
        wire.new_incarnation(0x1000);
        wire.remember_cookie(cookie);
    }
    /// A Fast Open connection in SYN-RECEIVED, with 10 octets from the SYN.
    script_socket open_fast(script_socket& l)
    {
        fetch_cookie(l);
        wire.in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 11");
        return l.accept();
    }
};

TEST_F(fast_open_server, gives_a_cookie_to_who_asks)
{
    script_socket l = listen();
    wire.in("S 0:0(0) <mss 1460,FO>").out("S. 0:0(0) ack 1 <FO ours>");
    EXPECT_FALSE(l.accept()) << "without data the handshake is an ordinary one";
    wire.in(". 1:1(0) ack 1");
    EXPECT_TRUE(l.accept());
}

TEST_F(fast_open_server, gives_none_unless_its_listener_wants_to)
{
    wire.listen();
    wire.in("S 0:10(10) <mss 1460,FO>").out("S. 0:0(0) ack 1 <no_FO>");
}

TEST_F(fast_open_server, gives_none_to_who_does_not_ask)
{
    listen();
    wire.in("S 0:0(0) <mss 1460>").out("S. 0:0(0) ack 1 <no_FO>");
}

TEST_F(fast_open_server, takes_data_with_a_good_cookie)
{
    script_socket l = listen();
    fetch_cookie(l);
    wire.in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 11 <no_FO>");
    script_socket s = l.accept();
    ASSERT_TRUE(s) << "acceptable before the handshake is complete";
    EXPECT_EQ(s.state(), tcp_state::syn_received);
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    EXPECT_TRUE(s.info().data_in_syn);
    EXPECT_EQ(wire.counters().tcp.fast_opens_passive, 1U);
    s.send("hello");
    wire.out("P. 1:6(5) ack 11").in(". 11:11(0) ack 6").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::established);
    wire.in(". 11:21(10) ack 6").after(40ms).out(". 6:6(0) ack 21");
    EXPECT_EQ(s.receive(), wire.octets(11, 10));
    EXPECT_FALSE(l.accept()) << "the connection is accepted only once";
}

TEST_F(fast_open_server, answers_with_its_whole_initial_window)
{
    script_socket l = listen();
    fetch_cookie(l);
    wire.in("S 0:10(10) <mss 1000,FO ours>").out("S. 0:0(0) ack 11");
    script_socket s = l.accept();
    s.send(20000);
    for (std::uint32_t i = 0; i < 10; ++i)
        wire.out(". " + std::to_string(1 + 1000 * i) + ':' + std::to_string(1001 + 1000 * i) + "(1000) ack 11");
    wire.out_nothing();
}

TEST_F(fast_open_server, answers_and_closes_before_the_handshake_is_over)
{
    script_socket l = listen();
    script_socket s = open_fast(l);
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    s.send("all");
    s.close();
    wire.out("P. 1:4(3) ack 11").in(". 11:11(0) ack 4").out("F. 4:4(0) ack 11").in("F. 11:11(0) ack 5").out(". 5:5(0) ack 12");
    EXPECT_TRUE(s.gone() || s.state() == tcp_state::time_wait);
}

TEST_F(fast_open_server, does_not_take_data_with_a_wrong_cookie_and_gives_the_right_one)
{
    script_socket l = listen();
    wire.in("S 0:10(10) <mss 1460,FO 0011223344556677>").out("S. 0:0(0) ack 1 <FO ours>");
    EXPECT_FALSE(l.accept());
    wire.in(". 1:11(10) ack 1").after(50ms).ignore_output();
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    EXPECT_FALSE(s.info().data_in_syn);
}

TEST_F(fast_open_server, knows_a_cookie_by_the_clients_address)
{
    script_socket l = listen();
    wire.in("S 0:0(0) <mss 1460,FO>").out("S. 0:0(0) ack 1 <FO ours>");
    const std::string cookie = wire.our_cookie();
    wire.peer(40001).remember_cookie(cookie);
    wire.in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 11");
    EXPECT_TRUE(l.accept()) << "a cookie is valid for all ports of the client";
}

TEST_F(fast_open_server, takes_a_cookie_of_the_last_hour_and_gives_a_new_one)
{
    script_socket l = listen();
    fetch_cookie(l);
    wire.after(1h);
    wire.in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 11 <FO ours>");
    EXPECT_TRUE(l.accept());
}

TEST_F(fast_open_server, forgets_older_ones)
{
    script_socket l = listen();
    fetch_cookie(l);
    wire.after(2h);
    wire.in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 1 <FO ours>");
    EXPECT_FALSE(l.accept());
}

TEST_F(fast_open_server, bounds_those_whose_handshake_is_not_over) // RFC 7413 §5.1: a limit of pending Fast Open requests
{
    script_socket l = listen(1);
    fetch_cookie(l);
    const std::string cookie = wire.our_cookie();
    wire.in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 11");
    script_socket first = l.accept();
    ASSERT_TRUE(first);
    wire.peer(40001).remember_cookie(cookie).in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 1");
    EXPECT_EQ(wire.counters().tcp.fast_open_overflows, 1U);
    EXPECT_FALSE(l.accept());
    wire.peer(script::default_peer_port).in(". 11:11(0) ack 1"); // completes the handshake of the first
    wire.peer(40002).remember_cookie(cookie).in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 11");
    EXPECT_TRUE(l.accept());
}

TEST_F(fast_open_server, sends_its_syn_ack_again_and_after_it_the_data)
{
    script_socket l = listen();
    script_socket s = open_fast(l);
    s.send("hello");
    wire.out("P. 1:6(5) ack 11").after(1s).out("S. 0:0(0) ack 11");
    wire.in(". 11:11(0) ack 1").out("P. 1:6(5) ack 11").in(". 11:11(0) ack 6");
    EXPECT_EQ(s.state(), tcp_state::established);
}

TEST_F(fast_open_server, answers_the_clients_syn_without_data_when_it_comes_again)
{
    script_socket l = listen();
    fetch_cookie(l);
    wire.in("S 0:10(10) <mss 1460,FO ours>").out("S. 0:0(0) ack 11");
    wire.in("S 0:0(0) <mss 1460>").out("S. 0:0(0) ack 11").in(". 11:11(0) ack 1");
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.receive(), wire.octets(1, 10)) << "the data of the SYN is delivered once";
}

TEST_F(fast_open_server, tells_its_user_of_a_reset)
{
    script_socket l = listen();
    script_socket s = open_fast(l);
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    wire.in("R 11:11(0)");
    EXPECT_EQ(s.receive_error(), errno_code(ECONNRESET));
}

TEST_F(fast_open_server, tells_its_user_when_nobody_answers)
{
    script_socket l = listen();
    script_socket s = open_fast(l);
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    for (int t : {1, 2, 4, 8, 16}) wire.after(std::chrono::seconds(t)).out("S. 0:0(0) ack 11");
    wire.after(32s).out_nothing();
    EXPECT_EQ(s.receive_error(), errno_code(ETIMEDOUT));
    l.set(socket_option::fast_open, 1);
    wire.peer(40001);
    wire.in("S 0:0(0) <mss 1460,FO>").out("S. 0:0(0) ack 1 <FO ours>");
    wire.in("R 1:1(0)");
    // after the RST the pending request does not count any more
    wire.peer(40002).remember_cookie("").in("S 0:0(0) <mss 1460>").out("S. 0:0(0) ack 1");
}

TEST_F(fast_open_server, ignores_a_cookie_of_a_wrong_size) // §4.1.1
{
    listen();
    wire.in("S 0:10(10) <mss 1460,FO 0011>").out("S. 0:0(0) ack 1 <no_FO>");
}

TEST_F(fast_open_server, does_not_take_the_option_outside_of_a_syn)
{
    listen();
    wire.in("S 0:0(0) <mss 1460>").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1 <FO>").out_nothing();
}

TEST_F(fast_open_server, a_syn_with_data_that_comes_again_is_answered_again)
{
    script_socket l = wire.listen(); // a listener without Fast Open
    wire.in("S 0:10(10) <mss 1460>").out("S. 0:0(0) ack 1");
    wire.in("S 0:10(10) <mss 1460>").out("S. 0:0(0) ack 1").in(". 1:11(10) ack 1").ignore_output();
    script_socket s = l.accept();
    ASSERT_TRUE(s);
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    wire.out(". 1:1(0) ack 11");
}

// -- the client (RFC 7413 §4.2.1) -------------------------------------------------------------------------------------

class fast_open_client : public packet_script
{
protected:
    script_socket connect(std::errc expected = std::errc{})
    {
        script_socket s = wire.open();
        s.set(socket_option::fast_open_connect, 1);
        EXPECT_FALSE(wire.host().tcp().bind(s.id(), wire.local()));
        const error_code e = wire.host().tcp().connect(s.id(), wire.remote(), wire.now());
        EXPECT_EQ(e.value(), static_cast<int>(expected));
        wire.drive();
        return s;
    }
    void fetch_cookie()
    {
        script_socket s = connect(std::errc::operation_in_progress);
        wire.out("S 0:0(0) <FO >").in("S. 0:0(0) ack 1 <mss 1400,FO 0011223344556677>").out(". 1:1(0) ack 1");
        s.abort();
        wire.out("R. 1:1(0)").new_incarnation(0x1000);
    }
};

TEST_F(fast_open_client, asks_for_a_cookie_the_first_time)
{
    script_socket s = connect(std::errc::operation_in_progress);
    EXPECT_EQ(s.send("early"), 0U);
    wire.out("S 0:0(0) <mss 1460,sackOK,FO >").in("S. 0:0(0) ack 1 <mss 1400,FO 0011223344556677>").out(". 1:1(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::established);
}

TEST_F(fast_open_client, sends_its_first_data_in_the_syn)
{
    fetch_cookie();
    script_socket s = connect();
    wire.out_nothing();
    EXPECT_TRUE((s.poll() & readiness::writable) != readiness::none);
    EXPECT_EQ(s.send("hello"), 5U);
    wire.out("SP 0:5(5) <mss 1460,FO 0011223344556677>").in("S. 0:0(0) ack 6 <mss 1400>").out(". 6:6(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::established);
    EXPECT_TRUE(s.info().data_in_syn);
    EXPECT_EQ(wire.counters().tcp.fast_opens_active, 1U);
    EXPECT_EQ(s.info().bytes_acked, 5U);
    s.send("more");
    wire.out("P. 6:10(4) ack 1").in(". 1:1(0) ack 10");
}

TEST_F(fast_open_client, puts_all_options_and_a_long_cookie_into_the_syn)
{
    script_socket first = connect(std::errc::operation_in_progress);
    wire.out("S 0:0(0) <FO >");
    wire.in("S. 0:0(0) ack 1 <mss 1400,sackOK,wscale 7,ts 1 0,FO 00112233445566778899aabbccddeeff>").out(". 1:1(0) ack 1");
    first.abort();
    wire.out("R. 1:1(0)").new_incarnation(0x1000);
    script_socket s = connect();
    s.send("hello");
    wire.out("S 0:5(5) <mss 1460,sackOK,FO 00112233445566778899aabbccddeeff>");
    wire.in("S. 0:0(0) ack 6 <mss 1400,sackOK,wscale 7,ts 1 0>").out(". 6:6(0) ack 1");
}

TEST_F(fast_open_client, fills_the_syn_up_to_the_mss_that_it_remembers)
{
    fetch_cookie();
    script_socket s = connect();
    s.set(socket_option::no_delay, 1);
    s.send(5000);
    wire.out("S 0:1360(1360)").in("S. 0:0(0) ack 1361 <mss 1400>");
    wire.out(". 1361:2761(1400) ack 1").out(". 2761:4161(1400) ack 1").out("P. 4161:5001(840) ack 1");
}

TEST_F(fast_open_client, sends_again_what_the_server_did_not_take)
{
    fetch_cookie();
    script_socket s = connect();
    s.send("hello");
    wire.out("S 0:5(5)").in("S. 0:0(0) ack 1 <mss 1400,FO 8899aabbccddeeff>").out("P. 1:6(5) ack 1");
    EXPECT_FALSE(s.info().data_in_syn);
    EXPECT_EQ(wire.counters().tcp.fast_opens_refused, 1U);
    wire.in(". 1:1(0) ack 6");
    s.abort();
    wire.out("R. 6:6(0)").new_incarnation(0x2000);
    script_socket next = connect(); // with the cookie from the refusal
    next.send("hello");
    wire.out("S 0:5(5) <FO 8899aabbccddeeff>");
}

TEST_F(fast_open_client, falls_back_to_a_plain_syn_and_avoids_the_path) // §4.1.3.1
{
    fetch_cookie();
    script_socket s = connect();
    s.send("hello");
    wire.out("S 0:5(5) <FO 0011223344556677>").after(1s).out("S 0:0(0) <no_FO>").after(2s).out("S 0:0(0) <no_FO>");
    wire.in("S. 0:0(0) ack 1 <mss 1400>").out("P. 1:6(5) ack 1").in(". 1:1(0) ack 6");
    s.abort();
    wire.out("R. 6:6(0)").new_incarnation(0x2000);
    script_socket careful = connect(std::errc::operation_in_progress);
    wire.out("S 0:0(0) <no_FO>").in("R. 0:0(0) ack 1").new_incarnation(0x3000);
    careful.close();
    wire.after(1h);
    script_socket bold = connect();
    bold.send("hello");
    wire.out("S 0:5(5) <FO 0011223344556677>");
}

TEST_F(fast_open_client, who_waits_for_the_server_to_speak_gets_an_ordinary_handshake)
{
    fetch_cookie();
    script_socket s = connect();
    EXPECT_EQ(s.receive_error(), errno_code(EAGAIN));
    wire.out("S 0:0(0)").in("S. 0:0(0) ack 1 <mss 1400>").out(". 1:1(0) ack 1").in(". 1:11(10) ack 1");
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
    wire.ignore_output();
}

TEST_F(fast_open_client, hears_of_a_refusal_with_the_first_read)
{
    fetch_cookie();
    script_socket s = connect();
    s.send("hello");
    wire.out("S 0:5(5)").in("R. 0:0(0) ack 6").out_nothing();
    EXPECT_EQ(s.receive_error(), errno_code(ECONNREFUSED));
}

TEST_F(fast_open_client, closed_before_it_said_anything_sends_nothing)
{
    fetch_cookie();
    script_socket s = connect();
    s.close();
    wire.after(10s).out_nothing();
    EXPECT_TRUE(s.gone());
}

TEST_F(fast_open_client, takes_data_that_comes_with_the_syn_ack)
{
    fetch_cookie();
    script_socket s = connect();
    s.send("hello");
    wire.out("S 0:5(5)").in("S. 0:10(10) ack 6 <mss 1400>").out(". 6:6(0) ack 11");
    EXPECT_EQ(s.receive(), wire.octets(1, 10));
}

TEST_F(fast_open_client, options_are_refused_once_it_is_too_late)
{
    script_socket s = open_active();
    EXPECT_EQ(wire.host().tcp().set_option(s.id(), socket_option::fast_open_connect, 1, wire.now()), errno_code(EINVAL));
    EXPECT_EQ(wire.host().tcp().set_option(s.id(), socket_option::fast_open, 1, wire.now()), errno_code(EINVAL));
}

} // namespace
} // namespace tapio::test
