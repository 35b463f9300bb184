// Urgent data (RFC 9293 §3.8.5, RFC 6093), with the socket semantics of Linux: MSG_OOB, SO_OOBINLINE, SIOCATMARK.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class urgent_data : public packet_script
{
protected:
    static bool told(const script_socket& s) { return (s.poll() & readiness::error) != readiness::none; }
};

TEST_F(urgent_data, is_told_when_it_is_announced_and_again_ends_when_it_was_taken) // RFC 9293 MUST-30, MUST-32
{
    script_socket s = open_passive();
    EXPECT_FALSE(told(s));
    wire.in("U. 1:6(5) ack 1 urg 8", "hello").ignore_output(); // the urgent octet itself has not arrived yet
    EXPECT_TRUE(told(s));
    EXPECT_EQ(s.receive_urgent(), "");
    wire.in(". 6:11(5) ack 1", "abXcd").ignore_output();
    EXPECT_EQ(s.receive_urgent(), "X");
    EXPECT_FALSE(told(s));
    EXPECT_EQ(s.receive_urgent(), "") << "the urgent octet can be read once";
}

TEST_F(urgent_data, how_much_stands_before_it_is_known_by_the_mark) // RFC 9293 MUST-33; RFC 6093 §3.4
{
    script_socket s = open_passive();
    wire.in("U. 1:11(10) ack 1 urg 6", "helloXworl").ignore_output();
    EXPECT_FALSE(s.at_mark());
    EXPECT_EQ(s.receive(), "hello") << "a read stops at the urgent mark";
    EXPECT_TRUE(s.at_mark());
    EXPECT_EQ(s.receive(), "worl") << "the urgent octet is out of line";
    EXPECT_FALSE(s.at_mark());
    wire.out(". 1:1(0) ack 11");
}

TEST_F(urgent_data, stays_in_the_stream_if_wanted) // RFC 6093 §6: what applications should ask for
{
    script_socket s = open_passive();
    s.set(socket_option::oob_inline, 1);
    wire.in("U. 1:11(10) ack 1 urg 6", "helloXworl").ignore_output();
    EXPECT_EQ(s.receive(), "hello");
    EXPECT_TRUE(s.at_mark());
    EXPECT_EQ(s.receive(), "Xworl");
    wire.out(". 1:1(0) ack 11");
}

TEST_F(urgent_data, of_any_length_is_one_octet_and_what_stands_before_it) // RFC 9293 MUST-31
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1460>");
    wire.in("U. 1:1461(1460) ack 1 urg 5000").ignore_output().in("U. 1461:2921(1460) ack 1 urg 3540").ignore_output();
    wire.in("U. 2921:4381(1460) ack 1 urg 2080").ignore_output().in("U. 4381:5841(1460) ack 1 urg 620").ignore_output();
    std::string got;
    for (int i = 0; i < 100 && !s.at_mark(); ++i) got += s.receive();
    EXPECT_EQ(got.size(), 4999U);
    EXPECT_EQ(s.receive_urgent(), wire.octets(5000 - 5000 % 1460 + 1, 1460).substr(5000 % 1460 - 1, 1));
    EXPECT_EQ(s.receive().size(), 840U);
}

TEST_F(urgent_data, a_later_announcement_overtakes_an_earlier)
{
    script_socket s = open_passive();
    wire.in("U. 1:6(5) ack 1 urg 2", "aXbcd").ignore_output();
    wire.in("U. 6:11(5) ack 1 urg 3", "efYgh").ignore_output();
    EXPECT_EQ(s.receive_urgent(), "Y");
    EXPECT_EQ(s.receive(), "aXbcdef") << "the first urgent octet has become ordinary data, as on Linux";
}

TEST_F(urgent_data, that_comes_again_is_no_news)
{
    script_socket s = open_passive();
    wire.in("U. 1:6(5) ack 1 urg 5", "hellX").ignore_output();
    EXPECT_EQ(s.receive_urgent(), "X");
    wire.in("U. 1:6(5) ack 1 urg 5", "hellX").ignore_output();
    EXPECT_FALSE(told(s));
}

TEST_F(urgent_data, of_ours_is_pointed_behind) // RFC 9293 MUST-62; RFC 6093 §2.1: where all implementations point
{
    script_socket s = open_passive();
    s.send_urgent("abc");
    wire.out("PU. 1:4(3) ack 1 urg 3").in(". 1:1(0) ack 4");
    s.send("def");
    wire.out("P. 4:7(3) ack 1");
}

TEST_F(urgent_data, is_announced_ahead_of_the_data_that_stands_before_it)
{
    script_socket s = open_passive("S 0:0(0) win 2000 <mss 1000>");
    wire.in(". 1:1(0) ack 1 win 2000");
    s.send(4000);
    wire.out(". 1:1001(1000) ack 1").out(". 1001:2001(1000) ack 1");
    s.send_urgent("X");
    wire.in(". 1:1(0) ack 1001 win 2000").out("U. 2001:3001(1000) ack 1 urg 2001");
    wire.in(". 1:1(0) ack 3001 win 2000").out("U. 3001:4001(1000) ack 1 urg 1001").out("PU. 4001:4002(1) ack 1 urg 1");
}

TEST_F(urgent_data, keeps_its_pointer_when_sent_again)
{
    script_socket s = open_passive();
    s.send_urgent("abc");
    wire.out("PU. 1:4(3) ack 1 urg 3").after(200ms).out("PU. 1:4(3) ack 1 urg 3");
}

} // namespace
} // namespace tapio::test
