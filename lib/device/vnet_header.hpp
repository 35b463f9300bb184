/// @file
/// `virtio_net_hdr`, which precedes each packet of a device with IFF_VNET_HDR (VIRTIO 1.2 §5.1.6), and its conversion to and
/// from offload_info. On TAP and TUN its fields are in host byte order (we do not set TUNSETVNETLE).
#pragma once

#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>

namespace tapio::detail {

struct vnet_header
{
    std::uint8_t flags;
    std::uint8_t gso_type;
    std::uint8_t header_length[2]; ///< octets of all headers
    std::uint8_t gso_size[2];      ///< octets of payload in each segment
    std::uint8_t checksum_start[2];
    std::uint8_t checksum_offset[2];
};
static_assert(sizeof(vnet_header) == 10 && alignof(vnet_header) == 1);

/// @param to room for a vnet_header
void write_vnet_header(const core::offload_info& from, std::byte* to) noexcept;

/// @param from a complete vnet_header  @return false: a GSO type that is not supported and was not requested
bool read_vnet_header(const std::byte* from, core::offload_info& out) noexcept;

} // namespace tapio::detail
