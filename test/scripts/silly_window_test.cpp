// Silly window avoidance by the sender: a window smaller than a segment is used after the override timeout (RFC 9293 §3.8.6.2.1),
// and no sequence of ACKs makes it send segments of an octet or two.
#include "support/script/script.hpp"

#include <algorithm>

namespace tapio::test {
namespace {

class silly_window : public packet_script
{
protected:
    script_socket open_with_window(unsigned octets, const std::string& options = "mss 1000")
    {
        script_socket l = wire.listen();
        const std::string window = " win " + std::to_string(octets);
        wire.in("S 0:0(0)" + window + " <" + options + ">").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1" + window);
        return l.accept();
    }
    /// A connection whose window of 2000 octets is sent and acknowledged; the new window is 300 octets, and more data waits.
    script_socket stalled()
    {
        script_socket s = open_with_window(2000);
        s.send(10'000);
        wire.out(". 1:1001(1000)").out(". 1001:2001(1000)");
        wire.in(". 1:1(0) ack 2001 win 300").out_nothing();
        return s;
    }
};

TEST_F(silly_window, is_used_after_a_while) // RFC 9293 §3.8.6.2.1: 0.1 to 1 s
{
    stalled();
    wire.at(199ms).out_nothing().at(200ms).out(". 2001:2301(300)").out_nothing();
    wire.at(210ms).in(". 1:1(0) ack 2301 win 300").out_nothing();
    wire.at(409ms).out_nothing().at(410ms).out(". 2301:2601(300)");
}

TEST_F(silly_window, a_trickle_from_the_peer_does_not_put_it_off)
{
    script_socket s = stalled();
    for (unsigned i = 0; i < 10; ++i) {
        wire.at(50ms + i * 100ms).ignore_output();
        wire.in(". " + std::to_string(1 + i) + ':' + std::to_string(2 + i) + "(1) ack 2001 win 300").ignore_output();
    }
    EXPECT_EQ(s.info().bytes_sent - s.info().bytes_retransmitted, 2300U);
    wire.ignore_output();
}

TEST_F(silly_window, nor_does_one_of_window_updates)
{
    script_socket s = stalled();
    for (unsigned i = 0; i < 10; ++i) {
        wire.at(50ms + i * 100ms).ignore_output();
        wire.in(". 1:1(0) ack 2001 win " + std::to_string(301 + i)).ignore_output();
    }
    EXPECT_GE(s.info().bytes_sent - s.info().bytes_retransmitted, 2300U);
    wire.ignore_output();
}

TEST_F(silly_window, nor_one_from_the_user)
{
    script_socket s = stalled();
    s.set(socket_option::no_delay, 1);
    for (unsigned i = 0; i < 10; ++i) {
        wire.at(50ms + i * 100ms).ignore_output();
        s.send(1);
    }
    EXPECT_GE(s.info().bytes_sent - s.info().bytes_retransmitted, 2300U);
    wire.ignore_output();
}

TEST_F(silly_window, nor_a_window_that_closes_and_opens)
{
    script_socket s = stalled();
    std::uint64_t most = 0;
    for (unsigned i = 0; i < 10; ++i) {
        wire.at(50ms + i * 100ms).ignore_output();
        most = std::max(most, s.info().bytes_sent);
        wire.in(". 1:1(0) ack 2001 win " + std::to_string(i % 2 == 0 ? 0 : 300)).ignore_output();
    }
    EXPECT_EQ(most, 2300U);
    wire.ignore_output();
}

TEST_F(silly_window, on_a_long_path_it_is_used_after_a_second)
{
    script_socket l = wire.listen();
    wire.in("S 0:0(0) win 2000 <mss 1000>").out("S. 0:0(0) ack 1");
    wire.at(900ms).in(". 1:1(0) ack 1 win 2000");
    script_socket s = l.accept();
    EXPECT_GT(s.info().rto, 2s);
    s.send(10'000);
    wire.out(". 1:1001(1000)").out(". 1001:2001(1000)");
    wire.at(1800ms).in(". 1:1(0) ack 2001 win 300").out_nothing();
    wire.at(2799ms).out_nothing().at(2800ms).out(". 2001:2301(300)");
}

TEST_F(silly_window, that_becomes_worth_using_is_used_at_once)
{
    stalled();
    wire.at(100ms).in(". 1:1(0) ack 2001 win 1000").out(". 2001:3001(1000)").out_nothing(); // the window takes a full segment
    wire.at(110ms).in(". 1:1(0) ack 3001 win 999").out_nothing();
    wire.at(309ms).out_nothing().at(310ms).out(". 3001:4000(999)");
}

// -- segments of one octet ----------------------------------------------------------------------------------------------------

class segments_of_one_octet : public silly_window
{
protected:
    segments_of_one_octet() { wire.options.congestion_control = "reno"; }
};

TEST_F(segments_of_one_octet, a_window_update_in_slow_start_sets_off_full_segments)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000>");
    s.send(26'000);
    for (int i = 0; i < 10; ++i) wire.out(".");
    wire.at(100ms).in(". 1:1(0) ack 10001");
    for (int i = 0; i < 16; ++i) wire.out(".");
    wire.at(200ms).in(". 1:1(0) ack 26001 win 0").out_nothing();
    s.send(20'000);
    wire.out_nothing();
    while (wire.elapsed() < 2s) wire.out_within(3s, ". 26001:26002(1)").in(". 1:1(0) ack 26001 win 0");
    wire.in(". 1:1(0) ack 26001 win 65408"); // the window update
    unsigned sent = 0;
    for (std::uint32_t at = 26001; wire.packets_waiting() > 0; at += 1000, ++sent)
        wire.out(". " + std::to_string(at) + ':' + std::to_string(at + 1000) + "(1000)");
    EXPECT_GE(sent, 10U);
}

TEST_F(segments_of_one_octet, nor_does_one_that_takes_the_octet_of_the_probe)
{
    script_socket s = open_with_window(4000);
    s.send(14'001);
    for (int i = 0; i < 4; ++i) wire.out(".");
    wire.in(". 1:1(0) ack 4001 win 0").out_within(1s, ". 4001:4002(1)");
    wire.in(". 1:1(0) ack 4002 win 4000");
    for (std::uint32_t at = 4002; at < 8002; at += 1000)
        wire.out(". " + std::to_string(at) + ':' + std::to_string(at + 1000) + "(1000)");
    wire.out_nothing();
}

TEST_F(segments_of_one_octet, an_update_by_one_octet_sets_off_nothing)
{
    script_socket s = open_with_window(4000);
    s.send(14'000);
    for (int i = 0; i < 4; ++i) wire.out(".");
    wire.in(". 1:1(0) ack 1 win 4001").out_nothing().in(". 1:1(0) ack 1001 win 3002").out_nothing();
    // slow start would permit a segment, but the window has only 999 octets left
    wire.in(". 1:1(0) ack 2001 win 2999").out_nothing();
}

TEST_F(segments_of_one_octet, a_tail_probe_is_not_what_little_the_window_has_left) // RFC 8985 §7.3
{
    script_socket s = open_with_window(4001, "mss 1000,sackOK");
    s.send(14'000);
    for (int i = 0; i < 4; ++i) wire.out(".");
    wire.out_within(1s, ". 3001:4001(1000)");
}

} // namespace
} // namespace tapio::test
