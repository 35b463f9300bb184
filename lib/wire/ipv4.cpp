#include "wire/ipv4.hpp"

#include "base/checksum.hpp"

#include <algorithm>

namespace tapio::core::wire {

namespace {

constexpr std::uint16_t flag_dont_fragment = 0x4000;
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

} // namespace

void pull_ipv4(packet& p)
{
    if (!p.pull(sizeof(ipv4_header))) return;
    p.pull(std::min<std::size_t>(p.size(), (std::to_integer<unsigned>(p.front()[0]) & 15) * 4));
}

parsed<ipv4_fields> parse_ipv4(const_bytes front, std::size_t total) noexcept
{
    if (front.size() < sizeof(ipv4_header)) return drop_reason::ipv4_truncated;
    const auto h = read<ipv4_header>(front);
    if (h.version_ihl.value() >> 4 != 4) return drop_reason::ipv4_bad_version;
    ipv4_fields f;
    f.header_length = static_cast<std::uint16_t>((h.version_ihl.value() & 15) * 4);
    f.total_length = h.total_length.value();
    if (f.header_length < sizeof h) return drop_reason::ipv4_bad_header_length;
    if (front.size() < f.header_length) return drop_reason::ipv4_bad_header_length;
    if (f.total_length < f.header_length) return drop_reason::ipv4_bad_total_length;
    if (f.total_length > total) return drop_reason::ipv4_truncated;
    if (ones_sum(front.first(f.header_length)) != 0xffff) return drop_reason::ipv4_bad_checksum; // RFC 1122 §3.2.1.2
    f.source = address_v4(h.source);
    f.destination = address_v4(h.destination);
    f.protocol = static_cast<ip_protocol>(h.protocol.value());
    f.ttl = h.ttl.value();
    f.tos = h.tos.value();
    f.identification = h.identification.value();
    const std::uint16_t flags = h.flags_offset.value();
    f.dont_fragment = (flags & flag_dont_fragment) != 0;
    f.more_fragments = (flags & flag_more_fragments) != 0;
    f.fragment_offset = static_cast<std::uint16_t>((flags & offset_mask) * 8);
    if (!walk_options(front.subspan(sizeof h, f.header_length - sizeof h), f)) return drop_reason::ipv4_bad_options;
    return f;
}

void push_ipv4(packet& p, const ipv4_fields& f) noexcept
{
    ipv4_header h;
    h.version_ihl = 0x45;
    h.tos = f.tos;
    h.total_length = static_cast<std::uint16_t>(sizeof h + p.size());
    h.identification = f.identification;
    h.flags_offset = static_cast<std::uint16_t>((f.dont_fragment ? flag_dont_fragment : 0) |
                                                (f.more_fragments ? flag_more_fragments : 0) | f.fragment_offset / 8);
    h.ttl = f.ttl;
    h.protocol = static_cast<std::uint8_t>(f.protocol);
    h.checksum = 0;
    h.source = f.source.to_bytes();
    h.destination = f.destination.to_bytes();
    h.checksum = static_cast<std::uint16_t>(~ones_sum(octets_of(h)));
    p.push_front(h);
}

} // namespace tapio::core::wire
