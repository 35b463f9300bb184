/// @file
/// Packets from a descriptor, and into it: a system call each, or (uring.hpp) a batch of them for one.
#pragma once

#include "base/block_arena.hpp"
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
    /// @param largest octets of the largest packet, headers of the device included  @param ring null: one at a time
    packet_reader(std::size_t largest, bool vnet_header, std::unique_ptr<uring> ring = nullptr);

    enum class outcome
    {
        packet,
        nothing_usable,
        drained,
        failed
    };

    /// Reads the next packet into `out`. `nothing_usable`: there was one, but too large or beyond understanding;
    /// `drained`: EAGAIN; `failed`: see `error`.
    outcome read(int fd, core::packet& out, core::error_code& error);

    /// Packets may be so large from now on; smaller ones, that are there already, are read as well. Not while holds_some().
    void raise_largest(std::size_t octets);

    /// Reads have been made whose outcome read() has not given yet.
    bool holds_some() const noexcept { return next_ < sizes_.size(); }

    static constexpr unsigned most_at_once = 64;

private:
    static constexpr unsigned fewest_at_once = 4;

    outcome take(core::block& from, std::size_t size, core::packet& out);
    outcome read_ahead(core::packet& out, core::error_code& error);
    void fill();
    core::block to_read_into();

    std::size_t largest_;
    bool vnet_header_;
    std::unique_ptr<core::block_arena> arena_; // which the ring knows; null: it does not
    std::size_t in_arena_ = 0;                 // octets of the largest packet that its blocks take
    std::unique_ptr<uring> ring_;
    unsigned most_at_once_;
    core::block block_; // to be filled next; small packets leave it to the next one

    // What one batch has read. One that found nothing may lie between two that found something.
    std::array<core::block, most_at_once> ahead_;
    std::span<const int> sizes_; // of what is in each; or -errno. The ring's
    std::size_t next_ = 0;
    unsigned at_once_ = fewest_at_once; // as many as come
};

enum class write_outcome
{
    done, ///< all of it
    full, ///< not now
};

/// Writes packets. Thread safety: none.
class packet_writer
{
public:
    /// @param ring null: one at a time
    packet_writer(bool vnet_header, std::unique_ptr<uring> ring = nullptr) : vnet_header_(vnet_header), ring_(std::move(ring)) {}

    /// In this order. With a ring, what is taken may leave with the next flush(). @return how many were taken: sent, or refused
    /// for good (malformed, device down), and gone then, as on a medium. Fewer than all: the device takes no more now; these
    /// packets are as they were
    std::size_t write(int fd, std::span<core::packet* const> packets);
    /// What was taken leaves now; `full`: some of it is to be tried again later, before anything else.
    write_outcome flush();

    /// Packets refused for good so far, and what the last refusal since this was asked for said: an errno value, or 0.
    std::uint64_t refusals() const noexcept { return refusals_.load(std::memory_order_relaxed); }
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

    void note_refusal(int error) noexcept;
    void put_aside(core::packet& p);
    static void describe(waiting& w);

    bool vnet_header_;
    std::unique_ptr<uring> ring_;
    std::vector<waiting> batch_ = std::vector<waiting>(ring_ ? most_at_once : 0);
    std::size_t used_ = 0;
    bool refused_ = false; // what is in the batch the device did not take
    std::atomic<std::uint64_t> refusals_{0};
    int last_refusal_ = 0; // errno
};

} // namespace tapio::detail
