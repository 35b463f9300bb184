#include "wire/dhcpv4.hpp"

#include "wire/domain_list.hpp"

#include <boost/endian/buffers.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <string_view>

namespace tapio::core::wire {

namespace {

/// Wire layout (RFC 2131 §2).
struct dhcpv4_header
{
    boost::endian::big_uint8_buf_t op;              ///< 1: from a client; 2: from a server
    boost::endian::big_uint8_buf_t hardware_type;   ///< 1: Ethernet
    boost::endian::big_uint8_buf_t hardware_length; ///< octets
    boost::endian::big_uint8_buf_t hops;
    boost::endian::big_uint32_buf_t xid;
    boost::endian::big_uint16_buf_t secs;
    boost::endian::big_uint16_buf_t flags;
    boost::endian::big_uint32_buf_t ciaddr, yiaddr, siaddr, giaddr;
    std::array<std::uint8_t, 6> chaddr;
    std::array<std::uint8_t, 10> chaddr_rest;
    std::array<std::byte, 64> sname;
    std::array<std::byte, 128> file;
    boost::endian::big_uint32_buf_t magic;
};
static_assert(sizeof(dhcpv4_header) == 240 && wire_header<dhcpv4_header>);

constexpr std::uint32_t dhcp_magic_cookie = 0x6382'5363; // RFC 2132 §2
constexpr std::uint8_t bootp_request = 1, bootp_reply = 2, dhcp_hardware_ethernet = 1;
constexpr std::uint16_t broadcast_flag = 0x8000;
constexpr std::size_t least_dhcpv4_size = 300; // octets
constexpr std::size_t longest_part = 255;      // octets of one option; longer ones are split

using dhcp_octets = std::vector<std::byte>;
using dhcp_options = std::map<dhcpv4_option, dhcp_octets>;

// -- parsing --------------------------------------------------------------------------------------------------------

/// Adds the options of a field to those before it; the parts of an option are joined (RFC 3396 §7). @return false: one is cut off
bool read_dhcpv4_field(const_bytes field, dhcp_options& values)
{
    for (std::size_t at = 0; at < field.size();) {
        const auto code = static_cast<dhcpv4_option>(field[at++]);
        if (code == dhcpv4_option::pad) continue;
        if (code == dhcpv4_option::end) return true;
        if (at == field.size()) return false;
        const std::size_t length = std::to_integer<std::size_t>(field[at++]);
        if (length > field.size() - at) return false;
        const const_bytes value = field.subspan(at, length);
        dhcp_octets& all = values[code];
        all.insert(all.end(), value.begin(), value.end());
        at += length;
    }
    return true; // without an end: some servers leave it out if nothing follows
}

/// The options of all fields. The fields for names may have options, too (RFC 2132 §9.3).
bool read_dhcpv4_fields(const dhcpv4_header& h, const_bytes options, dhcp_options& values)
{
    if (!read_dhcpv4_field(options, values)) return false;
    const auto overload = values.find(dhcpv4_option::overload);
    if (overload == values.end() || overload->second.size() != 1) return true;
    const unsigned fields = std::to_integer<unsigned>(overload->second[0]);
    return ((fields & 1) == 0 || read_dhcpv4_field(h.file, values)) && ((fields & 2) == 0 || read_dhcpv4_field(h.sname, values));
}

class dhcpv4_reader
{
public:
    explicit dhcpv4_reader(const dhcp_options& values) : values_(values) {}

