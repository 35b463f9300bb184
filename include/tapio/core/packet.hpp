/// @file
/// A packet: headroom for all headers, shared payload, and offload information for or from the device.
///
///     <-------- headroom, inline -------->   <--- payload: shared slices --->
///     +--------------+--------------------+  +-----------+-----------+ ... +
///     |     free     | ethernet|ip|tcp    |  |  slice 0  |  slice 1  |     |
///     +--------------+--------------------+  +-----------+-----------+ ... +
///                    ^ begin
///
/// Going out, headers are written back to front into the headroom and payload is appended without a copy. Coming in, the
/// octets lie in slices (from a device) or as the sender left them (from an in-memory wire); either way `front()` returns the
/// first contiguous octets and `consume()` removes them. The class knows no protocol.
#pragma once

#include <tapio/core/slice_list.hpp>

#include <boost/assert.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::core {

/// Offload information that travels with a packet; the fields of `virtio_net_hdr` (VIRTIO 1.2 §5.1.6).
struct offload_info
{
    /// State of the transport checksum.
    enum class checksum_state : std::uint8_t
    {
        complete, ///< out: written in full; in: unknown, to be verified
        partial,  ///< the field holds only the pseudo-header's sum; out: the device completes it; in: left so (NEEDS_CSUM)
        verified, ///< in: the device has verified it (VIRTIO DATA_VALID)
    };
    /// The kind of a segment larger than the MTU, which the device is to cut or has coalesced.
    enum class gso_type : std::uint8_t
    {
        none,
        tcp_v4,
        tcp_v6,
        udp
    };

    checksum_state checksum = checksum_state::complete;
    gso_type gso = gso_type::none;
    bool ecn = false;                  ///< GSO: CWR is set on the first segment only
    std::uint16_t gso_size = 0;        ///< octets of payload per segment (MSS); 0 without GSO
    std::uint16_t header_length = 0;   ///< octets of all headers, for GSO
    std::uint16_t checksum_start = 0;  ///< octets from the start of the packet to the first one summed
    std::uint16_t checksum_offset = 0; ///< octets from checksum_start to the checksum field

    /// Adjusts the offsets after a header of `octets` has been put in front of the packet.
    void header_in_front(std::size_t octets) noexcept
    {
        if (checksum == checksum_state::partial) checksum_start = static_cast<std::uint16_t>(checksum_start + octets);
        if (gso != gso_type::none) header_length = static_cast<std::uint16_t>(header_length + octets);
    }
    /// The same after the first `octets` have been removed. @pre they were headers that both offsets count
    void header_removed(std::size_t octets) noexcept
    {
        if (checksum == checksum_state::partial) checksum_start = static_cast<std::uint16_t>(checksum_start - octets);
        if (gso != gso_type::none) header_length = static_cast<std::uint16_t>(header_length - octets);
    }
};

/// One Ethernet frame or IP packet. Copying shares the payload and copies the headers; a moved-from packet is empty.
/// @par Thread safety  distinct objects: safe, also if they share payload; shared objects: unsafe
class packet
{
public:
    /// Octets reserved for headers: virtio-net 12 + Ethernet with a VLAN tag 18 + IPv4 60 + TCP 60, rounded up.
    static constexpr std::size_t headroom = 160;

    packet() noexcept : begin_(headroom) {}

    /// A received packet, all of it in one slice.
    explicit packet(slice received) : packet() { append(std::move(received)); }

    packet(const packet& other);
    packet& operator=(const packet& other);
    packet(packet&& other) noexcept
        : offload(std::exchange(other.offload, {})),
          begin_(std::exchange(other.begin_, std::uint16_t{headroom})),
          payload_size_(std::exchange(other.payload_size_, 0)),
          payload_(std::move(other.payload_))
    {
        copy_head(other);
    }
    packet& operator=(packet&& other) noexcept
    {
        if (this == &other) return *this;
        offload = std::exchange(other.offload, {});
        begin_ = std::exchange(other.begin_, std::uint16_t{headroom});
        payload_size_ = std::exchange(other.payload_size_, 0);
        payload_ = std::move(other.payload_);
        copy_head(other);
        return *this;
    }
    ~packet() = default;

    std::size_t size() const noexcept { return headroom - begin_ + payload_size_; } ///< octets
    bool empty() const noexcept { return size() == 0; }

    // -- writing, back to front --------------------------------------------------------------------------------

    /// Prepends `n` octets and returns where to write them. @pre the headroom suffices (asserted)
    std::byte* push_front(std::size_t n) noexcept
    {
        BOOST_ASSERT(n <= begin_);
        begin_ = static_cast<std::uint16_t>(begin_ - n);
        return head_.data() + begin_;
    }

