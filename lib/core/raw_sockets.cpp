#include "core/raw_sockets.hpp"

#include "base/checksum.hpp"
#include "base/family_sizes.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv4.hpp"
#include "wire/transport_checksum.hpp"

#include <tapio/core/checksum.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace tapio::core {

namespace {

constexpr int icmpv6_checksum = offsetof(wire::icmpv6_header, checksum); // octets in front of it

/// RFC 3542 §3.1. The errors of packets without room for the checksum are Linux's. @param field octets in front of it
error_code fill_in_checksum(packet& p, const flow_key& flow, std::size_t field)
{
    std::array<std::byte, 2> octets{};
    if (flow.protocol() == ip_protocol::icmpv6 && p.size() < icmpv6_checksum) return errno_code(EFAULT);
    if (p.size() < octets.size() || field > p.size() - octets.size()) return errno_code(EINVAL);
    overwrite(p, field, octets);
    checksum_accumulator sum = flow.pseudo_header(p.size());
    add(sum, p);
    std::uint16_t checksum = sum.checksum();
    if (checksum == 0 && flow.protocol() == ip_protocol::udp) checksum = 0xffff; // RFC 8200 §8.1
    wire::store_16(octets.data(), checksum);
    overwrite(p, field, octets);
    return {};
}

/// Wherever in the packet the checksum is. Precondition: IPv6
bool has_right_checksum(const ip::rx_packet& p)
{
    const std::size_t size = p.transport_size();
    return p.verified || wire::verify_checksum(p.contents, p.contents.front(), p.transport_at, size, p.flow.pseudo_header(size));
}

/// @return false: the header is longer than the packet
bool complete_ipv4_header(packet& p, const address_v4& source, std::uint16_t identification)
{
    using header = wire::ipv4_header;
    const std::size_t length = (std::to_integer<std::size_t>(p.front()[0]) & 15) * 4;
    if (length < sizeof(header) || length > p.size()) return false;
    std::byte* const at = p.own_front(length);
    wire::store_16(at + offsetof(header, total_length), static_cast<std::uint16_t>(p.size()));
    if (wire::load_16(at + offsetof(header, identification)) == 0)
        wire::store_16(at + offsetof(header, identification), identification);
    if (wire::load_32(at + offsetof(header, source)) == 0) {
        const auto octets = source.to_bytes();
        std::memcpy(at + offsetof(header, source), octets.data(), octets.size());
    }
    wire::store_16(at + offsetof(header, checksum), 0);
    checksum_accumulator sum;
    sum.add({at, length});
    wire::store_16(at + offsetof(header, checksum), sum.checksum());
    return true;
}

} // namespace

raw_sockets::raw_sockets(network& net, event_queue& events, const host_options& options)
    : datagram_sockets(ip_protocol::raw, socket_type::raw, net, events, options)
{
}

result<socket_id> raw_sockets::open(family f, int protocol)
{
    if (protocol < 1 || protocol > 255) return errno_code(EPROTONOSUPPORT);
    const auto id = open_socket(f);
    if (!id) return id;
    socket& s = *find(*id);
    s.local.port = static_cast<std::uint16_t>(protocol);
    s.reuse_address = true; // as on Linux
    s.header_included = protocol == static_cast<int>(ip_protocol::raw);
    if (f == family::v6 && is_icmp(s)) s.checksum_offset = icmpv6_checksum;
    all_.push_back(*id);
    return id;
}

/// There are no ports, so an address can be bound by many sockets, and a socket can be bound again.
error_code raw_sockets::claim(socket_id, socket& s, const endpoint& local)
{
    s.local.address = local.address;
    s.bound = true;
    return {};
}

void raw_sockets::release(socket_id id, const socket&) { std::erase(all_, id); }

/// As on Linux, the socket can still send afterwards.
error_code raw_sockets::shutdown(socket_id id, shutdown_type how, time_point now)
{
    const error_code told = datagram_sockets::shutdown(id, how, now);
    if (socket* const s = find(id)) s->send_shut = false;
    return told;
}

error_code raw_sockets::set_option(socket_id id, socket_option option, int value, time_point now)
{
    socket* const s = find(id);
    if (s != nullptr && option == socket_option::header_included) return s->header_included = value != 0, error_code();
    if (s == nullptr || option != socket_option::checksum_offset) return datagram_sockets::set_option(id, option, value, now);
    if (s->family == family::v4) return errno_code(ENOPROTOOPT);
    if (value > 0 && value % 2 != 0) return errno_code(EINVAL);
    s->checksum_offset = std::max(value, -1);
    return {};
}

result<int> raw_sockets::get_option(socket_id id, socket_option option) const
{
    const socket* const s = find(id);
    if (s != nullptr && option == socket_option::header_included) return s->header_included ? 1 : 0;
    if (s != nullptr && option == socket_option::protocol) return static_cast<int>(protocol_of(*s));
    if (s != nullptr && option == socket_option::checksum_offset && s->family == family::v6) return s->checksum_offset;
    return datagram_sockets::get_option(id, option);
}

bool raw_sockets::is_icmp(const socket& s) noexcept
{
    return protocol_of(s) == (s.family == family::v4 ? ip_protocol::icmp : ip_protocol::icmpv6);
}

