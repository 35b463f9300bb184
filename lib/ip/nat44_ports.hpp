/// @file
/// Which outside port a new mapping gets. Read RFC 4787 §4.2 and RFC 6056 first.
#pragma once

#include "base/random_source.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core::ip {

/// The free ports (or ICMP identifiers) of one outside address and protocol. Every operation takes constant time.
class nat44_ports
{
public:
    /// All ports from `first` to `last` are free. Precondition: first <= last
    nat44_ports(std::uint16_t first, std::uint16_t last);

    std::size_t free() const noexcept { return free_[0].size() + free_[1].size(); }

    /// Takes `wanted` if it is free: port preservation (RFC 4787 §4.2.1). Else a random one (RFC 6056 §3.3.1, so that peers
    /// cannot guess it), with `keep_parity` of the parity of `wanted` if one is free (RFC 4787 REQ-4).
    /// @return none: all are taken. No port is given to two mappings (RFC 4787 REQ-3)
    std::optional<std::uint16_t> take(std::uint16_t wanted, bool keep_parity, random_source& random);

    /// Takes a particular port. @return false: it is taken or not of this range
    bool take(std::uint16_t port) noexcept;

    void give_back(std::uint16_t port); ///< does nothing with a port that is not of this range. Precondition: it was taken

private:
    static constexpr std::uint16_t taken = 0xffff; ///< no position: at most 32768 ports have the same parity

    bool has(std::uint16_t port) const noexcept { return port >= first_ && port <= last_; }
    std::uint16_t& position(std::uint16_t port) noexcept { return positions_[static_cast<std::size_t>(port - first_)]; }

    std::uint16_t first_, last_;
    std::array<std::vector<std::uint16_t>, 2> free_; ///< even and odd ones, unordered
    std::vector<std::uint16_t> positions_;           ///< of each port in its half of `free_`, or `taken`
};

} // namespace tapio::core::ip
