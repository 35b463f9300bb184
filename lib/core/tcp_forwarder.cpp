#include "core/tcp_forwarder.hpp"

#include "core/tcp_sockets.hpp"
#include "wire/tcp.hpp"

namespace tapio::core {

namespace {

std::uint32_t sequence_of(const ip::rx_packet& p) noexcept
{
    return wire::load_32(p.transport_header().data() + offsetof(wire::tcp_header, sequence));
}

} // namespace

bool tcp_forwarder::receives(const tcp::segment& seg, ip::rx_packet& p, tcp_counters& counters, time_point now)
{
    if (!concerns(p)) return false;
    const bool opens = seg.bits.syn && !seg.bits.ack && !seg.bits.rst && !seg.bits.fin;
    if (entry* const e = find(p.flow)) {
        ip::rx_packet& first = e->held.packets.front();
        const std::uint32_t beyond = sequence_of(p) - sequence_of(first);
        net_.dropped(p, opens ? drop_reason::tcp_forwarder_waits : drop_reason::tcp_no_socket, now);
        if (seg.bits.rst && beyond <= 1) forget(*e); // the client gives up: its SYN took one sequence number
        if (opens) first = std::move(p);             // of a client that began anew, the new numbers
        return true;
    }
    if (!opens) return false;
    if (!offer(p, now)) {
        ++counters.forwarder_overflows;
        net_.dropped(p, drop_reason::tcp_forwarder_full, now);
        return true;
    }
    ++counters.forwarder_requests;
    return true;
}

result<socket_id> tcp_forwarder::accept(std::uint64_t id, time_point now)
{
    entry* const e = find_undecided(id);
    if (e == nullptr) return errno_code(ECONNABORTED);
    const ip::rx_packet first = std::move(e->held.packets.front());
    forget(*e);
    return sockets_.accept_flow(first, now);
}

bool tcp_forwarder::refuse_by_transport(ip::rx_packet& first, refusal how, time_point now)
{
    net_.dropped(first, drop_reason::tcp_refused, now);
    if (how != refusal::reset) return false;
    sockets_.reset_flow(first, now);
    return true;
}

} // namespace tapio::core
