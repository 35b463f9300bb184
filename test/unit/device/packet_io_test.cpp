// // packet_reader and packet_writer, with one system call per packet and with io_uring: batches, errors, oversized packets, a
// full device.
#include "device/packet_io.hpp"
#include "device/unique_fd.hpp"

#include <tapio/device/tuntap_options.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace tapio::detail {
namespace {

core::packet packet_of(const std::string& text)
{
    return text.empty() ? core::packet() : core::packet(core::slice::copy_of(std::as_bytes(std::span(text))));
}
std::string text_of(const core::packet& p)
{
    std::string out(p.size(), 0);
    p.copy_to(std::as_writable_bytes(std::span(out)));
    return out;
}

/// false: system calls; true: io_uring.
struct packet_io : testing::TestWithParam<bool>
{
    void SetUp() override
    {
        if (GetParam() && !io_uring_available()) GTEST_SKIP() << "SKIPPED: no io_uring here";
    }
    static std::unique_ptr<uring> ring(int fd) { return GetParam() ? uring::open(fd, 64) : nullptr; }
};

/// A socket pair that keeps packet boundaries, as a device does.
struct packet_io_on_a_wire : packet_io
{
    static constexpr int most = 1 << 20; // octets in the socket buffer
    packet_io_on_a_wire()
    {
        std::array<int, 2> fds{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds.data()), 0);
        EXPECT_EQ(::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &most, sizeof most), 0);
        here.reset(new unique_fd(fds[0]));
        there.reset(new unique_fd(fds[1]));
    }
    std::vector<std::string> read_all(packet_reader& reader)
    {
        std::vector<std::string> out;
        for (;;) {
            core::packet p;
            core::error_code error;
            const auto what = reader.read(there->get(), p, error);
            if (what == packet_reader::outcome::drained || what == packet_reader::outcome::failed) return out;
            out.push_back(what == packet_reader::outcome::packet ? text_of(p) : "unusable");
        }
    }
    std::unique_ptr<unique_fd> here, there;
};

bool takes(packet_writer& w, int fd, core::packet& p)
{
    core::packet* const one = &p;
    return w.write(fd, {&one, 1}) == 1;
}

TEST_P(packet_io, an_error_that_is_none_of_patience_is_told)
{
    const unique_fd directory(::open("/", O_RDONLY));
    packet_reader reader(100, frame_header::none, ring(directory.get()));
    core::packet p;
    core::error_code error;
    EXPECT_EQ(reader.read(directory.get(), p, error), packet_reader::outcome::failed);
    EXPECT_TRUE(error.value() == EISDIR || (GetParam() && error.value() == EOPNOTSUPP)) << error.message();
}

TEST_P(packet_io, what_the_device_will_never_take_is_gone)
{
    const unique_fd read_only(::open("/dev/null", O_RDONLY));
    packet_writer writer(frame_header::none, ring(read_only.get()));
    core::packet p = packet_of("x");
    EXPECT_TRUE(takes(writer, read_only.get(), p)) << "otherwise it would block the queue forever";
    EXPECT_EQ(writer.flush(), write_outcome::done);
}

TEST_P(packet_io_on_a_wire, packets_arrive_whole_and_in_order)
{
    packet_writer writer(frame_header::none, ring(here->get()));
    packet_reader reader(2000, frame_header::none, ring(there->get()));
    std::vector<std::string> sent;
    for (int i = 0; i < 150; ++i) { // empty, of one slice, and of several
        sent.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i * 7), 'x'));
        core::packet p = packet_of(sent.back());
        if (i % 3 == 0) {
            sent.back() += "tail";
            p.append(core::slice::copy_of(std::as_bytes(std::span("tail", 4))));
        }
        ASSERT_TRUE(takes(writer, here->get(), p));
    }
    ASSERT_EQ(writer.flush(), write_outcome::done);
    EXPECT_EQ(read_all(reader), sent);
    EXPECT_FALSE(reader.holds_some());
    EXPECT_TRUE(read_all(reader).empty());
}

// A batch of reads may find no packet in one read, and a packet in the next.
TEST_P(packet_io_on_a_wire, packets_that_come_while_it_reads_are_whole_and_in_order)
{
    constexpr int count = 100'000;
    using clock = std::chrono::steady_clock;
    packet_reader reader(2000, frame_header::none, ring(there->get()));
    const std::jthread sender([this](const std::stop_token& stop) {
        for (int i = 0; i < count && !stop.stop_requested(); ++i) {
            const std::string text = std::to_string(i) + std::string(300, 'x'); // large enough for a block of its own
            while (::send(here->get(), text.data(), text.size(), 0) < 0 && !stop.stop_requested()) std::this_thread::yield();
            for (const auto pause = clock::now() + std::chrono::nanoseconds(100 * (i % 64)); clock::now() < pause;) {}
        }
    });
    int next = 0;
    const auto end = clock::now() + std::chrono::minutes(1);
    while (next < count && clock::now() < end) {
        core::packet p;
        core::error_code error;
        const auto what = reader.read(there->get(), p, error);
        if (what == packet_reader::outcome::drained) continue;
        if (what != packet_reader::outcome::packet || text_of(p) != std::to_string(next) + std::string(300, 'x')) break;
        ++next;
    }
    EXPECT_EQ(next, count);
}

