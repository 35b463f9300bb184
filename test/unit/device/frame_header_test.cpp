// The octets in front of each packet: the address family of utun, and none.
#include "device/frame_header.hpp"
#include "device/packet_io.hpp"
#include "device/unique_fd.hpp"
#include "unit/device/recorder.hpp"

#include <tapio/device/tuntap_options.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace tapio::test::frame_header_cases {
namespace {

using detail::frame_header;
using detail::packet_reader;
using detail::packet_writer;
using detail::unique_fd;
using outcome = packet_reader::outcome;

const std::string v4 = std::string("\x45", 1) + "a packet of IPv4", v6 = std::string("\x60", 1) + "a packet of IPv6";
const std::string family_v4("\0\0\0\x02", 4), family_v6("\0\0\0\x1e", 4);

/// false: system calls; true: io_uring.
struct utun_frames : testing::TestWithParam<bool>
{
    void SetUp() override
    {
        if (GetParam() && !io_uring_available()) GTEST_SKIP() << "SKIPPED: no io_uring here";
        std::array<int, 2> fds{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds.data()), 0);
        ours = unique_fd(fds[0]);
        kernel = unique_fd(fds[1]);
    }
    std::unique_ptr<detail::uring> ring() const { return GetParam() ? detail::uring::open(ours.get(), 64) : nullptr; }

    std::string kernel_hears() const
    {
        std::string text(2000, '\0');
        const auto size = ::recv(kernel.get(), text.data(), text.size(), 0);
        return size < 0 ? "nothing" : text.substr(0, static_cast<std::size_t>(size));
    }
    /// What the reader makes of `wire`.
    std::string reads(packet_reader& reader, const std::string& wire) const
    {
        EXPECT_EQ(::send(kernel.get(), wire.data(), wire.size(), 0), static_cast<ssize_t>(wire.size()));
        core::packet p;
        core::error_code error;
        const outcome what = reader.read(ours.get(), p, error);
        while (reader.holds_some()) {
            core::packet none;
            EXPECT_NE(reader.read(ours.get(), none, error), outcome::packet);
        }
        return what == outcome::packet ? text_of(p) : what == outcome::nothing_usable ? "unusable" : "nothing";
    }

    unique_fd ours, kernel;
};

INSTANTIATE_TEST_SUITE_P(, utun_frames, testing::Bool(), [](const auto& i) { return i.param ? "uring" : "calls"; });

TEST_P(utun_frames, the_family_is_written_in_front)
{
    packet_writer writer(frame_header::address_family, ring());
    core::packet a = packet_of(v4), b = packet_of(v6);
    const std::array<core::packet*, 2> both{&a, &b};
    EXPECT_EQ(writer.write(ours.get(), both), 2U);
    EXPECT_EQ(writer.flush(), detail::write_outcome::done);
    EXPECT_EQ(kernel_hears(), family_v4 + v4);
    EXPECT_EQ(kernel_hears(), family_v6 + v6);
    EXPECT_EQ(writer.refusals(), 0U);
}

TEST_P(utun_frames, what_is_no_ip_packet_is_dropped_and_counted)
{
    packet_writer writer(frame_header::address_family, ring());
    core::packet five = packet_of("\x55 neither"), none, after = packet_of(v4);
    const std::array<core::packet*, 3> all{&five, &none, &after};
    EXPECT_EQ(writer.write(ours.get(), all), 3U);
    EXPECT_EQ(writer.flush(), detail::write_outcome::done);
    EXPECT_EQ(kernel_hears(), family_v4 + v4);
    EXPECT_EQ(kernel_hears(), "nothing");
    EXPECT_EQ(writer.refusals(), 2U);
    EXPECT_EQ(writer.take_refusal(), EAFNOSUPPORT);
}

TEST_P(utun_frames, the_family_is_removed_and_others_are_dropped)
{
    packet_reader reader(100, frame_header::address_family, ring());
    EXPECT_EQ(reads(reader, family_v4 + v4), v4);
    EXPECT_EQ(reads(reader, family_v6 + v6), v6);
    EXPECT_EQ(reads(reader, std::string("\x02\0\0\0", 4) + v4), "unusable") << "host byte order";
    EXPECT_EQ(reads(reader, std::string("\0\0\0\x0a", 4) + v6), "unusable") << "Linux's AF_INET6";
    EXPECT_EQ(reads(reader, std::string("\0\0\0", 3)), "unusable");
    EXPECT_EQ(reads(reader, family_v4), "") << "an empty packet, which the stack refuses";
    EXPECT_EQ(reads(reader, family_v6 + v6), v6) << "it goes on";
}

TEST_P(utun_frames, one_of_every_length)
{
    packet_reader reader(1504, frame_header::address_family, ring());
    packet_writer writer(frame_header::address_family, ring());
    for (std::size_t size = 1; size <= 1500; ++size) {
        const std::string text = "\x45" + std::string(size - 1, static_cast<char>('a' + size % 26));
        ASSERT_EQ(reads(reader, family_v4 + text), text);
        core::packet p = packet_of(text);
        const std::array<core::packet*, 1> one{&p};
        ASSERT_EQ(writer.write(ours.get(), one), 1U);
        (void)writer.flush();
        ASSERT_EQ(kernel_hears(), family_v4 + text);
    }
}

// By system calls only: a ring keeps the packet.
struct utun_frames_by_calls : utun_frames
{
};
INSTANTIATE_TEST_SUITE_P(, utun_frames_by_calls, testing::Values(false));

TEST_P(utun_frames_by_calls, a_packet_that_finds_no_room_loses_its_header_again)
{
    packet_writer writer(frame_header::address_family);
    for (int i = 0; i < 100'000; ++i) {
        core::packet p = packet_of(v4);
        const std::array<core::packet*, 1> one{&p};
        if (writer.write(ours.get(), one) == 1) continue;
        EXPECT_EQ(text_of(p), v4);
        return;
    }
    FAIL() << "the socket never became full";
}

} // namespace
} // namespace tapio::test::frame_header_cases
