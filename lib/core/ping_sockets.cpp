#include "core/ping_sockets.hpp"

#include "base/checksum.hpp"
#include "base/family_sizes.hpp"
#include "wire/icmpv4.hpp"
#include "wire/icmpv6.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tapio::core {

namespace {

// The header of an echo request or reply, of both families: RFC 792, RFC 4443 §4.1.
constexpr std::size_t echo_header = 8, checksum_at = 2, identifier_at = 4; // octets

ip_protocol icmp_of(family f) noexcept { return f == family::v4 ? ip_protocol::icmp : ip_protocol::icmpv6; }

bool is_request(family f, const_bytes message) noexcept
{
    const auto request = f == family::v4 ? static_cast<std::uint8_t>(wire::icmpv4_type::echo_request)
                                         : static_cast<std::uint8_t>(wire::icmpv6_type::echo_request);
    return std::to_integer<std::uint8_t>(message[0]) == request && std::to_integer<std::uint8_t>(message[1]) == 0;
}

/// The octets of all buffers, with the identifier and the checksum. @pre at least a header
packet made_of(const_buffer_list from, std::size_t size, std::uint16_t identifier, const flow_key& flow)
{
    const block memory(size);
    std::size_t at = 0;
    for (const const_bytes b : from) std::copy(b.begin(), b.end(), memory.data() + std::exchange(at, at + b.size()));
    wire::store_16(memory.data() + identifier_at, identifier);
    wire::store_16(memory.data() + checksum_at, 0);
    checksum_accumulator sum = flow.is_v4() ? checksum_accumulator() : flow.pseudo_header(size);
    sum.add({memory.data(), size});
    wire::store_16(memory.data() + checksum_at, sum.checksum());
    return packet(memory.share(0, size));
}

} // namespace

ping_sockets::ping_sockets(network& net, random_source& random, event_queue& events, const host_options& options)
    : datagram_sockets(ip_protocol::icmp, socket_type::datagram, net, events, options), random_(random)
{
}

result<socket_id> ping_sockets::open(family f, int protocol)
{
    if (protocol != static_cast<int>(icmp_of(f))) return errno_code(EPROTONOSUPPORT);
    const auto id = open_socket(f);
    if (!id) return id;
    find(*id)->reuse_address = true;      // as Linux: identifiers can be shared unless a socket says otherwise
    find(*id)->v6_only = f == family::v6; // there is no ICMPv6 over IPv4
    return id;
}

// -- names ------------------------------------------------------------------------------------------------------------

/// As Linux: to an address of one host only.
error_code ping_sockets::bind(socket_id id, const endpoint& local)
{
    const socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->bound) return errno_code(EINVAL);
    const address& a = local.address;
    if (a.is_v4() == (s->family == family::v6)) return errno_code(EAFNOSUPPORT);
    if (a.is_multicast() || net_.addresses().is_broadcast(a)) return errno_code(EADDRNOTAVAIL);
    return datagram_sockets::bind(id, local);
}

error_code ping_sockets::connect(socket_id id, const endpoint& peer, time_point now)
{
    const socket* const s = find(id);
    if (s != nullptr && s->family == family::v6 && peer.address.is_v4()) return errno_code(EAFNOSUPPORT);
    return datagram_sockets::connect(id, peer, now);
}

bool ping_sockets::is_free(const socket& s, std::uint16_t identifier) const
{
    const auto use = identifiers_.find(identifier);
    if (use == identifiers_.end()) return true;
    return std::all_of(use->second.begin(), use->second.end(), [&](socket_id other) {
        const socket* const o = find(other);
        return o == &s || (o->reuse_address && s.reuse_address);
    });
}

/// Identifier 0: a random one that is free.
error_code ping_sockets::claim(socket_id id, socket& s, const endpoint& local)
{
    constexpr std::uint32_t most = 0xffff;
    endpoint chosen = local;
    const std::uint32_t start = local.port == 0 ? random_.uniform(most) : 0;
    for (std::uint32_t n = 0; chosen.port == 0 && n < most; ++n) {
        const auto candidate = static_cast<std::uint16_t>(1 + (start + n) % most);
        if (!identifiers_.contains(candidate)) chosen.port = candidate;
    }
    if (chosen.port == 0 || !is_free(s, chosen.port)) return errno_code(EADDRINUSE);
    s.local = chosen;
    s.bound = true;
    identifiers_[chosen.port].push_back(id);
    return {};
}

