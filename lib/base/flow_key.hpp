/// @file
/// The key of a flow: source and destination address and port, protocol, and zone.
#pragma once

#include "base/checksum.hpp"
#include "base/ip_protocol.hpp"
#include "base/siphash.hpp"

#include <tapio/core/address.hpp>

#include <boost/endian/conversion.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace tapio::core {

/// One direction of a conversation, of either family, in 40 octets. An IPv4 address is stored as an IPv4-mapped IPv6 address
/// (RFC 4291 §2.5.5.2), and returned as an IPv4 address. The zone is the scope id of a link-local address (RFC 4007 §6); both
/// ends are in the same zone. Ports are 0 for protocols without them (ICMP, a raw socket).
class flow_key
{
public:
    /// From 0.0.0.0:0 to 0.0.0.0:0.
    flow_key() noexcept = default;
    flow_key(const endpoint& source, const endpoint& destination, ip_protocol protocol) noexcept
    {
        words_[1] = ports_and_rest(std::uint32_t{source.port} << 16 | destination.port, protocol);
        put(0, source.address);
        put(1, destination.address);
    }
    /// For IPv4. @param addresses, ports source in the upper half, destination in the lower, as in the headers
    static flow_key v4(std::uint64_t addresses, std::uint32_t ports, ip_protocol protocol) noexcept
    {
        flow_key f;
        f.words_[0] = addresses;
        f.words_[1] = ports_and_rest(ports, protocol);
        return f;
    }

