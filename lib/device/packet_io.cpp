#include "device/packet_io.hpp"

#include "device/vnet_header.hpp"

#include <boost/container/small_vector.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/uio.h>
#include <unistd.h>

namespace tapio::detail {

namespace {

// A packet up to this size is copied, so that an acknowledgement or a keystroke does not hold a block for a full frame.
constexpr std::size_t small_packet = 256; // octets

// Beyond that a copy costs less than the vector (and at IOV_MAX, 1024, the kernel would refuse it).
constexpr std::size_t most_pieces = 64;

bool is_transient(int error) noexcept
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM || error == EINTR;
}

// Several short pieces cost less as one: the kernel takes a plain write faster than a vector.
ssize_t write_small(int fd, const core::packet& p)
{
    std::array<std::byte, small_packet> octets;
    p.copy_to({octets.data(), p.size()});
    return ::write(fd, octets.data(), p.size());
}

ssize_t write_as_one(int fd, const core::packet& p)
{
    const core::block octets(p.size());
    p.copy_to({octets.data(), p.size()});
    return ::write(fd, octets.data(), p.size());
}

ssize_t write_pieces(int fd, const core::packet& p)
{
    boost::container::small_vector<iovec, 8> pieces;
    p.for_each_piece([&](core::const_bytes piece) {
        pieces.push_back({const_cast<std::byte*>(piece.data()), piece.size()}); // writev only reads
    });
    if (pieces.size() > most_pieces) return write_as_one(fd, p);
    if (pieces.size() == 1) return ::write(fd, pieces[0].iov_base, pieces[0].iov_len);
    return ::writev(fd, pieces.data(), static_cast<int>(pieces.size()));
}

} // namespace

packet_reader::outcome packet_reader::read(int fd, core::packet& out, core::error_code& error)
{
    if (!block_) block_ = core::block(largest_ + 1); // the one more tells too large from just fitting
    const ssize_t size = ::read(fd, block_.data(), largest_ + 1);
    if (size >= 0) return take(static_cast<std::size_t>(size), out);
    if (is_transient(errno)) return outcome::drained;
    error = core::errno_code(errno);
    return outcome::failed;
}

packet_reader::outcome packet_reader::take(std::size_t size, core::packet& out)
{
    if (size > largest_) return outcome::nothing_usable;
    std::size_t start = 0;
    core::offload_info offload;
    if (vnet_header_) {
        vnet_header header;
        if (size < sizeof header) return outcome::nothing_usable;
        std::memcpy(&header, block_.data(), sizeof header);
        const auto meaning = from_vnet_header(header);
        if (!meaning) return outcome::nothing_usable;
        offload = *meaning;
        start = sizeof header;
    }
    if (size - start <= small_packet)
        out = core::packet(core::slice::copy_of({block_.data() + start, size - start}));
    else
        out = core::packet(std::exchange(block_, {}).share(start, size - start));
    out.offload = offload;
    return outcome::packet;
}

write_outcome write_packet(int fd, core::packet& p, bool with_vnet_header)
{
    if (with_vnet_header) p.push_front(to_vnet_header(p.offload));
    const ssize_t written = p.size() <= small_packet ? write_small(fd, p) : write_pieces(fd, p);
    if (written >= 0 || !is_transient(errno)) return write_outcome::done;
    if (with_vnet_header) p.consume(sizeof(vnet_header));
    return write_outcome::full;
}

} // namespace tapio::detail
