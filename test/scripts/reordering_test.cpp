// A path that reorders: SACKed octets raise the congestion window once reordering was seen (as on Linux), SACKed data does not
// count against the send buffer, and undo restores only the reduction of the spurious recovery.
#include "support/script/script.hpp"

namespace tapio::test::reordering_test {
namespace {

std::string segment(unsigned from, unsigned to)
{
    return ". " + std::to_string(from) + ":" + std::to_string(to) + "(" + std::to_string(to - from) + ")";
}

class reordering : public packet_script
{
protected:
    reordering() { wire.options.congestion_control = "reno"; }

    /// An established connection with an RTT of 100 ms and ten full segments in flight.
    script_socket open(const std::string& flags = "S")
    {
        script_socket l = wire.listen();
        wire.in(flags + " 0:0(0) win 65535 <mss 1000,sackOK>").out(flags == "S" ? "S. 0:0(0) ack 1" : "SE. 0:0(0) ack 1");
        wire.at(100ms).in(". 1:1(0) ack 1");
        script_socket s = l.accept();
        s.set(socket_option::no_delay, 1);
        send(s, 1, 10);
        return s;
    }
    /// Sends `n` full segments. @param from sequence number of the first
    void send(script_socket& s, unsigned from, unsigned n)
    {
        EXPECT_EQ(s.send(n * 1000), n * 1000);
        for (; n > 0; --n, from += 1000) wire.out(segment(from, from + 1000));
        wire.out_nothing();
    }
};

TEST_F(reordering, sack_alone_raises_nothing_before_any_was_seen) // RFC 5681 §3.2
{
    script_socket s = open();
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:2001>");
    EXPECT_EQ(s.info().cwnd, 10000U);
}

TEST_F(reordering, once_seen_what_sack_tells_of_raises_the_window)
{
    wire.options.congestion_control = "cubic"; // Reno counts cumulatively acknowledged octets only
    script_socket s = open();
    // the first segment arrived second: reordering (RFC 8985 §6.2 step 3)
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:2001>").in(". 1:1(0) ack 2001");
    EXPECT_EQ(s.info().cwnd, 11000U);
    send(s, 10001, 3);
    wire.in(". 1:1(0) ack 2001 <sack 3001:5001>");
    EXPECT_EQ(s.info().cwnd, 13000U);
    wire.in(". 1:1(0) ack 5001"); // SACKed octets are not counted again
    EXPECT_EQ(s.info().cwnd, 14000U);
}

TEST_F(reordering, what_was_sacked_takes_no_room_in_the_send_buffer)
{
    wire.options.congestion_control = "cubic"; // Reno counts cumulatively acknowledged octets only
    wire.options.tcp.send_buffer = 4000;
    script_socket s = open();
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:2001>").in(". 1:1(0) ack 2001");
    EXPECT_EQ(s.send(100'000), 14'000U) << "twice the window is buffered; 8,000 octets are in flight";
    wire.ignore_output().in(". 1:1(0) ack 2001 <sack 3001:9001>").ignore_output();
    EXPECT_TRUE(any(s.poll() & readiness::writable));
    EXPECT_EQ(s.send(100'000), 2 * s.info().cwnd + 6000 - 22'000);
    wire.ignore_output();
}

/// A connection after one complete recovery, for a segment that later turns out to have been retransmitted needlessly.
class reduction_since_then : public reordering
{
protected:
    script_socket recovered(const std::string& flags)
    {
        script_socket s = open(flags);
        wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:10001>").out(segment(1, 1001)).out_nothing();
        wire.at(300ms).in(". 1:1(0) ack 10001");
        EXPECT_EQ(s.info().ssthresh, 5000U);
        return s;
    }
};

TEST_F(reduction_since_then, is_as_it_was_before)
{
    script_socket s = recovered("S");
    wire.in(". 1:1(0) ack 10001 <sack 1:1001>");
    EXPECT_GE(s.info().cwnd, 10000U);
}

TEST_F(reduction_since_then, for_a_mark_stays) // as Linux's tcp_enter_cwr
{
    script_socket s = recovered("SEW");
    send(s, 10001, 5);
    wire.at(400ms).in("E. 1:1(0) ack 11001");
    const std::uint64_t cwnd = s.info().cwnd, ssthresh = s.info().ssthresh;
    EXPECT_EQ(cwnd, 4000U); // RFC 8511 §3: reduced to 0.8 of cwnd
    wire.in(". 1:1(0) ack 11001 <sack 1:1001>");
    EXPECT_EQ(s.info().cwnd, cwnd);
    EXPECT_EQ(s.info().ssthresh, ssthresh);
}

} // namespace
} // namespace tapio::test::reordering_test
