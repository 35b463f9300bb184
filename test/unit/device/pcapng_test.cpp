// // pcapng captures: the block format, interfaces, directions, comments, errors, and what a killed program leaves in the file.
#include "support/pcapng_reader.hpp"
#include "unit/device/recorder.hpp"

#include <tapio/device/capture.hpp>
#include <tapio/device/pipe.hpp>

#include <boost/asio/io_context.hpp>

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

namespace tapio::test {
namespace {

using ::testing::SizeIs;

struct pcapng : ::testing::Test
{
    ~pcapng() override { std::filesystem::remove(path); }

    std::vector<pcapng_block> read() const { return read_pcapng(path); }

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

TEST_F(pcapng, what_passed_in_a_program_that_was_killed_is_in_its_file)
{
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) { // the child calls only what is needed and must not run other tests
        boost::asio::io_context io;
        recorder at_left, at_right;
        auto [left, right] = make_pipe();
        left = capture(std::move(left), path);
        left->start(io.get_executor(), at_left);
        right->start(io.get_executor(), at_right);
        for (int i = 0; i < 3; ++i) {
            transmit(*left, "sent");
            left->flush();
            transmit(*right, "received");
            right->deliver();
        }
        ::raise(SIGKILL);
        ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT_THAT(packets_of(read()), SizeIs(6));
}

TEST_F(pcapng, a_long_capture_reaches_the_file_in_whole_blocks_without_a_flush)
{
    pcapng_writer writer(path);
    writer.add_interface({});
    for (int i = 0; i < 100; ++i) writer.write(0, packet_of(std::string(1000, 'x')), {}, pcapng_writer::direction::inbound);
    const auto packets = packets_of(read());
    EXPECT_GT(packets.size(), 50U);
    EXPECT_LT(packets.size(), 100U);
}

TEST_F(pcapng, stamps_are_the_receivers_time_of_day)
{
    struct in_2070 : recorder
    {
        std::chrono::nanoseconds time_of_day() const override { return std::chrono::hours(24 * 36525); }
    } at_left;
    boost::asio::io_context io;
    recorder at_right;
    auto [left, right] = make_pipe();
    left = capture(std::move(left), path);
    right = capture(std::move(right), path + "2");
    left->start(io.get_executor(), at_left);
    right->start(io.get_executor(), at_right);
    const auto begin = std::chrono::system_clock::now().time_since_epoch();
    transmit(*left, "x");
    left->deliver();
    left->stop(), right->stop();
    ASSERT_THAT(packets_of(read()), SizeIs(1));
    EXPECT_EQ(packets_of(read())[0].time, std::chrono::hours(24 * 36525));
    ASSERT_THAT(packets_of(read_pcapng(path + "2")), SizeIs(1));
    EXPECT_GE(packets_of(read_pcapng(path + "2"))[0].time, begin);
    std::filesystem::remove(path + "2");
}

TEST_F(pcapng, a_partial_checksum_is_completed_in_the_file_and_not_in_the_packet)
{
    boost::asio::io_context io;
    recorder at_left, at_right;
    auto [left, right] = make_pipe();
    left = capture(std::move(left), path);
    left->start(io.get_executor(), at_left);
    right->start(io.get_executor(), at_right);
    for (const bool several : {false, true}) {
        auto p = packet_of(std::string("1234\0\0ab", 8));
        p.offload = {.checksum = core::offload_info::checksum_state::partial, .checksum_start = 4, .checksum_offset = 0};
        core::packet* const one[] = {&p};
        EXPECT_TRUE(several ? left->transmit_several(one) == 1 : left->transmit(p));
    }
    left->deliver();
    left->stop();
    const std::string unsummed("1234\0\0ab", 8);
    EXPECT_EQ(at_right.heard, unsummed + ' ' + unsummed + " |");
    const auto packets = packets_of(read());
    ASSERT_THAT(packets, SizeIs(2));
    EXPECT_EQ(packets[0].octets, "1234\x9e\x9d"
                                 "ab");
    EXPECT_EQ(packets[1].octets, packets[0].octets);
}

} // namespace
} // namespace tapio::test
