/// @file
/// Leases of DHCP as text and as JSON.
#pragma once

#include <tapio/stack.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace apps::tools {

/// Lines that say all that a lease has, each with `indent` before it and a newline behind it. Times count from the answer.
std::string lease_text(const tapio::dhcpv4_lease& l, const std::string& indent);
std::string lease_text(const tapio::dhcpv6_lease& l, const std::string& indent);

/// One line: {"time_s": 1.2, "dhcpv4": {"state": "bound", "lease": {...}}, "dhcpv6": {...}}
/// @param seconds  since the beginning
std::string leases_json(const tapio::interface_configuration& c, double seconds);

/// "00:03:00:01:02:00:00:00:00:07"
std::string duid_text(const std::vector<std::byte>& duid);

} // namespace apps::tools
