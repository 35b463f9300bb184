#include "wire/router_advertisement.hpp"

#include "wire/domain_list.hpp"
#include "wire/ndp_fields.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace tapio::core::wire {

namespace {

constexpr std::size_t ra_fixed_size = 8;           // octets: reachable time and retransmission timer
constexpr std::uint32_t managed_flag = 0x80'00'00; // in the ICMPv6 header's `rest`
constexpr std::uint32_t other_flag = 0x40'00'00;   // likewise
constexpr std::byte on_link_flag{0x80}, autonomous_flag{0x40};
constexpr std::uint8_t pref64_lengths[] = {96, 64, 56, 48, 40, 32}; // bits, by prefix length code (RFC 8781 §4)

template <class T>
void keep(std::vector<T>& list, T&& item, std::size_t most)
{
    if (list.size() < most) list.push_back(std::move(item));
}

// -- parsing --------------------------------------------------------------------------------------------------------

constexpr unsigned reserved_preference = 2;

/// @param bits two bits; the reserved preference becomes medium
router_preference preference_of(unsigned bits) noexcept
{
    if (bits == 1) return router_preference::high;
    return bits == 3 ? router_preference::low : router_preference::medium;
}

/// RFC 4191 §2.2: a reserved preference means medium, and a preference without a router lifetime is ignored.
void read_rest(std::uint32_t rest, router_advertisement& ra) noexcept
{
    ra.hop_limit = static_cast<std::uint8_t>(rest >> 24);
    ra.managed = (rest & managed_flag) != 0;
    ra.other = (rest & other_flag) != 0;
    ra.router_lifetime = static_cast<std::uint16_t>(rest);
    if (ra.router_lifetime != 0) ra.preference = preference_of(rest >> 19 & 3);
}

void read_prefix(const_bytes option, router_advertisement& ra)
{
    if (option.size() != 32) return;
    prefix_information p;
    p.length = std::to_integer<std::uint8_t>(option[2]);
    if (p.length > 128) return;
    p.on_link = (option[3] & on_link_flag) != std::byte{0};
    p.autonomous = (option[3] & autonomous_flag) != std::byte{0};
    p.valid_lifetime = load_32(option.data() + 4);
    p.preferred_lifetime = load_32(option.data() + 8);
    p.prefix = ndp_prefix_at(option.subspan(16), p.length);
    keep(ra.prefixes, std::move(p), ra.most_prefixes);
}

/// RFC 4191 §2.3: the option may leave out the zeros at the prefix's end; the reserved preference makes it invalid.
void read_route(const_bytes option, router_advertisement& ra)
{
    route_information r;
    r.length = std::to_integer<std::uint8_t>(option[2]);
    const unsigned preference = std::to_integer<unsigned>(option[3]) >> 3 & 3;
    if (option.size() > 8 + ndp_address_size || r.length > 8 * (option.size() - 8) || preference == reserved_preference) return;
    r.preference = preference_of(preference);
    r.lifetime = load_32(option.data() + 4);
    r.prefix = ndp_prefix_at(option.subspan(8), r.length);
    keep(ra.routes, std::move(r), ra.most_routes);
}

bool is_server(const address_v6& a) noexcept { return !a.is_multicast() && !a.is_unspecified() && !a.is_loopback(); }

/// RFC 8106 §5.3.1: an option of a wrong length, or with an address that is not unicast, is discarded as a whole.
void read_dns_servers(const_bytes option, router_advertisement& ra)
{
    if (option.size() < 8 + ndp_address_size || (option.size() - 8) % ndp_address_size != 0) return;
    std::vector<dns_server> servers;
    for (const_bytes at = option.subspan(8); !at.empty(); at = at.subspan(ndp_address_size)) {
        servers.push_back({ndp_address_at(at), load_32(option.data() + 4)});
        if (!is_server(servers.back().address)) return;
    }
    for (dns_server& s : servers) keep(ra.dns_servers, std::move(s), ra.most_dns_servers);
}

/// RFC 8106 §5.2, §5.3.1. An option with a malformed name is discarded as a whole. A name with a character that no host
/// name has is left out: resolvers and programs would have to escape it.
void read_dns_search_list(const_bytes option, router_advertisement& ra)
{
    if (option.size() < 16) return;
    const auto names = parse_domain_list(option.subspan(8), false, ra.most_dns_search_domains); // zeros fill the option up
    if (!names) return;
    for (const std::string& n : *names) keep(ra.dns_search_domains, {n, load_32(option.data() + 4)}, ra.most_dns_search_domains);
}

/// RFC 8781 §4: another length, or an unknown prefix length code, makes the option invalid.
void read_pref64(const_bytes option, router_advertisement& ra)
{
    if (option.size() != 16) return;
    const std::uint16_t lifetime_and_code = load_16(option.data() + 2);
    const unsigned code = lifetime_and_code & 7U;
    if (code >= std::size(pref64_lengths)) return;
    nat64_prefix p;
    p.lifetime = lifetime_and_code & 0xfff8U;
    p.length = pref64_lengths[code];
    p.prefix = ndp_prefix_at(option.subspan(4), p.length);
    keep(ra.nat64_prefixes, std::move(p), ra.most_nat64_prefixes);
}

void read_option(ndp_option type, const_bytes option, router_advertisement& ra)
{
    switch (type) {
    case ndp_option::source_link_address: ra.source_link = link_address_of(option); break;
    case ndp_option::prefix_information: read_prefix(option, ra); break;
    case ndp_option::mtu:
        if (option.size() == 8) ra.mtu = load_32(option.data() + 4);
        break;
    case ndp_option::route_information: read_route(option, ra); break;
    case ndp_option::recursive_dns: read_dns_servers(option, ra); break;
    case ndp_option::dns_search_list: read_dns_search_list(option, ra); break;
    case ndp_option::pref64: read_pref64(option, ra); break;
    default: break; // RFC 4861 §4.6: unknown options are skipped
    }
}

// -- making ---------------------------------------------------------------------------------------------------------

unsigned bits_of(router_preference p) noexcept { return static_cast<unsigned>(p) & 3U; }

using octets = std::vector<std::byte>;

/// Appends an option of zeros, its type and length written. @param size octets; rounded up to a multiple of 8
std::byte* append_option(octets& to, ndp_option type, std::size_t size)
{
    const std::size_t at = to.size();
    to.resize(at + (size + 7) / 8 * 8);
    to[at] = static_cast<std::byte>(type);
    to[at + 1] = static_cast<std::byte>((size + 7) / 8);
    return to.data() + at;
}

void append(octets& to, const prefix_information& p)
{
    std::byte* const at = append_option(to, ndp_option::prefix_information, 32);
    at[2] = static_cast<std::byte>(p.length);
    at[3] = (p.on_link ? on_link_flag : std::byte{0}) | (p.autonomous ? autonomous_flag : std::byte{0});
    store_32(at + 4, p.valid_lifetime);
    store_32(at + 8, p.preferred_lifetime);
    store_ndp_address(at + 16, p.prefix);
}

void append(octets& to, const route_information& r)
{
    const std::size_t prefix_size = (r.length + 63U) / 64 * 8;
    std::byte* const at = append_option(to, ndp_option::route_information, 8 + prefix_size);
    at[2] = static_cast<std::byte>(r.length);
    at[3] = static_cast<std::byte>(bits_of(r.preference) << 3);
    store_32(at + 4, r.lifetime);
    const auto prefix = r.prefix.to_bytes();
    std::memcpy(at + 8, prefix.data(), prefix_size);
}

void append(octets& to, const dns_server& s)
{
    std::byte* const at = append_option(to, ndp_option::recursive_dns, 8 + ndp_address_size);
    store_32(at + 4, s.lifetime);
    store_ndp_address(at + 8, s.address);
}

void append(octets& to, const dns_search_domain& d)
{
    std::byte* const at = append_option(to, ndp_option::dns_search_list, 8 + d.name.size() + 2);
    store_32(at + 4, d.lifetime);
    std::byte* out = at + 8;
    for (std::string_view rest = d.name; !rest.empty();) {
        const std::string_view label = rest.substr(0, rest.find('.'));
        *out++ = static_cast<std::byte>(label.size());
        std::memcpy(out, label.data(), label.size());
        out += label.size();
        rest.remove_prefix(std::min(rest.size(), label.size() + 1));
    }
}

void append(octets& to, const nat64_prefix& p)
{
    std::byte* const at = append_option(to, ndp_option::pref64, 16);
    const auto code = std::find(std::begin(pref64_lengths), std::end(pref64_lengths), p.length) - std::begin(pref64_lengths);
    store_16(at + 2, static_cast<std::uint16_t>((p.lifetime & 0xfff8) | code));
    const auto prefix = p.prefix.to_bytes();
    std::memcpy(at + 4, prefix.data(), 12);
}

} // namespace