    /// Makes at least `n` octets of headroom free, for headers to be prepended: what parsing has moved there becomes a slice.
    /// @pre n <= headroom
    void make_room(std::size_t n)
    {
        if (begin_ < n) move_head_to_slice();
    }

    /// Prepends a header.
    template <class Header>
    requires std::is_trivially_copyable_v<Header> &&(alignof(Header) == 1) void push_front(const Header& header) noexcept
    {
        const auto* from = reinterpret_cast<const std::byte*>(&header);
        std::copy(from, from + sizeof header, push_front(sizeof header));
    }

    /// Appends payload; nothing is copied.
    void append(slice&& payload)
    {
        if (payload.empty()) return;
        payload_size_ += static_cast<std::uint32_t>(payload.size());
        payload_.push_back(std::move(payload));
    }
    void append(const slice& payload) { append(slice(payload)); }
    /// Appends the contents of another packet, which is empty afterwards. Header octets that were pushed are copied.
    void append(packet&& rest)
    {
        if (rest.begin_ != headroom) append(slice::copy_of(rest.front()));
        for (slice& s : rest.payload_) append(std::move(s));
        rest.clear();
    }

    // -- reading, front to back --------------------------------------------------------------------------------

    /// The first contiguous octets (the headers if any were pushed, else the first slice).
    const_bytes front() const noexcept
    {
        if (begin_ != headroom) return {head_.data() + begin_, static_cast<std::size_t>(headroom - begin_)};
        return payload_.empty() ? const_bytes{} : payload_.front().bytes();
    }

    /// Makes the first `n` octets contiguous; copies only if they are not. @return false if the packet is shorter
    bool pull(std::size_t n) { return front().size() >= n || gather(n); }

    /// The first `n` octets, to be written: contiguous, and shared with no other packet. @pre n <= size(), n <= headroom
    std::byte* own_front(std::size_t n)
    {
        if (headroom - static_cast<std::size_t>(begin_) < n) take_front(n);
        return head_.data() + begin_;
    }

    /// Removes `n` octets from the front. @pre n <= size()
    void consume(std::size_t n) noexcept
    {
        BOOST_ASSERT(n <= size());
        const std::size_t from_head = std::min<std::size_t>(n, headroom - begin_);
        begin_ = static_cast<std::uint16_t>(begin_ + from_head);
        n -= from_head;
        payload_size_ -= static_cast<std::uint32_t>(n);
        if (n > 0) payload_.remove_prefix(n);
    }

    void clear() noexcept
    {
        offload = {};
        begin_ = headroom;
        payload_size_ = 0;
        payload_.clear();
    }

    /// Keeps the first `n` octets, for example to cut off Ethernet padding. @pre n <= size()
    void truncate(std::size_t n) noexcept
    {
        if (n != size()) cut(n);
    }

    /// Calls `f(const_bytes)` for each contiguous piece, in order.
    template <class F>
    void for_each_piece(F&& f) const
    {
        if (begin_ != headroom) f(const_bytes{head_.data() + begin_, headroom - begin_});
        for (const slice& s : payload_)
            if (!s.empty()) f(s.bytes());
    }

    /// Copies the octets from `offset` on into `out`. @return how many were copied: fewer than out.size() at the packet's end
    std::size_t copy_to(mutable_bytes out, std::size_t offset = 0) const noexcept;

    /// Moves the contents out as slices. Pushed header octets that are left are copied into one.
    slice_list take_payload()
    {
        if (begin_ != headroom) return take_all();
        payload_size_ = 0;
        return std::move(payload_);
    }

    offload_info offload;

private:
    bool gather(std::size_t n); ///< pull() of more than is contiguous
    void move_head_to_slice();
    void take_front(std::size_t n);   ///< moves the first `n` octets to the headroom
    void cut(std::size_t n) noexcept; ///< precondition: n <= size()
    slice_list take_all();

    void copy_head(const packet& other) noexcept
    {
        constexpr std::size_t usual = 96; // octets: the headers of most packets, copied in one go
        if (begin_ == headroom) return;
        if (begin_ >= headroom - usual) {
            std::memcpy(head_.data() + headroom - usual, other.head_.data() + headroom - usual, usual);
        } else {
            std::copy(other.head_.begin() + begin_, other.head_.end(), head_.begin() + begin_);
        }
    }

    std::uint16_t begin_;            ///< index of the first used octet of head_
    std::uint32_t payload_size_ = 0; ///< octets in payload_
    slice_list payload_;
    std::array<std::byte, headroom> head_; // indeterminate up to begin_
};

} // namespace tapio::core

#pragma GCC visibility pop
