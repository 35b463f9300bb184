/// @file
/// What a host has to know of the device under one of its interfaces.
#pragma once

#include <tapio/core/address.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#pragma GCC visibility push(default)

namespace tapio::core {

/// How packets look on the medium.
enum class link_type : std::uint8_t
{
    ethernet, ///< frames: TAP, AF_PACKET, in-memory wires
    ip,       ///< bare IP packets: TUN
    loopback, ///< bare IP packets that come back to us
};

struct offload_features ///< what the device does for us (virtio-net); all off for a plain device
{
    bool checksum = false; ///< takes and gives partial checksums
    bool tso_v4 = false, tso_v6 = false, ecn = false, uso = false;
    bool gso = false; ///< large segments are worth making though the host has to cut them at the edge: packets leave in bursts
};

struct device_info
{
    std::string name; ///< "tap0"
    link_type link = link_type::ethernet;
    std::size_t mtu = 1500;       ///< octets of IP packet, without the Ethernet header
    mac_address mac;              ///< ours on this medium; unspecified: the host makes up a local one
    std::size_t queue_length = 0; ///< packets that the device buffers towards us before it drops; 0: without bound
    offload_features offload;
    bool link_up = true; ///< packets pass; false: a cable is not plugged in, the other end is down
};

} // namespace tapio::core

#pragma GCC visibility pop
