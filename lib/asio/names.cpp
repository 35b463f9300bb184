// Names in queries and answers: numeric addresses and ports, the stack's hosts table, the machine's services database, and what
// an answer of DNS means. The lookups themselves: lookups.cpp.
#include "asio/engine.hpp"
#include "asio/name_query.hpp"
#include "core/destination_order.hpp"

#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;

const char* protocol_name(int socket_type) noexcept { return socket_type == SOCK_DGRAM ? "udp" : "tcp"; }

std::optional<std::uint16_t> number(const std::string& text) noexcept
{
    std::uint16_t n = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    return failed == std::errc() && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

std::optional<std::uint16_t> port_of(const name_query& q, error_code& ec)
{
    if (q.service.empty()) return std::uint16_t{0};
    if (const auto n = number(q.service)) return n;
    std::array<char, 1024> memory;
    servent entry{};
    servent* found = nullptr;
    const bool by_name = (q.flags & AI_NUMERICSERV) == 0;
    if (by_name) ::getservbyname_r(q.service.c_str(), protocol_name(q.socket_type), &entry, memory.data(), memory.size(), &found);
    if (found != nullptr) return ntohs(static_cast<std::uint16_t>(found->s_port));
    ec = by_name ? error_code(error::service_not_found) : error_code(error::host_not_found); // EAI_SERVICE, EAI_NONAME
    return std::nullopt;
}

bool wanted(const name_query& q, const core::address& a) noexcept
{
    return q.family == AF_UNSPEC || (q.family == AF_INET) == a.is_v4();
}

/// The scope id of a zone (RFC 4007 §11): the name of an interface of the stack, if the address needs a zone, or a number.
std::optional<std::uint32_t> scope_of(engine& e, const core::address& a, const std::string& zone)
{
    if (core::needs_zone(a)) {
        engine::user_turn t(e);
        if (const auto found = t.host().net().interfaces().find(zone)) return *found + 1;
    }
    std::uint32_t n = 0;
    const auto [end, failed] = std::from_chars(zone.data(), zone.data() + zone.size(), n);
    return failed == std::errc() && end == zone.data() + zone.size() ? std::optional(n) : std::nullopt;
}

/// A numeric address; none if the text is a name.
std::optional<core::address> literal(engine& e, const std::string& text)
{
    const std::size_t percent = text.find('%');
    error_code failed;
    const core::address a = boost::asio::ip::make_address(text.substr(0, percent), failed);
    if (failed) return std::nullopt;
    if (percent == std::string::npos) return a;
    const auto scope = a.is_v6() ? scope_of(e, a, text.substr(percent + 1)) : std::nullopt;
    if (!scope) return std::nullopt;
    return core::address_v6(a.to_v6().to_bytes(), *scope);
}

/// As glibc: a query for IPv4 finds the IPv4 address that an IPv4-mapped one contains.
core::address unmapped(const name_query& q, const core::address& a)
{
    if (q.family != AF_INET || a.is_v4() || !a.to_v6().is_v4_mapped()) return a;
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, a.to_v6());
}

/// none: DNS must be asked
std::optional<std::vector<core::address>> known_addresses(engine& e, const name_query& q)
{
    if (q.host.empty()) {
        if ((q.flags & AI_PASSIVE) != 0) return {{core::address_v4::any(), core::address_v6::any()}};
        return {{core::address_v6::loopback(), core::address_v4::loopback()}};
    }
    if (const auto number = literal(e, q.host)) return {{unmapped(q, *number)}};
    if ((q.flags & AI_NUMERICHOST) != 0) return std::vector<core::address>();
    auto found = e.hosts().find(q.host);
    if (found.empty()) return std::nullopt;
    return found;
}

/// AI_ADDRCONFIG: the stack has an address of the family besides those of the loopback.
bool is_configured(engine& e, core::family f)
{
    engine::user_turn t(e);
    const core::network& net = t.host().net();
    for (const auto& i : net.interfaces().all())
        if (i->id() != core::network::loopback && net.addresses().speaks(*i, f)) return true;
    return false;
}

/// Applies AI_ADDRCONFIG, to other than numeric hosts, as glibc does.
void keep_usable(engine& e, const name_query& q, std::vector<core::address>& found)
{
    if ((q.flags & AI_ADDRCONFIG) == 0 || literal(e, q.host)) return;
    const bool only_v4 = !is_configured(e, core::family::v6);
    if (only_v4) std::erase_if(found, [](const core::address& a) { return a.is_v6(); });
}

/// AI_ADDRCONFIG: a type is not asked for if the stack has addresses of the other family only.
std::vector<core::dns::record_type> types_of(engine& e, const name_query& q)
{
    using core::dns::record_type;
    const bool filters = (q.flags & AI_ADDRCONFIG) != 0;
    const bool has_v4 = !filters || is_configured(e, core::family::v4), has_v6 = !filters || is_configured(e, core::family::v6);
    const bool mapped = q.family == AF_INET6 && (q.flags & AI_V4MAPPED) != 0;
    std::vector<record_type> out;
    if (q.family != AF_INET && (has_v6 || !has_v4)) out.push_back(record_type::aaaa);
    if ((q.family != AF_INET6 || mapped) && (has_v4 || !has_v6)) out.push_back(record_type::a);
    return out;
}

/// AI_V4MAPPED: a query for IPv6 that finds IPv4 addresses alone returns them as IPv4-mapped.
bool wants_mapped(const name_query& q, const std::vector<core::address>& found)
{
    const bool none = std::none_of(found.begin(), found.end(), [](const core::address& a) { return a.is_v6(); });
    return q.family == AF_INET6 && (q.flags & AI_V4MAPPED) != 0 && none;
}

