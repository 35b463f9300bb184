// SACK options sent by the receiver: RFC 2018 §3, §4 and the examples of its §5; D-SACK: RFC 2883 §4 and all its examples. Also
// the sender whose peer reneges (RFC 2018 §8). All ways of overlapping are in duplicate_sack_test.cpp.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class sack : public packet_script
{
protected:
    /// A connection on which everything before `next` is received and acknowledged; the user does not read.
    script_socket open_at(std::uint32_t next, const std::string& syn = "S 0:0(0) win 65535 <mss 1000,sackOK>")
    {
        script_socket s = open_passive(syn);
        come(1, next).ignore_output().after(40ms).ignore_output();
        return s;
    }
    /// The peer sends the octets [begin, end).
    script& come(std::uint32_t begin, std::uint32_t end)
    {
        return wire.in(". " + std::to_string(begin) + ':' + std::to_string(end) + '(' + std::to_string(end - begin) + ") ack 1");
    }
    /// The peer sends 500 octets. In the RFC's examples 5000 stands for the octets 5000-5499.
    script& come(std::uint32_t begin) { return come(begin, begin + 500); }
};

// -- RFC 2018 -----------------------------------------------------------------------------------------------------------

TEST_F(sack, is_not_sent_unless_the_peer_permits_it) // RFC 2018 §2
{
    open_at(1000, "S 0:0(0) win 65535 <mss 1000>");
    come(2000).out(". 1:1(0) ack 1000 <no_sack>");
}

TEST_F(sack, is_not_sent_while_nothing_is_missing)
{
    open_at(1000);
    come(1000).after(40ms).out(". 1:1(0) ack 1500 <no_sack>");
}

TEST_F(sack, example_1_the_last_four_of_eight_are_lost) // RFC 2018 §5, case 1
{
    open_at(5000);
    come(5000).after(40ms).out(". 1:1(0) ack 5500 <no_sack>");
    come(5500).after(40ms).out(". 1:1(0) ack 6000 <no_sack>");
    come(6000).after(40ms).out(". 1:1(0) ack 6500 <no_sack>");
    come(6500).after(40ms).out(". 1:1(0) ack 7000 <no_sack>");
}

TEST_F(sack, example_2_the_first_of_eight_is_lost) // case 2
{
    open_at(5000);
    for (std::uint32_t at = 5500; at <= 8500; at += 500)
        come(at).out(". 1:1(0) ack 5000 <sack 5500:" + std::to_string(at + 500) + ">");
    come(5000).out(". 1:1(0) ack 9000 <no_sack>");
}

TEST_F(sack, example_3_each_second_of_eight_is_lost) // case 3
{
    open_at(5000);
    come(5000).after(40ms).out(". 1:1(0) ack 5500 <no_sack>");
    come(6000).out(". 1:1(0) ack 5500 <sack 6000:6500>");
    come(7000).out(". 1:1(0) ack 5500 <sack 7000:7500 6000:6500>");
    come(8000).out(". 1:1(0) ack 5500 <sack 8000:8500 7000:7500 6000:6500>");
    come(6500).out(". 1:1(0) ack 5500 <sack 6000:7500 8000:8500>"); // the fourth segment
    come(5500).out(". 1:1(0) ack 7500 <sack 8000:8500>");           // the second segment
}

TEST_F(sack, without_timestamps_there_is_room_for_four_blocks_the_last_that_came_first) // RFC 2018 §3, §4
{
    open_at(100);
    for (const std::uint32_t at : {200U, 400U, 600U, 800U}) come(at, at + 100).ignore_output();
    come(1000, 1100).out(". 1:1(0) ack 100 <sack 1000:1100 800:900 600:700 400:500>");
    come(300, 350).out(". 1:1(0) ack 100 <sack 200:350 1000:1100 800:900 600:700>");
}

TEST_F(sack, beside_timestamps_there_is_room_for_three)
{
    open_at(100, "S 0:0(0) win 65535 <mss 1000,sackOK,ts 100 0>");
    for (const std::uint32_t at : {200U, 400U, 600U}) come(at, at + 100).ignore_output();
    come(800, 900).out(". 1:1(0) ack 100 <sack 800:900 600:700 400:500>");
    come(820, 850).out(". 1:1(0) ack 100 <sack 820:850 800:900 600:700>"); // the D-SACK block takes the place of one block
}

TEST_F(sack, behind_the_first_come_those_told_most_recently) // RFC 2018 §4: "repeating the most recently reported SACK blocks"
{
    open_at(100);
    for (const std::uint32_t at : {800U, 600U, 400U, 200U}) come(at, at + 100).ignore_output();
    for (const std::uint32_t at : {300U, 310U, 320U, 330U, 340U}) come(at, at + 10).ignore_output(); // all in the same block
    come(350, 360).out(". 1:1(0) ack 100 <sack 200:360 400:500 600:700 800:900>");
    come(900, 950).out(". 1:1(0) ack 100 <sack 800:950 200:360 400:500 600:700>");
}

