/// @file
/// The Internet checksum (RFC 1071), over pieces and with pseudo-headers; incremental update (RFC 1624).
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>

namespace tapio::core {

/// One's-complement sum of octets as big-endian 16-bit words, folded to 16 bits (not complemented).
std::uint16_t ones_sum(const_bytes bytes) noexcept;
/// Copies them on the way: who reads them all can as well write them. Precondition: what is there does not overlap them.
std::uint16_t ones_sum_copying(const_bytes bytes, std::byte* to) noexcept;

/// A sum that grows piece by piece; a piece may end at an odd octet.
class checksum_accumulator
{
public:
    void add(const_bytes bytes) noexcept { add_piece(ones_sum(bytes), bytes.size()); }
    void add_copying(const_bytes bytes, std::byte* to) noexcept { add_piece(ones_sum_copying(bytes, to), bytes.size()); }
    void add_word(std::uint16_t host_order) noexcept { sum_ += host_order; }
    void add(const address& a) noexcept;

    std::uint16_t folded() const noexcept
    {
        std::uint64_t s = sum_;
        while (s >> 16 != 0) s = (s & 0xffff) + (s >> 16);
        return static_cast<std::uint16_t>(s);
    }
    /// What stands in a header: the complement.
    std::uint16_t checksum() const noexcept { return static_cast<std::uint16_t>(~folded()); }

private:
    void add_piece(std::uint32_t sum, std::size_t size) noexcept
    {
        sum_ += odd_ ? (sum >> 8) | ((sum & 0xff) << 8) : sum;
        odd_ = odd_ != ((size & 1) != 0);
    }

    std::uint64_t sum_ = 0;
    bool odd_ = false;
};

/// The pseudo-header of RFC 9293 §3.1 (IPv4) and RFC 8200 §8.1 (IPv6). @param length octets of transport header and payload
checksum_accumulator pseudo_header(const address& source, const address& destination, std::uint8_t protocol,
                                   std::size_t length) noexcept;

/// Adds everything in the packet.
void add(checksum_accumulator& sum, const packet& p) noexcept;

/// RFC 1624 equation 3: the checksum after a 16-bit field has changed.
constexpr std::uint16_t updated_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) noexcept
{
    std::uint32_t s = static_cast<std::uint16_t>(~checksum);
    s += static_cast<std::uint16_t>(~before);
    s += after;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return static_cast<std::uint16_t>(~s);
}

} // namespace tapio::core
