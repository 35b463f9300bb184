// Segments received in one batch are coalesced (GRO) and acknowledged together. This must not lose duplicate ACKs to and from a
// peer without SACK (RFC 5681 §3.2, §4.2), or D-SACKs (RFC 2883). CE marks: marks_test.cpp.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

std::string segment(std::uint32_t begin, std::uint32_t end)
{
    return ". " + std::to_string(begin) + ':' + std::to_string(end) + '(' + std::to_string(end - begin) + ") ack 1";
}

std::vector<std::string> segments(std::uint32_t begin, unsigned n, std::uint32_t size = 1000)
{
    std::vector<std::string> out;
    for (; n > 0; --n, begin += size) out.push_back(segment(begin, begin + size));
    return out;
}

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// The peer does not support SACK. Data up to 1001 is received and acknowledged.
class joined_without_sack : public packet_script
{
protected:
    joined_without_sack()
    {
        s = open_passive();
        wire.in(segment(1, 1001)).after(40ms).ignore_output();
    }
    script& acknowledged_times(unsigned n, const std::string& number)
    {
        for (; n > 0; --n) wire.out(". 1:1(0) ack " + number + " <no_sack>");
        return wire.out_nothing();
    }
    script_socket s;
};

TEST_F(joined_without_sack, three_segments_above_a_hole_are_three_duplicates) // RFC 5681 §4.2
{
    wire.in_together(segments(2001, 3));
    acknowledged_times(3, "1001");
    wire.in(segment(1001, 2001));
    acknowledged_times(1, "5001");
    EXPECT_EQ(s.receive().size(), 5000U);
}

TEST_F(joined_without_sack, so_are_three_in_a_batch_that_cannot_be_joined)
{
    wire.in_together({segment(2001, 3001), segment(4001, 5001), segment(6001, 7001)});
    acknowledged_times(3, "1001");
}

TEST_F(joined_without_sack, the_last_may_be_shorter)
{
    wire.in_together(segments(2001, 2) + segments(4001, 1, 1));
    acknowledged_times(3, "1001");
}

TEST_F(joined_without_sack, what_is_acknowledged_for_the_first_time_is_no_duplicate)
{
    wire.in_together(segments(1001, 4) + segments(6001, 3));
    acknowledged_times(4, "5001"); // one ACK for the four in-order segments, one for each of the others
}

TEST_F(joined_without_sack, a_hole_that_is_filled_in_the_same_batch_is_nobodys_business)
{
    wire.in_together(segments(2001, 3) + segments(1001, 1));
    acknowledged_times(1, "5001");
}

TEST_F(joined_without_sack, a_hole_behind_a_filled_one_is)
{
    wire.in_together(segments(2001, 3) + segments(1001, 1) + segments(6001, 3));
    acknowledged_times(4, "5001");
}

TEST_F(joined_without_sack, data_of_ours_does_not_stand_for_them) // RFC 5681 §2: a duplicate carries no data
{
    s.send(500);
    wire.out("P. 1:501(500) ack 1001");
    s.set(socket_option::no_delay, 1);
    wire.in(". 1001:1001(0) ack 501").out_nothing();
    s.set(socket_option::cork, 1);
    s.send(10);
    wire.out_nothing();
    wire.in_together({". 2001:3001(1000) ack 501", ". 3001:4001(1000) ack 501", ". 4001:5001(1000) ack 501"});
    for (int i = 0; i < 3; ++i) wire.out(". 501:501(0) ack 1001");
    wire.out_nothing();
    s.set(socket_option::cork, 0);
    wire.out("P. 501:511(10) ack 1001");
}

TEST_F(joined_without_sack, a_device_that_joins_is_taken_at_its_word_up_to_a_bound)
{
    wire.in_together(segments(2001, 200, 10));
    unsigned answers = 0;
    for (; wire.packets_waiting() > 0; ++answers) wire.out(". 1:1(0) ack 1001");
    EXPECT_EQ(answers, 128U);
}