parsed<router_advertisement> parse_router_advertisement(std::uint32_t rest, const_bytes body)
{
    if (body.size() < ra_fixed_size) return drop_reason::ndp_malformed;
    router_advertisement ra;
    read_rest(rest, ra);
    ra.reachable_time = load_32(body.data());
    ra.retransmit_time = load_32(body.data() + 4);
    const bool whole = for_each_ndp_option(body.subspan(ra_fixed_size),
                                           [&](ndp_option type, const_bytes option) { read_option(type, option, ra); });
    if (!whole) return drop_reason::ndp_malformed;
    return ra;
}

packet make_router_advertisement(const router_advertisement& ra)
{
    octets body(ra_fixed_size);
    store_32(body.data(), ra.reachable_time);
    store_32(body.data() + 4, ra.retransmit_time);
    if (ra.source_link) {
        constexpr ndp_option type = ndp_option::source_link_address;
        store_link_address_option(append_option(body, type, 8), type, *ra.source_link);
    }
    if (ra.mtu) store_32(append_option(body, ndp_option::mtu, 8) + 4, *ra.mtu);
    for (const auto& p : ra.prefixes) append(body, p);
    for (const auto& r : ra.routes) append(body, r);
    for (const auto& s : ra.dns_servers) append(body, s);
    for (const auto& d : ra.dns_search_domains) append(body, d);
    for (const auto& p : ra.nat64_prefixes) append(body, p);
    return packet(slice::copy_of(body));
}

std::uint32_t rest_of(const router_advertisement& ra) noexcept
{
    const std::uint32_t preference = ra.router_lifetime == 0 ? 0 : bits_of(ra.preference) << 19;
    return std::uint32_t{ra.hop_limit} << 24 | (ra.managed ? managed_flag : 0) | (ra.other ? other_flag : 0) | preference |
           ra.router_lifetime;
}

} // namespace tapio::core::wire
