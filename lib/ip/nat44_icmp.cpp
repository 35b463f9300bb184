#include "ip/nat44_icmp.hpp"

#include "base/checksum.hpp"
#include "wire/header.hpp"
#include "wire/icmpv4.hpp"
#include "wire/tcp.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <array>

namespace tapio::core::ip {

using wire::ip_protocol;

namespace {

constexpr std::size_t identifier_at = offsetof(wire::icmpv4_header, rest);
constexpr std::size_t most_ipv4_header = 60;

nat44_icmp_kind kind_of(std::uint8_t type) noexcept
{
    constexpr std::uint8_t timestamp = 13, timestamp_reply = 14;
    switch (type) {
    case static_cast<std::uint8_t>(wire::icmpv4_type::echo_request):
    case timestamp: return nat44_icmp_kind::query;
    case static_cast<std::uint8_t>(wire::icmpv4_type::echo_reply):
    case timestamp_reply: return nat44_icmp_kind::reply;
    case static_cast<std::uint8_t>(wire::icmpv4_type::destination_unreachable):
    case static_cast<std::uint8_t>(wire::icmpv4_type::time_exceeded):
    case static_cast<std::uint8_t>(wire::icmpv4_type::parameter_problem): return nat44_icmp_kind::error;
    default: return nat44_icmp_kind::other; // redirects are for this host; the rest is obsolete (RFC 6633, RFC 6918)
    }
}

bool has_correct_checksum(const hooked_packet& p)
{
    packet message = p.contents();
    message.consume(p.transport_at());
    message.pull(std::min(message.size(), sizeof(wire::icmpv4_header)));
    return wire::parse_icmpv4(message).has_value();
}

/// The quoted IP header. @return false: truncated, no IPv4, wrong checksum, or of a fragment without ports
bool read_ip_header(const hooked_packet& p, nat44_quote& q) noexcept
{
    std::array<std::byte, most_ipv4_header> octets;
    const std::size_t seen = p.copy_to(octets, q.ip_at);
    wire::ipv4_fields ip;
    // The quote is cut off, so that the length that its header has is not checked.
    constexpr std::size_t unlimited = 0xffff;
    if (wire::read_ipv4(const_bytes(octets).first(seen), unlimited, ip) || ip.fragment_offset != 0) return false;
    q.transport_at = q.ip_at + ip.header_length;
    q.end = std::min(p.size(), q.ip_at + ip.total_length);
    q.protocol = ip.protocol;
    q.source.address = ip.source.to_uint();
    q.destination.address = ip.destination.to_uint();
    return true;
}

bool read_ports(const hooked_packet& p, nat44_quote& q) noexcept
{
    if (q.transport_at + 4 > q.end) return false;
    std::array<std::byte, 4> ports;
    p.copy_to(ports, q.transport_at);
    q.source.port = wire::load_16(ports.data());
    q.destination.port = wire::load_16(ports.data() + 2);
    return true;
}

bool read_identifier(const hooked_packet& p, nat44_quote& q) noexcept
{
    const nat44_icmp quoted = read_nat44_icmp(p, q.transport_at);
    q.icmp = quoted.kind;
    if (quoted.kind == nat44_icmp_kind::query) q.source.port = quoted.identifier;
    if (quoted.kind == nat44_icmp_kind::reply) q.destination.port = quoted.identifier;
    return q.transport_at + identifier_at + 2 <= q.end;
}

} // namespace

nat44_icmp read_nat44_icmp(const hooked_packet& p, std::size_t at) noexcept
{
    std::array<std::byte, sizeof(wire::icmpv4_header)> octets;
    if (p.copy_to(octets, at) < octets.size()) return {};
    return {kind_of(std::to_integer<std::uint8_t>(octets[0])), wire::load_16(octets.data() + identifier_at)};
}

void set_identifier(hooked_packet& p, std::uint16_t identifier)
{
    std::array<std::byte, 2> octets;
    wire::store_16(octets.data(), identifier);
    p.rewrite(p.transport_at() + identifier_at, octets);
}

std::optional<nat44_quote> read_nat44_quote(const hooked_packet& p)
{
    nat44_quote q;
    q.ip_at = p.transport_at() + sizeof(wire::icmpv4_header);
    if (!has_correct_checksum(p) || !read_ip_header(p, q)) return std::nullopt;
    switch (q.protocol) {
    case ip_protocol::tcp:
    case ip_protocol::udp: return read_ports(p, q) ? std::optional(q) : std::nullopt;
    case ip_protocol::icmp: return read_identifier(p, q) ? std::optional(q) : std::nullopt;
    default: return std::nullopt;
    }
}

namespace {

/// Offset from the transport header on.
std::size_t checksum_at(ip_protocol p) noexcept
{
    switch (p) {
    case ip_protocol::tcp: return offsetof(wire::tcp_header, checksum);
    case ip_protocol::udp: return offsetof(wire::udp_header, checksum);
    default: return offsetof(wire::icmpv4_header, checksum);
    }
}

std::uint16_t load(const hooked_packet& p, std::size_t at) noexcept
{
    std::array<std::byte, 2> octets{};
    p.copy_to(octets, at);
    return wire::load_16(octets.data());
}

void store(hooked_packet& p, std::size_t at, std::uint16_t value)
{
    std::array<std::byte, 2> octets;
    wire::store_16(octets.data(), value);
    p.rewrite(at, octets);
}

/// Rewrites an end of the quoted packet.
class quote_rewriter
{
public:
    quote_rewriter(hooked_packet& p, const nat44_quote& q) noexcept : p_(p), q_(q) {}

