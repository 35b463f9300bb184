#include "device/packet_io.hpp"

#include "base/block_layout.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/uio.h>
#include <unistd.h>

namespace tapio::detail {

namespace {

// Packets up to this size are copied, so that an ACK or a keystroke does not pin a block of a full frame's size.
constexpr std::size_t small_packet = 256; // octets

// Packets up to this size fit a packet's headroom and need no block. Room is left for the device's header and for an Ethernet
// header with a VLAN tag, which an answer may need.
constexpr std::size_t tiny_packet = core::packet::headroom - 12 - 18; // octets

// With more pieces a copy is cheaper than the vector (and beyond IOV_MAX, 1024, the kernel refuses the vector).
constexpr std::size_t most_pieces = 64;

constexpr std::size_t ahead_octets = 256 * 1024; // of memory to read into per batch: more would not stay in the cache

// Memory registered with the kernel: enough for a batch of common-size frames, and for those of the last batch that are in use.
constexpr std::size_t known_octets = 2 * 1024 * 1024;
constexpr std::size_t largest_known = 16 * 1024; // octets of a packet; for larger ones the copy outweighs the gain

// Errors after which to retry once the descriptor is ready. Not for lack of memory: the descriptor stays ready then, and retries
// would be a busy loop.
bool is_transient(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }
bool lacks_memory(int error) noexcept { return error == ENOBUFS || error == ENOMEM; }

// Short pieces are copied into one: the kernel executes write(2) faster than writev(2).
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
        pieces.push_back({const_cast<std::byte*>(piece.data()), piece.size()}); // const_cast: writev only reads
    });
    if (pieces.size() > most_pieces) return write_as_one(fd, p);
    return ::writev(fd, pieces.data(), static_cast<int>(pieces.size()));
}

ssize_t write_packet(int fd, const core::packet& p)
{
    if (const core::const_bytes all = p.front(); all.size() == p.size()) return ::write(fd, all.data(), all.size());
    return p.size() <= small_packet ? write_small(fd, p) : write_pieces(fd, p);
}

} // namespace

packet_reader::packet_reader(std::size_t largest, frame_header header, std::unique_ptr<uring> ring)
    : largest_(largest),
      header_(header),
      ring_(std::move(ring)),
      most_at_once_(std::clamp(static_cast<unsigned>(ahead_octets / (largest + 1)), fewest_at_once, most_at_once))
{
    if (!ring_ || largest_ > largest_known) return;
    arena_ = std::make_unique<core::block_arena>(largest_ + 1, known_octets / (largest_ + 1));
    in_arena_ = largest_;
    if (!ring_->know(arena_->memory())) arena_.reset();
}

/// The arena's blocks are too small afterwards, but stay registered with the ring.
void packet_reader::raise_largest(std::size_t octets)
{
    if (octets <= largest_) return;
    largest_ = octets;
    most_at_once_ = std::clamp(static_cast<unsigned>(ahead_octets / (largest_ + 1)), fewest_at_once, most_at_once);
    first_ = std::min(first_, most_at_once_);
    at_once_ = std::min(at_once_, most_at_once_);
    block_ = {};
    for (core::block& b : ahead_) b = {};
}

packet_reader::outcome packet_reader::read(int fd, core::packet& out, core::error_code& error)
{
    if (ring_) return read_ahead(out, error);
    if (!block_) block_ = core::block(largest_ + 1); // one octet more, to detect a packet that is too large
    const ssize_t size = ::read(fd, block_.data(), largest_ + 1);
    if (size >= 0) return take(block_, static_cast<std::size_t>(size), out);
    if (is_transient(errno) || lacks_memory(errno)) return outcome::drained;
    error = core::errno_code(errno);
    return outcome::failed;
}

packet_reader::outcome packet_reader::read_ahead(core::packet& out, core::error_code& error)
{
    if (!holds_some()) fill();
    while (holds_some()) {
        const std::size_t i = next_++;
        if (holds_some()) { // prefetch the next packet's headers while this packet is processed
            __builtin_prefetch(ahead_[next_].data());
            __builtin_prefetch(ahead_[next_].data() + core::detail::cache_line);
        }
        if (sizes_[i] >= 0) return take(ahead_[i], static_cast<std::size_t>(sizes_[i]), out);
        error = core::errno_code(-sizes_[i]); // a later read of the batch may still have found a packet
    }
    return is_transient(error.value()) || lacks_memory(error.value()) ? outcome::drained : outcome::failed;
}

