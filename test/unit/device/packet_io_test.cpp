#include "device/packet_io.hpp"
#include "device/unique_fd.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <fcntl.h>

namespace tapio::detail {
namespace {

TEST(packet_reader, an_error_that_is_none_of_patience_is_told)
{
    const unique_fd directory(::open("/", O_RDONLY));
    packet_reader reader(100, false);
    core::packet p;
    core::error_code error;
    EXPECT_EQ(reader.read(directory.get(), p, error), packet_reader::outcome::failed);
    EXPECT_EQ(error.value(), EISDIR);
}

TEST(packet_writer, what_the_device_will_never_take_is_gone)
{
    const unique_fd read_only(::open("/dev/null", O_RDONLY));
    const std::string text = "x";
    core::packet p(core::slice::copy_of(std::as_bytes(std::span(text))));
    EXPECT_EQ(write_packet(read_only.get(), p, false), write_outcome::done) << "else it would block the queue for ever";
}

} // namespace
} // namespace tapio::detail
