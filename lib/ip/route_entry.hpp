/// @file
/// The result of a route lookup: interface and next hop. Looked up once, and shared by all sockets that send to that next hop.
#pragma once

#include "link/neighbor_cache.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/device_info.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::ip {

/// An entry is up to date until routes, addresses or interfaces change, that is, while its generation is routing::generation(). A
/// user that keeps an entry checks this before each use (routing::holds()), and looks up the route again if it is outdated.
struct route_entry : boost::intrusive_ref_counter<route_entry, boost::thread_unsafe_counter>
{
    std::uint64_t generation = 0; ///< 0: never up to date
    std::uint32_t interface = 0;
    bool loopback = false;        ///< packets never leave this host
    offload_features offload;     ///< of the device
    std::size_t mtu = 0;          ///< octets of IP packet
    std::size_t queue_length = 0; ///< packets that the device buffers towards us; 0: without bound
    link::neighbor_cache::next_hop next_hop;
    std::optional<mac_address> group_mac; ///< on an Ethernet, if the next hop is a broadcast or multicast address
};

using route_ref = boost::intrusive_ptr<route_entry>;

} // namespace tapio::core::ip
