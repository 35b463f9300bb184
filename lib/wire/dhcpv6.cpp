#include "wire/dhcpv6.hpp"

#include "wire/domain_list.hpp"

#include <algorithm>
#include <array>

namespace tapio::core::wire {

namespace {

constexpr std::size_t dhcpv6_header_size = 4, v6_address_size = 16; // octets
constexpr std::uint16_t ntp_server_address = 1;                     // suboption (RFC 5908 §4.1)

address_v6 v6_address_at(const_bytes from) noexcept
{
    address_v6::bytes_type octets;
    std::memcpy(octets.data(), from.data(), octets.size());
    return address_v6(octets);
}

address_v6 v6_prefix_of(const address_v6& a, unsigned length) noexcept
{
    auto octets = a.to_bytes();
    for (unsigned n = 0; n < octets.size(); ++n) {
        const unsigned kept = length > 8 * n ? std::min(length - 8 * n, 8U) : 0;
        octets[n] = static_cast<unsigned char>(octets[n] & 0xff00U >> kept);
    }
    return address_v6(octets);
}

/// Calls `each(code, value)` for each option. @return false: one is cut off
template <class Each>
bool for_each_dhcpv6_option(const_bytes from, Each&& each)
{
    while (!from.empty()) {
        if (from.size() < 4) return false;
        const auto code = static_cast<dhcpv6_option>(load_16(from.data()));
        const std::size_t length = load_16(from.data() + 2);
        if (length > from.size() - 4) return false;
        each(code, from.subspan(4, length));
        from = from.subspan(4 + length);
    }
    return true;
}

// -- parsing --------------------------------------------------------------------------------------------------------

void read_status(const_bytes value, dhcpv6_status& status) noexcept
{
    if (value.size() >= 2) status = static_cast<dhcpv6_status>(load_16(value.data()));
}

/// Lifetimes that contradict each other make the option invalid (RFC 8415 §21.6, §21.22).
bool read_resource(dhcpv6_option code, const_bytes value, dhcpv6_resource& r)
{
    const bool is_prefix = code == dhcpv6_option::ia_prefix;
    const std::size_t fixed = is_prefix ? 25 : 24, lifetimes = is_prefix ? 0 : v6_address_size;
    if (value.size() < fixed) return false;
    r.preferred_lifetime = load_32(value.data() + lifetimes);
    r.valid_lifetime = load_32(value.data() + lifetimes + 4);
    if (r.preferred_lifetime > r.valid_lifetime) return false;
    if (is_prefix) r.length = std::to_integer<std::uint8_t>(value[8]);
    if (r.length > 128) return false;
    r.address = v6_address_at(value.subspan(is_prefix ? 9 : 0));
    if (is_prefix) r.address = v6_prefix_of(r.address, r.length);
    return for_each_dhcpv6_option(value.subspan(fixed), [&r](dhcpv6_option inner, const_bytes inner_value) {
        if (inner == dhcpv6_option::status_code) read_status(inner_value, r.status);
    });
}

/// T1 after T2 makes the option invalid (RFC 8415 §21.4). @return false: one of its options is cut off
bool read_association(dhcpv6_option resource, const_bytes value, std::vector<dhcpv6_association>& all)
{
    if (value.size() < 12) return true;
    dhcpv6_association a;
    a.id = load_32(value.data());
    a.t1 = load_32(value.data() + 4);
    a.t2 = load_32(value.data() + 8);
    const bool whole = for_each_dhcpv6_option(value.subspan(12), [&](dhcpv6_option code, const_bytes inner) {
        if (code == dhcpv6_option::status_code) read_status(inner, a.status);
        dhcpv6_resource r;
        if (code == resource && a.resources.size() < dhcpv6_message::most_resources && read_resource(code, inner, r))
            a.resources.push_back(r);
    });
    const bool contradicts = a.t1 > a.t2 && a.t2 > 0;
    if (whole && !contradicts && all.size() < dhcpv6_message::most_associations) all.push_back(std::move(a));
    return whole;
}

void read_addresses(const_bytes value, std::vector<address_v6>& all)
{
    if (value.size() % v6_address_size != 0) return;
    for (; !value.empty() && all.size() < dhcpv6_message::most_servers; value = value.subspan(v6_address_size))
        all.push_back(v6_address_at(value));
}

/// RFC 5908 §4: of its suboptions only unicast addresses are of use here.
void read_ntp(const_bytes value, std::vector<address_v6>& all)
{
    (void)for_each_dhcpv6_option(value, [&all](dhcpv6_option code, const_bytes inner) {
        if (static_cast<std::uint16_t>(code) == ntp_server_address && inner.size() == v6_address_size) read_addresses(inner, all);
    });
}

std::optional<std::uint32_t> number_in(const_bytes value) noexcept
{
    return value.size() == 4 ? std::optional(load_32(value.data())) : std::nullopt;
}

void read_duid(const_bytes value, std::vector<std::byte>& duid)
{
    if (value.size() >= 3 && value.size() <= dhcpv6_message::longest_duid) duid.assign(value.begin(), value.end());
}

/// @return false: an option within it is cut off
bool read_dhcpv6_option(dhcpv6_option code, const_bytes value, dhcpv6_message& m)
{
    switch (code) {
    case dhcpv6_option::client_id: read_duid(value, m.client_id); break;
    case dhcpv6_option::server_id: read_duid(value, m.server_id); break;
    case dhcpv6_option::ia_na: return read_association(dhcpv6_option::ia_address, value, m.addresses);
    case dhcpv6_option::ia_pd: return read_association(dhcpv6_option::ia_prefix, value, m.prefixes);
    case dhcpv6_option::option_request:
        for (; value.size() >= 2 && m.requested.size() < 64; value = value.subspan(2))
            m.requested.push_back(load_16(value.data()));
        break;
    case dhcpv6_option::preference:
        if (value.size() == 1) m.preference = std::to_integer<std::uint8_t>(value[0]);
        break;
    case dhcpv6_option::elapsed_time:
        if (value.size() == 2) m.elapsed_time = load_16(value.data());
        break;
    case dhcpv6_option::status_code: read_status(value, m.status); break;
    case dhcpv6_option::rapid_commit: m.rapid_commit = true; break;
    case dhcpv6_option::dns_servers: read_addresses(value, m.dns_servers); break;
    case dhcpv6_option::domain_list:
        if (auto names = parse_domain_list(value, false, m.most_domains)) m.search_domains = std::move(*names);
        break;
    case dhcpv6_option::sntp_servers: read_addresses(value, m.ntp_servers); break;
    case dhcpv6_option::ntp_server: read_ntp(value, m.ntp_servers); break;
    case dhcpv6_option::information_refresh_time: m.refresh_time = number_in(value); break;
    case dhcpv6_option::sol_max_rt: m.sol_max_rt = number_in(value); break;
    case dhcpv6_option::inf_max_rt: m.inf_max_rt = number_in(value); break;
    default: break;
    }
    return true;
}

// -- making ---------------------------------------------------------------------------------------------------------

class dhcpv6_writer
{
public:
    explicit dhcpv6_writer(std::vector<std::byte>& to) : to_(to) {}

