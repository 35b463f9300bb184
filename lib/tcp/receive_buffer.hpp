/// @file
/// What the peer has sent and the user has not read: the octets in order, and those that came early.
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
    /// @param next octets that have come and gone
    explicit receive_buffer(std::uint32_t capacity, std::uint64_t next = 0) noexcept : next_(next) { set_capacity(capacity); }

    std::uint64_t next() const noexcept { return next_; }     ///< the position wanted next (RCV.NXT)
    std::uint64_t unread() const noexcept { return unread_; } ///< octets in order
    std::uint32_t capacity() const noexcept { return capacity_; }
    void set_capacity(std::uint32_t octets) noexcept
    {
        if (octets > capacity_) early_.set_window(octets); // what was promised once may come
        capacity_ = octets;
    }

    /// Octets beyond `next()` that may still come.
    std::uint32_t room() const noexcept { return unread_ >= capacity_ ? 0 : capacity_ - static_cast<std::uint32_t>(unread_); }

    /// Takes payload that begins at `at`; the caller has cut it to the window. Answers how many octets became readable.
    std::uint64_t receive(std::uint64_t at, slice_list&& payload);

    std::uint64_t position() const noexcept { return next_ - unread_; } ///< of the octet to be read next

    /// Copies out what fits, `limit` octets at most; with `peek` it stays. Answers the octets copied.
    std::size_t read(std::span<const mutable_bytes> out, bool peek, std::uint64_t limit = UINT64_MAX);
    /// Hands out what is there, `limit` octets at most, as the slices that it came in. Answers their octets.
    std::size_t take(std::vector<slice>& out, std::uint64_t limit);
    /// Forgets the next octet. Precondition: there is one.
    void skip() { consume(1); }
    /// Precondition: it is unread.
    std::byte octet_at(std::uint64_t position) const noexcept;

    const reassembler& early() const noexcept { return early_; }

    /// Octets of memory, of what is unread and of what came early.
    std::size_t held() const noexcept
    {
        return charges_.total() + slice_charges::of_block(small_.capacity()) + in_order_.capacity() * sizeof(part) +
               early_.held();
    }
    /// Memory is scarce: a slice that is small beside its block is copied out of it from now on, as it comes.
    void be_sparing(bool yes) noexcept { sparing_ = yes; }

    /// Forgets all octets, read or not.
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
        std::size_t charge = 0; ///< octets of memory; of octets that were copied together: their own number
    };

    std::vector<part> in_order_;
    slice_charges charges_;
    std::size_t first_ = 0; ///< slices before it are spent
    block small_;           ///< where small slices are copied together
    std::size_t small_filled_ = 0;
    reassembler early_;
    std::uint64_t next_ = 0;
    std::uint64_t unread_ = 0;
    std::uint32_t capacity_ = 0; ///< octets
    bool sparing_ = false;
};

} // namespace tapio::core::tcp