    const dhcp_octets* find(dhcpv4_option code) const
    {
        const auto at = values_.find(code);
        return at == values_.end() ? nullptr : &at->second;
    }
    bool has(dhcpv4_option code) const { return values_.contains(code); }
    std::optional<std::uint32_t> number(dhcpv4_option code) const
    {
        const dhcp_octets* const v = find(code);
        return v != nullptr && v->size() == 4 ? std::optional(load_32(v->data())) : std::nullopt;
    }
    std::optional<std::uint16_t> short_number(dhcpv4_option code) const
    {
        const dhcp_octets* const v = find(code);
        return v != nullptr && v->size() == 2 ? std::optional(load_16(v->data())) : std::nullopt;
    }
    std::optional<address_v4> address(dhcpv4_option code) const
    {
        const auto n = number(code);
        return n ? std::optional(address_v4(*n)) : std::nullopt;
    }
    std::vector<address_v4> addresses(dhcpv4_option code) const
    {
        std::vector<address_v4> out;
        const dhcp_octets* const v = find(code);
        if (v == nullptr || v->size() % 4 != 0) return out;
        for (std::size_t at = 0; at < v->size() && out.size() < dhcpv4_message::most_servers; at += 4)
            out.push_back(address_v4(load_32(v->data() + at)));
        return out;
    }
    std::string name(dhcpv4_option code) const
    {
        const dhcp_octets* const v = find(code);
        return v != nullptr ? domain_name_of(text_of(*v)).value_or(std::string()) : std::string();
    }
    std::string text(dhcpv4_option code) const
    {
        const dhcp_octets* const v = find(code);
        if (v == nullptr) return {};
        std::string out(text_of(*v).substr(0, longest_part));
        std::erase_if(out, [](char c) { return c < ' ' || c > '~'; });
        return out;
    }

private:
    static std::string_view text_of(const dhcp_octets& v) { return {reinterpret_cast<const char*>(v.data()), v.size()}; }