/// The first batch after the device was drained has as many reads as the first batches before it found packets: a read that finds
/// nothing costs a third of a successful one, and each batch costs a system call. Batches after it double while they are full.
void packet_reader::fill()
{
    for (unsigned i = 0; i < at_once_; ++i) {
        if (!ahead_[i]) ahead_[i] = to_read_into();
        ring_->read(ahead_[i].data(), largest_ + 1);
    }
    sizes_ = ring_->submit();
    next_ = 0;
    const auto came = static_cast<unsigned>(std::count_if(sizes_.begin(), sizes_.end(), [](int n) { return n >= 0; }));
    const bool full = came == at_once_;
    if (drained_) first_ = std::clamp(full ? 2 * first_ : std::max(came + 1, first_ / 2), fewest_at_once, most_at_once_);
    at_once_ = full ? std::min(2 * at_once_, most_at_once_) : first_;
    drained_ = !full;
}

/// A registered block; or an ordinary one, if all are in use because the user has not read their data.
core::block packet_reader::to_read_into()
{
    core::block known = arena_ && largest_ <= in_arena_ ? arena_->take() : core::block();
    return known ? std::move(known) : core::block(largest_ + 1);
}

packet_reader::outcome packet_reader::take(core::block& from, std::size_t size, core::packet& out)
{
    if (size > largest_) return outcome::nothing_usable;
    if (!out.empty()) out = core::packet();
    if (!read_header(header_, from.data(), size, out.offload)) return outcome::nothing_usable;
    const std::size_t start = size_of(header_);
    const std::size_t octets = size - start;
    if (octets <= tiny_packet) {
        std::copy_n(from.data() + start, octets, out.push_front(octets));
    } else {
        out.append(octets <= small_packet ? core::slice::copy_of({from.data() + start, octets})
                                          : std::move(from).into_slice(start, octets));
    }
    return outcome::packet;
}

std::size_t packet_writer::write(int fd, std::span<core::packet* const> packets)
{
    for (core::packet* const p : packets) put_header(header_, *p);
    std::size_t taken = 0;
    // write(2) evicts our cache lines, so little else is done between the writes of a batch.
    while (taken < packets.size() && write_one(fd, *packets[taken]) == write_outcome::done) ++taken;
    for (core::packet* const p : packets.subspan(taken)) p->consume(size_of(header_));
    return taken;
}

/// `done`: sent, kept in the batch, or dropped.
write_outcome packet_writer::write_one(int fd, core::packet& p)
{
    if (ring_ && refused_ && flush() == write_outcome::full) return write_outcome::full;
    if (!is_sendable(header_, p)) {
        note_refusal(EAFNOSUPPORT);
    } else if (ring_) {
        put_aside(p);
    } else if (write_packet(fd, p) < 0) {
        if (is_transient(errno)) return write_outcome::full;
        note_refusal(errno);
    }
    return write_outcome::done;
}

void packet_writer::note_refusal(int error) noexcept
{
    refusals_.store(refusals() + 1, std::memory_order_relaxed); // no atomic increment: there is only one writer
    last_refusal_ = error;
}

void packet_writer::put_aside(core::packet& p)
{
    batch_[used_].content = std::move(p);
    describe(batch_[used_]);
    if (++used_ == batch_.size()) (void)flush(); // refused packets stay in the batch; write() retries them first
}

/// Sets `pieces` to memory that is valid until the packet has been written.
void packet_writer::describe(waiting& w)
{
    w.pieces.clear();
    if (w.content.size() <= small_packet) {
        w.content.copy_to({w.copy.data(), w.content.size()});
        w.pieces.push_back({w.copy.data(), w.content.size()});
        return;
    }
    const auto list = [&w] {
        w.content.for_each_piece([&](core::const_bytes piece) {
            w.pieces.push_back({const_cast<std::byte*>(piece.data()), piece.size()}); // const_cast: writev only reads
        });
    };
    list();
    if (w.pieces.size() <= most_pieces) return;
    const core::block whole(w.content.size());
    w.content.copy_to({whole.data(), w.content.size()});
    w.content = core::packet(whole.share(0, w.content.size()));
    w.pieces.clear();
    list();
}

write_outcome packet_writer::flush()
{
    if (used_ == 0) return write_outcome::done;
    for (std::size_t i = 0; i < used_; ++i) ring_->write(batch_[i].pieces);
    const auto outcomes = ring_->submit();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < used_; ++i) {
        if (outcomes[i] < 0 && is_transient(-outcomes[i])) {
            std::swap(batch_[kept].content, batch_[i].content);
            describe(batch_[kept++]);
        } else {
            if (outcomes[i] < 0) note_refusal(-outcomes[i]);
            batch_[i].content = core::packet();
        }
    }
    used_ = kept;
    refused_ = kept > 0;
    return refused_ ? write_outcome::full : write_outcome::done;
}

} // namespace tapio::detail
