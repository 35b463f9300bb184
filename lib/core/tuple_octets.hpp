/// @file
/// A conversation as octets, for keyed hashes.
#pragma once

#include <tapio/core/address.hpp>

#include <array>
#include <cstddef>
#include <cstring>

namespace tapio::core {

/// Octets that name a connection, for the keyed hashes.
inline std::array<std::byte, 36> tuple_octets(const endpoint& local, const endpoint& remote) noexcept
{
    std::array<std::byte, 36> out{};
    const auto put = [&out](const endpoint& e, std::size_t at) {
        if (e.address.is_v4()) {
            const auto b = e.address.to_v4().to_bytes();
            std::memcpy(&out[at], b.data(), b.size());
        } else {
            const auto b = e.address.to_v6().to_bytes();
            std::memcpy(&out[at], b.data(), b.size());
        }
        std::memcpy(&out[at + 16], &e.port, sizeof e.port);
    };
    put(local, 0);
    put(remote, 18);
    return out;
}

} // namespace tapio::core
