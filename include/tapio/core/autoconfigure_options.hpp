/// @file
/// Options of stack::autoconfigure().
#pragma once

#include <tapio/core/config.hpp>

#include <array>
#include <cstddef>

#pragma GCC visibility push(default)

namespace tapio::core {

struct autoconfigure_options
{
    /// Also makes addresses that change every day, and prefers them for new connections (RFC 8981).
    bool temporary_addresses = false;
    /// Also gives the interface an IPv4 address of 169.254/16 (RFC 3927) that no other station has: probed for some seconds
    /// before its use, and again after each interruption of the link; given up for another one if a station insists on it.
    /// Another IPv4 address of the interface is preferred as the source of what leaves 169.254/16.
    bool v4_link_local = false;
    /// From which stable addresses are made (RFC 7217): random, known to nobody else, and the same at each start of the program
    /// if the addresses are to be the same, too. Zeros: a new one at each start.
    std::array<std::byte, 16> secret{};
};

} // namespace tapio::core

#pragma GCC visibility pop