    /// @param field offset of the address in the quoted IP header
    void set_address(std::size_t field, std::uint32_t address)
    {
        const std::size_t at = q_.ip_at + field;
        const bool in_transport = q_.protocol != ip_protocol::icmp; // by the pseudo-header
        for (const std::size_t half : {0U, 1U}) {
            const auto fresh = static_cast<std::uint16_t>(half == 0 ? address >> 16 : address);
            const std::uint16_t old = load(p_, at + 2 * half);
            store(p_, at + 2 * half, fresh);
            const std::size_t sum_at = q_.ip_at + offsetof(wire::ipv4_header, checksum);
            store(p_, sum_at, updated_checksum(load(p_, sum_at), old, fresh));
            if (in_transport) update_transport(old, fresh);
        }
    }

    /// @param field offset of the port or identifier in the quoted transport header
    void set_port(std::size_t field, std::uint16_t port)
    {
        const std::uint16_t old = load(p_, q_.transport_at + field);
        store(p_, q_.transport_at + field, port);
        update_transport(old, port);
    }

private:
    void update_transport(std::uint16_t old, std::uint16_t fresh)
    {
        const bool is_udp = q_.protocol == ip_protocol::udp;
        const std::size_t at = q_.transport_at + checksum_at(q_.protocol);
        if (at + 2 > q_.end) return; // of TCP, only the first 8 octets must be quoted (RFC 792)
        const std::uint16_t sum = load(p_, at);
        if (is_udp && sum == 0) return; // no checksum (RFC 768)
        const std::uint16_t now = updated_checksum(sum, old, fresh);
        store(p_, at, now == 0 && is_udp ? std::uint16_t{0xffff} : now);
    }

    hooked_packet& p_;
    const nat44_quote& q_;
};

} // namespace

void set_quoted_source(hooked_packet& p, const nat44_quote& q, const nat44_endpoint& e)
{
    quote_rewriter r(p, q);
    r.set_address(offsetof(wire::ipv4_header, source), e.address);
    if (q.protocol != ip_protocol::icmp) return r.set_port(offsetof(wire::tcp_header, source_port), e.port);
    if (q.icmp == nat44_icmp_kind::query) r.set_port(identifier_at, e.port);
}

void set_quoted_destination(hooked_packet& p, const nat44_quote& q, const nat44_endpoint& e)
{
    quote_rewriter r(p, q);
    r.set_address(offsetof(wire::ipv4_header, destination), e.address);
    if (q.protocol != ip_protocol::icmp) return r.set_port(offsetof(wire::tcp_header, destination_port), e.port);
    if (q.icmp == nat44_icmp_kind::reply) r.set_port(identifier_at, e.port);
}

} // namespace tapio::core::ip
