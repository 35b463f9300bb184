// The memory budget that all connections of a host share (modelled on Linux's tcp_mem; no RFC).
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class memory : public packet_script
{
protected:
    memory() { wire.options.tcp_memory = 100'000; }

    /// A connection from this port of the peer.
    script_socket open(script_socket& l, std::uint16_t port, const std::string& answer = "S. 0:0(0) ack 1 win 65535")
    {
        wire.peer(port).in("S 0:0(0) win 65535 <mss 10000>").out(answer).in(". 1:1(0) ack 1");
        return l.accept();
    }
    /// The peer sends this many octets on the current connection; they are not read.
    void hoard(std::uint32_t octets)
    {
        for (std::uint32_t at = 1; at <= octets; at += 1000)
            wire.in(". " + std::to_string(at) + ':' + std::to_string(at + 1000) + "(1000) ack 1").ignore_output();
    }
};

TEST_F(memory, when_it_is_tight_windows_stay_small)
{
    script_socket l = wire.listen();
    open(l, 50000);
    hoard(60'000);
    open(l, 50001); // less than three quarters of the budget are used
    hoard(20'000);
    open(l, 50002, "S. 0:0(0) ack 1 win 16384");
    hoard(16'000);
    wire.in(". 16001:17001(1000) ack 1").out(". 1:1(0) ack 16385 win 0");
}

TEST_F(memory, the_window_that_was_promised_is_kept)
{
    script_socket l = wire.listen();
    script_socket s = open(l, 50000);
    open(l, 50001);
    hoard(60'000);
    wire.peer(50000);
    hoard(60'000);
    EXPECT_EQ(s.receive().size(), 60'000U) << "beyond the budget, but within the window that was advertised";
    wire.ignore_output();
}

TEST_F(memory, what_comes_early_is_not_kept_when_it_is_spent)
{
    script_socket l = wire.listen();
    open(l, 50000);
    script_socket other = open(l, 50001);
    hoard(60'000);
    wire.peer(50000);
    hoard(40'000);
    wire.in(". 41001:42001(1000) ack 1").out(". 1:1(0) ack 40001");
    EXPECT_EQ(wire.counters().drops[drop_reason::tcp_no_memory], 1U);
    other.abort(); // frees memory
    wire.ignore_output();
    wire.in(". 41001:42001(1000) ack 1").out(". 1:1(0) ack 40001").in(". 40001:41001(1000) ack 1").out(". 1:1(0) ack 42001");
}

TEST_F(memory, a_writer_always_gets_a_little)
{
    script_socket l = wire.listen();
    script_socket s = open(l, 50000);
    script_socket other = open(l, 50001);
    hoard(60'000);
    wire.peer(50000);
    hoard(45'000);
    EXPECT_EQ(s.send(100'000), 16384U);
    wire.ignore_output();
    wire.in(". 45001:45001(0) ack 5001").ignore_output();
    EXPECT_EQ(s.send(100'000), 5000U);
    wire.ignore_output();
    EXPECT_EQ(other.receive().size(), 60'000U);
    wire.ignore_output();
    EXPECT_GT(s.send(100'000), 50'000U) << "the other connection has freed its memory";
    wire.ignore_output();
}

class memory_of_small_pieces : public memory
{
protected:
    /// The peer sends single octets with a gap of one octet between each, from 3 on.
    void scatter(unsigned n)
    {
        for (std::uint32_t at = scattered; n > 0; --n, at = scattered += 2)
            wire.in(". " + std::to_string(at) + ':' + std::to_string(at + 1) + "(1) ack 1").ignore_output();
    }
    std::uint32_t scattered = 3;
};

TEST_F(memory_of_small_pieces, out_of_order_it_is_counted_and_not_their_octets)
{
    script_socket l = wire.listen();
    script_socket s = open(l, 50000);
    scatter(150);
    EXPECT_EQ(wire.counters().drops[drop_reason::tcp_no_memory], 0U) << "150 blocks of 320 octets are within the budget";
    scatter(350);
    EXPECT_GT(wire.counters().drops[drop_reason::tcp_no_memory], 100U)
        << "each block counts with more than 300 octets of the 100,000";
    const std::uint64_t dropped = wire.counters().drops[drop_reason::tcp_no_memory];
    wire.in(". 1:1001(1000) ack 1").ignore_output(); // fills all gaps
    EXPECT_EQ(s.receive().size(), 1000U);
    wire.ignore_output();
    scattered = 2001;
    scatter(100);
    EXPECT_EQ(wire.counters().drops[drop_reason::tcp_no_memory], dropped) << "freed blocks do not count any more";
}

TEST_F(memory_of_small_pieces, in_order_they_are_copied_together)
{
    script_socket l = wire.listen();
    script_socket s = open(l, 50000);
    for (std::uint32_t at = 1; at <= 2000; ++at)
        wire.in(". " + std::to_string(at) + ':' + std::to_string(at + 1) + "(1) ack 1").ignore_output();
    open(l, 50001); // there is no memory pressure
    EXPECT_EQ(s.receive().size(), 2000U);
    wire.ignore_output();
}

TEST_F(memory_of_small_pieces, written_each_takes_a_part_of_a_block)
{
    script_socket l = wire.listen();
    std::vector<script_socket> all;
    for (std::uint16_t i = 0; i < 60; ++i) {
        all.push_back(open(l, static_cast<std::uint16_t>(50000 + i), "S. 0:0(0) ack 1"));
        all.back().send("x");
        wire.ignore_output();
    }
    open(l, 51000, "S. 0:0(0) ack 1 win 16384"); // 60 octets in flight occupy 60 blocks of 2 KiB: memory pressure
}

} // namespace
} // namespace tapio::test
