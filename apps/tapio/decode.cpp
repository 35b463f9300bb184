#include "tapio/decode.hpp"

#include "tapio/format.hpp"

#include <array>
#include <cstdio>

namespace apps::tools {

namespace {

std::string mac(const std::array<std::uint8_t, 6>& octets) { return to_string(tapio::core::mac_address{octets}); }

std::string hex(unsigned value, int digits)
{
    std::array<char, 16> out{};
    std::snprintf(out.data(), out.size(), "0x%0*x", digits, value);
    return out.data();
}

const char* truncated(const octet_reader& in) { return in.truncated() ? " [truncated]" : ""; }

// The services that UDP carries, by port (IANA).
const char* udp_service(std::uint16_t port)
{
    switch (port) {
    case 53: return "DNS";
    case 67:
    case 68: return "DHCP";
    case 123: return "NTP";
    case 443: return "QUIC";
    case 546:
    case 547: return "DHCPv6";
    case 5353: return "mDNS";
    default: return nullptr;
    }
}

// Extension headers whose second octet is their length in units of 8 octets, without the first (RFC 8200 §4).
bool is_extension(std::uint8_t next) { return next == 0 || next == 43 || next == 60; }

} // namespace

std::string decoder::line(std::span<const std::byte> octets, tapio::core::link_type link)
{
    octet_reader in(octets);
    return link == tapio::core::link_type::ethernet ? ethernet(in) : ip(in, false);
}

std::string decoder::ethernet(octet_reader in)
{
    const auto destination = in.take<6>(), source = in.take<6>();
    const std::uint16_t type = in.u16();
    if (in.truncated()) return "Ethernet [truncated]";
    const std::string front = options_.link ? mac(source) + " > " + mac(destination) + ' ' : "";
    return front + by_type(type, in);
}

std::string decoder::by_type(std::uint16_t type, octet_reader in)
{
    constexpr unsigned most_tags = 8;
    std::string tags;
    for (unsigned n = 0; type == 0x8100 || type == 0x88a8; ++n) { // IEEE 802.1Q
        const unsigned tag = in.u16();
        type = in.u16();
        if (in.truncated()) return tags + "VLAN [truncated]";
        if (n == most_tags) return tags + "VLAN [too many tags]";
        tags += "vlan " + std::to_string(tag & 0xfffU) + (tag >> 13U != 0 ? " prio " + std::to_string(tag >> 13U) : "") + ' ';
    }
    return tags + by_untagged_type(type, in);
}

std::string decoder::by_untagged_type(std::uint16_t type, octet_reader in)
{
    if (type == 0x0800 || type == 0x86dd) return ip(in, false);
    if (type == 0x0806) return arp(in);
    if (type < 0x0600) return "LLC, length " + std::to_string(type); // IEEE 802.3
    return "EtherType " + hex(type, 4) + ", length " + std::to_string(in.size());
}

std::string decoder::arp(octet_reader in) const
{
    const unsigned hardware = in.u16(), protocol = in.u16();
    in.skip(2);
    const unsigned operation = in.u16();
    if (hardware != 1 || protocol != 0x0800) return std::string("ARP of another kind") + truncated(in);
    const auto source_mac = in.take<6>();
    const auto source = in.v4();
    in.skip(6);
    const auto target = in.v4();
    if (in.truncated()) return "ARP [truncated]";
    if (operation == 2) return "ARP " + source.to_string() + " is at " + mac(source_mac);
    if (operation != 1) return "ARP operation " + std::to_string(operation);
    if (source == target) return "ARP announcement: " + source.to_string() + " is at " + mac(source_mac);
    if (source.is_unspecified()) return "ARP probe: who has " + target.to_string() + "?";
    return "ARP who has " + target.to_string() + "? tell " + source.to_string();
}

std::string decoder::ip(octet_reader in, bool quoted)
{
    if (in.size() == 0) return "IP [truncated]";
    const unsigned version = std::to_integer<unsigned>(in.rest().front()) >> 4U;
    if (version == 4) return ipv4(in, quoted);
    if (version == 6) return ipv6(in, quoted);
    return "IP version " + std::to_string(version) + '?';
}

std::string decoder::ipv4(octet_reader in, bool quoted)
{
    const std::size_t header = (in.u8() & 0xfU) * 4U;
    in.skip(1);
    const std::size_t total = in.u16();
    const unsigned id = in.u16(), fragment = in.u16();
    const unsigned ttl = in.u8();
    const std::uint8_t protocol = in.u8();
    in.skip(2);
    const ip_facts f{in.v4(), in.v4(), quoted};
    if (in.truncated()) return "IP [truncated]";
    const std::string who = f.source.to_string() + " > " + f.destination.to_string();
    if (header < 20 || (total != 0 && total < header)) return who + " IP [bad length]";
    in.skip(header - 20);
    if (total != 0 && in.size() > total - header) in.limit(total - header); // 0: a super-segment
    const unsigned offset = (fragment & 0x1fffU) * 8;
    const bool more = (fragment & 0x2000U) != 0;
    const std::string rest = ttl == 1 ? " ttl 1" : "";
    if (offset == 0 && !more) return transport(protocol, in, f) + rest;
    const std::string piece =
        " fragment " + hex(id, 4) + ' ' + std::to_string(offset) + '+' + std::to_string(in.size()) + (more ? " more" : "");
    return (offset == 0 ? transport(protocol, in, f) : who + " protocol " + std::to_string(protocol)) + piece + rest;
}

std::string decoder::ipv6(octet_reader in, bool quoted)
{
    in.skip(4);
    const std::size_t length = in.u16();
    std::uint8_t next = in.u8();
    const unsigned hops = in.u8();
    const ip_facts f{in.v6(), in.v6(), quoted};
    if (in.truncated()) return "IPv6 [truncated]";
    if (length != 0 && in.size() > length) in.limit(length);
    std::string piece;
    bool later = false;
    while (is_extension(next) || next == 44) {
        const std::uint8_t after = in.u8();
        if (next == 44) {
            in.skip(1);
            const unsigned fragment = in.u16(), id = in.u32();
            later = (fragment & 0xfff8U) != 0;
            piece = " fragment " + hex(id, 8) + ' ' + std::to_string(fragment & 0xfff8U) + '+' + std::to_string(in.size()) +
                    ((fragment & 1U) != 0 ? " more" : "");
        } else {
            in.skip(std::size_t{in.u8()} * 8 + 6);
        }
        if (in.truncated()) return f.source.to_string() + " > " + f.destination.to_string() + " IPv6 [truncated]";
        next = after;
    }
    piece += hops == 1 && f.destination.to_v6().is_multicast() == false && next != 58 ? " hops 1" : "";
    if (later) return f.source.to_string() + " > " + f.destination.to_string() + " protocol " + std::to_string(next) + piece;
    return transport(next, in, f) + piece;
}

std::string decoder::transport(std::uint8_t protocol, octet_reader in, const ip_facts& f)
{
    switch (protocol) {
    case 1: return icmp(in, f);
    case 6: return tcp(in, f);
    case 17: return udp(in, f);
    case 58: return icmpv6(in, f);
    case 2: return f.source.to_string() + " > " + f.destination.to_string() + " IGMP type " + hex(in.u8(), 2);
    case 59: return f.source.to_string() + " > " + f.destination.to_string() + " no next header";
    default:
        return f.source.to_string() + " > " + f.destination.to_string() + " protocol " + std::to_string(protocol) + ", length " +
               std::to_string(in.size());
    }
}

std::string decoder::udp(octet_reader in, const ip_facts& f) const
{
    const std::uint16_t source = in.u16(), destination = in.u16(), length = in.u16();
    in.skip(2);
    std::string out = endpoint_text(f.source, source) + " > " + endpoint_text(f.destination, destination) + " UDP";
    if (f.quoted) return out;
    if (in.truncated()) return out + " [truncated]";
    const char* service = udp_service(destination);
    if (service == nullptr) service = udp_service(source);
    if (service != nullptr) out += std::string(" ") + service;
    return out + " length " + std::to_string(length >= 8 ? length - 8U : in.size()) +
           (length != 0 && length < 8 ? " [bad length]" : "");
}

std::string hex_dump(std::span<const std::byte> octets)
{
    std::string out;
    for (std::size_t at = 0; at < octets.size(); at += 16) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "    %04zx:", at);
        out += text.data();
        std::string ascii;
        for (std::size_t i = at; i < at + 16; ++i) {
            if (i % 2 == 0) out += ' ';
            if (i >= octets.size()) {
                out += "  ";
                continue;
            }
            const auto value = std::to_integer<unsigned>(octets[i]);
            std::snprintf(text.data(), text.size(), "%02x", value);
            out += text.data();
            ascii += value >= 0x20 && value < 0x7f ? static_cast<char>(value) : '.';
        }
        out += "  " + ascii + '\n';
    }
    return out;
}

} // namespace apps::tools
