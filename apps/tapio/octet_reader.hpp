/// @file
/// Reads numbers and addresses from a packet, front to back, and never beyond its end.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace apps::tools {

class octet_reader
{
public:
    explicit octet_reader(std::span<const std::byte> octets) : rest_(octets) {}

    std::span<const std::byte> rest() const { return rest_; }
    std::size_t size() const { return rest_.size(); }
    /// Something that was read lay beyond the end; it was read as 0.
    bool truncated() const { return truncated_; }

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }

    boost::asio::ip::address v4() { return boost::asio::ip::address_v4(u32()); }
    boost::asio::ip::address v6() { return boost::asio::ip::address_v6(take<16>()); }

    template <std::size_t N>
    std::array<std::uint8_t, N> take()
    {
        std::array<std::uint8_t, N> out{};
        for (auto& o : out) o = u8();
        return out;
    }

    void skip(std::size_t n)
    {
        truncated_ = truncated_ || n > rest_.size();
        rest_ = rest_.subspan(std::min(n, rest_.size()));
    }

    /// The next `n` octets, or what there is of them, as a reader of their own.
    octet_reader part(std::size_t n)
    {
        octet_reader out(rest_.first(std::min(n, rest_.size())));
        skip(n);
        return out;
    }

    /// Drops what follows the next `n` octets, such as Ethernet padding.
    void limit(std::size_t n)
    {
        truncated_ = truncated_ || n > rest_.size();
        rest_ = rest_.first(std::min(n, rest_.size()));
    }

private:
    std::uint32_t number(std::size_t octets)
    {
        std::uint32_t out = 0;
        if (octets > rest_.size()) {
            truncated_ = true;
            rest_ = {};
            return 0;
        }
        for (std::size_t i = 0; i < octets; ++i) out = (out << 8U) | std::to_integer<std::uint32_t>(rest_[i]);
        rest_ = rest_.subspan(octets);
        return out;
    }

    std::span<const std::byte> rest_;
    bool truncated_ = false;
};

} // namespace apps::tools
