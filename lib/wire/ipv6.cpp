#include "wire/ipv6.hpp"

#include <algorithm>

namespace tapio::core::wire {

namespace {

constexpr std::size_t fixed = sizeof(ipv6_header);

unsigned octet(const_bytes from, std::size_t at) noexcept { return std::to_integer<unsigned>(from[at]); }

/// The IPv4-mapped prefix ::ffff:0:0/96 and its neighbour ::/96 without :: and ::1. A mapped address stands for an IPv4 address
/// within a host, and must not be on the wire (RFC 4942 §2.2).
bool is_mapped(const_bytes a) noexcept { return load_64(a.data()) == 0 && load_32(a.data() + 8) == 0xffff; }

/// Reads the chain of extension headers. Every step advances by at least 8 octets.
class chain_reader
{
public:
    chain_reader(const_bytes packet, ipv6_fields& f) noexcept : packet_(packet), f_(f) {}

    std::optional<drop_reason> read() noexcept
    {
        std::uint8_t next = std::to_integer<std::uint8_t>(packet_[f_.next_header_at]);
        for (bool first = true;; first = false) {
            std::optional<drop_reason> why;
            switch (static_cast<ipv6_extension>(next)) {
            case ipv6_extension::hop_by_hop:
                if (!first) return problem(unknown_next_header, f_.next_header_at, drop_reason::ipv6_unknown_protocol);
                why = read_options();
                break;
            case ipv6_extension::destination_options: why = read_options(); break;
            case ipv6_extension::routing: why = read_routing(); break;
            case ipv6_extension::fragment:
                why = read_fragment();
                if (f_.fragment && !why) return f_.protocol = protocol_at(at_ - sizeof(ipv6_fragment_header)), std::nullopt;
                break;
            default: f_.header_length = static_cast<std::uint16_t>(at_); return f_.protocol = ip_protocol{next}, std::nullopt;
            }
            if (why) return why;
            next = std::to_integer<std::uint8_t>(packet_[f_.next_header_at]);
        }
    }

private:
    ip_protocol protocol_at(std::size_t at) const noexcept { return static_cast<ip_protocol>(packet_[at]); }

    std::optional<drop_reason> problem(ipv6_problem_code code, std::size_t at, drop_reason why, bool group = false) noexcept
    {
        f_.problem = ipv6_problem{code, group, static_cast<std::uint16_t>(at)};
        return why;
    }

    /// The extent of an extension header whose second octet is its length; moves `at_` behind it.
    std::optional<drop_reason> enter() noexcept
    {
        if (packet_.size() < at_ + 8) return drop_reason::ipv6_truncated;
        const std::size_t length = (octet(packet_, at_ + 1) + 1) * 8;
        if (at_ + length > f_.total_length) return drop_reason::ipv6_truncated;
        if (packet_.size() < at_ + length) return drop_reason::ipv6_bad_extension; // beyond ipv6_longest_chain
        f_.next_header_at = static_cast<std::uint16_t>(at_);
        at_ += length;
        return std::nullopt;
    }

    /// RFC 8200 §4.2; bounds on padding and on the number of options as RFC 8504 §5.3 allows, with Linux's defaults.
    std::optional<drop_reason> read_options() noexcept
    {
        constexpr unsigned most_options = 8;
        constexpr std::size_t most_padding = 7; // octets in a row: more is never needed for alignment
        std::size_t at = at_ + 2;
        if (const auto why = enter()) return why;
        std::size_t padding = 0;
        for (unsigned options = 0; at < at_;) {
            const unsigned type = octet(packet_, at);
            if (type == 0) { // Pad1
                ++at;
                if (++padding > most_padding) return drop_reason::ipv6_bad_extension;
                continue;
            }
            if (at + 2 > at_ || at + 2 + octet(packet_, at + 1) > at_)
                return problem(erroneous_field, at, drop_reason::ipv6_bad_extension);
            const std::size_t length = 2 + octet(packet_, at + 1);
            padding = type == 1 ? padding + length : 0; // PadN
            if (padding > most_padding || (type != 1 && ++options > most_options)) return drop_reason::ipv6_bad_extension;
            if (type == 5) f_.router_alert = true;
            if (type != 1 && type != 5)
                if (const auto why = unknown(type, at)) return why;
            at += length;
        }
        return std::nullopt;
    }

