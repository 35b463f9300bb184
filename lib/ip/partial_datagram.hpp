/// @file
/// One datagram of which some fragments have arrived. Read RFC 791 §3.2, RFC 8200 §4.5 and RFC 5722 first.
#pragma once

#include "ip/rx_packet.hpp"

#include <tapio/core/drop_reason.hpp>
#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace tapio::core::ip {

/// Fragments are kept in the order of their offsets, and never overlap. A fragment's octets stay where they were received, unless
/// they would keep a much larger block alive.
class partial_datagram
{
public:
    /// Nothing of `p` is taken. @param p a fragment of the datagram, the first one to arrive
    explicit partial_datagram(const rx_packet& p) noexcept
        : interface_(p.interface), hops_(p.hops), from_us_(p.from_us), v6_(p.kind == packet_kind::ipv6)
    {
    }

    /// Why the fragment cannot be added. ip_fragment_duplicate: the datagram is as good as before; with every other reason it is
    /// to be discarded. @param p a fragment that check_fragment() accepts  @param most fragments that the datagram may have
    std::optional<drop_reason> check(const rx_packet& p, std::size_t most) const noexcept;

    /// Takes the fragment's octets; `p` is empty afterwards. Precondition: check(p) returns none
    void add(rx_packet& p);
    /// Octets of memory that add() takes at most.
    static std::size_t most_added(const rx_packet& p) noexcept;

    bool is_whole() const noexcept { return end_ != 0 && octets_ == end_; }
    /// The datagram in one piece, from its IP header on, parsed. It is still a fragment if its sender has fragmented a fragment.
    /// Precondition: is_whole(). The object is empty afterwards
    rx_packet take_whole();
    /// The fragment with offset 0 as it arrived, from its IP header on, parsed; none if it has not arrived. Empty afterwards
    std::optional<rx_packet> take_first();

    /// Forgets the fragments. Those still to come are to be dropped, too (RFC 5722 §4).
    void discard() noexcept;
    bool is_discarded() const noexcept { return discarded_; }

    std::size_t fragments() const noexcept { return pieces_.size(); }
    std::size_t held() const noexcept { return held_; } ///< octets of memory, without this object
    std::uint32_t interface() const noexcept { return interface_; }

private:
    using pieces = std::map<std::uint16_t, slice>; // by offset

    bool overlaps(const rx_packet& p) const noexcept;
    bool is_duplicate(const rx_packet& p) const noexcept;
    bool contradicts_end(const rx_packet& p) const noexcept;
    bool is_too_long(const rx_packet& p) const noexcept;
    slice keep(slice s);
    slice take_with_header(rx_packet& p);
    slice take_behind(rx_packet& p, std::size_t at);
    rx_packet make(packet&& contents) const;
    void write_ipv4(mutable_bytes header) const noexcept;
    void write_ipv6(mutable_bytes header) const noexcept;

    pieces pieces_;
    slice header_;                     ///< of the fragment with offset 0: IP header, options, extension headers; empty: not there
    std::size_t held_ = 0;             ///< octets
    std::uint32_t octets_ = 0;         ///< sum of the pieces' sizes
    std::uint32_t end_ = 0;            ///< octets: end of the last fragment; 0: it has not arrived
    std::uint32_t interface_;          ///< that received the fragments
    std::uint16_t counted_header_ = 0; ///< of the fragment with offset 0, see counted_header()
    std::uint16_t next_header_at_ = 0; ///< of the fragment with offset 0, see fragment_place
    std::uint8_t ecn_seen_ = 0;        ///< bit n: a fragment has value n in its ECN field
    std::uint8_t hops_;
    bool from_us_;
    bool v6_;
    bool link_group_ = false, to_group_ = false; ///< of any fragment
    bool discarded_ = false;
};

} // namespace tapio::core::ip
