// Lists of a host's interfaces, neighbours, routes and sockets. Nothing here changes the host or wakes a resting connection.
#include "core/datagram_sockets.hpp"
#include "core/network.hpp"
#include "core/socket_names.hpp"
#include "core/tcp_sockets.hpp"

#include <algorithm>
#include <type_traits>

namespace tapio::core {

std::vector<interface_info> network::list_interfaces() const
{
    std::vector<interface_info> out;
    for (const auto& i : interfaces_.all()) {
        interface_info& one = out.emplace_back();
        one.id = i->id();
        one.status = i->status();
        one.link = i->info().link;
        one.mac = i->info().mac;
        one.offload = i->info().offload;
        for (const link::interface_address& a : i->addresses) one.addresses.push_back({a.address, a.prefix_length, a.origin});
        one.transmit_queue = i->queue().size();
        one.vlan = i->vlan();
        one.carrier = i->carrier() != nullptr ? i->carrier()->id() : 0;
        one.counters = i->counters();
    }
    return out;
}

interface_configuration network::configuration(interface_id interface) const
{
    interface_configuration out;
    const link::interface& i = interfaces_[interface];
    out.version = i.configuration;
    for (const link::interface_address& a : i.addresses) out.addresses.push_back({a.address, a.prefix_length, a.origin});
    const auto learned = autoconfigured_.find(interface);
    if (learned == autoconfigured_.end()) return out;
    const ip::dns_configuration dns = learned->second.dns();
    for (const address_v6& server : dns.servers) out.dns_servers.push_back(in_zone(server, i.zone()));
    out.search_domains = dns.search_domains;
    return out;
}

std::vector<neighbor_info> network::list_neighbors() const
{
    std::vector<neighbor_info> out;
    for (const auto& i : interfaces_.all()) i->neighbors.list(i->id(), out);
    return out;
}

std::vector<route_info> network::list_routes() const { return routes_.all(); }

namespace {

/// Fills in `out` for a socket. @return its tcp_info; none if it neither listens nor has a connection
std::optional<tcp_info> describe(const tcp_socket& s, time_point now, connection_info& out)
{
    out.detached = s.detached;
    if (s.listening) {
        tcp_info i;
        out.state = i.state = tcp_state::listen;
        i.waiting = static_cast<std::uint32_t>(s.listening->established.size());
        i.backlog = s.listening->backlog;
        out.receive_queue = i.waiting;
        out.send_queue = i.backlog;
        return i;
    }
    if (!s.connection) return std::nullopt;
    tcp_info i = s.connection->info(now);
    out.state = i.state;
    out.receive_queue = i.unread;
    out.send_queue = s.connection->unacknowledged();
    out.timer = i.timer;
    out.timer_expires = i.timer_expires;
    out.retransmissions = i.retransmissions;
    return i;
}

template <class Entry>
Entry entry_of(const endpoint& local, const endpoint& remote)
{
    Entry out;
    out.local = local;
    out.remote = remote;
    return out;
}

} // namespace

template <class Entry>
std::vector<Entry> tcp_sockets::list_as(time_point now) const
{
    std::vector<Entry> out;
    out.reserve(size());
    sockets_.for_each([&](tcp_id, const tcp_socket_slot& slot) {
        if (slot.rests()) {
            const tcp_socket_facts& f = slot.resting().facts;
            Entry& one = out.emplace_back(entry_of<Entry>(f.local(), f.remote()));
            one.state = tcp_state::established; // only ESTABLISHED connections rest (connection::may_rest())
            one.at_rest = true;
        } else if (const tcp_socket& s = slot.awake(); s.bound || s.connection) {
            Entry& one = out.emplace_back(entry_of<Entry>(s.local(), s.remote()));
            [[maybe_unused]] const auto info = describe(s, now, one);
            if constexpr (std::is_same_v<Entry, detailed_connection>) one.info = info;
        }
    });
    waiting_.for_each([&](const time_wait_table::entry& e) {
        Entry& one = out.emplace_back(entry_of<Entry>(e.flow.destination(), e.flow.source()));
        one.state = tcp_state::time_wait;
        one.detached = true;
        one.timer = tcp_timer::time_wait;
        one.timer_expires = std::max(e.end - now, duration::zero());
    });
    return out;
}

std::vector<connection_info> tcp_sockets::list(time_point now) const { return list_as<connection_info>(now); }

std::vector<detailed_connection> tcp_sockets::list_in_detail(time_point now) const { return list_as<detailed_connection>(now); }

void datagram_sockets::list(std::vector<datagram_socket_info>& into) const
{
    using enum datagram_socket_kind;
    const bool is_raw = type() == socket_type::raw;
    sockets_.for_each([&](socket_id, const socket& s) {
        if (!s.bound && !is_raw) return;
        datagram_socket_info& one = into.emplace_back();
        one.kind = is_raw ? raw : number() == ip_protocol::udp ? udp : ping;
        one.local = s.local;
        one.remote = s.connected ? s.remote : endpoint{unspecified(s.family), 0};
        one.connected = s.connected;
        one.v6_only = s.v6_only;
        one.receive_queue = s.queue.octets();
        one.drops = s.drops;
        one.interface = s.device;
    });
}

} // namespace tapio::core