    /// RFC 8200 §4.2: the two highest bits of an option's type say what to do if it is not known.
    std::optional<drop_reason> unknown(unsigned type, std::size_t at) noexcept
    {
        switch (type >> 6) {
        case 0: return std::nullopt;
        case 1: return drop_reason::ipv6_unknown_option;
        case 2: return problem(unknown_option, at, drop_reason::ipv6_unknown_option, true);
        default: return problem(unknown_option, at, drop_reason::ipv6_unknown_option);
        }
    }

    /// RFC 8200 §4.4: no type of routing header is known here, and type 0 is forbidden (RFC 5095).
    std::optional<drop_reason> read_routing() noexcept
    {
        const std::size_t begin = at_;
        if (const auto why = enter()) return why;
        const bool goes_on = octet(packet_, begin + 3) != 0; // Segments Left
        return goes_on ? problem(erroneous_field, begin + 2, drop_reason::ipv6_source_route) : std::nullopt;
    }

    /// A fragment header of a packet in one piece is skipped: an atomic fragment (RFC 6946 §4).
    std::optional<drop_reason> read_fragment() noexcept
    {
        if (packet_.size() < at_ + sizeof(ipv6_fragment_header)) return drop_reason::ipv6_truncated;
        const auto h = read_header();
        const std::uint16_t offset_more = h.offset_more.value();
        f_.fragment_offset = offset_more & 0xfff8;
        f_.more_fragments = (offset_more & 1) != 0;
        f_.identification = h.identification.value();
        f_.fragment = f_.more_fragments || f_.fragment_offset != 0;
        const std::size_t begin = std::exchange(at_, at_ + sizeof h);
        f_.header_length = static_cast<std::uint16_t>(at_);
        if (!f_.fragment) {
            f_.next_header_at = static_cast<std::uint16_t>(begin);
            return std::nullopt;
        }
        const std::size_t payload = f_.total_length - at_;
        if (f_.more_fragments && payload % 8 != 0) // RFC 8200 §4.5
            return problem(erroneous_field, offsetof(ipv6_header, payload_length), drop_reason::ip_bad_fragment);
        if (f_.fragment_offset + payload > 0xffff)
            return problem(erroneous_field, begin + offsetof(ipv6_fragment_header, offset_more), drop_reason::ip_bad_fragment);
        return std::nullopt;
    }
    ipv6_fragment_header read_header() const noexcept { return wire::read<ipv6_fragment_header>(packet_.subspan(at_)); }

    const_bytes packet_;
    ipv6_fields& f_;
    std::size_t at_ = fixed;
};

} // namespace

std::optional<drop_reason> read_ipv6(const_bytes front, std::size_t total, ipv6_fields& f) noexcept
{
    if (front.size() < fixed) return drop_reason::ipv6_truncated;
    const std::byte* const at = front.data();
    const std::uint32_t first = load_32(at);
    if (first >> 28 != 6) return drop_reason::ipv6_bad_version;
    f.traffic_class = static_cast<std::uint8_t>(first >> 20);
    f.flow_label = first & 0xf'ffff;
    f.hop_limit = std::to_integer<std::uint8_t>(at[offsetof(ipv6_header, hop_limit)]);
    f.total_length = static_cast<std::uint32_t>(fixed) + load_16(at + offsetof(ipv6_header, payload_length));
    if (f.total_length > total) return drop_reason::ipv6_truncated;
    if (is_mapped(front.subspan(offsetof(ipv6_header, source), 16))) return drop_reason::ipv6_bad_source;
    if (is_mapped(front.subspan(offsetof(ipv6_header, destination), 16))) return drop_reason::ipv6_bad_destination;
    const auto next = std::to_integer<std::uint8_t>(at[offsetof(ipv6_header, next_header)]);
    if (!is_ipv6_extension(next)) [[likely]]
        return f.protocol = ip_protocol{next}, std::nullopt;
    return chain_reader(front.first(std::min<std::size_t>(front.size(), f.total_length)), f).read();
}

} // namespace tapio::core::wire