void ping_sockets::release(socket_id id, const socket& s)
{
    const auto use = identifiers_.find(s.local.port);
    if (!s.bound || use == identifiers_.end()) return;
    std::erase(use->second, id);
    if (use->second.empty()) identifiers_.erase(use);
}

result<int> ping_sockets::get_option(socket_id id, socket_option option) const
{
    const socket* const s = find(id);
    if (s != nullptr && option == socket_option::protocol) return static_cast<int>(icmp_of(s->family));
    return datagram_sockets::get_option(id, option);
}

// -- sending ------------------------------------------------------------------------------------------------------------

result<std::size_t> ping_sockets::send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                                time_point now, const send_hints& hints)
{
    const std::size_t size = size_of(from);
    if (size > 0xffff) return errno_code(EMSGSIZE);
    if (size < echo_header) return errno_code(EINVAL);
    if (hints.out_of_band) return errno_code(EOPNOTSUPP);
    std::array<std::byte, echo_header> header;
    std::size_t copied = 0;
    for (std::size_t n = 0; copied < header.size(); ++n)
        for (std::size_t at = 0; at < from[n].size() && copied < header.size(); ++at) header[copied++] = from[n][at];
    if (!is_request(s.family, header)) return errno_code(EINVAL);
    if (destination != nullptr && s.family == family::v6 && destination->address.is_v4()) return errno_code(EINVAL);
    const auto to = receiver_of(s, destination);
    if (!to) return to.error();
    const auto way = find_path(s, *to, destination != nullptr, hints);
    if (!way) return way.error();
    const std::size_t ip_header = sizes_of(s.family).ip_header;
    const bool whole = way->header.fragments == ip::fragmenting::never;
    if (size + (s.family == family::v4 ? ip_header : 0) > 0xffff) return errno_code(EMSGSIZE);
    if (whole && size + ip_header > way->header.mtu) return errno_code(EMSGSIZE);
    if (!s.bound) {
        if (const auto failed = claim(id, s, {s.local.address, 0})) return failed;
    }
    const flow_key flow({way->source, 0}, {to->address, 0}, icmp_of(s.family));
    packet message = made_of(from, size, s.local.port, flow);
    if (const auto failed = net_.send(std::move(message), *way->route, flow, way->header, now)) return failed;
    return size;
}

// -- receiving ------------------------------------------------------------------------------------------------------------

ping_sockets::socket* ping_sockets::find_by(std::uint16_t identifier, const address& own, const address& peer,
                                            interface_id interface)
{
    const auto use = identifiers_.find(identifier);
    if (use == identifiers_.end()) return nullptr;
    for (auto at = use->second.rbegin(); at != use->second.rend(); ++at) {
        socket* const s = find(*at);
        if (s->family != family_of(own) || !s->hears(own, peer, interface)) continue;
        if (s->local.address.is_unspecified() || s->local.address == own) return s;
    }
    return nullptr;
}

/// As Linux: a connected socket, too, receives replies of any host, for example those to a request to a group.
void ping_sockets::echo_reply(const ip::rx_packet& p, time_point now)
{
    std::array<std::byte, echo_header> header;
    packet message = p.transport_part();
    if (identifiers_.empty() || message.copy_to(header) < header.size()) return;
    const address from = p.flow.source_address();
    socket* const s = find_by(wire::load_16(header.data() + identifier_at), p.flow.destination_address(), from, p.interface);
    if (s != nullptr && passes_filter(*s, message, 0)) (void)deliver(*s, {from, 0}, std::move(message), p, now);
}

/// The error queue gets the request from its ICMP header on. As UDP's, an MTU is believed only for a socket that accepts it.
void ping_sockets::echo_error(const ip::icmp_error_report& r, time_point now)
{
    std::array<std::byte, echo_header> header;
    if (r.quote.copy_to(header, r.quote_ip_header) < header.size() || !is_request(r.flow.family(), header)) return;
    const std::uint16_t identifier = wire::load_16(header.data() + identifier_at);
    socket* const s = find_by(identifier, r.flow.source_address(), r.flow.destination_address(), r.interface);
    if (s == nullptr) return;
    heed_mtu(*s, r, now);
    fail(*s, r.without_ports(), r.quote_ip_header);
}

} // namespace tapio::core
