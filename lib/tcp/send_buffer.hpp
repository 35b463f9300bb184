/// @file
/// Data that the user has written and the peer has not acknowledged: copied in once, or the user's own slices. Segments share
/// this memory.
#pragma once

#include "tcp/memory_budget.hpp"

#include <tapio/core/packet.hpp>
#include <tapio/core/slice.hpp>

#include <boost/container/small_vector.hpp>

#include <cstdint>

namespace tapio::core::tcp {

/// Positions are octets of the stream, counted from its first one; 64 bits, they never wrap.
class send_buffer
{
public:
    send_buffer() noexcept = default;
    explicit send_buffer(std::uint64_t position) noexcept : begin_(position), end_(position) {}

    std::uint64_t begin() const noexcept { return begin_; } ///< position of the first octet held
    std::uint64_t end() const noexcept { return end_; }     ///< position after the last octet
    std::uint64_t size() const noexcept { return end_ - begin_; }
    bool empty() const noexcept { return begin_ == end_; }
    /// Octets of memory in use, besides the buffer object itself.
    std::size_t held() const noexcept { return charges_.total() + chunks_.capacity() * sizeof(chunk) - sizeof(chunk); }

    /// Copies `bytes` in. The caller enforces the size limit.
    void write(const_bytes bytes);
    /// Shares the slice, without a copy.
    void append(slice data);

    /// Appends [from, from + size) to the packet's payload, without a copy. Precondition: the range is held.
    void share(std::uint64_t from, std::size_t size, packet& out) const;

    /// Frees everything before `position`.
    void acknowledge(std::uint64_t position);

    void clear() noexcept;

private:
    struct chunk
    {
        slice octets(std::size_t offset, std::size_t size) const noexcept
        {
            return memory ? memory.share(offset, size) : given.part(offset, size);
        }

        block memory;            ///< data that write() copied; empty: see `given`
        slice given;             ///< the user's slice
        std::uint64_t begin = 0; ///< stream position of its first octet
        std::size_t filled = 0;  ///< octets
        std::size_t charge = 0;  ///< octets of memory, see slice_charges
    };

    chunk& writable_chunk(const_bytes wanted);

    boost::container::small_vector<chunk, 1> chunks_;
    slice_charges charges_;
    std::size_t first_ = 0; ///< chunks before this index are acknowledged
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
};

} // namespace tapio::core::tcp