    /// Writes an option around what `content` writes.
    template <class Content>
    void put(dhcpv6_option code, Content&& content)
    {
        const std::size_t at = to_.size();
        number_16(static_cast<std::uint16_t>(code));
        number_16(0);
        content();
        store_16(to_.data() + at + 2, static_cast<std::uint16_t>(to_.size() - at - 4));
    }
    void put_octets(dhcpv6_option code, const_bytes value)
    {
        if (!value.empty()) put(code, [&] { to_.insert(to_.end(), value.begin(), value.end()); });
    }
    void put_number(dhcpv6_option code, const std::optional<std::uint32_t>& n)
    {
        if (n) put(code, [&] { number_32(*n); });
    }
    void put_status(dhcpv6_status s)
    {
        if (s != dhcpv6_status::success) put(dhcpv6_option::status_code, [&] { number_16(static_cast<std::uint16_t>(s)); });
    }
    void put_association(dhcpv6_option code, const dhcpv6_association& a)
    {
        put(code, [&] {
            number_32(a.id), number_32(a.t1), number_32(a.t2);
            for (const dhcpv6_resource& r : a.resources) code == dhcpv6_option::ia_pd ? put_prefix(r) : put_address(r);
            put_status(a.status);
        });
    }
    void number_8(std::uint8_t n) { to_.push_back(static_cast<std::byte>(n)); }
    void number_16(std::uint16_t n) { number_8(static_cast<std::uint8_t>(n >> 8)), number_8(static_cast<std::uint8_t>(n)); }
    void number_32(std::uint32_t n) { number_16(static_cast<std::uint16_t>(n >> 16)), number_16(static_cast<std::uint16_t>(n)); }
    void address(const address_v6& a)
    {
        for (const auto o : a.to_bytes()) number_8(o);
    }

private:
    void put_address(const dhcpv6_resource& r)
    {
        put(dhcpv6_option::ia_address, [&] {
            address(r.address);
            number_32(r.preferred_lifetime), number_32(r.valid_lifetime);
            put_status(r.status);
        });
    }
    void put_prefix(const dhcpv6_resource& r)
    {
        put(dhcpv6_option::ia_prefix, [&] {
            number_32(r.preferred_lifetime), number_32(r.valid_lifetime);
            number_8(r.length);
            address(r.address);
            put_status(r.status);
        });
    }

