// CE marks (RFC 3168 §6.1.3) on segments that arrive in one batch and are acknowledged together: the peer learns of them as if
// each segment had been acknowledged alone. Exact feedback: RFC 8257 §3.2.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

std::string segment(std::uint32_t begin, const char* flags = ".", std::uint32_t size = 1000)
{
    return std::string(flags) + ' ' + std::to_string(begin) + ':' + std::to_string(begin + size) + '(' + std::to_string(size) +
           ") ack 1";
}
std::string marked(std::uint32_t begin, const char* flags = ".") { return "CE " + segment(begin, flags); }

class marks_together : public packet_script
{
protected:
    script_socket open()
    {
        script_socket l = wire.listen();
        wire.in("SEW 0:0(0) win 65535 <mss 1000,sackOK>").out("SE. 0:0(0) ack 1");
        wire.at(100ms).in(". 1:1(0) ack 1");
        return l.accept();
    }
};

TEST_F(marks_together, one_of_several_is_told_of_by_the_one_acknowledgement)
{
    open();
    for (std::uint32_t at : {1U, 3001U, 6001U}) {
        std::vector<std::string> three = {segment(at), segment(at + 1000), segment(at + 2000)};
        three[at / 3000] = "CE " + three[at / 3000];
        wire.in_together(three).out("E. 1:1(0) ack " + std::to_string(at + 3000)).out_nothing();
        wire.in(segment(at + 3000, "W.", 0)).ignore_output(); // CWR ends the ECE echo
        if (at != 6001) wire.after(40ms).ignore_output();
    }
}

TEST_F(marks_together, before_the_peer_has_slowed_down_for_another_are_told_of_apart)
{
    open();
    wire.in_together({marked(1), segment(1001, "W.")});
    wire.out("E. 1:1(0) ack 1001").out(". 1:1(0) ack 2001").out_nothing();
}

TEST_F(marks_together, when_the_peer_has_slowed_down_before_go_on_being_told_of)
{
    open();
    wire.in_together({segment(1, "W."), marked(1001)}).after(40ms).out("E. 1:1(0) ack 2001").out_nothing();
    wire.in_together({segment(2001), segment(3001)}).out("E. 1:1(0) ack 4001").out_nothing();
    wire.in_together({segment(4001), marked(5001, "W.")}).after(40ms).out("E. 1:1(0) ack 6001").out_nothing();
}

TEST_F(marks_together, that_were_told_of_need_no_acknowledgement_of_their_own)
{
    open();
    wire.in_together({marked(1), segment(1001)}).after(40ms).out("E. 1:1(0) ack 2001").out_nothing();
    wire.in_together({segment(2001), segment(3001, "W.")}).after(40ms).out(". 1:1(0) ack 4001").out_nothing();
}

TEST_F(marks_together, above_a_hole_are_told_of_by_the_duplicate)
{
    open();
    wire.in_together({marked(1001), segment(2001, "W.")}).out("E. 1:1(0) ack 1 <sack 1001:3001>").out_nothing();
    wire.in(segment(1)).out(". 1:1(0) ack 3001").out_nothing();
}

TEST_F(marks_together, leave_the_right_edge_of_the_window_where_it_is)
{
    wire.options.tcp.receive_buffer = 10'000;
    wire.options.tcp.tune_receive_buffer = false;
    open();
    wire.in_together({marked(1), segment(1001, "W."), segment(2001)});
    wire.out("E. 1:1(0) ack 1001 win 9000").out(". 1:1(0) ack 3001 win 7000").out_nothing();
}

class exact_feedback : public marks_together
{
protected:
    exact_feedback() { wire.options.tcp.exact_ecn_feedback = true; }
};

TEST_F(exact_feedback, tells_where_marks_begin_and_end) // RFC 8257 §3.2, figure 1
{
    open();
    wire.in_together({segment(1), segment(1001), marked(2001), marked(3001), marked(4001), segment(5001)});
    wire.out(". 1:1(0) ack 2001").out("E. 1:1(0) ack 5001").out(". 1:1(0) ack 6001").out_nothing();
}

TEST_F(exact_feedback, is_the_same_for_a_segment_that_waits_for_its_acknowledgement)
{
    open();
    for (std::uint32_t i = 0; i < 20; ++i) wire.in(segment(1 + 1000 * i)).ignore_output(); // past quick-ACK mode
    wire.after(40ms).ignore_output();
    wire.in(segment(20'001)).out_nothing();
    wire.marked().in(segment(21'001)).out(". 1:1(0) ack 21001").out("E. 1:1(0) ack 22001").out_nothing();
    wire.in(segment(22'001)).out(". 1:1(0) ack 23001").out_nothing(); // the ACKs sent cover all marked segments
}

TEST_F(exact_feedback, comes_before_data_that_tells_of_everything)
{
    script_socket s = open();
    s.set(socket_option::no_delay, 1);
    s.set(socket_option::cork, 1);
    s.send("abc");
    wire.in_together({segment(1), marked(1001)});
    wire.out(". 1:1(0) ack 1001").out("E. 1:1(0) ack 2001").out_nothing();
    s.set(socket_option::cork, 0);
    wire.out("PE. 1:4(3) ack 2001");
}

TEST_F(exact_feedback, is_bounded)
{
    open();
    std::vector<std::string> each_second;
    for (std::uint32_t i = 0; i < 60; ++i) each_second.push_back(i % 2 == 0 ? segment(1 + 1000 * i) : marked(1 + 1000 * i));
    for (int i = 0; i < 4; ++i) each_second.insert(each_second.end(), {segment(60'001 + 2000 * i), marked(61'001 + 2000 * i)});
    wire.in_together(each_second);
    EXPECT_EQ(wire.packets_waiting(), 65U);
    wire.ignore_output();
}

/// ECE received by the sender.
class echoes : public marks_together
{
protected:
    echoes() { wire.options.congestion_control = "reno"; }
};

TEST_F(echoes, that_acknowledge_no_more_than_was_out_at_the_reduction_are_of_its_window) // as Linux's high_seq
{
    script_socket s = open();
    s.set(socket_option::no_delay, 1);
    s.send(10'000);
    for (int i = 0; i < 10; ++i) wire.out(".");
    wire.at(200ms).in("E. 1:1(0) ack 1001");
    EXPECT_EQ(s.info().cwnd, 8000U);
    const std::uint64_t ssthresh = s.info().ssthresh;
    wire.in("E. 1:1(0) ack 10001");
    EXPECT_EQ(s.info().ssthresh, ssthresh);
    s.send(8000);
    wire.out("W. 10001:11001(1000)").ignore_output().in("E. 1:1(0) ack 11001");
    EXPECT_LT(s.info().ssthresh, ssthresh) << "CWR has arrived, so this ECE is for another mark";
}

} // namespace
} // namespace tapio::test
