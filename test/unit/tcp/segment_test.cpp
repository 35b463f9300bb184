// segment and its control bits, as the state machine uses them.
#include "tcp/segment.hpp"

#include <gtest/gtest.h>

namespace tapio::core::tcp {
namespace {

TEST(control_bits, lie_as_they_travel) // RFC 9293 §3.1: CWR ECE URG ACK PSH RST SYN FIN
{
    const auto octet = [](control_bits b) { return std::bit_cast<std::uint8_t>(b); };
    EXPECT_EQ(octet({.fin = true}), 0x01);
    EXPECT_EQ(octet({.syn = true}), 0x02);
    EXPECT_EQ(octet({.rst = true}), 0x04);
    EXPECT_EQ(octet({.psh = true}), 0x08);
    EXPECT_EQ(octet({.ack = true}), 0x10);
    EXPECT_EQ(octet({.urg = true}), 0x20);
    EXPECT_EQ(octet({.ece = true}), 0x40);
    EXPECT_EQ(octet({.cwr = true}), 0x80);
}

TEST(segment, cut_from_the_front_and_the_back)
{
    const std::array<std::byte, 10> text{};
    segment s;
    s.seq = seq_number(0xffff'fffe);
    s.bits.fin = true;
    s.payload.push_back(slice::copy_of(text));
    s.payload_size = 10;
    s.trim_front(4);
    EXPECT_EQ(s.seq, seq_number(2));
    EXPECT_EQ(s.length(), 7U);
    s.trim_back(5);
    EXPECT_FALSE(s.bits.fin) << "the FIN was in the part cut off";
    EXPECT_EQ(s.end(), seq_number(7));
}

} // namespace
} // namespace tapio::core::tcp