    std::vector<std::byte>& to_;
};

} // namespace

parsed<dhcpv6_message> parse_dhcpv6(const_bytes from)
{
    if (from.size() < dhcpv6_header_size) return drop_reason::dhcp_malformed;
    const auto type = std::to_integer<std::uint8_t>(from[0]);
    if (type < 1 || type > 11) return drop_reason::dhcp_malformed;
    dhcpv6_message m;
    m.type = static_cast<dhcpv6_type>(type);
    m.xid = load_32(from.data()) & 0xff'ffff;
    bool inner = true;
    const bool whole = for_each_dhcpv6_option(from.subspan(dhcpv6_header_size), [&](dhcpv6_option code, const_bytes value) {
        inner = read_dhcpv6_option(code, value, m) && inner;
    });
    if (!whole || !inner) return drop_reason::dhcp_malformed;
    return m;
}

std::vector<std::byte> make_dhcpv6(const dhcpv6_message& m)
{
    std::vector<std::byte> out;
    dhcpv6_writer w(out);
    w.number_32(std::uint32_t{static_cast<std::uint8_t>(m.type)} << 24 | m.xid);
    w.put_octets(dhcpv6_option::client_id, m.client_id);
    w.put_octets(dhcpv6_option::server_id, m.server_id);
    for (const dhcpv6_association& a : m.addresses) w.put_association(dhcpv6_option::ia_na, a);
    for (const dhcpv6_association& a : m.prefixes) w.put_association(dhcpv6_option::ia_pd, a);
    if (!m.requested.empty())
        w.put(dhcpv6_option::option_request, [&] {
            for (const std::uint16_t code : m.requested) w.number_16(code);
        });
    if (m.preference) w.put(dhcpv6_option::preference, [&] { w.number_8(*m.preference); });
    if (m.elapsed_time) w.put(dhcpv6_option::elapsed_time, [&] { w.number_16(*m.elapsed_time); });
    w.put_status(m.status);
    if (m.rapid_commit) w.put(dhcpv6_option::rapid_commit, [] {});
    if (!m.dns_servers.empty())
        w.put(dhcpv6_option::dns_servers, [&] {
            for (const address_v6& a : m.dns_servers) w.address(a);
        });
    w.put_octets(dhcpv6_option::domain_list, make_domain_list(m.search_domains));
    if (!m.ntp_servers.empty())
        w.put(dhcpv6_option::ntp_server, [&] {
            for (const address_v6& a : m.ntp_servers) {
                w.number_16(ntp_server_address), w.number_16(v6_address_size);
                w.address(a);
            }
        });
    w.put_number(dhcpv6_option::information_refresh_time, m.refresh_time);
    w.put_number(dhcpv6_option::sol_max_rt, m.sol_max_rt);
    w.put_number(dhcpv6_option::inf_max_rt, m.inf_max_rt);
    return out;
}

} // namespace tapio::core::wire
