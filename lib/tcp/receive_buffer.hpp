/// @file
/// Data that the peer has sent and the user has not read: octets in order, and out-of-order data.
#pragma once

#include "tcp/reassembler.hpp"

#include <tapio/core/packet.hpp>
#include <tapio/core/slice.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace tapio::core::tcp {

/// Positions are octets of the stream from its first one (64 bits). Received slices are kept as they are, except that small
/// ones are copied together, so that a peer's one-octet segments cannot pin a block each.
class receive_buffer
{
public:
    /// @param next octets already received and read
    explicit receive_buffer(std::uint32_t capacity, std::uint64_t next = 0) noexcept : next_(next) { set_capacity(capacity); }

    std::uint64_t next() const noexcept { return next_; }     ///< the position expected next (RCV.NXT)
    std::uint64_t unread() const noexcept { return unread_; } ///< octets in order
    std::uint32_t capacity() const noexcept { return capacity_; }
    void set_capacity(std::uint32_t octets) noexcept
    {
        if (octets > capacity_) early_.set_window(octets); // never smaller: a window once offered may be used
        capacity_ = octets;
    }

    /// Octets beyond `next()` that there is room for.
    std::uint32_t room() const noexcept { return unread_ >= capacity_ ? 0 : capacity_ - static_cast<std::uint32_t>(unread_); }

    /// Takes payload that begins at `at`; the caller has cut it to the window. @return octets that became readable
    std::uint64_t receive(std::uint64_t at, slice_list&& payload);

    std::uint64_t position() const noexcept { return next_ - unread_; } ///< stream position of the next octet to read

    /// Copies out as much as fits, `limit` octets at most; with `peek` the data stays. @return octets copied
    std::size_t read(std::span<const mutable_bytes> out, bool peek, std::uint64_t limit = UINT64_MAX);
    /// Hands out up to `limit` octets as the slices that they arrived in. @return octets
    std::size_t take(std::vector<slice>& out, std::uint64_t limit);
    /// Discards the next octet. Precondition: unread() > 0.
    void skip() { consume(1); }
    /// Precondition: the octet at `position` is unread.
    std::byte octet_at(std::uint64_t position) const noexcept;

    const reassembler& early() const noexcept { return early_; }

    /// Octets of memory in use, for unread and for out-of-order data.
    std::size_t held() const noexcept
    {
        return charges_.total() + slice_charges::of_block(small_.capacity()) + in_order_.capacity() * sizeof(part) +
               early_.held();
    }
    /// Memory is scarce: from now on a slice smaller than half of its block is copied on arrival.
    void be_sparing(bool yes) noexcept { sparing_ = yes; }

    /// Discards all data.
    void clear() noexcept;

private:
    void append(slice data);
    void append_small(const slice& data);
    void consume(std::size_t octets);
    void forget_first() noexcept;
    void forget_spent();

    struct part
    {
        slice data;
        std::size_t charge = 0; ///< octets of memory, see slice_charges; for slices copied together, their size
    };

    std::vector<part> in_order_;
    slice_charges charges_;
    std::size_t first_ = 0; ///< slices before this index have been read
    block small_;           ///< where small slices are copied together
    std::size_t small_filled_ = 0;
    reassembler early_;
    std::uint64_t next_ = 0;
    std::uint64_t unread_ = 0;
    std::uint32_t capacity_ = 0; ///< octets
    bool sparing_ = false;
};

} // namespace tapio::core::tcp
