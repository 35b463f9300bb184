// Segment sizes for a small MSS of the peer or a small path MTU (RFC 9293 §3.7.1, MUST-16), down to where options leave hardly
// any room for data.
#include "support/script/script.hpp"

#include <ostream>

namespace tapio::test {
namespace {

struct offered
{
    const char* name;
    const char* options;   ///< of the peer's SYN
    std::uint32_t largest; ///< octets of payload in our segments
};

std::ostream& operator<<(std::ostream& o, const offered& x) { return o << x.name; }

class small_mss : public packet_script, public testing::WithParamInterface<offered>
{
};

TEST_P(small_mss, bounds_what_is_sent)
{
    if (over_v6() && std::string(GetParam().options).starts_with("mss 0")) GTEST_SKIP() << "with IPv4's default MSS";
    script_socket s = open_passive(std::string("S 0:0(0) win 65535 <") + GetParam().options + ">");
    s.set(socket_option::no_delay, 1);
    EXPECT_EQ(s.info().send_mss, GetParam().largest);
    s.send(3 * GetParam().largest + 1);
    for (std::uint32_t at = 1, i = 0; i < 4; ++i, at += GetParam().largest) {
        const std::uint32_t size = i < 3 ? GetParam().largest : 1;
        wire.out(". " + std::to_string(at) + ':' + std::to_string(at + size) + '(' + std::to_string(size) + ')');
    }
    wire.in(". 1:1(0) ack " + std::to_string(3 * GetParam().largest + 2)).out_nothing();
}

TEST_P(small_mss, leaves_room_for_data_beside_all_sack_blocks)
{
    script_socket s = open_passive(std::string("S 0:0(0) win 65535 <") + GetParam().options + ">");
    s.set(socket_option::no_delay, 1);
    for (std::uint32_t at = 101; at < 1101; at += 200) {
        wire.in(". " + std::to_string(at) + ':' + std::to_string(at + 100) + "(100) ack 1").ignore_output();
    }
    EXPECT_EQ(s.send(100), 100U);
    for (std::uint64_t before = 0, all = 100; before < all;) {
        wire.ignore_output();
        const std::uint64_t sent = s.info().bytes_sent;
        ASSERT_GT(sent, before);
        wire.after(1ms).in(". 1101:1101(0) ack " + std::to_string(1 + sent));
        before = sent;
    }
}

INSTANTIATE_TEST_SUITE_P(
    peers, small_mss,
    testing::Values(offered{"of_48", "mss 48", 48}, // Linux's tcp_min_snd_mss: a smaller MSS is raised to it
                    offered{"of_47", "mss 47", 48}, offered{"of_1", "mss 1", 48},
                    offered{"of_0_is_none", "mss 0", 536}, // treated as no MSS option, as on Linux; MUST-15
                    offered{"of_64", "mss 64", 64}, offered{"of_63", "mss 63", 63}, offered{"of_100", "mss 100", 100},
                    offered{"of_48_with_timestamps", "mss 48,ts 100 0", 36},
                    offered{"of_1_with_timestamps", "mss 1,ts 100 0", 36}, offered{"of_48_with_sack", "mss 48,sackOK", 48},
                    offered{"of_1_with_all", "mss 1,sackOK,ts 100 0", 36}, // 28 octets of SACK option, 8 of data
                    offered{"of_0_with_all", "mss 0,sackOK,ts 100 0", 524}),
    [](const auto& i) { return std::string(i.param.name); });

class narrow_path : public packet_script
{
};

TEST_F(narrow_path, a_path_that_is_narrower_still_bounds_what_is_sent)
{
    if (over_v6()) GTEST_SKIP() << "an IPv6 link has an MTU of 1280 at least";
    wire.mtu = 80; // leaves 40 octets for TCP options and data
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000,sackOK,ts 100 0>");
    s.set(socket_option::no_delay, 1);
    EXPECT_EQ(s.info().send_mss, 28U);
    wire.in(". 101:201(100) ack 1")
        .ignore_output()
        .in(". 501:601(100) ack 1")
        .ignore_output()
        .in(". 301:401(100) ack 1")
        .ignore_output();
    s.send(9);
    wire.out(". 1:9(8) <sack 301:401 501:601>").out("P. 9:10(1)");
}

/// A Fast Open SYN has up to 40 octets of options; data fills the rest of the MSS remembered from the last connection.
TEST_F(narrow_path, fast_open_remembers_no_mss_that_leaves_no_room)
{
    const auto connect = [&] {
        script_socket s = wire.open();
        s.set(socket_option::fast_open_connect, 1);
        EXPECT_FALSE(wire.host().tcp().bind(s.id(), wire.local()));
        (void)wire.host().tcp().connect(s.id(), wire.remote(), wire.now());
        wire.drive();
        return s;
    };
    script_socket s = connect();
    wire.out("S 0:0(0) <FO >").in("S. 0:0(0) ack 1 <mss 1,FO 0011223344556677>").out(". 1:1(0) ack 1");
    s.abort();
    wire.out("R. 1:1(0)").new_incarnation(0x1000);
    s = connect();
    s.send("0123456789");
    wire.out("S 0:8(8) <FO 0011223344556677>").in("S. 0:0(0) ack 9 <mss 1>").out("P. 9:11(2) ack 1");
}

} // namespace
} // namespace tapio::test
