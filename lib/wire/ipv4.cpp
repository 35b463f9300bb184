#include "wire/ipv4.hpp"

#include "base/checksum.hpp"

#include <algorithm>
#include <cstddef>

namespace tapio::core::wire {

namespace {

enum option_type : std::uint8_t
{
    end_of_list = 0,
    no_operation = 1,
    loose_source_route = 131,
    strict_source_route = 137,
    router_alert = 148
};

} // namespace

/// Each step advances by at least one octet, so the loop ends.
bool read_options(const_bytes options, ipv4_fields& out) noexcept
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

parsed<ipv4_fields> parse_ipv4(const_bytes front, std::size_t total) noexcept
{
    return parsed_by<ipv4_fields>([&](ipv4_fields& f) { return read_ipv4(front, total, f); });
}

void push_ipv4(packet& p, const ipv4_fields& f) noexcept
{
    const auto flags_offset = static_cast<std::uint16_t>((f.dont_fragment ? ipv4_dont_fragment : 0) |
                                                         (f.more_fragments ? ipv4_more_fragments : 0) | f.fragment_offset / 8);
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
