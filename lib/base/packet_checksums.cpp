// Checksums of whole packets: tapio/core/checksum.hpp.
#include "base/checksum.hpp"
#include "base/ip_protocol.hpp"

#include <tapio/core/checksum.hpp>

#include <boost/assert.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t checksum_size = 2;
constexpr std::size_t udp_checksum_offset = 6; ///< octets (RFC 768); no other transport has its checksum there

std::uint16_t load(const std::byte* at) noexcept
{
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(at[0]) << 8 | std::to_integer<unsigned>(at[1]));
}
void store(std::byte* at, std::uint16_t value) noexcept
{
    at[0] = static_cast<std::byte>(value >> 8);
    at[1] = static_cast<std::byte>(value & 0xff);
}

/// UDP sends a computed zero as all ones, because zero means no checksum (RFC 768).
std::uint16_t field_of(const checksum_accumulator& sum, bool is_udp) noexcept
{
    const std::uint16_t checksum = sum.checksum();
    return checksum == 0 && is_udp ? std::uint16_t{0xffff} : checksum;
}

/// Offsets in a packet, octets.
struct layout
{
    std::size_t ip = 0, transport = 0, end = 0;
    ip_protocol protocol{}; ///< 0: a fragment, which has no complete transport segment
    bool v4 = false;
};

/// Offset of the IP header in an Ethernet frame with up to two VLAN tags; none if truncated or not IP.
std::optional<std::size_t> ip_behind_ethernet(const std::byte* at, std::size_t size) noexcept
{
    constexpr std::size_t type = 12, tag = 4, header = 14;
    constexpr std::uint16_t vlan = 0x8100, service_vlan = 0x88a8, ipv4 = 0x0800, ipv6 = 0x86dd;
    for (std::size_t n = 0; n <= 2 && header + n * tag <= size; ++n) {
        const std::uint16_t t = load(at + type + n * tag);
        if (t == ipv4 || t == ipv6) return header + n * tag;
        if (t != vlan && t != service_vlan) break;
    }
    return std::nullopt;
}

std::optional<layout> parse_v4(const std::byte* at, std::size_t ip, std::size_t seen, std::size_t size) noexcept
{
    layout l{.ip = ip, .v4 = true};
    constexpr std::size_t least = 20;
    if (ip + least > seen) return std::nullopt;
    const std::size_t header = (std::to_integer<std::size_t>(at[ip]) & 15) * 4, total = load(at + ip + 2);
    l.transport = ip + header;
    l.end = ip + total;
    if (header < least || total < header || l.transport > seen || l.end > size) return std::nullopt;
    const bool is_fragment = (load(at + ip + 6) & 0x3fff) != 0;
    if (!is_fragment) l.protocol = static_cast<ip_protocol>(at[ip + 9]);
    return l;
}

std::optional<layout> parse_v6(const std::byte* at, std::size_t ip, std::size_t seen, std::size_t size) noexcept
{
    constexpr std::size_t header = 40;
    layout l{.ip = ip, .transport = ip + header};
    if (l.transport > seen) return std::nullopt;
    l.end = l.transport + load(at + ip + 4);
    if (l.end > size) return std::nullopt;
    l.protocol = static_cast<ip_protocol>(at[ip + 6]);
    return l;
}

std::optional<layout> parse(const std::byte* at, std::size_t seen, std::size_t size, link_type link) noexcept
{
    const auto ip = link == link_type::ethernet ? ip_behind_ethernet(at, seen) : std::optional<std::size_t>(0);
    if (!ip || *ip >= seen) return std::nullopt;
    switch (std::to_integer<unsigned>(at[*ip]) >> 4) {
    case 4: return parse_v4(at, *ip, seen, size);
    case 6: return parse_v6(at, *ip, seen, size);
    default: return std::nullopt;
    }
}

