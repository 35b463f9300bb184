// The resolver: numeric addresses and ports, the stack's hosts table, the machine's services database. Semantics: RFC 3493 §6.1.
#include "asio/engine.hpp"

#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/names.hpp>
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

std::vector<core::address> addresses_of(engine& e, const name_query& q)
{
    if (q.host.empty()) {
        if ((q.flags & AI_PASSIVE) != 0) return {core::address_v4::any(), core::address_v6::any()};
        return {core::address_v6::loopback(), core::address_v4::loopback()};
    }
    if (const auto number = literal(e, q.host)) return {unmapped(q, *number)};
    if ((q.flags & AI_NUMERICHOST) != 0) return {};
    return e.hosts().find(q.host);
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
std::vector<core::address> usable_addresses(engine& e, const name_query& q)
{
    std::vector<core::address> found = addresses_of(e, q);
    if ((q.flags & AI_ADDRCONFIG) == 0 || literal(e, q.host)) return found;
    const bool only_v4 = !is_configured(e, core::family::v6);
    if (only_v4) std::erase_if(found, [](const core::address& a) { return a.is_v6(); });
    return found;
}

/// AI_V4MAPPED: a query for IPv6 that finds IPv4 addresses alone returns them as IPv4-mapped.
bool wants_mapped(const name_query& q, const std::vector<core::address>& found)
{
    const bool none = std::none_of(found.begin(), found.end(), [](const core::address& a) { return a.is_v6(); });
    return q.family == AF_INET6 && (q.flags & AI_V4MAPPED) != 0 && none;
}

} // namespace

resolved_names resolve(boost::asio::execution_context& context, const name_query& q, error_code& ec)
{
    ec = {};
    if (q.host.empty() && q.service.empty()) return ec = error::host_not_found, resolved_names();
    const auto port = port_of(q, ec);
    if (!port) return {};
    resolved_names out{{}, q.host};
    const auto found = usable_addresses(*engine_of(context), q);
    const bool mapped = wants_mapped(q, found);
    for (const core::address& a : found) {
        if (mapped) out.endpoints.push_back({boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, a.to_v4()), *port});
        if (!mapped && wanted(q, a)) out.endpoints.push_back({a, *port});
    }
    if (out.endpoints.empty()) ec = error::host_not_found;
    return out;
}

names_of_endpoint resolve(boost::asio::execution_context& context, const core::endpoint& e, int socket_type)
{
    names_of_endpoint out{e.address.to_string(), std::to_string(e.port)};
    if (const auto name = engine_of(context)->hosts().name_of(e.address)) out.host = *name;
    std::array<char, 1024> memory;
    servent entry{};
    servent* found = nullptr;
    ::getservbyport_r(htons(e.port), protocol_name(socket_type), &entry, memory.data(), memory.size(), &found);
    if (found != nullptr) out.service = found->s_name;
    return out;
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
