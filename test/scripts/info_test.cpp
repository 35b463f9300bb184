// tcp_info: the value of each field after a known exchange of segments.
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class info : public packet_script
{
protected:
    info() { wire.options.congestion_control = "reno"; }

    /// An established connection with an RTT of 100 ms.
    script_socket open(const std::string& options = "mss 1000,sackOK")
    {
        script_socket l = wire.listen();
        wire.in("S 0:0(0) win 65535 <" + options + ">").out("S. 0:0(0) ack 1");
        wire.at(100ms).in(". 1:1(0) ack 1 win 65535");
        return l.accept();
    }
};

TEST_F(info, of_an_exchange_without_loss)
{
    if (over_v6()) GTEST_SKIP() << "with IPv4's default MSS";
    script_socket s = open();
    wire.in("P. 1:4(3) ack 1", "abc").in("P. 4:7(3) ack 1", "def");
    EXPECT_EQ(s.receive(), "abcdef");
    wire.ignore_output();
    s.send(2500);
    wire.ignore_output().at(150ms).ignore_output();
    const tcp_info out = s.info();
    EXPECT_TRUE(out.passive);
    EXPECT_EQ(out.data_segments_received, 2U);
    EXPECT_EQ(out.segments_received, 3U) << "the SYN does not count: the listener received it";
    EXPECT_EQ(out.bytes_received, 6U);
    EXPECT_EQ(out.bytes_sent, 2500U);
    EXPECT_EQ(out.unacked, 2500U);
    EXPECT_EQ(out.data_segments_sent, 3U);
    EXPECT_EQ(out.delivered, 1U) << "the SYN counts as delivered";
    EXPECT_EQ(out.timer, tcp_timer::tail_probe);
    EXPECT_EQ(out.busy, 50ms) << "data has been in flight since 100 ms";

    wire.at(200ms).in(". 7:7(0) ack 2501").at(250ms).ignore_output();
    const tcp_info after = s.info();
    EXPECT_EQ(after.bytes_acked, 2500U);
    EXPECT_EQ(after.delivered, 4U);
    EXPECT_EQ(after.busy, 100ms);
    EXPECT_EQ(after.min_rtt, 100ms);
    EXPECT_EQ(after.delivery_rate, 25'000U) << "2500 octets in 100 ms";
    EXPECT_TRUE(after.delivery_rate_app_limited);
    EXPECT_EQ(after.since_received, 50ms);
    EXPECT_EQ(after.since_data_sent, 150ms);
    EXPECT_EQ(after.since_data_received, 150ms);
    EXPECT_EQ(after.timer, tcp_timer::none);
    EXPECT_EQ(after.retransmissions, 0U);
    EXPECT_EQ(after.path_mtu, 1500U);
    EXPECT_EQ(after.advertised_mss, 1460U);
}

TEST_F(info, of_losses)
{
    script_socket s = open();
    s.send(5000);
    wire.ignore_output();
    wire.at(200ms).in(". 1:1(0) ack 1 <sack 1001:5001>");
    EXPECT_EQ(s.info().sacked, 4000U);
    wire.ignore_output();
    EXPECT_EQ(s.info().recovery, tcp_recovery::recovering);
    EXPECT_EQ(s.info().bytes_retransmitted, 1000U);
    EXPECT_EQ(s.info().bytes_sent, 6000U);
    EXPECT_EQ(s.info().delivered, 5U) << "including the SYN";
    wire.at(300ms).in(". 1:1(0) ack 5001").in(". 1:1(0) ack 5001 <sack 1:1001>"); // a D-SACK: the retransmission was spurious
    const tcp_info out = s.info();
    EXPECT_EQ(out.retransmissions, 1U);
    EXPECT_EQ(out.duplicates_told, 1U);
    EXPECT_EQ(out.delivered, 6U);
    EXPECT_EQ(out.timeouts, 0U);
    EXPECT_EQ(out.recovery, tcp_recovery::open);
}

TEST_F(info, of_a_timeout)
{
    script_socket s = open("mss 1000");
    s.send(1000);
    wire.ignore_output().at(1h).ignore_output();
    EXPECT_EQ(s.info().state, tcp_state::closed);
    EXPECT_GT(s.info().timeouts, 10U);
    EXPECT_EQ(s.info().timeout_recoveries, 1U);
}

TEST_F(info, of_reordering_either_way)
{
    script_socket s = open();
    wire.in("P. 4:7(3) ack 1", "def").ignore_output().in("P. 1:4(3) ack 1", "abc").ignore_output();
    EXPECT_EQ(s.info().out_of_order_received, 1U);
    s.send(3000);
    wire.ignore_output().at(200ms).in(". 7:7(0) ack 1 <sack 1001:3001>").in(". 7:7(0) ack 3001");
    EXPECT_EQ(s.info().reorderings, 1U);
}

TEST_F(info, of_marks)
{
    wire.options.tcp.accept_ecn = true;
    script_socket l = wire.listen();
    wire.in("SEW 0:0(0) win 65535 <mss 1000>").out("SE. 0:0(0) ack 1").at(100ms).in(". 1:1(0) ack 1");
    script_socket s = l.accept();
    s.send(3000);
    wire.ignore_output().at(200ms).in("E. 1:1(0) ack 2001");
    EXPECT_EQ(s.info().delivered_ce, 2U);
    EXPECT_EQ(s.info().recovery, tcp_recovery::cwr);
}

TEST_F(info, of_a_closed_window)
{
    script_socket s = open();
    wire.in(". 1:1(0) ack 1 win 0");
    s.send(500);
    wire.ignore_output().at(10s).ignore_output();
    EXPECT_GT(s.info().unanswered_probes, 1U);
    EXPECT_EQ(s.info().timer, tcp_timer::persist);
    EXPECT_EQ(s.info().send_window, 0U);
}

TEST_F(info, of_a_listener)
{
    script_socket l = wire.listen();
    EXPECT_EQ(l.info().waiting, 0U);
    wire.in("S 0:0(0) win 65535 <mss 1000>").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1");
    EXPECT_EQ(l.info().state, tcp_state::listen);
    EXPECT_EQ(l.info().waiting, 1U);
    EXPECT_GT(l.info().backlog, 0U);
}

} // namespace
} // namespace tapio::test
