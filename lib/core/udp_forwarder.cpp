#include "core/udp_forwarder.hpp"

#include "core/udp_sockets.hpp"

namespace tapio::core {

bool udp_forwarder::receives(ip::rx_packet& p, udp_counters& counters, time_point now)
{
    if (!concerns(p)) return false;
    entry* const e = find(p.flow);
    const bool room = e != nullptr ? e->held.packets.size() < options_.most_datagrams : offer(p, now);
    if (!room) {
        ++counters.forwarder_overflows;
        net_.dropped(p, drop_reason::udp_forwarder_full, now);
    } else if (e != nullptr) {
        e->held.packets.push_back(std::move(p));
    } else {
        ++counters.forwarder_requests;
    }
    return true;
}

result<socket_id> udp_forwarder::accept(std::uint64_t id, time_point now)
{
    entry* const e = find_undecided(id);
    if (e == nullptr) return errno_code(ECONNABORTED);
    const flow_key flow = e->flow;
    std::vector<ip::rx_packet> packets = std::move(e->held.packets);
    forget(*e);
    const auto made = sockets_.accept_flow(flow);
    if (made)
        for (ip::rx_packet& p : packets) sockets_.receive(p, now);
    return made;
}

bool udp_forwarder::refuse_by_transport(ip::rx_packet& first, refusal, time_point now)
{
    net_.dropped(first, drop_reason::udp_refused, now);
    return false;
}

} // namespace tapio::core