class joined_with_sack : public packet_script
{
protected:
    joined_with_sack()
    {
        s = open_passive("S 0:0(0) win 65535 <mss 1000,sackOK>");
        wire.in(segment(1, 1001)).after(40ms).ignore_output();
    }
    script_socket s;
};

TEST_F(joined_with_sack, the_blocks_say_it_all) // RFC 6675 counts SACKed octets, not ACKs
{
    wire.in_together(segments(2001, 3)).out(". 1:1(0) ack 1001 <sack 2001:5001>").out_nothing();
}

TEST_F(joined_with_sack, each_of_two_duplicates_is_told_of)
{
    wire.in_together(segments(1001, 4)).ignore_output();
    wire.in_together({segment(1001, 2001), segment(3001, 4001)});
    wire.out(". 1:1(0) ack 5001 <sack 1001:2001>").out(". 1:1(0) ack 5001 <sack 3001:4001>").out_nothing();
}

TEST_F(joined_with_sack, of_a_joined_one_each_part_that_was_held_is_told_of)
{
    wire.in(segment(2001, 3001)).ignore_output().in(segment(4001, 5001)).ignore_output();
    wire.in_together(segments(1001, 4));
    wire.out(". 1:1(0) ack 5001 <sack 2001:3001>").out(". 1:1(0) ack 5001 <sack 4001:5001>").out_nothing();
}

TEST_F(joined_with_sack, what_came_twice_in_front_of_what_is_new)
{
    wire.in_together(segments(1001, 2)).ignore_output();
    wire.in_together(segments(1001, 4)).out(". 1:1(0) ack 5001 <sack 1001:3001>").out_nothing();
}

TEST_F(joined_with_sack, too_many_duplicates_at_once_are_told_as_far_as_there_is_memory_for_them)
{
    wire.in_together(segments(1001, 20)).ignore_output();
    std::vector<std::string> each_second;
    for (std::uint32_t at = 1001; at < 21001; at += 2000) each_second.push_back(segment(at, at + 1000));
    wire.in_together(each_second);
    for (std::uint32_t at = 1001; at < 9001; at += 2000)
        wire.out(". 1:1(0) ack 21001 <sack " + std::to_string(at) + ':' + std::to_string(at + 1000) + ">");
    wire.out_nothing();
}

/// The other direction: duplicate ACKs of the peer arrive in one batch.
class duplicates_together : public packet_script
{
protected:
    duplicates_together()
    {
        wire.options.congestion_control = "reno";
        s = open_passive();
        s.send(8000);
        for (int i = 0; i < 8; ++i) wire.out(".");
        wire.at(10ms);
    }
    static std::string ack(std::uint32_t n) { return ". 1:1(0) ack " + std::to_string(n); }
    script_socket s;
};

TEST_F(duplicates_together, three_of_them_mean_loss) // RFC 5681 §3.2
{
    wire.in_together({ack(1), ack(1), ack(1)}).out(". 1:1001(1000)").out_nothing();
    EXPECT_EQ(wire.counters().tcp.fast_retransmits, 1U);
}

TEST_F(duplicates_together, also_behind_what_they_duplicate)
{
    wire.in_together({ack(1001), ack(2001), ack(2001), ack(2001), ack(2001)}).out(". 2001:3001(1000)").out_nothing();
    EXPECT_EQ(wire.counters().tcp.fast_retransmits, 1U);
}

TEST_F(duplicates_together, also_in_front_of_one_that_acknowledges_more)
{
    wire.in_together({ack(1001), ack(1001), ack(1001), ack(1001), ack(3001)});
    EXPECT_EQ(wire.counters().tcp.fast_retransmits, 1U);
    wire.out(". 3001:4001(1000)").out_nothing(); // RFC 6582 §3.2 step 3: after a partial ACK the next hole is retransmitted
}

} // namespace
} // namespace tapio::test