TEST_F(sack, each_of_many_blocks_is_told_at_least_three_times) // RFC 2018 §4: so that one lost ACK loses nothing
{
    open_at(100);
    for (std::uint32_t at = 200; at < 2000; at += 200) {
        come(at, at + 100);
        std::string blocks;
        for (std::uint32_t told = 0; told < 4 && at >= 200 + 200 * told; ++told)
            blocks += ' ' + std::to_string(at - 200 * told) + ':' + std::to_string(at - 200 * told + 100);
        wire.out(". 1:1(0) ack 100 <sack" + blocks + ">");
    }
}

TEST_F(sack, data_of_ours_carries_it_and_is_shorter_for_it) // RFC 2018 §4: "SHOULD be included in all ACKs"
{
    script_socket s = open_at(100);
    come(200, 300).out(". 1:1(0) ack 100 <sack 200:300>");
    s.send(2000);
    // RFC 6691 §3: the option reduces the payload
    wire.out(". 1:989(988) ack 100 <sack 200:300>").out(". 989:1977(988) ack 100 <sack 200:300>");
    wire.out("P. 1977:2001(24) ack 100 <sack 200:300>").in(". 300:300(0) ack 2001").out_nothing();
    wire.in(". 100:200(100) ack 2001").out(". 2001:2001(0) ack 300 <no_sack>");
}

TEST_F(sack, a_delayed_acknowledgement_is_sent_at_once_when_a_hole_opens)
{
    open_at(100);
    come(100, 200).out_nothing();
    come(300, 400).out(". 1:1(0) ack 200 <sack 300:400>"); // RFC 5681 §4.2
}

TEST_F(sack, what_the_window_cuts_off_is_not_told)
{
    wire.options.tcp.receive_buffer = 2000;
    wire.options.tcp.tune_receive_buffer = false;
    open_at(100);
    come(200, 4000).out(". 1:1(0) ack 100 <sack 200:2001>");
}

TEST_F(sack, a_connection_that_rested_tells_as_before)
{
    wire.options.awake_connections = 0;
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000,sackOK>");
    come(1, 1000).after(40ms).ignore_output();
    EXPECT_EQ(s.receive().size(), 999U);
    wire.ignore_output().after(1h).out_nothing();
    EXPECT_GE(wire.counters().tcp.at_rest, 1U);
    come(2000).out(". 1:1(0) ack 1000 <sack 2000:2500>");
    come(2200, 2300).out(". 1:1(0) ack 1000 <sack 2200:2300 2000:2500>");
    come(1000, 2000).out(". 1:1(0) ack 2500 <no_sack>");
    EXPECT_EQ(s.receive().size(), 1500U);
    wire.ignore_output().after(1h).out_nothing();
    EXPECT_GE(wire.counters().tcp.at_rest, 1U);
    come(1500).out(". 1:1(0) ack 2500 <sack 1500:2000>"); // these octets were read long ago, but are still known to be old
}

// -- RFC 2883, example by example ---------------------------------------------------------------------------------------

TEST_F(sack, dsack_example_1_a_duplicate_segment) // RFC 2883 §4.1.1
{
    open_at(3000);
    come(3000).after(40ms).out(". 1:1(0) ack 3500"); // this ACK and the next are lost on the way
    come(3500).after(40ms).out(". 1:1(0) ack 4000");
    come(3000).out(". 1:1(0) ack 4000 <sack 3000:3500>");
    come(4500).out(". 1:1(0) ack 4000 <sack 4500:5000>"); // RFC 2883 §4: a duplicate is reported once
}

TEST_F(sack, dsack_example_2_a_segment_out_of_order_and_a_duplicate) // §4.1.2
{
    open_at(3000);
    come(3000).after(40ms).out(". 1:1(0) ack 3500");
    come(3500).after(40ms).out(". 1:1(0) ack 4000");
    come(4500).out(". 1:1(0) ack 4000 <sack 4500:5000>");
    come(3000).out(". 1:1(0) ack 4000 <sack 3000:3500 4500:5000>");
}

TEST_F(sack, dsack_example_3_a_duplicate_of_a_segment_out_of_order) // §4.1.3
{
    open_at(4000);
    come(4500).out(". 1:1(0) ack 4000 <sack 4500:5000>");
    come(5000).out(". 1:1(0) ack 4000 <sack 4500:5500>");
    come(5000).out(". 1:1(0) ack 4000 <sack 5000:5500 4500:5500>");
}

TEST_F(sack, dsack_example_4_part_of_a_segment_is_a_duplicate) // §4.2.1
{
    open_at(1000);
    come(2000).out(". 1:1(0) ack 1000 <sack 2000:2500>");
    come(1000).out(". 1:1(0) ack 1500 <sack 2000:2500>");
    come(1000, 2000).out(". 1:1(0) ack 2500 <sack 1000:1500>");
}