/// The endpoints of `found` that the query wants, in its order.
core::error_code select(const name_query& q, std::uint16_t port, const std::vector<core::address>& found, resolved_names& into)
{
    const bool mapped = wants_mapped(q, found);
    for (const core::address& a : found) {
        if (mapped) into.endpoints.push_back({boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, a.to_v4()), port});
        if (!mapped && wanted(q, a)) into.endpoints.push_back({a, port});
    }
    return into.endpoints.empty() ? core::error_code(error::host_not_found) : core::error_code();
}

} // namespace

prepared_query prepare(engine& e, const name_query& q)
{
    prepared_query out;
    out.names.canonical_host = q.host;
    out.over = true;
    if (q.host.empty() && q.service.empty()) return out.ec = error::host_not_found, out;
    const auto port = port_of(q, out.ec);
    if (!port) return out;
    out.port = *port;
    if (auto found = known_addresses(e, q)) {
        keep_usable(e, q, *found);
        out.ec = select(q, *port, *found, out.names);
        return out;
    }
    out.types = types_of(e, q);
    out.over = out.types.empty();
    if (out.over) out.ec = error::host_not_found;
    return out;
}

namespace {

using core::client::dns_result;
using outcome = dns_result::outcome;

/// As Asio translates the EAI_... errors of glibc: EAI_NODATA is host_not_found, too.
core::error_code error_of(outcome o)
{
    switch (o) {
    case outcome::found: return {};
    case outcome::failed:
    case outcome::refused: return error::host_not_found_try_again;
    case outcome::no_data:
    case outcome::no_name: break;
    }
    return error::host_not_found;
}

std::vector<core::address> addresses_in(const dns_result& r)
{
    std::vector<core::address> out;
    for (const core::dns::answer& a : r.answers)
        for (const core::dns::record& rec : a.records) {
            if (const auto* const v4 = std::get_if<core::address_v4>(&rec.data)) out.emplace_back(*v4);
            if (const auto* const v6 = std::get_if<core::address_v6>(&rec.data)) out.emplace_back(*v6);
        }
    return out;
}

} // namespace

core::error_code take_answer(core::host& h, const name_query& q, std::uint16_t port, dns_result&& r, resolved_names& into)
{
    into.canonical_host = q.host;
    if (const auto failed = error_of(r.what)) return failed;
    auto found = addresses_in(r);
    core::order_destinations(h.net(), found);
    if ((q.flags & AI_CANONNAME) != 0) {
        const auto answered = std::find_if(r.answers.begin(), r.answers.end(), [](const auto& a) { return !a.records.empty(); });
        if (answered != r.answers.end()) into.canonical_host = answered->canonical.to_string();
    }
    return select(q, port, found, into);
}

bool prepare(engine& e, const core::endpoint& about, int socket_type, names_of_endpoint& out)
{
    out = {about.address.to_string(), std::to_string(about.port)};
    std::array<char, 1024> memory;
    servent entry{};
    servent* found = nullptr;
    ::getservbyport_r(htons(about.port), protocol_name(socket_type), &entry, memory.data(), memory.size(), &found);
    if (found != nullptr) out.service = found->s_name;
    const auto name = e.hosts().name_of(about.address);
    if (name) out.host = *name;
    return name.has_value();
}

core::dns::name reverse_name_of(const core::address& a)
{
    const bool mapped = a.is_v6() && a.to_v6().is_v4_mapped();
    if (!mapped) return core::client::reverse_name(a);
    return core::client::reverse_name(boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, a.to_v6()));
}

core::error_code take_answer(dns_result&& r, names_of_endpoint& into)
{
    if (r.what == outcome::failed || r.what == outcome::refused) return error_of(r.what);
    for (const core::dns::answer& a : r.answers)
        for (const core::dns::record& rec : a.records)
            if (rec.type == core::dns::record_type::ptr)
                return into.host = std::get<core::dns::name>(rec.data).to_string(), core::error_code();
    return {}; // as getnameinfo(3) without NI_NAMEREQD: the address stands for the name
}

core::endpoint endpoint_of(const void* address, std::size_t size) noexcept
{
    ::sockaddr_in v4{};
    ::sockaddr_in6 v6{};
    ::sa_family_t family = AF_UNSPEC;
    if (size >= sizeof family) std::memcpy(&family, address, sizeof family);
    if (family == AF_INET && size >= sizeof v4) {
        std::memcpy(&v4, address, sizeof v4);
        return {core::address_v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    }
    if (family == AF_INET6 && size >= sizeof v6) {
        std::memcpy(&v6, address, sizeof v6);
        core::address_v6::bytes_type octets;
        std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
        return {core::address_v6(octets, v6.sin6_scope_id), ntohs(v6.sin6_port)};
    }
    return {};
}

std::size_t write_endpoint(const core::endpoint& e, void* to, std::size_t capacity) noexcept
{
    if (e.address.is_v4()) {
        ::sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(e.port);
        v4.sin_addr.s_addr = htonl(e.address.to_v4().to_uint());
        if (capacity < sizeof v4) return 0;
        std::memcpy(to, &v4, sizeof v4);
        return sizeof v4;
    }
    ::sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(e.port);
    const auto octets = e.address.to_v6().to_bytes();
    std::memcpy(&v6.sin6_addr, octets.data(), octets.size());
    v6.sin6_scope_id = static_cast<std::uint32_t>(e.address.to_v6().scope_id());
    if (capacity < sizeof v6) return 0;
    std::memcpy(to, &v6, sizeof v6);
    return sizeof v6;
}

} // namespace tapio::detail
