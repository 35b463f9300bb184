// Capture files that `tapio dump` reads, its filters, and the control socket with the texts of `tapio ss`.
#include "common/control.hpp"
#include "common/program.hpp"
#include "tapio/capture_file.hpp"
#include "tapio/filter.hpp"
#include "tapio/socket_list.hpp"

#include <tapio/device/pcapng.hpp>
#include <tapio/ip/icmp.hpp>
#include <tapio/ip/ping.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>

namespace apps::tools {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::string bytes(std::initializer_list<unsigned> list)
{
    std::string out;
    for (const unsigned b : list) out += static_cast<char>(b);
    return out;
}

const std::string little_pcap = bytes({0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0});
const std::string big_pcap_ns = bytes({0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 101});

TEST(capture_file, pcap_in_both_byte_orders)
{
    std::istringstream little(little_pcap + bytes({1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 60, 0, 0, 0, 7, 8, 9}));
    capture_reader a(little);
    const auto p = a.next().value();
    EXPECT_EQ(p.time, 1s + 2us);
    EXPECT_EQ(p.octets.size(), 3U);
    EXPECT_EQ(p.original, 60U);
    EXPECT_EQ(p.link, link_ethernet);
    EXPECT_FALSE(a.next());

    std::istringstream big(big_pcap_ns + bytes({0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7}));
    capture_reader b(big);
    EXPECT_EQ(b.next().value().time, 1s + 2ns);
}

TEST(capture_file, pcapng_as_tapio_writes_it)
{
    const auto path = std::filesystem::temp_directory_path() / ("tapio-capture-" + std::to_string(::getpid()) + ".pcapng");
    {
        tapio::pcapng_writer w(path.string());
        tapio::core::device_info device;
        device.name = "tun0";
        device.link = tapio::core::link_type::ip;
        const auto tun = w.add_interface(device);
        const std::array<std::byte, 5> data{std::byte{1}};
        w.write(tun, tapio::core::packet(tapio::core::slice::copy_of(data)), 1234567890s + 123456789ns,
                tapio::pcapng_writer::direction::outbound, "a comment");
        w.write(tun, tapio::core::packet(tapio::core::slice::copy_of(data)), 5s, tapio::pcapng_writer::direction::unknown);
    }
    std::ifstream file(path, std::ios::binary);
    capture_reader reader(file);
    const auto p = reader.next().value();
    EXPECT_EQ(p.time, 1234567890s + 123456789ns);
    EXPECT_EQ(p.octets.size(), 5U);
    EXPECT_EQ(link_type_of(p.link), tapio::core::link_type::ip);
    EXPECT_EQ(reader.next().value().time, 5s);
    EXPECT_FALSE(reader.next());
    std::filesystem::remove(path);
}

/// A pcapng file in big-endian order, whose interface counts seconds, with one empty packet.
std::string seconds_pcapng(unsigned high_octet_of_time, unsigned high_octet_of_offset)
{
    const std::string section = bytes({0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0}) +
                                std::string(8, '\xff') + bytes({0, 0, 0, 28});
    const std::string options =
        bytes({0, 9, 0, 1, 0, 0, 0, 0}) + bytes({0, 14, 0, 8, high_octet_of_offset, 0, 0, 0, 0, 0, 0, 5}) + bytes({0, 0, 0, 0});
    const std::string interface = bytes({0, 0, 0, 1, 0, 0, 0, 44, 0, 1, 0, 0, 0, 0, 0, 0}) + options + bytes({0, 0, 0, 44});
    return section + interface + bytes({0, 0, 0, 6, 0, 0, 0, 32, 0, 0, 0, 0, high_octet_of_time, 0, 0, 0, 0, 0, 0, 7,
                                        0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 32});
}

TEST(capture_file, pcapng_with_seconds_and_an_offset)
{
    std::istringstream in(seconds_pcapng(0, 0));
    capture_reader reader(in);
    EXPECT_EQ(reader.next().value().time, 12s);
}

TEST(capture_file, with_a_time_beyond_all_years_is_damaged)
{
    for (const auto& [time, offset] : {std::pair(0xffU, 0U), std::pair(0U, 0x7fU), std::pair(0U, 0x80U)}) {
        std::istringstream in(seconds_pcapng(time, offset));
        capture_reader reader(in);
        EXPECT_THROW(reader.next(), std::runtime_error) << time << ' ' << offset;
    }
}

TEST(capture_file, that_is_none_or_damaged_is_refused)
{
    std::istringstream empty, text("not a capture file");
    EXPECT_THROW(capture_reader{empty}, std::runtime_error);
    EXPECT_THROW(capture_reader{text}, std::runtime_error);
    std::istringstream huge(little_pcap + bytes({1, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 60, 0, 0, 0}));
    capture_reader reader(huge);
    EXPECT_THROW(reader.next(), std::runtime_error);
    std::istringstream cut(little_pcap + bytes({1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 60, 0, 0, 0, 7}));
    capture_reader ends(cut);
    EXPECT_FALSE(ends.next());
}

TEST(packet_filter, matches_or_says_that_it_cannot)
{
    packet_filter all("");
    EXPECT_TRUE(all.matches(link_raw_ip, {}, 0));
    std::vector<std::byte> udp(28);
    udp[0] = std::byte{0x45};
    udp[9] = std::byte{17};
    try {
        packet_filter f("udp");
        EXPECT_TRUE(f.matches(link_raw_ip, udp, udp.size()));
        udp[9] = std::byte{6};
        EXPECT_FALSE(f.matches(link_raw_ip, udp, udp.size()));
        packet_filter wrong("no such thing");
        EXPECT_THROW(wrong.check(link_ethernet), usage_error);
    } catch (const usage_error& e) {
        EXPECT_THAT(e.what(), HasSubstr("without libpcap"));
    }
}

// -- the control socket -------------------------------------------------------------------------------------------------------

struct control : testing::Test
{
    control()
    {
        acceptor.emplace(stack, tapio::ip::tcp::endpoint(tapio::ip::tcp::v4(), 80));
        client.emplace(stack);
        client->connect({boost::asio::ip::make_address("127.0.0.1"), 80});
        path = (std::filesystem::temp_directory_path() / ("tapio-control-" + std::to_string(::getpid()))).string();
    }
    ~control() override { std::filesystem::remove(path); }

