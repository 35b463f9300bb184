/// @file
/// What reassembly and fragmentation have in common: rules for a single fragment, by which it is refused whatever the others of
/// its datagram are. Read RFC 1858 and RFC 3128 (tiny fragments), and RFC 7112 (header chains) first.
#pragma once

#include "ip/rx_packet.hpp"

#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace tapio::core::ip {

inline constexpr std::size_t largest_datagram = 65'535; ///< octets: IPv4's total length, and IPv6's payload length

/// Octets of the fragment's header that the reassembled datagram has, too, and that its length field counts: of IPv4 all of them,
/// of IPv6 the extension headers in front of the fragment header. Precondition: p.fragment
inline std::size_t counted_header(const rx_packet& p) noexcept
{
    const std::size_t header = std::size_t{p.transport_at} - p.network_at;
    return p.kind == packet_kind::ipv6 ? header - sizeof(wire::ipv6_header) - sizeof(wire::ipv6_fragment_header) : header;
}

struct refused_fragment
{
    drop_reason why{};
    std::optional<wire::ipv6_problem> problem; ///< what to tell the sender, if anything
};

/// Precondition: parse() has been called with `p`, and p.fragment
std::optional<refused_fragment> check_fragment(const rx_packet& p) noexcept;

/// RFC 7112 §5: whether a first fragment has the whole chain of extension headers, and the transport's header without options.
/// @param front contiguous octets behind the fragment header, at least as far as the chain goes
/// @param size octets behind the fragment header  @param first number of the header at the start of `front`
bool has_header_chain(const_bytes front, std::size_t size, std::uint8_t first) noexcept;

/// Puts a header of `size` octets in front, which `write(std::byte*)` writes: into the headroom, or into a block if it is so long
/// that the link's header, or an ICMP error's, would not fit in front of it.
template <class Write>
void put_header(packet& p, std::size_t size, Write&& write)
{
    constexpr std::size_t most = 100; // octets
    if (size <= most) return write(p.push_front(size));
    block b(size);
    write(b.data());
    packet with(std::move(b).into_slice(0, size));
    with.append(std::move(p));
    p = std::move(with);
}

} // namespace tapio::core::ip