    const dhcp_options& values_;
};

std::optional<std::uint8_t> prefix_length_of(std::optional<address_v4> mask)
{
    if (!mask) return std::nullopt;
    const auto ones = std::countl_one(mask->to_uint());
    const bool whole = std::popcount(mask->to_uint()) == ones;
    return whole && ones > 0 ? std::optional(static_cast<std::uint8_t>(ones)) : std::nullopt;
}

/// RFC 3442: the prefix length, as many octets of the network as it needs, the gateway. A malformed option has no routes at all.
std::vector<leased_route> routes_in(const dhcp_octets& v)
{
    std::vector<leased_route> out;
    for (std::size_t at = 0; at < v.size();) {
        const auto length = std::to_integer<std::uint8_t>(v[at]);
        const std::size_t significant = (length + 7U) / 8;
        if (length > 32 || v.size() - at < 1 + significant + 4) return {};
        std::uint32_t network = 0;
        for (std::size_t n = 0; n < significant; ++n) network |= std::to_integer<std::uint32_t>(v[at + 1 + n]) << (24 - 8 * n);
        if (length < 32) network &= ~(0xffff'ffffU >> length);
        const address_v4 gateway(load_32(v.data() + at + 1 + significant));
        if (out.size() < dhcpv4_message::most_routes) out.push_back({address_v4(network), length, gateway});
        at += 1 + significant + 4;
    }
    return out;
}

std::optional<dhcpv4_type> type_of(const dhcpv4_reader& r)
{
    const dhcp_octets* const v = r.find(dhcpv4_option::message_type);
    if (v == nullptr || v->size() != 1) return std::nullopt;
    const auto n = std::to_integer<unsigned>(v->front());
    return n >= 1 && n <= 8 ? std::optional(static_cast<dhcpv4_type>(n)) : std::nullopt;
}

void read_header(const dhcpv4_header& h, dhcpv4_message& m)
{
    m.from_server = h.op.value() == bootp_reply;
    m.xid = h.xid.value();
    m.secs = h.secs.value();
    m.broadcast = (h.flags.value() & broadcast_flag) != 0;
    m.ciaddr = address_v4(h.ciaddr.value());
    m.yiaddr = address_v4(h.yiaddr.value());
    m.siaddr = address_v4(h.siaddr.value());
    m.giaddr = address_v4(h.giaddr.value());
    m.chaddr.octets = h.chaddr;
}

void read_options(const dhcpv4_reader& r, dhcpv4_message& m)
{
    using enum dhcpv4_option;
    m.prefix_length = prefix_length_of(r.address(subnet_mask));
    m.routers = r.addresses(dhcpv4_option::routers);
    m.dns_servers = r.addresses(dhcpv4_option::dns_servers);
    m.ntp_servers = r.addresses(dhcpv4_option::ntp_servers);
    m.host_name = r.name(dhcpv4_option::host_name);
    m.domain_name = r.name(dhcpv4_option::domain_name);
    m.message = r.text(dhcpv4_option::message);
    m.vendor_class = r.text(dhcpv4_option::vendor_class);
    m.mtu = r.short_number(interface_mtu);
    m.requested_address = r.address(dhcpv4_option::requested_address);
    m.server_id = r.address(dhcpv4_option::server_id);
    m.lease_time = r.number(dhcpv4_option::lease_time);
    m.renewal_time = r.number(dhcpv4_option::renewal_time);
    m.rebinding_time = r.number(dhcpv4_option::rebinding_time);
    m.max_message_size = r.short_number(dhcpv4_option::max_message_size);
    m.rapid_commit = r.has(dhcpv4_option::rapid_commit);
    if (const dhcp_octets* const v = r.find(parameter_list))
        for (const std::byte b : const_bytes(*v).first(std::min(v->size(), longest_part)))
            m.parameters.push_back(std::to_integer<std::uint8_t>(b));
    if (const dhcp_octets* const v = r.find(dhcpv4_option::client_id);
        v != nullptr && v->size() >= 2 && v->size() <= longest_part)
        m.client_id = *v;
    if (const dhcp_octets* const v = r.find(dhcpv4_option::search_domains))
        if (auto names = parse_domain_list(*v, true, m.most_domains)) m.search_domains = std::move(*names);
    if (const dhcp_octets* const v = r.find(dhcpv4_option::classless_routes)) m.classless_routes = routes_in(*v);
}

// -- making ---------------------------------------------------------------------------------------------------------

class dhcpv4_writer
{
public:
    explicit dhcpv4_writer(dhcp_octets& to) : to_(to) {}

    /// RFC 3396 §5: an option of more than 255 octets is split. An empty one is written, too.
    void put(dhcpv4_option code, const_bytes value)
    {
        do {
            const const_bytes part = value.first(std::min(value.size(), longest_part));
            to_.push_back(static_cast<std::byte>(code));
            to_.push_back(static_cast<std::byte>(part.size()));
            to_.insert(to_.end(), part.begin(), part.end());
            value = value.subspan(part.size());
        } while (!value.empty());
    }
    void put(dhcpv4_option code, const std::optional<std::uint32_t>& n)
    {
        if (!n) return;
        std::array<std::byte, 4> value{};
        store_32(value.data(), *n);
        put(code, const_bytes(value));
    }
    void put(dhcpv4_option code, const std::optional<std::uint16_t>& n)
    {
        if (!n) return;
        std::array<std::byte, 2> value{};
        store_16(value.data(), *n);
        put(code, const_bytes(value));
    }
    void put(dhcpv4_option code, const std::optional<address_v4>& a)
    {
        if (a) put(code, std::optional(a->to_uint()));
    }
    void put(dhcpv4_option code, const std::vector<address_v4>& all)
    {
        dhcp_octets value(4 * all.size());
        for (std::size_t n = 0; n < all.size(); ++n) store_32(value.data() + 4 * n, all[n].to_uint());
        put_unless_empty(code, value);
    }
    void put(dhcpv4_option code, const std::string& text) { put_unless_empty(code, std::as_bytes(std::span(text))); }
    void put_unless_empty(dhcpv4_option code, const_bytes value)
    {
        if (!value.empty()) put(code, value);
    }

private:
    dhcp_octets& to_;
};

dhcp_octets octets_of_routes(const std::vector<leased_route>& routes)
{
    dhcp_octets out;
    for (const leased_route& r : routes) {
        out.push_back(static_cast<std::byte>(r.prefix_length));
        const auto network = r.network.to_bytes(), gateway = r.gateway.to_bytes();
        for (std::size_t n = 0; n < (r.prefix_length + 7U) / 8; ++n) out.push_back(static_cast<std::byte>(network[n]));
        for (const auto o : gateway) out.push_back(static_cast<std::byte>(o));
    }
    return out;
}

dhcpv4_header header_of(const dhcpv4_message& m)
{
    dhcpv4_header h{};
    h.op = m.from_server ? bootp_reply : bootp_request;
    h.hardware_type = dhcp_hardware_ethernet;
    h.hardware_length = static_cast<std::uint8_t>(h.chaddr.size());
    h.xid = m.xid;
    h.secs = m.secs;
    h.flags = m.broadcast ? broadcast_flag : std::uint16_t{0};
    h.ciaddr = m.ciaddr.to_uint();
    h.yiaddr = m.yiaddr.to_uint();
    h.siaddr = m.siaddr.to_uint();
    h.giaddr = m.giaddr.to_uint();
    h.chaddr = m.chaddr.octets;
    h.magic = dhcp_magic_cookie;
    return h;
}

std::optional<std::uint32_t> mask_of(const std::optional<std::uint8_t>& prefix_length)
{
    if (!prefix_length) return std::nullopt;
    return *prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - *prefix_length);
}

} // namespace

parsed<dhcpv4_message> parse_dhcpv4(const_bytes from)
{
    if (from.size() < sizeof(dhcpv4_header)) return drop_reason::dhcp_malformed;
    const auto h = read<dhcpv4_header>(from);
    const bool known_op = h.op.value() == bootp_request || h.op.value() == bootp_reply;
    const bool of_ethernet = h.hardware_type.value() == dhcp_hardware_ethernet && h.hardware_length.value() == h.chaddr.size();
    if (!known_op || !of_ethernet || h.magic.value() != dhcp_magic_cookie) return drop_reason::dhcp_malformed;
    dhcp_options values;
    if (!read_dhcpv4_fields(h, from.subspan(sizeof h), values)) return drop_reason::dhcp_malformed;
    const dhcpv4_reader r(values);
    const auto type = type_of(r);
    if (!type) return drop_reason::dhcp_malformed;
    dhcpv4_message m;
    m.type = *type;
    read_header(h, m);
    read_options(r, m);
    return m;
}

std::vector<std::byte> make_dhcpv4(const dhcpv4_message& m)
{
    using enum dhcpv4_option;
    const dhcpv4_header h = header_of(m);
    const const_bytes fixed = octets_of(h);
    dhcp_octets out(fixed.begin(), fixed.end());
    dhcpv4_writer w(out);
    const std::array type{static_cast<std::byte>(m.type)};
    w.put(message_type, const_bytes(type));
    w.put_unless_empty(dhcpv4_option::client_id, m.client_id);
    w.put(dhcpv4_option::server_id, m.server_id);
    w.put(dhcpv4_option::requested_address, m.requested_address);
    w.put(dhcpv4_option::lease_time, m.lease_time);
    w.put(dhcpv4_option::renewal_time, m.renewal_time);
    w.put(dhcpv4_option::rebinding_time, m.rebinding_time);
    if (m.rapid_commit) w.put(dhcpv4_option::rapid_commit, const_bytes());
    w.put(subnet_mask, mask_of(m.prefix_length));
    w.put_unless_empty(dhcpv4_option::classless_routes, octets_of_routes(m.classless_routes)); // before the routers (RFC 3442)
    w.put(dhcpv4_option::routers, m.routers);
    w.put(dhcpv4_option::dns_servers, m.dns_servers);
    w.put(dhcpv4_option::domain_name, m.domain_name);
    w.put_unless_empty(dhcpv4_option::search_domains, make_domain_list(m.search_domains));
    w.put(dhcpv4_option::ntp_servers, m.ntp_servers);
    w.put(interface_mtu, m.mtu);
    w.put(dhcpv4_option::host_name, m.host_name);
    w.put(dhcpv4_option::vendor_class, m.vendor_class);
    w.put(dhcpv4_option::max_message_size, m.max_message_size);
    w.put_unless_empty(parameter_list, std::as_bytes(std::span(m.parameters)));
    w.put(dhcpv4_option::message, m.message);
    out.push_back(static_cast<std::byte>(dhcpv4_option::end));
    out.resize(std::max(out.size(), least_dhcpv4_size));
    return out;
}

} // namespace tapio::core::wire
