// Data on a SYN in a simultaneous open: it is queued until the handshake is complete (RFC 9293 §3.10.7.3).
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

/// Both ends send a SYN (RFC 9293 §3.5, figure 8), and that of the peer carries data.
class crossing_syn_with_text : public packet_script
{
protected:
    void cross(const std::string& syn = "S 0:5(5) win 65535 <mss 1000>", const std::string& text = "hello")
    {
        s = wire.connect();
        wire.out("S 0:0(0)").in(syn, text).out("S. 0:0(0) ack 1");
        EXPECT_EQ(s.state(), tcp_state::syn_received);
        EXPECT_EQ(s.receive_error(), errno_code(EAGAIN))
            << "the data may come from a forged address, and must not be delivered yet";
    }
    script_socket s;
};

TEST_F(crossing_syn_with_text, is_read_when_the_handshake_is_done)
{
    cross();
    wire.in(". 6:6(0) ack 1").out(". 1:1(0) ack 6");
    EXPECT_EQ(s.state(), tcp_state::established);
    EXPECT_EQ(s.receive(), "hello");
}

TEST_F(crossing_syn_with_text, what_acknowledges_our_syn_may_carry_more)
{
    cross();
    wire.in(". 6:11(5) ack 1", "world").ignore_output().after(40ms).ignore_output();
    EXPECT_EQ(s.receive(), "helloworld");
}

TEST_F(crossing_syn_with_text, it_comes_again_with_the_syn_ack)
{
    cross();
    wire.in("S. 0:5(5) ack 1 win 65535 <mss 1000>", "hello").out(". 1:1(0) ack 6");
    EXPECT_EQ(s.receive(), "hello") << "delivered once";
    wire.in(". 6:11(5) ack 1", "world").after(40ms).out(". 1:1(0) ack 11");
    EXPECT_EQ(s.receive(), "world");
}

TEST_F(crossing_syn_with_text, a_reset_discards_it)
{
    cross();
    wire.in("R 1:1(0)").out_nothing();
    EXPECT_EQ(s.error(), errno_code(ECONNREFUSED));
    EXPECT_EQ(s.receive(), "");
}

TEST_F(crossing_syn_with_text, nobody_reads_it_any_more)
{
    s = wire.connect();
    wire.out("S 0:0(0)").in("S 0:5(5) win 65535 <mss 1000>", "hello").out("S. 0:0(0) ack 1");
    s.close();
    wire.ignore_output();
    wire.in(". 6:6(0) ack 1");
    wire.out("R. 1:1(0) ack 1"); // RFC 1122 §4.2.2.13: the socket is closed, so the data cannot be delivered
    EXPECT_TRUE(s.gone());
}

TEST_F(crossing_syn_with_text, is_cut_to_the_window)
{
    wire.options.tcp.receive_buffer = 3;
    wire.options.tcp.tune_receive_buffer = false;
    cross();
    wire.in(". 1:6(5) ack 1", "hello").out(". 1:1(0) ack 4 win 0"); // the peer sends again what did not fit in the window
    EXPECT_EQ(s.receive(), "hel");
    wire.ignore_output();
}

} // namespace
} // namespace tapio::test