    boost::json::object answer(const std::string& question) const
    {
        return boost::json::parse(answer_control(stack, question)).as_object();
    }

    boost::asio::io_context io{1};
    tapio::stack stack{io};
    std::optional<tapio::ip::tcp::acceptor> acceptor;
    std::optional<tapio::ip::tcp::socket> client;
    std::string path;
};

TEST_F(control, sockets_for_datagrams_are_in_the_table_by_kind)
{
    tapio::ip::udp::socket bound(stack, tapio::ip::udp::endpoint(tapio::ip::udp::v4(), 7)), connected(stack), unbound(stack);
    connected.connect({boost::asio::ip::make_address("127.0.0.1"), 7});
    unbound.open(tapio::ip::udp::v4()); // has no name yet: Linux does not list it
    connected.send(boost::asio::buffer("sextet", 6));
    tapio::ip::udp::socket six(stack, tapio::ip::udp::v6());
    six.set_option(boost::asio::ip::v6_only(true));
    six.bind({boost::asio::ip::address_v6::any(), 9});
    tapio::ip::icmp::socket raw(stack, tapio::ip::icmp::v6());
    tapio::ip::ping::socket ping(stack, tapio::ip::ping::endpoint(tapio::ip::ping::v4(), 77));
    const auto sockets = answer("sockets");
    EXPECT_EQ(socket_table(sockets, {.tcp = false, .raw = false, .listening = true}),
              R"(State   Recv-Q  Send-Q  Local Address:Port  Peer Address:Port
UNCONN       6       0  0.0.0.0:7           *:*
UNCONN       0       0  [::]:9              *:*
)");
    EXPECT_THAT(socket_table(sockets, {.tcp = false, .raw = false}),
                testing::ContainsRegex("ESTAB +0 +0 +127.0.0.1:[0-9]+ +127.0.0.1:7\n$"));
    EXPECT_THAT(socket_table(sockets, {.tcp = false, .raw = false, .all = true, .v4 = false}), Not(HasSubstr(":7")));
    EXPECT_EQ(socket_table(sockets, {.tcp = false, .udp = false, .all = true}),
              R"(State   Recv-Q  Send-Q  Local Address:Port  Peer Address:Port
UNCONN       0       0  0.0.0.0:77          *:*
UNCONN       0       0  *:58                *:*
)");
    const std::string everything = socket_table(sockets, {.all = true});
    EXPECT_THAT(everything, testing::ContainsRegex("^Netid +State +Recv-Q"));
    EXPECT_THAT(everything, testing::ContainsRegex("\nudp +UNCONN +6 +0 +0.0.0.0:7 +"));
    EXPECT_THAT(everything, testing::ContainsRegex("\nping +UNCONN +0 +0 +0.0.0.0:77 +"));
    EXPECT_THAT(everything, testing::ContainsRegex("\nraw +UNCONN +0 +0 +\\*:58 +"));
    EXPECT_THAT(everything, testing::ContainsRegex("\ntcp +LISTEN +"));
    EXPECT_THAT(socket_summary(sockets), HasSubstr("\nUDP: 3, raw: 1, ping: 1\n"));
    EXPECT_TRUE(answer("connections").if_contains("datagram_sockets") == nullptr);
}

TEST_F(control, answers_become_the_table_of_ss)
{
    const auto all = answer("all");
    const std::string connections = socket_table(all, {.information = true});
    EXPECT_THAT(connections, testing::ContainsRegex("ESTAB +0 +0 +127.0.0.1:[0-9]+ +127.0.0.1:80\n"));
    EXPECT_THAT(connections, HasSubstr("cubic"));
    EXPECT_THAT(connections, HasSubstr("rto:"));
    EXPECT_THAT(connections, Not(HasSubstr("LISTEN")));
    EXPECT_THAT(socket_table(all, {.listening = true}), testing::ContainsRegex("LISTEN +[01] +[0-9]+ +0.0.0.0:80 +\\*:\\*\n"));
    EXPECT_THAT(socket_table(all, {.v4 = false}), Not(HasSubstr("ESTAB")));
    EXPECT_THAT(socket_summary(all), HasSubstr("listen 1,"));
    EXPECT_THAT(interface_table(all), HasSubstr("127.0.0.1/8"));
    EXPECT_THAT(counter_table(all, false), testing::ContainsRegex("tcp_active_opens +1\n"));
    EXPECT_THAT(counter_table(all, false), Not(HasSubstr("tcp_paws_drops")));
    EXPECT_THAT(counter_table(all, true), HasSubstr("tcp_paws_drops"));
}

TEST_F(control, says_what_can_be_asked) { EXPECT_TRUE(answer("weather").contains("error")); }

TEST_F(control, socket_serves_several_questions_and_is_removed)
{
    namespace asio = boost::asio;
    using local = asio::local::stream_protocol;
    {
        const control_socket served(io, stack, path);
        struct stat found = {};
        ASSERT_EQ(::stat(path.c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 0777U, 0600U);
        std::string first, second;
        std::thread user([&] {
            asio::io_context own;
            local::socket s(own);
            s.connect(local::endpoint(path));
            asio::write(s, asio::buffer(std::string("routes\ncounters\n")));
            std::string text;
            const auto n = asio::read_until(s, asio::dynamic_buffer(text), '\n');
            first = text.substr(0, n);
            text.erase(0, n);
            asio::read_until(s, asio::dynamic_buffer(text), '\n');
            second = text;
            asio::post(io, [this] { io.stop(); });
        });
        io.run_for(10s);
        user.join();
        EXPECT_THAT(first, HasSubstr("\"routes\":["));
        EXPECT_THAT(second, HasSubstr("\"counters\":{"));
        EXPECT_THROW(control_socket(io, stack, path), std::runtime_error); // in use
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(control, socket_takes_the_place_of_a_stale_one_and_of_nothing_else)
{
    {
        boost::asio::local::stream_protocol::acceptor left(io, boost::asio::local::stream_protocol::endpoint(path));
    }
    EXPECT_TRUE(std::filesystem::exists(path));
    EXPECT_NO_THROW(control_socket(io, stack, path));
    std::ofstream(path) << "precious";
    EXPECT_THROW(control_socket(io, stack, path), std::runtime_error);
    EXPECT_TRUE(std::filesystem::exists(path));
}

} // namespace
} // namespace apps::tools