/// Offset of the checksum field in the transport header; none for an unknown transport.
std::optional<std::size_t> checksum_offset(const layout& l) noexcept
{
    switch (l.protocol) {
    case ip_protocol::tcp: return 16;
    case ip_protocol::udp: return udp_checksum_offset;
    case ip_protocol::icmp: return l.v4 ? std::optional<std::size_t>(2) : std::nullopt;
    case ip_protocol::icmpv6: return l.v4 ? std::nullopt : std::optional<std::size_t>(2);
    default: return std::nullopt;
    }
}

/// Reads the addresses from the IP header.
checksum_accumulator pseudo_header_of(const std::byte* at, const layout& l) noexcept
{
    checksum_accumulator sum;
    if (l.v4 && l.protocol == ip_protocol::icmp) return sum;
    sum.add(l.v4 ? const_bytes(at + l.ip + 12, 8) : const_bytes(at + l.ip + 8, 32));
    sum.add_word(static_cast<std::uint16_t>(l.protocol));
    sum.add_words(static_cast<std::uint32_t>(l.end - l.transport));
    return sum;
}

void sum_ip_header(std::byte* at, const layout& l) noexcept
{
    std::byte* const field = at + l.ip + 10;
    store(field, 0);
    store(field, static_cast<std::uint16_t>(~ones_sum(const_bytes(at + l.ip, l.transport - l.ip))));
}

/// @param behind offset after the checksum field, up to which `at` holds the headers
void sum_transport(std::byte* at, const layout& l, std::size_t behind, const packet& p)
{
    std::byte* const field = at + behind - checksum_size;
    const bool partial = p.offload.checksum == offload_info::checksum_state::partial;
    if (l.v4 && l.protocol == ip_protocol::udp && load(field) == 0 && !partial) return; // sent without a checksum
    store(field, 0);
    auto sum = pseudo_header_of(at, l);
    sum.add(const_bytes(at + l.transport, behind - l.transport));
    packet rest = p; // shares its payload
    rest.truncate(l.end);
    rest.consume(behind);
    add(sum, rest);
    store(field, field_of(sum, l.protocol == ip_protocol::udp));
}

} // namespace

void complete_checksums(packet& p)
{
    if (p.offload.checksum != offload_info::checksum_state::partial) return;
    const std::size_t start = std::exchange(p.offload.checksum_start, std::uint16_t{0});
    const bool is_udp = p.offload.checksum_offset == udp_checksum_offset;
    const std::size_t field = start + p.offload.checksum_offset;
    p.offload.checksum = offload_info::checksum_state::complete;
    if (p.size() < field + checksum_size) return;
    packet summed = p; // copies the headers, shares the payload
    summed.consume(start);
    checksum_accumulator sum;
    add(sum, summed);
    std::array<std::byte, checksum_size> octets;
    store(octets.data(), field_of(sum, is_udp));
    overwrite(p, field, octets);
}

bool update_checksums(packet& p, link_type link)
{
    std::array<std::byte, packet::headroom> front;
    const std::size_t seen = p.copy_to(front);
    const auto l = parse(front.data(), seen, p.size(), link);
    if (!l) return false;
    const auto offset = checksum_offset(*l);
    const std::size_t behind = offset ? l->transport + *offset + checksum_size : l->transport;
    if (behind > std::min(seen, l->end)) return false;
    if (l->v4) sum_ip_header(front.data(), *l);
    if (offset) sum_transport(front.data(), *l, behind, p);
    p.offload.checksum = offload_info::checksum_state::complete;
    p.offload.checksum_start = 0;
    overwrite(p, 0, const_bytes(front).first(behind));
    return true;
}

void overwrite(packet& p, std::size_t offset, const_bytes bytes)
{
    const std::size_t end = offset + bytes.size();
    BOOST_ASSERT(end <= p.size());
    if (end <= packet::headroom) { // the usual case: within the headers, which the packet does not share
        std::copy(bytes.begin(), bytes.end(), p.own_front(end) + offset);
        return;
    }
    block copy(p.size());
    p.copy_to({copy.data(), p.size()});
    std::copy(bytes.begin(), bytes.end(), copy.data() + offset);
    packet out(copy.share(0, p.size()));
    out.offload = p.offload;
    p = std::move(out);
}

} // namespace tapio::core