// The user keeps more packets than the reader has registered memory for.
TEST_P(packet_io_on_a_wire, packets_that_the_user_keeps_stay_as_they_are)
{
    packet_reader reader(1500, frame_header::none, ring(there->get()));
    std::vector<core::packet> kept;
    const auto text_for = [](std::size_t i) { return std::to_string(i) + std::string(1000, static_cast<char>('a' + i % 26)); };
    const auto send = [&](std::size_t first, std::size_t end) {
        for (std::size_t i = first; i < end; ++i) {
            const std::string text = text_for(i);
            ASSERT_GT(::send(here->get(), text.data(), text.size(), 0), 0);
            core::packet p;
            core::error_code error;
            while (reader.read(there->get(), p, error) == packet_reader::outcome::packet) kept.push_back(std::move(p));
        }
    };
    send(0, 3000);
    ASSERT_EQ(kept.size(), 3000U);
    for (std::size_t i = 0; i < kept.size(); ++i) ASSERT_EQ(text_of(kept[i]), text_for(i));
    kept.erase(kept.begin(), kept.begin() + 1500); // freed blocks are reused, kept ones are not
    send(3000, 4000);
    ASSERT_EQ(kept.size(), 2500U);
    for (std::size_t i = 0; i < kept.size(); ++i) ASSERT_EQ(text_of(kept[i]), text_for(1500 + i));
}

TEST_P(packet_io_on_a_wire, one_of_very_many_pieces_is_one_packet)
{
    packet_writer writer(frame_header::none, ring(here->get()));
    packet_reader reader(2000, frame_header::none, ring(there->get()));
    core::packet p;
    std::string whole;
    for (int i = 0; i < 200; ++i) {
        const std::string piece = std::to_string(1000 + i);
        whole += piece;
        p.append(core::slice::copy_of(std::as_bytes(std::span(piece))));
    }
    ASSERT_TRUE(takes(writer, here->get(), p));
    ASSERT_EQ(writer.flush(), write_outcome::done);
    EXPECT_EQ(read_all(reader), std::vector{whole});
}

TEST_P(packet_io_on_a_wire, too_large_a_packet_is_of_no_use_and_the_next_one_is)
{
    packet_writer writer(frame_header::none, ring(here->get()));
    packet_reader reader(1000, frame_header::none, ring(there->get()));
    for (const std::string& text : {std::string(1001, 'x'), std::string(1000, 'y')}) {
        core::packet p = packet_of(text);
        ASSERT_TRUE(takes(writer, here->get(), p));
    }
    ASSERT_EQ(writer.flush(), write_outcome::done);
    EXPECT_EQ(read_all(reader), (std::vector<std::string>{"unusable", std::string(1000, 'y')}));
}

TEST_P(packet_io_on_a_wire, what_a_full_device_refuses_is_sent_when_there_is_room)
{
    packet_writer writer(frame_header::none, ring(here->get()));
    packet_reader reader(2000, frame_header::none, ring(there->get()));
    std::vector<std::string> sent, got;
    bool was_full = false, was_cut = false;
    while (sent.size() < 2002) {
        std::vector<std::string> texts;
        std::array<core::packet, 7> packets;
        std::array<core::packet*, 7> several;
        for (std::size_t i = 0; i < packets.size(); ++i) {
            texts.push_back(std::to_string(sent.size() + i) + std::string(1000, 'x'));
            packets[i] = packet_of(texts[i]);
            several[i] = &packets[i];
        }
        for (std::size_t taken = 0; taken < packets.size();) {
            const std::size_t n = writer.write(here->get(), std::span(several).subspan(taken));
            taken += n;
            if (taken == packets.size()) break;
            was_full = true;
            was_cut = was_cut || n > 0;
            for (std::size_t i = taken; i < packets.size(); ++i)
                ASSERT_EQ(text_of(packets[i]), texts[i]) << "refused packets are unchanged";
            for (const std::string& s : read_all(reader)) got.push_back(s);
        }
        sent.insert(sent.end(), texts.begin(), texts.end());
    }
    EXPECT_TRUE(was_cut) << "a batch was accepted in part";
    while (writer.flush() == write_outcome::full)
        for (const std::string& s : read_all(reader)) got.push_back(s);
    for (const std::string& s : read_all(reader)) got.push_back(s);
    EXPECT_TRUE(was_full);
    EXPECT_EQ(got.size(), sent.size());
    EXPECT_EQ(got, sent);
}

INSTANTIATE_TEST_SUITE_P(ways, packet_io, testing::Bool(), [](const auto& way) { return way.param ? "io_uring" : "calls"; });
INSTANTIATE_TEST_SUITE_P(ways, packet_io_on_a_wire, testing::Bool(),
                         [](const auto& way) { return way.param ? "io_uring" : "calls"; });

} // namespace
} // namespace tapio::detail
