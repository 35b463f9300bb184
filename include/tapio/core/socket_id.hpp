/// @file
/// How a socket of the core is named.
#pragma once

#include <tapio/core/config.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace tapio::core {

/// Names a socket among those of its protocol: a slot and the slot's generation. One that has gone stale answers bad_descriptor.
struct socket_id
{
    std::uint32_t index = 0xffff'ffff;
    std::uint32_t generation = 0;

    explicit operator bool() const noexcept { return index != 0xffff'ffff; }
    friend bool operator==(const socket_id&, const socket_id&) = default;
};

} // namespace tapio::core

#pragma GCC visibility pop