TEST_F(sack, dsack_example_5_two_parts_are_both_acknowledged_by_then) // §4.2.2
{
    open_at(1000);
    come(3000).out(". 1:1(0) ack 1000 <sack 3000:3500>");
    come(1000).out(". 1:1(0) ack 1500 <sack 3000:3500>");
    come(2000).out(". 1:1(0) ack 1500 <sack 2000:2500 3000:3500>");
    come(1000, 2500).out(". 1:1(0) ack 2500 <sack 1000:1500 3000:3500>");
}

TEST_F(sack, dsack_example_6_two_parts_are_not_acknowledged_yet) // §4.2.3
{
    open_at(1000);
    come(3500).out(". 1:1(0) ack 1000 <sack 3500:4000>");
    come(1500).out(". 1:1(0) ack 1000 <sack 1500:2000 3500:4000>");
    come(2500).out(". 1:1(0) ack 1000 <sack 2500:3000 1500:2000 3500:4000>");
    come(1500, 3000).out(". 1:1(0) ack 1000 <sack 1500:2000 1500:3000 3500:4000>");
}

TEST_F(sack, dsack_of_a_replication_by_the_network) // §5.1
{
    open_at(1000);
    come(1000).after(40ms).out(". 1:1(0) ack 1500");
    come(1500).after(40ms).out(". 1:1(0) ack 2000");
    come(1500).out(". 1:1(0) ack 2000 <sack 1500:2000>");
    come(2000).after(40ms).out(". 1:1(0) ack 2500 <no_sack>");
}

TEST_F(sack, dsack_of_a_false_retransmission_after_reordering) // §5.2
{
    open_at(1000);
    come(1500).out(". 1:1(0) ack 1000 <sack 1500:2000>");
    come(2000).out(". 1:1(0) ack 1000 <sack 1500:2500>");
    come(2500).out(". 1:1(0) ack 1000 <sack 1500:3000>");
    come(1000).out(". 1:1(0) ack 3000 <no_sack>"); // it was delayed, not lost
    come(1000).out(". 1:1(0) ack 3000 <sack 1000:1500>");
}

TEST_F(sack, dsack_of_a_timeout_after_all_acknowledgements_were_lost) // §5.3, §5.4
{
    open_at(1000);
    for (const std::uint32_t at : {1000U, 1500U, 2000U, 2500U}) come(at).after(40ms).ignore_output();
    come(1000).out(". 1:1(0) ack 3000 <sack 1000:1500>");
    come(1500).out(". 1:1(0) ack 3000 <sack 1500:2000>");
}

// -- the sender -----------------------------------------------------------------------------------------------------------

class reneging : public packet_script
{
protected:
    reneging() { wire.options.congestion_control = "reno"; }

    /// An RTT of 100 ms and `n` segments in flight; at 200 ms all but the first are SACKed.
    script_socket told(unsigned n)
    {
        script_socket l = wire.listen();
        wire.in("S 0:0(0) win 65535 <mss 1000,sackOK>").out("S. 0:0(0) ack 1").at(100ms).in(". 1:1(0) ack 1");
        script_socket s = l.accept();
        s.send(n * 1000);
        for (unsigned i = 0; i < n; ++i) wire.out(".");
        wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:" + std::to_string(1 + n * 1000) + ">").out(". 1:1001(1000)");
        EXPECT_EQ(s.info().unacked, n * 1000) << "SACKed data is kept until it is acknowledged";
        return s;
    }
    /// Segments from `next` to `end` are acknowledged 100 ms after they are sent.
    void mend(std::uint32_t next, std::uint32_t end)
    {
        while (next < end && !wire.broken()) {
            wire.out_within(2s, std::string(next + 1000 == end ? "P. " : ". ") + std::to_string(next) + ':' +
                                    std::to_string(next + 1000) + "(1000)");
            next += 1000;
            if (wire.packets_waiting() == 0) wire.after(100ms).in(". 1:1(0) ack " + std::to_string(next));
        }
        wire.after(1h).out_nothing();
    }
};

TEST_F(reneging, what_was_told_and_is_not_there_any_more_goes_again_after_a_timeout) // RFC 2018 §8
{
    script_socket s = told(5);
    // the cumulative ACK does not cover the SACKed data: the peer has reneged
    wire.at(300ms).in(". 1:1(0) ack 1001").out_nothing();
    mend(1001, 5001);
    EXPECT_EQ(s.info().unacked, 0U);
    EXPECT_EQ(wire.counters().tcp.timeouts, 1U);
}

TEST_F(reneging, of_a_part_only)
{
    script_socket s = told(4);
    wire.at(300ms).in(". 1:1(0) ack 2001").out_nothing(); // the peer has kept 1001:2001, and discarded the rest
    mend(2001, 4001);
    EXPECT_EQ(s.info().unacked, 0U);
}

} // namespace
} // namespace tapio::test
