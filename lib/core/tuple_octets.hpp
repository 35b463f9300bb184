/// @file
/// A conversation as octets: for keyed hashes, and to be kept in little memory.
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

/// The names of a connection, as octets. Both are of one family; the scope of a link-local IPv6 address is not among them.
class packed_names
{
public:
    packed_names() = default;
    packed_names(const endpoint& local, const endpoint& remote) noexcept
        : octets_(tuple_octets(local, remote)), is_v4_(local.address.is_v4())
    {
    }

    bool are(const endpoint& local, const endpoint& remote) const noexcept
    {
        if (!is_v4_ || !local.address.is_v4() || !remote.address.is_v4()) return *this == packed_names(local, remote);
        return are_v4(local, 0) && are_v4(remote, 18);
    }
    endpoint local() const noexcept { return at(0); }
    endpoint remote() const noexcept { return at(18); }

    friend bool operator==(const packed_names&, const packed_names&) = default;

private:
    endpoint at(std::size_t begin) const noexcept
    {
        endpoint e;
        std::memcpy(&e.port, &octets_[begin + 16], sizeof e.port);
        if (is_v4_) {
            address_v4::bytes_type b;
            std::memcpy(b.data(), &octets_[begin], b.size());
            e.address = address_v4(b);
        } else {
            address_v6::bytes_type b;
            std::memcpy(b.data(), &octets_[begin], b.size());
            e.address = address_v6(b);
        }
        return e;
    }

    bool are_v4(const endpoint& e, std::size_t begin) const noexcept
    {
        const auto b = e.address.to_v4().to_bytes();
        return std::memcmp(&octets_[begin], b.data(), b.size()) == 0 &&
               std::memcmp(&octets_[begin + 16], &e.port, sizeof e.port) == 0;
    }

    std::array<std::byte, 36> octets_{};
    bool is_v4_ = true;
};

} // namespace tapio::core
