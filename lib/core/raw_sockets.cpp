#include "core/raw_sockets.hpp"

#include <algorithm>

namespace tapio::core {

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

result<int> raw_sockets::get_option(socket_id id, socket_option option) const
{
    const socket* const s = find(id);
    if (s != nullptr && option == socket_option::protocol) return static_cast<int>(protocol_of(*s));
    return datagram_sockets::get_option(id, option);
}

result<std::size_t> raw_sockets::send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                               time_point now, const send_hints& hints)
{
    const auto to = receiver_of(s, destination);
    if (!to) return to.error();
    const auto way = find_path(s, *to, destination != nullptr, hints);
    if (!way) return way.error();
    const std::size_t size = size_of(from), whole = sizeof(wire::ipv4_header) + size;
    if (whole > way->route->mtu || whole > 0xffff) return errno_code(EMSGSIZE);
    if (!s.bound) {
        if (const auto failed = claim(id, s, {s.local.address, 0})) return failed;
    }
    const flow_key flow({way->source, s.local.port}, *to, protocol_of(s));
    if (const auto failed = net_.send(gather(from, size), *way->route, flow, way->header, now)) return failed;
    return size;
}

bool raw_sockets::receive_raw(const ip::rx_packet& p, time_point now)
{
    const address from = p.flow.source_address(), to = p.flow.destination_address();
    bool taken = false;
    for (const socket_id id : all_) {
        socket& s = *find(id);
        if (protocol_of(s) != p.protocol()) continue;
        if (s.bound && !s.local.address.is_unspecified() && s.local.address != to) continue;
        if (s.connected && s.remote.address != from) continue;
        if (!s.hears(to, p.interface)) continue;
        taken = true;
        (void)deliver(s, {from, 0}, p.network_part(), p, now);
    }
    return taken;
}

} // namespace tapio::core
