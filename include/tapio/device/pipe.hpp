/// @file
/// A wire in memory between two stacks of one process.
#pragma once

#include <tapio/device/device.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio {

struct pipe_options
{
    core::link_type link = core::link_type::ethernet;  ///< or ip
    std::size_t mtu = 1500;                            ///< octets of IP packet; 68 (RFC 791) to 65535
    std::size_t queue_length = 1000;                   ///< packets on their way in one direction; then `transmit()` refuses
    std::array<core::mac_address, 2> mac{};            ///< of either end; unspecified: its host makes one up
    std::uint64_t packets_at_one_instant = 10'000'000; ///< both ways; then the wire breaks
};

/// The two ends of a new wire. What one stack sends is with the other before the call that caused it returns (see
/// `device::deliver()`), answers included, until both have no more to say; after 20,000 packets in one go the rest
/// follows from a handler, so that other handlers have their turn though two ends answer each other without end. Order is kept,
/// nothing is lost while both ends are attached; once an end has stopped or is
/// destroyed, the other one's link is down.
///
/// In virtual time two such ends would stop the clock for ever. After `packets_at_one_instant` of their receivers' time
/// (`device_receiver::now()`) the wire breaks: both receivers hear failed(resource_deadlock_would_occur), and what is sent from
/// then on vanishes. Stacks notice earlier, see virtual_time.hpp.
/// @throws boost::system::system_error invalid_argument: its text names the option
/// @par Thread safety  the two stacks may run on different threads
std::pair<std::unique_ptr<device>, std::unique_ptr<device>> make_pipe(const pipe_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
