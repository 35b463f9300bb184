#include "tapio/icmp_probe.hpp"

#include "tapio/octet_reader.hpp"

#include <array>
#include <netinet/in.h>

namespace apps::tools {

namespace {

using kind = icmp_event::kind;

std::uint16_t checksum(std::span<const std::byte> octets)
{
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < octets.size(); ++i) sum += std::to_integer<std::uint32_t>(octets[i]) << (i % 2 == 0 ? 8U : 0U);
    while (sum > 0xffffU) sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

kind kind_of(bool v4, unsigned type, unsigned code)
{
    if (v4) {
        if (type == 0) return kind::echo_reply;
        if (type == 3) return code == 4 ? kind::too_big : kind::unreachable;
        return type == 11 ? kind::time_exceeded : kind::other;
    }
    switch (type) {
    case 129: return kind::echo_reply;
    case 1: return kind::unreachable;
    case 2: return kind::too_big;
    case 3: return kind::time_exceeded;
    default: return kind::other;
    }
}

/// Reads the ports, or the identifier and sequence number, of the packet that an error quotes.
void read_transport(octet_reader& in, icmp_event& out)
{
    if (out.protocol == IPPROTO_ICMP || out.protocol == IPPROTO_ICMPV6) {
        in.skip(4);
        out.id = in.u16();
        out.sequence = in.u16();
    } else {
        out.source_port = in.u16();
        out.destination_port = in.u16();
    }
}

void read_quotation(bool v4, octet_reader& in, icmp_event& out)
{
    if (v4) {
        const std::size_t header = (in.u8() & 0xfU) * 4U;
        in.skip(8);
        out.protocol = in.u8();
        in.skip(6);
        out.destination = in.v4();
        in.skip(header >= 20 ? header - 20 : 0);
    } else {
        in.skip(6);
        out.protocol = in.u8();
        in.skip(17);
        out.destination = in.v6();
    }
    if (out.protocol == IPPROTO_FRAGMENT) {
        out.protocol = in.u8();
        in.skip(7);
    }
    read_transport(in, out);
}

/// The ways in which a destination is unreachable that the two versions of ICMP share, for one text of each.
enum class reason
{
    network,
    host,
    protocol,
    port,
    prohibited,
    other
};

reason reason_of(bool v4, unsigned code)
{
    if (v4) {
        constexpr std::array from_code{reason::network, reason::host, reason::protocol, reason::port};
        if (code < from_code.size()) return from_code[code];
        if (code == 9 || code == 10 || code == 13) return reason::prohibited;
        return code == 6 || code == 11 ? reason::network : code == 7 || code == 12 ? reason::host : reason::other;
    }
    constexpr std::array from_code{reason::network, reason::prohibited, reason::other, reason::host, reason::port};
    return code < from_code.size() ? from_code[code] : reason::prohibited;
}

} // namespace

std::vector<std::byte> make_echo_request(bool v4, std::uint16_t id, std::uint16_t sequence, std::size_t size)
{
    std::vector<std::byte> out(8 + size);
    const auto put = [&out](std::size_t at, std::uint16_t value) {
        out[at] = static_cast<std::byte>(value >> 8U);
        out[at + 1] = static_cast<std::byte>(value & 0xffU);
    };
    out[0] = static_cast<std::byte>(v4 ? 8 : 128);
    put(4, id);
    put(6, sequence);
    for (std::size_t i = 8; i < out.size(); ++i) out[i] = static_cast<std::byte>(i & 0xffU);
    if (v4) put(2, checksum(out));
    return out;
}

std::optional<icmp_event> parse_icmp(bool v4, std::span<const std::byte> datagram)
{
    octet_reader in(datagram);
    icmp_event out;
    if (v4) {
        const std::size_t header = (in.u8() & 0xfU) * 4U;
        in.skip(7);
        out.ttl = in.u8();
        in.skip(header >= 20 ? header - 9 : 11);
    }
    out.octets = in.size();
    out.type = in.u8();
    out.code = in.u8();
    in.skip(2);
    out.what = kind_of(v4, out.type, out.code);
    if (out.what == kind::echo_reply) {
        out.protocol = v4 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
        out.id = in.u16();
        out.sequence = in.u16();
    } else if (out.what != kind::other) {
        const std::uint32_t rest = in.u32();
        if (out.what == kind::too_big) out.mtu = v4 ? rest & 0xffffU : rest;
        read_quotation(v4, in, out);
    }
    if (in.truncated()) return std::nullopt;
    return out;
}

std::string describe_error(bool v4, std::uint8_t type, std::uint8_t code, std::uint32_t mtu)
{
    switch (kind_of(v4, type, code)) {
    case kind::time_exceeded:
        return code != 0 ? "Frag reassembly time exceeded" : v4 ? "Time to live exceeded" : "Hop limit exceeded";
    case kind::too_big:
        return v4 ? "Frag needed and DF set (mtu = " + std::to_string(mtu) + ')' : "Packet too big: mtu=" + std::to_string(mtu);
    case kind::unreachable: break;
    default: return "ICMP type " + std::to_string(type) + " code " + std::to_string(code);
    }
    switch (reason_of(v4, code)) {
    case reason::network: return v4 ? "Destination Net Unreachable" : "Destination unreachable: No route";
    case reason::host: return v4 ? "Destination Host Unreachable" : "Destination unreachable: Address unreachable";
    case reason::protocol: return "Destination Protocol Unreachable";
    case reason::port: return v4 ? "Destination Port Unreachable" : "Destination unreachable: Port unreachable";
    case reason::prohibited: return v4 ? "Packet filtered" : "Destination unreachable: Administratively prohibited";
    case reason::other: break;
    }
    return "Destination unreachable, code " + std::to_string(code);
}

std::string error_mark(bool v4, std::uint8_t type, std::uint8_t code, std::uint32_t mtu)
{
    const kind what = kind_of(v4, type, code);
    if (what == kind::too_big) return "!F-" + std::to_string(mtu);
    if (what != kind::unreachable) return "!T" + std::to_string(type);
    switch (reason_of(v4, code)) {
    case reason::network: return "!N";
    case reason::host: return "!H";
    case reason::protocol: return "!P";
    case reason::port: return {};
    case reason::prohibited: return "!X";
    case reason::other: break;
    }
    return '!' + std::to_string(code);
}

} // namespace apps::tools
