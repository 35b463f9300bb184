// ACKs that answer unacceptable segments (RFC 9293 §3.10.7.4) are rate limited (RFC 5961 §7), so that two ends that disagree do
// not answer each other's ACKs forever.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class corrections : public packet_script
{
protected:
    /// Sends `segment` every `interval` for `length`. @return the number of answers
    std::size_t answers(const std::string& segment, duration interval, duration length)
    {
        std::size_t n = 0;
        for (const duration end = wire.elapsed() + length; wire.elapsed() < end; wire.after(interval)) {
            wire.in(segment);
            n += wire.packets_waiting();
            wire.ignore_output();
        }
        return n;
    }
};

TEST_F(corrections, of_what_is_out_of_the_window_get_rarer)
{
    (void)open_passive();
    const std::string old = ". 4294966000:4294966000(0) ack 1";
    wire.in(old).out(". 1:1(0) ack 1");
    wire.in(old).out_nothing();
    wire.after(520ms).in(old).out(". 1:1(0) ack 1");
    wire.after(520ms).in(old).out_nothing();
    wire.after(520ms).in(old).out(". 1:1(0) ack 1");
    EXPECT_LE(answers(old, 100ms, 1h), 70U);
    EXPECT_GT(wire.counters().tcp.acks_skipped, 30'000U);
}

TEST_F(corrections, are_as_quick_as_ever_when_the_ends_have_agreed)
{
    (void)open_passive();
    const std::string old = ". 4294966000:4294966000(0) ack 1";
    answers(old, 100ms, 10min);
    wire.in("P. 1:4(3) ack 1", "abc").after(40ms).out(". 1:1(0) ack 4");
    wire.after(600ms).in(old).out(". 1:1(0) ack 4");
    wire.after(600ms).in(old).out_nothing(); // the interval grows again
}

TEST_F(corrections, of_acks_for_what_was_never_sent_get_rarer)
{
    script_socket s = open_passive();
    EXPECT_LE(answers(". 1:1(0) ack 1000", 100ms, 10min), 20U);
    wire.after(2min);
    EXPECT_LE(answers("P. 1:4(3) ack 1000", 100ms, 10min), 20U); // the same with data, which is not accepted
    EXPECT_EQ(s.info().unread, 0U);
}

TEST_F(corrections, of_old_timestamps_get_rarer) // RFC 7323 §5.3 R1
{
    (void)wire.listen();
    wire.in("S 0:0(0) win 65535 <mss 1000,ts 1000000 0>").out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 1 <ts 1000000 0>").out_nothing();
    wire.in("P. 1:4(3) ack 1 <ts 2000000 0>", "abc").after(40ms).ignore_output();
    EXPECT_LE(answers(". 4:4(0) ack 1 <ts 1000 0>", 100ms, 10min), 20U);
    EXPECT_GT(wire.counters().tcp.paws_drops, 1000U);
}

TEST_F(corrections, answer_every_retransmission)
{
    (void)open_passive();
    wire.in("P. 1:4(3) ack 1", "abc").after(40ms).ignore_output();
    for (int i = 0; i < 20; ++i) wire.in("P. 1:4(3) ack 1", "abc").out(". 1:1(0) ack 4");
}

TEST_F(corrections, answer_keep_alives_and_window_probes_for_ever)
{
    (void)open_passive();
    for (int i = 0; i < 1000; ++i) wire.after(1s).in(". 0:0(0) ack 1").out(". 1:1(0) ack 1");
    // keep-alives in the old form, with one octet of garbage
    for (int i = 0; i < 1000; ++i) wire.after(1s).in(". 0:1(1) ack 1").out(". 1:1(0) ack 1");
}

TEST_F(corrections, in_time_wait_get_rarer_too)
{
    wire.options.tcp.time_wait = 1h;
    script_socket s = open_passive();
    s.close();
    wire.out("F. 1:1(0) ack 1").in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2");
    ASSERT_EQ(wire.host().tcp().size(), 2U); // the listener and the TIME-WAIT record
    EXPECT_LE(answers(". 1000000:1000000(0) ack 2", 100ms, 10min), 20U);
    EXPECT_EQ(wire.host().tcp().size(), 2U);
}

// RFC 9293 §3.10.7.4 step 4, RFC 5961 §4: in synchronized states a SYN is challenged, with a FIN as well. In LISTEN and SYN-SENT
// a SYN with FIN is dropped, as in Linux's LISTEN.
TEST_F(corrections, syn_with_fin_is_challenged)
{
    script_socket s = open_passive();
    wire.in("SF 1:1(0)").out(". 1:1(0) ack 1");
    wire.after(1s).in("SF. 2:2(0) ack 1").out(". 1:1(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::established);
    s.shutdown(shutdown_type::send);
    wire.out("F. 1:1(0) ack 1").in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2");
    ASSERT_EQ(s.state(), tcp_state::time_wait);
    wire.after(1s).in("SF 2:2(0)").out(". 2:2(0) ack 2");
    wire.after(1s).in("SF 100000:100000(0)").out(". 2:2(0) ack 2"); // a SYN with FIN does not reopen the connection
    EXPECT_EQ(s.state(), tcp_state::time_wait);
}

} // namespace
} // namespace tapio::test
