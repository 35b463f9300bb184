#include "unit/device/recorder.hpp"

#include <tapio/device/capture.hpp>
#include <tapio/device/pipe.hpp>

#include <boost/asio/io_context.hpp>

#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace tapio::test {
namespace {

using ::testing::SizeIs;

// The file is read back by a reader of our own, which trusts nothing but the specification's block structure.
struct block
{
    std::uint32_t type = 0;
    std::string body;
};

std::uint32_t number(const std::string& text, std::size_t at)
{
    std::uint32_t value = 0;
    std::memcpy(&value, text.data() + at, sizeof value);
    return value;
}

std::vector<block> blocks_of(const std::string& file)
{
    std::vector<block> blocks;
    for (std::size_t at = 0; at + 12 <= file.size();) {
        const auto length = number(file, at + 4);
        if (length < 12 || length % 4 != 0 || at + length > file.size()) return {};
        if (number(file, at + length - 4) != length) return {};
        blocks.push_back({number(file, at), file.substr(at + 8, length - 12)});
        at += length;
    }
    return blocks;
}

// Option `code` in the options that begin at `at`; "none" if it is not there.
std::string option(const std::string& body, std::size_t at, std::uint16_t code)
{
    while (at + 4 <= body.size()) {
        const auto word = number(body, at);
        const auto length = word >> 16;
        if ((word & 0xffff) == code) return body.substr(at + 4, length);
        at += 4 + (length + 3) / 4 * 4;
    }
    return "none";
}

struct pcapng : ::testing::Test
{
    ~pcapng() override { std::filesystem::remove(path); }

    std::vector<block> read() const
    {
        std::ifstream file(path, std::ios::binary);
        return blocks_of({std::istreambuf_iterator<char>(file), {}});
    }

    static constexpr std::uint32_t section = 0x0a0d0d0a, interface = 1, packet = 6;
    const std::string path = std::filesystem::temp_directory_path() / ("tapio_" + std::to_string(::getpid()) + ".pcapng");
};

TEST_F(pcapng, a_file_begins_with_a_section_and_its_interfaces)
{
    {
        pcapng_writer writer(path);
        core::device_info ethernet, ip;
        ethernet.name = "tap0";
        ip.link = core::link_type::ip;
        EXPECT_EQ(writer.add_interface(ethernet), 0U);
        EXPECT_EQ(writer.add_interface(ip), 1U);
    }
    const auto blocks = read();
    ASSERT_THAT(blocks, SizeIs(3));
    EXPECT_EQ(blocks[0].type, section);
    EXPECT_EQ(number(blocks[0].body, 0), 0x1a2b3c4dU);
    EXPECT_EQ(number(blocks[0].body, 4), 1U) << "version 1.0";
    EXPECT_EQ(blocks[1].type, interface);
    EXPECT_EQ(number(blocks[1].body, 0), 1U) << "LINKTYPE_ETHERNET";
    EXPECT_EQ(option(blocks[1].body, 8, 2), "tap0");
    EXPECT_EQ(option(blocks[1].body, 8, 9), "\x09") << "if_tsresol: nanoseconds";
    EXPECT_EQ(number(blocks[2].body, 0), 101U) << "LINKTYPE_RAW";
}

TEST_F(pcapng, a_packet_has_time_direction_octets_and_comment)
{
    {
        pcapng_writer writer(path);
        writer.add_interface({});
        writer.write(0, packet_of("12345"), std::chrono::nanoseconds(0x1'2345'6789), pcapng_writer::direction::outbound, "why");
    }
    const auto blocks = read();
    ASSERT_THAT(blocks, SizeIs(3));
    const auto& [type, body] = blocks[2];
    EXPECT_EQ(type, packet);
    EXPECT_EQ(number(body, 0), 0U) << "interface";
    EXPECT_EQ(number(body, 4), 1U) << "time, upper half";
    EXPECT_EQ(number(body, 8), 0x23456789U);
    EXPECT_EQ(number(body, 12), 5U) << "captured";
    EXPECT_EQ(number(body, 16), 5U) << "original";
    EXPECT_EQ(body.substr(20, 8), std::string("12345\0\0\0", 8));
    EXPECT_EQ(option(body, 28, 1), "why");
    EXPECT_EQ(option(body, 28, 2), std::string("\2\0\0\0", 4)) << "epb_flags: outbound";
}

TEST_F(pcapng, an_endless_comment_is_cut)
{
    {
        pcapng_writer writer(path);
        writer.add_interface({});
        writer.write(0, packet_of("x"), {}, pcapng_writer::direction::inbound, std::string(70'000, 'c'));
    }
    const auto blocks = read();
    ASSERT_THAT(blocks, SizeIs(3));
    EXPECT_EQ(option(blocks[2].body, 24, 1), std::string(65'535, 'c'));
}

TEST_F(pcapng, a_path_that_cannot_be_made_is_an_error_that_names_it)
{
    try {
        pcapng_writer writer("/no-such-directory/x.pcapng");
        FAIL();
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), boost::system::errc::no_such_file_or_directory);
        EXPECT_NE(std::string(e.what()).find("/no-such-directory/x.pcapng"), std::string::npos);
    }
}

TEST_F(pcapng, a_full_disk_ends_the_capture_and_is_told)
{
    pcapng_writer writer("/dev/full");
    writer.add_interface({});
    writer.write(0, packet_of("x"), {}, pcapng_writer::direction::inbound);
    writer.flush();
    EXPECT_EQ(writer.error(), boost::system::errc::no_space_on_device);
}

TEST_F(pcapng, a_captured_device_writes_what_passes_and_only_that)
{
    boost::asio::io_context io;
    recorder at_left, at_right;
    auto [left, right] = make_pipe({.queue_length = 1});
    left = capture(std::move(left), path);
    left->start(io.get_executor(), at_left);
    right->start(io.get_executor(), at_right);
    EXPECT_TRUE(transmit(*left, "sent"));
    EXPECT_FALSE(transmit(*left, "refused"));
    transmit(*right, "received");
    left->deliver();
    EXPECT_EQ(at_left.heard, "received | writable");
    EXPECT_EQ(at_right.heard, "sent |");
    left->stop();
    const auto blocks = read();
    ASSERT_THAT(blocks, SizeIs(4));
    EXPECT_EQ(blocks[2].body.substr(20, 4), "sent");
    EXPECT_EQ(option(blocks[2].body, 24, 2), std::string("\2\0\0\0", 4));
    EXPECT_EQ(blocks[3].body.substr(20, 8), "received");
    EXPECT_EQ(option(blocks[3].body, 28, 2), std::string("\1\0\0\0", 4));
}

} // namespace
} // namespace tapio::test
