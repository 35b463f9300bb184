#include "tapio/decode.hpp"

#include <array>
#include <string_view>

namespace apps::tools {

namespace {

std::string kind(unsigned type, unsigned code) { return "type " + std::to_string(type) + " code " + std::to_string(code); }

/// RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1.
std::string unreachable_text(unsigned code)
{
    constexpr std::array<std::string_view, 16> texts{"network unreachable",
                                                     "host unreachable",
                                                     "protocol unreachable",
                                                     "port unreachable",
                                                     "fragmentation needed",
                                                     "source route failed",
                                                     "network unknown",
                                                     "host unknown",
                                                     "source host isolated",
                                                     "network prohibited",
                                                     "host prohibited",
                                                     "network unreachable for this TOS",
                                                     "host unreachable for this TOS",
                                                     "administratively prohibited",
                                                     "host precedence violation",
                                                     "precedence cutoff"};
    return code < texts.size() ? std::string(texts[code]) : "unreachable, code " + std::to_string(code);
}

/// RFC 4443 §3.1.
std::string unreachable_text_v6(unsigned code)
{
    constexpr std::array<std::string_view, 7> texts{
        "no route",         "administratively prohibited",  "beyond scope",  "address unreachable",
        "port unreachable", "source address failed policy", "route rejected"};
    return code < texts.size() ? std::string(texts[code]) : "unreachable, code " + std::to_string(code);
}

std::string echo(octet_reader in, const char* what)
{
    const unsigned id = in.u16(), sequence = in.u16();
    return std::string("echo ") + what + " id " + std::to_string(id) + " seq " + std::to_string(sequence) + " length " +
           std::to_string(in.size() + 8);
}

/// The link-layer address in an option of Neighbour Discovery, if there is one (RFC 4861 §4.6.1).
std::string link_layer_option(octet_reader in)
{
    while (in.size() >= 8) {
        const unsigned type = in.u8();
        const std::size_t length = in.u8() * 8U;
        if (length < 8) break;
        octet_reader value = in.part(length - 2);
        if (type == 1 || type == 2) return " is at " + to_string(tapio::core::mac_address{value.take<6>()});
    }
    return {};
}

std::string prefixes(octet_reader in)
{
    std::string out;
    while (in.size() >= 8) {
        const unsigned type = in.u8();
        const std::size_t length = in.u8() * 8U;
        if (length < 8) break;
        octet_reader value = in.part(length - 2);
        if (type != 3 || length < 32) continue;
        const unsigned bits = value.u8();
        value.skip(13);
        out += ", prefix " + value.v6().to_string() + '/' + std::to_string(bits);
    }
    return out;
}

std::string advertisement(octet_reader in)
{
    const unsigned flags = in.u32() >> 29U;
    const auto target = in.v6();
    return "NDP advertisement: " + target.to_string() + link_layer_option(in) + ((flags & 4U) != 0 ? ", router" : "") +
           ((flags & 2U) != 0 ? ", solicited" : "") + ((flags & 1U) != 0 ? ", override" : "");
}

std::string neighbor_discovery(unsigned type, octet_reader in)
{
    switch (type) {
    case 133: return "NDP router solicitation";
    case 134: {
        in.skip(2);
        const unsigned lifetime = in.u16();
        in.skip(8);
        return "NDP router advertisement, lifetime " + std::to_string(lifetime) + prefixes(in);
    }
    case 135: in.skip(4); return "NDP who has " + in.v6().to_string() + '?';
    case 136: return advertisement(in);
    default: {
        in.skip(4);
        const auto target = in.v6(), destination = in.v6();
        return "NDP redirect: " + destination.to_string() + " by " + target.to_string();
    }
    }
}

} // namespace

std::string decoder::quotation(octet_reader in) { return " (" + ip(in, true) + ')'; }

std::string decoder::icmp(octet_reader in, const ip_facts& f)
{
    const unsigned type = in.u8(), code = in.u8();
    in.skip(2);
    std::string out = f.source.to_string() + " > " + f.destination.to_string() + " ICMP ";
    if (in.truncated()) return out + "[truncated]";
    if (f.quoted) return out + (type == 8 || type == 0 ? echo(in, type == 8 ? "request" : "reply") : kind(type, code));
    switch (type) {
    case 0: return out + echo(in, "reply");
    case 8: return out + echo(in, "request");
    case 3: {
        in.skip(2);
        const unsigned mtu = in.u16();
        return out + unreachable_text(code) + (code == 4 ? ", mtu " + std::to_string(mtu) : "") + quotation(in);
    }
    case 5: {
        const auto gateway = in.v4();
        return out + "redirect to " + gateway.to_string() + quotation(in);
    }
    case 11: in.skip(4); return out + (code == 0 ? "time exceeded" : "reassembly time exceeded") + quotation(in);
    case 12: in.skip(4); return out + "parameter problem" + quotation(in);
    default: return out + kind(type, code);
    }
}

std::string decoder::icmpv6(octet_reader in, const ip_facts& f)
{
    const unsigned type = in.u8(), code = in.u8();
    in.skip(2);
    std::string out = f.source.to_string() + " > " + f.destination.to_string() + " ICMPv6 ";
    if (in.truncated()) return out + "[truncated]";
    if (f.quoted) return out + (type == 128 || type == 129 ? echo(in, type == 128 ? "request" : "reply") : kind(type, code));
    if (type >= 133 && type <= 137) return out + neighbor_discovery(type, in);
    switch (type) {
    case 1: in.skip(4); return out + unreachable_text_v6(code) + quotation(in);
    case 2: {
        const std::uint32_t mtu = in.u32();
        return out + "packet too big, mtu " + std::to_string(mtu) + quotation(in);
    }
    case 3: in.skip(4); return out + (code == 0 ? "time exceeded" : "reassembly time exceeded") + quotation(in);
    case 4: in.skip(4); return out + "parameter problem" + quotation(in);
    case 128: return out + echo(in, "request");
    case 129: return out + echo(in, "reply");
    case 130: return out + "MLD query";
    case 131:
    case 143: return out + "MLD report";
    case 132: return out + "MLD done";
    default: return out + kind(type, code);
    }
}

} // namespace apps::tools
