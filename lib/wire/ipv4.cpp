#include "wire/ipv4.hpp"

#include "base/checksum.hpp"

#include <algorithm>
#include <cstddef>

namespace tapio::core::wire {

namespace {

constexpr std::uint16_t flag_more_fragments = 0x2000;
constexpr std::uint16_t offset_mask = 0x1fff;

enum option_type : std::uint8_t
{
    end_of_list = 0,
    no_operation = 1,
    loose_source_route = 131,
    strict_source_route = 137,
    router_alert = 148
};

/// Walks the options (RFC 791 §3.1); those that we do not know are skipped (RFC 9293 MUST-50). Each step moves on by at least one
/// octet, so it ends. False if they are malformed.
bool walk_options(const_bytes options, ipv4_fields& out) noexcept
{
    while (!options.empty()) {
        const auto type = std::to_integer<std::uint8_t>(options[0]);
        if (type == end_of_list) return true;
        if (type == no_operation) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2) return false;
        const auto length = std::to_integer<std::size_t>(options[1]);
        if (length < 2 || length > options.size()) return false;
        out.source_routed = out.source_routed || type == loose_source_route || type == strict_source_route;
        out.router_alert = out.router_alert || type == router_alert;
        options = options.subspan(length);
    }
    return true;
}

std::optional<drop_reason> read_ipv4(const_bytes front, std::size_t total, ipv4_fields& f) noexcept
{
    if (front.size() < sizeof(ipv4_header)) return drop_reason::ipv4_truncated;
    const std::byte* const at = front.data();
    const auto version_ihl = std::to_integer<unsigned>(at[offsetof(ipv4_header, version_ihl)]);
    if (version_ihl >> 4 != 4) return drop_reason::ipv4_bad_version;
    f.header_length = static_cast<std::uint16_t>((version_ihl & 15) * 4);
    f.total_length = load_16(at + offsetof(ipv4_header, total_length));
    if (f.header_length < sizeof(ipv4_header)) return drop_reason::ipv4_bad_header_length;
    if (front.size() < f.header_length) return drop_reason::ipv4_bad_header_length;
    if (f.total_length < f.header_length) return drop_reason::ipv4_bad_total_length;
    if (f.total_length > total) return drop_reason::ipv4_truncated;
    if (ones_sum(front.first(f.header_length)) != 0xffff) return drop_reason::ipv4_bad_checksum; // RFC 1122 §3.2.1.2
    f.source = address_v4(load_32(at + offsetof(ipv4_header, source)));
    f.destination = address_v4(load_32(at + offsetof(ipv4_header, destination)));
    f.protocol = static_cast<ip_protocol>(at[offsetof(ipv4_header, protocol)]);
    f.ttl = std::to_integer<std::uint8_t>(at[offsetof(ipv4_header, ttl)]);
    f.tos = std::to_integer<std::uint8_t>(at[offsetof(ipv4_header, tos)]);
    f.identification = load_16(at + offsetof(ipv4_header, identification));
    const std::uint16_t flags = load_16(at + offsetof(ipv4_header, flags_offset));
    f.dont_fragment = (flags & ipv4_dont_fragment) != 0;
    f.more_fragments = (flags & flag_more_fragments) != 0;
    f.fragment_offset = static_cast<std::uint16_t>((flags & offset_mask) * 8);
    if (!walk_options(front.subspan(sizeof(ipv4_header), f.header_length - sizeof(ipv4_header)), f))
        return drop_reason::ipv4_bad_options;
    return std::nullopt;
}

} // namespace

void pull_ipv4(packet& p)
{
    if (!p.pull(sizeof(ipv4_header))) return;
    p.pull(std::min<std::size_t>(p.size(), (std::to_integer<unsigned>(p.front()[0]) & 15) * 4));
}

parsed<ipv4_fields> parse_ipv4(const_bytes front, std::size_t total) noexcept
{
    return parsed_by<ipv4_fields>([&](ipv4_fields& f) { return read_ipv4(front, total, f); });
}

void push_ipv4(packet& p, const ipv4_fields& f) noexcept
{
    const auto flags_offset = static_cast<std::uint16_t>((f.dont_fragment ? ipv4_dont_fragment : 0) |
                                                         (f.more_fragments ? flag_more_fragments : 0) | f.fragment_offset / 8);
    ipv4_words w;
    w.tos = f.tos;
    w.ttl = f.ttl;
    w.protocol = f.protocol;
    w.identification = std::uint32_t{f.identification} << 16 | flags_offset;
    w.source = f.source.to_uint();
    w.destination = f.destination.to_uint();
    push_ipv4(p, w);
}

} // namespace tapio::core::wire
