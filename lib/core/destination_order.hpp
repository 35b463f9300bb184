/// @file
/// The order in which a host tries the addresses of a name (RFC 6724 §6), by its own addresses and routes. Rules 3, 4 and 7 have
/// nothing to go by: deprecated sources are known, home addresses and tunnels are not.
#pragma once

#include "core/network.hpp"

#include <tapio/core/address.hpp>

#include <vector>

namespace tapio::core {

/// Sorts the address to try first to the front; those without a route come last.
void order_destinations(const network& net, std::vector<address>& all);

} // namespace tapio::core
