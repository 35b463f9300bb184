// The resolver: numeric addresses and ports, the stack's hosts table, the machine's services database. Semantics: RFC 3493 §6.1.
#include "asio/engine.hpp"

#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/names.hpp>
#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

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

std::vector<core::address> addresses_of(engine& e, const name_query& q)
{
    if (q.host.empty()) {
        const bool passive = (q.flags & AI_PASSIVE) != 0;
        return {passive ? core::address(core::address_v4::any()) : core::address(core::address_v4::loopback())};
    }
    error_code not_a_number;
    const auto literal = boost::asio::ip::make_address(q.host, not_a_number);
    if (!not_a_number) return {literal};
    if ((q.flags & AI_NUMERICHOST) != 0) return {};
    return e.hosts().find(q.host);
}

} // namespace

resolved_names resolve(boost::asio::execution_context& context, const name_query& q, error_code& ec)
{
    ec = {};
    if (q.host.empty() && q.service.empty()) return ec = error::host_not_found, resolved_names();
    const auto port = port_of(q, ec);
    if (!port) return {};
    resolved_names out{{}, q.host};
    for (const core::address& a : addresses_of(*engine_of(context), q))
        if (wanted(q, a)) out.endpoints.push_back({a, *port});
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
