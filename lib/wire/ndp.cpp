#include "wire/ndp.hpp"

namespace tapio::core::wire {

namespace {

constexpr std::size_t address_size = 16, nonce_size = 6;
constexpr std::uint32_t router_flag = 1U << 31, solicited_flag = 1U << 30, override_flag = 1U << 29;

address_v6 address_at(const_bytes from) noexcept
{
    address_v6::bytes_type octets;
    std::memcpy(octets.data(), from.data(), octets.size());
    return address_v6(octets);
}

void push_link_address(packet& p, ndp_option type, const std::optional<mac_address>& mac) noexcept
{
    if (!mac) return;
    std::byte* const at = p.push_front(8);
    at[0] = static_cast<std::byte>(type);
    at[1] = std::byte{1};
    std::memcpy(at + 2, mac->octets.data(), mac->octets.size());
}

void push_target(packet& p, const address_v6& target) noexcept
{
    const auto octets = target.to_bytes();
    std::memcpy(p.push_front(octets.size()), octets.data(), octets.size());
}

} // namespace

parsed<neighbor_solicitation> parse_neighbor_solicitation(const_bytes body) noexcept
{
    if (body.size() < address_size) return drop_reason::ndp_malformed;
    neighbor_solicitation s;
    s.target = address_at(body);
    const bool whole = for_each_ndp_option(body.subspan(address_size), [&](ndp_option type, const_bytes option) {
        if (type == ndp_option::source_link_address) s.source_link = link_address_of(option);
        if (type == ndp_option::nonce && option.size() == 2 + nonce_size)
            s.nonce = std::uint64_t{load_16(option.data() + 2)} << 32 | load_32(option.data() + 4);
    });
    if (!whole || s.target.is_multicast()) return drop_reason::ndp_malformed;
    return s;
}

parsed<neighbor_advertisement> parse_neighbor_advertisement(std::uint32_t rest, const_bytes body) noexcept
{
    if (body.size() < address_size) return drop_reason::ndp_malformed;
    neighbor_advertisement a;
    a.target = address_at(body);
    a.router = (rest & router_flag) != 0;
    a.solicited = (rest & solicited_flag) != 0;
    a.override = (rest & override_flag) != 0;
    const bool whole = for_each_ndp_option(body.subspan(address_size), [&](ndp_option type, const_bytes option) {
        if (type == ndp_option::target_link_address) a.target_link = link_address_of(option);
    });
    if (!whole || a.target.is_multicast()) return drop_reason::ndp_malformed;
    return a;
}

parsed<router_solicitation> parse_router_solicitation(const_bytes body) noexcept
{
    router_solicitation s;
    const bool whole = for_each_ndp_option(body, [&](ndp_option type, const_bytes option) {
        if (type == ndp_option::source_link_address) s.source_link = link_address_of(option);
    });
    if (!whole) return drop_reason::ndp_malformed;
    return s;
}

packet make_neighbor_solicitation(const neighbor_solicitation& s)
{
    packet p;
    if (s.nonce != 0) {
        std::byte* const at = p.push_front(2 + nonce_size);
        at[0] = static_cast<std::byte>(ndp_option::nonce);
        at[1] = std::byte{1};
        store_16(at + 2, static_cast<std::uint16_t>(s.nonce >> 32));
        store_32(at + 4, static_cast<std::uint32_t>(s.nonce));
    }
    push_link_address(p, ndp_option::source_link_address, s.source_link);
    push_target(p, s.target);
    return p;
}

packet make_neighbor_advertisement(const neighbor_advertisement& a)
{
    packet p;
    push_link_address(p, ndp_option::target_link_address, a.target_link);
    push_target(p, a.target);
    return p;
}

packet make_router_solicitation(const router_solicitation& s)
{
    packet p;
    push_link_address(p, ndp_option::source_link_address, s.source_link);
    return p;
}

std::uint32_t rest_of(const neighbor_advertisement& a) noexcept
{
    return (a.router ? router_flag : 0) | (a.solicited ? solicited_flag : 0) | (a.override ? override_flag : 0);
}

} // namespace tapio::core::wire