error_code raw_sockets::set_blocked(socket_id id, const icmp_types& types)
{
    socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!is_icmp(*s)) return errno_code(EOPNOTSUPP);
    s->blocked = types;
    return {};
}

result<icmp_types> raw_sockets::blocked(socket_id id) const
{
    const socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!is_icmp(*s)) return errno_code(EOPNOTSUPP);
    return s->blocked;
}

result<std::size_t> raw_sockets::send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                               time_point now, const send_hints& hints)
{
    const auto to = receiver_of(s, destination);
    if (!to) return to.error();
    const bool other_port = s.family == family::v6 && to->port != 0 && to->port != s.local.port;
    if (destination != nullptr && other_port) return errno_code(EINVAL); // as Linux: of IPv6, the port can only be the protocol
    const auto way = find_path(s, *to, destination != nullptr, hints);
    if (!way) return way.error();
    if (s.header_included) return send_with_header(*way, to->address, gather(from, size_of(from)), now);
    const std::size_t size = size_of(from), header = sizes_of(family_of(to->address)).ip_header;
    const bool too_long = size + (to->address.is_v4() ? header : 0) > 0xffff;
    const bool whole = way->header.fragments == ip::fragmenting::never;
    if (too_long || (whole && size + header > way->header.mtu)) return errno_code(EMSGSIZE);
    if (!s.bound) {
        if (const auto failed = claim(id, s, {s.local.address, 0})) return failed;
    }
    const flow_key flow({way->source, 0}, {to->address, 0}, protocol_of(s));
    packet payload = gather(from, size);
    if (s.checksum_offset >= 0 && !flow.is_v4()) {
        if (const auto failed = fill_in_checksum(payload, flow, static_cast<std::size_t>(s.checksum_offset))) return failed;
    }
    if (const auto failed = net_.send(std::move(payload), *way->route, flow, way->header, now)) return failed;
    return size;
}

/// As Linux: of IPv4 the length and the checksum are always written, the source and the identification if they are 0; of IPv6
/// nothing. The packet goes where `to` leads, whatever its header says, and is never fragmented.
result<std::size_t> raw_sockets::send_with_header(const path& way, const address& to, packet whole, time_point now)
{
    const std::size_t size = whole.size();
    if (size > net_.interface(way.route->interface).info().mtu) return errno_code(EMSGSIZE);
    if (size < sizes_of(family_of(to)).ip_header) return errno_code(EINVAL);
    if (to.is_v4() && !complete_ipv4_header(whole, way.source.to_v4(), net_.random_identification())) return errno_code(EINVAL);
    const flow_key flow({way.source, 0}, {to, 0}, ip_protocol::raw);
    if (const auto failed = net_.send_with_header(std::move(whole), *way.route, flow, now)) return failed;
    return size;
}

bool raw_sockets::concerns(const socket& s, ip_protocol number, const address& own, const address& peer,
                           interface_id interface) noexcept
{
    if (protocol_of(s) != number || family_of(own) != s.family) return false;
    if (s.bound && !s.local.address.is_unspecified() && s.local.address != own) return false;
    if (s.connected && s.remote.address != peer) return false;
    return s.hears(own, peer, interface);
}

/// Every socket that may have sent the packet is told. Its queue gets the packet as the socket had sent it. As on Linux, that an
/// IPv6 packet was too long is told to a connected socket only with IPV6_PMTUDISC_DO.
void raw_sockets::icmp_error_raw(const ip::icmp_error_report& r, time_point now)
{
    constexpr std::uint8_t discovers = 2;
    const ip::icmp_error_report told = r.without_ports();
    for (const socket_id id : all_) {
        socket& s = *find(id);
        if (!concerns(s, r.flow.protocol(), r.flow.source_address(), r.flow.destination_address(), r.interface)) continue;
        heed_mtu(s, r, now);
        const bool untold = r.mtu != 0 && s.family == family::v6 && s.mtu_discover != discovers && !s.receive_errors;
        if (!untold) fail(s, told, s.header_included ? 0 : r.quote_ip_header);
    }
}

/// ICMP6_FILTER, ICMP_FILTER, IPV6_CHECKSUM. As Linux, a wrong checksum counts as one of the socket's drops.
bool raw_sockets::takes(socket& s, const ip::rx_packet& p)
{
    if (is_icmp(s)) {
        std::array<std::byte, 1> type{};
        if (p.transport_part().copy_to(type) < type.size()) return false;
        const auto number = std::to_integer<unsigned>(type[0]);
        if ((s.blocked[number / 32] >> number % 32 & 1) != 0) return false;
    }
    if (s.family == family::v4 || s.checksum_offset < 0 || has_right_checksum(p)) return true;
    return ++s.drops, false;
}

bool raw_sockets::receive_raw(const ip::rx_packet& p, time_point now)
{
    const address from = p.flow.source_address(), to = p.flow.destination_address();
    bool taken = false;
    for (const socket_id id : all_) {
        socket& s = *find(id);
        if (!concerns(s, p.protocol(), to, from, p.interface)) continue;
        taken = true;
        if (!takes(s, p)) continue;
        packet part = to.is_v4() ? p.network_part() : p.transport_part();
        if (passes_filter(s, part, 0)) (void)deliver(s, {from, 0}, std::move(part), p, now);
    }
    return taken;
}

} // namespace tapio::core