    /// For IPv6. @param addresses source and destination, as in the header: 32 octets, neither an IPv4-mapped address
    static flow_key v6(const std::byte* addresses, std::uint32_t ports, ip_protocol protocol) noexcept
    {
        const auto word = [addresses](std::size_t at) {
            return boost::endian::load_big_u64(reinterpret_cast<const unsigned char*>(addresses + at));
        };
        const std::uint64_t from = word(8), to = word(24);
        flow_key f;
        f.words_ = {from << 32 | (to & 0xffff'ffff), ports_and_rest(ports, protocol), (from >> 32) << 32 | to >> 32, word(0),
                    word(16)};
        return f;
    }

    /// @param ports source in the upper half, destination in the lower, as in a header
    void set_ports(std::uint32_t ports) noexcept { words_[1] = (words_[1] & 0xffff'ffff) | std::uint64_t{ports} << 32; }
    void set_zone(std::uint32_t zone) noexcept
    {
        words_[1] = (words_[1] & ~(std::uint64_t{most_zone} << 8)) | std::uint64_t{zone & most_zone} << 8;
    }
    /// The 16 octets of an end's address as two words. @param end 0: the source, 1: the destination. Precondition: not is_v4()
    std::array<std::uint64_t, 2> v6_words(unsigned end) const noexcept
    {
        return {words_[3 + end], std::uint64_t{half(2, end)} << 32 | half(0, end)};
    }
    /// One of the addresses is link-local, or a multicast of that scope, so that a zone belongs to the flow (RFC 4007 §6).
    bool needs_zone() const noexcept { return is_link_local(words_[3]) || is_link_local(words_[4]); }

    endpoint source() const noexcept { return {address_of(0), source_port()}; }
    endpoint destination() const noexcept { return {address_of(1), destination_port()}; }
    address source_address() const noexcept { return address_of(0); }
    address destination_address() const noexcept { return address_of(1); }
    std::uint16_t source_port() const noexcept { return static_cast<std::uint16_t>(words_[1] >> 48); }
    std::uint16_t destination_port() const noexcept { return static_cast<std::uint16_t>(words_[1] >> 32); }
    ip_protocol protocol() const noexcept { return static_cast<ip_protocol>(words_[1] & 0xff); }
    std::uint32_t zone() const noexcept { return static_cast<std::uint32_t>(words_[1] >> 8) & most_zone; }

    /// Both flows have the same destination address and zone.
    bool has_destination_of(const flow_key& other) const noexcept
    {
        const std::uint64_t lower = (words_[0] ^ other.words_[0]) | (words_[2] ^ other.words_[2]);
        return (lower & 0xffff'ffff) == 0 && words_[4] == other.words_[4] && zone() == other.zone();
    }

    /// Both flows have the same addresses and zone.
    bool has_addresses_of(const flow_key& other) const noexcept
    {
        return ((words_[0] ^ other.words_[0]) | (words_[2] ^ other.words_[2]) | (words_[3] ^ other.words_[3]) |
                (words_[4] ^ other.words_[4])) == 0 &&
               zone() == other.zone();
    }

    core::family family() const noexcept { return is_v4() ? core::family::v4 : core::family::v6; }
    bool is_v4() const noexcept { return ((words_[2] ^ both_mapped) | words_[3] | words_[4]) == 0; }
    /// Source address in the upper half. Precondition: is_v4()
    std::uint64_t v4_addresses() const noexcept { return words_[0]; }
    /// Source port in the upper half.
    std::uint32_t ports() const noexcept { return static_cast<std::uint32_t>(words_[1] >> 32); }

    /// The sum of the pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1).
    /// @param length octets of transport header and payload
    checksum_accumulator pseudo_header(std::size_t length) const noexcept
    {
        checksum_accumulator sum;
        const auto add = [&sum](std::uint64_t w) {
            sum.add_words(static_cast<std::uint32_t>(w));
            sum.add_words(static_cast<std::uint32_t>(w >> 32));
        };
        add(words_[0]);
        if (!is_v4()) add(words_[2]), add(words_[3]), add(words_[4]);
        sum.add_word(static_cast<std::uint16_t>(protocol()));
        sum.add_words(static_cast<std::uint32_t>(length));
        return sum;
    }

    /// The flow in the other direction.
    flow_key reversed() const noexcept
    {
        flow_key f;
        f.words_ = {std::rotl(words_[0], 32),
                    ports_and_rest(std::rotl(ports(), 16), protocol()) | (words_[1] & std::uint64_t{most_zone} << 8),
                    std::rotl(words_[2], 32), words_[4], words_[3]};
        return f;
    }

    /// The whole key, for hashes that include more than the key.
    const std::array<std::uint64_t, 5>& words() const noexcept { return words_; }

    /// SipHash-2-4, whose values may be exposed to peers. For IPv4, of addresses and ports only.
    friend std::uint64_t siphash(const siphash_key& key, const flow_key& f) noexcept { return f.hash<2, 4>(key); }
    /// SipHash-1-3, for hash tables.
    friend std::uint64_t siphash_1_3(const siphash_key& key, const flow_key& f) noexcept { return f.hash<1, 3>(key); }

    friend bool operator==(const flow_key& a, const flow_key& b) noexcept
    {
        std::uint64_t differs = 0;
        for (std::size_t i = 0; i < a.words_.size(); ++i) differs |= a.words_[i] ^ b.words_[i];
        return differs == 0;
    }

private:
    static constexpr std::uint64_t mapped = 0xffff; ///< bits 64 to 95 of a mapped address
    static constexpr std::uint64_t both_mapped = mapped << 32 | mapped;
    static constexpr std::uint32_t most_zone = 0xff'ffff;

    static std::uint64_t ports_and_rest(std::uint32_t ports, ip_protocol protocol) noexcept
    {
        return std::uint64_t{ports} << 32 | static_cast<std::uint64_t>(protocol);
    }
    /// Shift of the half word of an end: 0 is the source, 1 the destination.
    static constexpr unsigned shift_of(unsigned end) noexcept { return end == 0 ? 32 : 0; }
    void put_half(std::size_t word, unsigned end, std::uint64_t half) noexcept
    {
        words_[word] = (words_[word] & ~(std::uint64_t{0xffff'ffff} << shift_of(end))) | half << shift_of(end);
    }
    std::uint32_t half(std::size_t word, unsigned end) const noexcept
    {
        return static_cast<std::uint32_t>(words_[word] >> shift_of(end));
    }
    void put(unsigned end, const address& a) noexcept;
    address address_of(unsigned end) const noexcept
    {
        const bool v4 = half(2, end) == mapped && words_[3 + end] == 0;
        return v4 ? address(address_v4(half(0, end))) : v6_address_of(end);
    }
    address v6_address_of(unsigned end) const noexcept;

    static bool is_link_local(std::uint64_t first) noexcept ///< @param first the first 64 bits of an address
    {
        return first >> 54 == 0xfe80 >> 6 || (first >> 48 & 0xff0f) == 0xff02;
    }

    template <int each, int last_ones>
    std::uint64_t hash(const siphash_key& key) const noexcept
    {
        if (is_v4()) return detail::siphash_of_12<each, last_ones>(key, words_[0], ports());
        detail::siphash_state state(key);
        for (const std::uint64_t w : words_) state.compress<each>(w);
        return state.finish<last_ones>();
    }

    /// 0: last 32 bits of source address, then of destination address. 1: source and destination port (32 bits), zone (24),
    /// protocol (8). 2: bits 64 to 95 of both addresses. 3, 4: first 64 bits of source address, of destination address.
    std::array<std::uint64_t, 5> words_{0, 0, both_mapped, 0, 0};
};
static_assert(sizeof(flow_key) == 40);

} // namespace tapio::core
