/// @file
/// What a device tells the stack about itself (device::info()).
#pragma once

#include <tapio/core/address.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#pragma GCC visibility push(default)

namespace tapio::core {

/// How packets begin on the medium.
enum class link_type : std::uint8_t
{
    ethernet, ///< frames: TAP, AF_PACKET, in-memory wires
    ip,       ///< bare IP packets: TUN
    loopback, ///< bare IP packets that return to the sender
};

/// Work that the device takes over from the stack, in the terms of virtio-net (VIRTIO 1.2 §5.1.3). All are off for a plain
/// device; the stack then does the work in software.
struct offload_features
{
    bool checksum = false; ///< packets may have partial checksums, both ways
    /// TCP segments of up to 64 KiB over IPv4 and IPv6, which the device cuts or has joined; the same with CWR set (RFC 3168);
    /// several UDP datagrams as one packet.
    bool tso_v4 = false, tso_v6 = false, ecn = false, uso = false;
    bool tso(family f) const noexcept { return f == family::v4 ? tso_v4 : tso_v6; }
    bool gso = false; ///< make large TCP segments even though software must cut them before the device: they leave in bursts
};

/// A device as its interface sees it.
struct device_info
{
    std::string name; ///< "tap0"
    link_type link = link_type::ethernet;
    std::size_t mtu = 1500;       ///< octets of IP packet, without the Ethernet header
    mac_address mac;              ///< the stack's link-layer address; unspecified: the stack makes up a locally administered one
    std::size_t queue_length = 0; ///< packets that the device buffers towards the stack before it drops; 0: no bound
    offload_features offload;
    bool link_up = true; ///< false: no carrier, for example because the other end is down
};

} // namespace tapio::core

#pragma GCC visibility pop
