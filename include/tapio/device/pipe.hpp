/// @file
/// make_pipe(): a wire in memory between two stacks of one process.
#pragma once

#include <tapio/device/device.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio {

/// Properties of the wire.
struct pipe_options
{
    core::link_type link = core::link_type::ethernet; ///< Ethernet frames, or bare IP packets (link_type::ip)
    std::size_t mtu = 1500;                           ///< octets of IP packet; 68 (RFC 791) to 65535
    std::size_t queue_length = 1000;        ///< packets under way in one direction, at least 1; beyond it transmit() has no room
    std::array<core::mac_address, 2> mac{}; ///< of the ends; unspecified: the stack makes one up
    std::uint64_t packets_at_one_instant = 10'000'000; ///< in both directions together; beyond it the wire breaks, see below
};

/// Makes a wire and returns its two ends, one for each stack. What one stack sends has arrived at the other before the call that
/// caused it returns, answers included, until neither has more to send. After 20,000 packets in one call the rest is delivered by
/// a handler, so that other handlers run even if the two stacks never stop answering each other. Packets stay in order, and none
/// is lost while both ends are attached. When one end is stopped or destroyed, the link of the other goes down.
///
/// In virtual time two stacks that answer each other without end would stop the clock. So the wire breaks when more than
/// `packets_at_one_instant` come while `device_receiver::now()` stands still: both receivers get
/// failed(resource_deadlock_would_occur), and later packets vanish. Stacks notice earlier, see virtual_time.hpp.
/// @throws boost::system::system_error invalid_argument, whose text names the option: `mtu` or `queue_length`
/// @par Thread safety  the two stacks may run on different threads
std::pair<std::unique_ptr<device>, std::unique_ptr<device>> make_pipe(const pipe_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
