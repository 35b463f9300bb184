#include "ip/fragment_rules.hpp"

#include "wire/tcp.hpp"
#include "wire/udp.hpp"

#include <algorithm>

namespace tapio::core::ip {

namespace {

/// Octets of a transport's header that a first IPv6 fragment must have. Of an unknown transport, one: Linux asks for as much.
std::size_t least_header_of(ip_protocol protocol) noexcept
{
    constexpr std::size_t icmpv6_header = 8;
    switch (protocol) {
    case ip_protocol::tcp: return sizeof(wire::tcp_header);
    case ip_protocol::udp: return sizeof(wire::udp_header);
    case ip_protocol::icmpv6: return icmpv6_header;
    default: return protocol == static_cast<ip_protocol>(wire::ipv6_extension::no_next_header) ? 0 : 1;
    }
}

/// A filter that looks at first fragments alone must see ports and TCP flags there, and no later fragment may replace them
/// (RFC 1858 §3, RFC 3128 §4).
bool hides_header(const rx_packet& p) noexcept
{
    constexpr std::size_t up_to_flags = 16; // octets of a TCP header: RFC 1858's TMIN
    const std::size_t size = p.transport_size();
    switch (p.protocol()) {
    case ip_protocol::tcp: return p.place.offset == 0 ? size < up_to_flags : p.place.offset < up_to_flags;
    case ip_protocol::udp: return p.place.offset == 0 && size < sizeof(wire::udp_header);
    default: return false;
    }
}

/// parse() has made as many octets contiguous as a chain may have.
bool is_first_of_ipv6_complete(const rx_packet& p) noexcept
{
    const std::size_t fragment_header_at = p.transport_at - sizeof(wire::ipv6_fragment_header);
    const auto next = static_cast<std::uint8_t>(p.contents.front()[fragment_header_at]);
    return has_header_chain(p.transport_header(), p.transport_size(), next);
}

} // namespace

std::optional<refused_fragment> check_fragment(const rx_packet& p) noexcept
{
    const bool v6 = p.kind == packet_kind::ipv6;
    const std::size_t size = p.transport_size();
    if (size == 0 || (p.place.more && size % 8 != 0)) return refused_fragment{drop_reason::ip_bad_fragment, {}};
    if (counted_header(p) + p.place.offset + size > largest_datagram) {
        if (!v6) return refused_fragment{drop_reason::ip_fragment_too_long, {}};
        // RFC 8200 §4.5: the pointer is to the fragment offset field
        const auto field = static_cast<std::uint16_t>(p.transport_at - p.network_at - sizeof(wire::ipv6_fragment_header) +
                                                      offsetof(wire::ipv6_fragment_header, offset_more));
        return refused_fragment{drop_reason::ip_fragment_too_long, wire::ipv6_problem{wire::erroneous_field, false, field}};
    }
    if (!v6 && hides_header(p)) return refused_fragment{drop_reason::ip_fragment_tiny, {}};
    if (v6 && p.place.offset == 0 && !is_first_of_ipv6_complete(p))
        return refused_fragment{drop_reason::ip_fragment_tiny, wire::ipv6_problem{wire::incomplete_header_chain, false, 0}};
    return std::nullopt;
}

bool has_header_chain(const_bytes front, std::size_t size, std::uint8_t first) noexcept
{
    const auto end = wire::skip_ipv6_chain(front.first(std::min(front.size(), size)), first);
    return end && end->header_at + least_header_of(end->protocol) <= size;
}

} // namespace tapio::core::ip
