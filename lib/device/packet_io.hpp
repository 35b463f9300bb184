/// @file
/// Reads packets from a descriptor and writes them to it: one system call per packet, or per batch (uring.hpp).
#pragma once

#include "base/block_arena.hpp"
#include "device/frame_header.hpp"
#include "device/uring.hpp"

#include <tapio/core/error.hpp>
#include <tapio/core/packet.hpp>

#include <boost/container/small_vector.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace tapio::detail {

/// Reads packets into pooled blocks.
class packet_reader
{
public:
    /// @param largest octets of the largest packet, including the device's headers  @param ring null: one system call per packet
    packet_reader(std::size_t largest, frame_header header, std::unique_ptr<uring> ring = nullptr);

    enum class outcome
    {
        packet,
        nothing_usable,
        drained,
        failed
    };

    /// Reads the next packet into `out`. `nothing_usable`: the packet was too large, or its header invalid; `drained`: no
    /// packet now (EAGAIN, or lack of memory); `failed`: see `error`.
    outcome read(int fd, core::packet& out, core::error_code& error);

    /// Raises the limit on the packet size; a smaller value has no effect. Precondition: !holds_some().
    void raise_largest(std::size_t octets);

    /// The last batch has results that read() has not returned yet.
    bool holds_some() const noexcept { return next_ < sizes_.size(); }

    static constexpr unsigned most_at_once = 64;

private:
    static constexpr unsigned fewest_at_once = 4;

    outcome take(core::block& from, std::size_t size, core::packet& out);
    outcome read_ahead(core::packet& out, core::error_code& error);
    void fill();
    core::block to_read_into();

    std::size_t largest_;
    const frame_header header_;
    std::unique_ptr<core::block_arena> arena_; // registered with the ring; null: none is
    std::size_t in_arena_ = 0;                 // octets of the largest packet that fits its blocks
    std::unique_ptr<uring> ring_;
    unsigned most_at_once_;
    core::block block_; // to read into next; small packets are copied out, and the block is reused

    // The last batch of reads. A failed read may lie between two successful ones.
    std::array<core::block, most_at_once> ahead_;
    std::span<const int> sizes_; // octets in each, or -errno; memory of the ring
    std::size_t next_ = 0;
    bool drained_ = true;               ///< the next batch is the first since the last one that was not full
    unsigned first_ = fewest_at_once;   ///< reads of such a batch
    unsigned at_once_ = fewest_at_once; // reads per batch, adapted to the number of packets that arrive
};

enum class write_outcome
{
    done, ///< everything is written
    full, ///< the device takes no more now
};

/// Writes packets. Thread safety: none.
class packet_writer
{
public:
    /// @param ring null: one system call per packet
    packet_writer(frame_header header, std::unique_ptr<uring> ring = nullptr) : header_(header), ring_(std::move(ring)) {}

    /// Writes the packets in order; with a ring, they may be sent only by the next flush(). @return how many were taken: sent, or
    /// dropped because the device refuses them (malformed, device down), as a medium drops packets. Fewer than all: the device
    /// takes no more now, and the others are unchanged
    std::size_t write(int fd, std::span<core::packet* const> packets);
    /// Sends the packets taken. `full`: some are left, to be retried before any other.
    write_outcome flush();

    /// Packets dropped because the device refused them.
    std::uint64_t refusals() const noexcept { return refusals_.load(std::memory_order_relaxed); }
    /// errno of the last such refusal since the previous call, or 0.
    int take_refusal() noexcept { return std::exchange(last_refusal_, 0); }

    static constexpr unsigned most_at_once = 64;

private:
    static constexpr std::size_t small_packet = 256; // octets

    struct waiting
    {
        core::packet content;
        boost::container::small_vector<iovec, 8> pieces;
        std::array<std::byte, small_packet> copy;
    };

    write_outcome write_one(int fd, core::packet& p);
    void note_refusal(int error) noexcept;
    void put_aside(core::packet& p);
    static void describe(waiting& w);

    const frame_header header_;
    std::unique_ptr<uring> ring_;
    std::vector<waiting> batch_ = std::vector<waiting>(ring_ ? most_at_once : 0);
    std::size_t used_ = 0;
    bool refused_ = false; // the device did not take the packets in batch_
    std::atomic<std::uint64_t> refusals_{0};
    int last_refusal_ = 0; // errno
};

} // namespace tapio::detail
