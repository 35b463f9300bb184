/// @file
/// The header that a descriptor's packets have in front: none, virtio_net_hdr, or the address family of BSD's tunnels.
#pragma once

#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>

namespace tapio::detail {

enum class frame_header : std::uint8_t
{
    none,
    vnet,          ///< virtio_net_hdr (vnet_header.hpp)
    address_family ///< AF_INET or AF_INET6 with macOS's numbers, in network byte order: utun
};

std::size_t size_of(frame_header h) noexcept; ///< octets

/// Prepends the header. A packet that is neither IPv4 nor IPv6 gets a header that is_sendable() refuses.
void put_header(frame_header h, core::packet& p);

/// @param p a packet with its header in front  @return false: the device would not know what it is
bool is_sendable(frame_header h, const core::packet& p) noexcept;

/// @param from `size` octets that were read  @param out what the header says of the packet
/// @return false: too short for a header, or of a kind that is not supported
bool read_header(frame_header h, const std::byte* from, std::size_t size, core::offload_info& out) noexcept;

} // namespace tapio::detail
