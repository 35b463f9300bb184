// Text for people: names of drop reasons, TCP and interface states; link-layer addresses.
#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/interface_configuration.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/tcp_info.hpp>
#include <tapio/core/trace.hpp>

#include <charconv>
#include <stdexcept>

namespace tapio::core {

const char* name(drop_reason reason) noexcept
{
    switch (reason) {
#define TAPIO_X(n, text) \
    case drop_reason::n: return #n;
        TAPIO_DROP_REASONS(TAPIO_X)
#undef TAPIO_X
    }
    return "unknown";
}

const char* describe(drop_reason reason) noexcept
{
    switch (reason) {
#define TAPIO_X(n, text) \
    case drop_reason::n: return text;
        TAPIO_DROP_REASONS(TAPIO_X)
#undef TAPIO_X
    }
    return "unknown";
}

const char* name(tcp_state state) noexcept
{
    switch (state) {
    case tcp_state::closed: return "CLOSED";
    case tcp_state::listen: return "LISTEN";
    case tcp_state::syn_sent: return "SYN-SENT";
    case tcp_state::syn_received: return "SYN-RECEIVED";
    case tcp_state::established: return "ESTABLISHED";
    case tcp_state::fin_wait_1: return "FIN-WAIT-1";
    case tcp_state::fin_wait_2: return "FIN-WAIT-2";
    case tcp_state::close_wait: return "CLOSE-WAIT";
    case tcp_state::closing: return "CLOSING";
    case tcp_state::last_ack: return "LAST-ACK";
    case tcp_state::time_wait: return "TIME-WAIT";
    }
    return "unknown";
}

const char* name(tcp_recovery phase) noexcept
{
    switch (phase) {
    case tcp_recovery::open: return "open";
    case tcp_recovery::disorder: return "disorder";
    case tcp_recovery::cwr: return "cwr";
    case tcp_recovery::recovering: return "recovering";
    case tcp_recovery::loss: return "loss";
    }
    return "unknown";
}

const char* name(tcp_timer timer) noexcept
{
    switch (timer) {
    case tcp_timer::none: return "none";
    case tcp_timer::retransmit: return "retransmit";
    case tcp_timer::tail_probe: return "tail_probe";
    case tcp_timer::reorder: return "reorder";
    case tcp_timer::pace: return "pace";
    case tcp_timer::persist: return "persist";
    case tcp_timer::delayed_ack: return "delayed_ack";
    case tcp_timer::keep_alive: return "keep_alive";
    case tcp_timer::orphan: return "orphan";
    case tcp_timer::fin_wait_2: return "fin_wait_2";
    case tcp_timer::time_wait: return "time_wait";
    }
    return "unknown";
}

const char* name(interface_state state) noexcept
{
    switch (state) {
    case interface_state::up: return "up";
    case interface_state::down: return "down";
    case interface_state::not_present: return "notPresent";
    }
    return "unknown";
}

const char* name(datagram_socket_kind kind) noexcept
{
    switch (kind) {
    case datagram_socket_kind::udp: return "udp";
    case datagram_socket_kind::raw: return "raw";
    case datagram_socket_kind::ping: return "ping";
    }
    return "unknown";
}

const char* name(neighbor_state state) noexcept
{
    switch (state) {
    case neighbor_state::incomplete: return "incomplete";
    case neighbor_state::reachable: return "reachable";
    case neighbor_state::stale: return "stale";
    case neighbor_state::delay: return "delay";
    case neighbor_state::probe: return "probe";
    }
    return "unknown";
}

const char* name(route_kind kind) noexcept
{
    switch (kind) {
    case route_kind::unicast: return "unicast";
    case route_kind::blackhole: return "blackhole";
    case route_kind::unreachable: return "unreachable";
    case route_kind::prohibit: return "prohibit";
    }
    return "unknown";
}

const char* name(address_origin origin) noexcept
{
    switch (origin) {
    case address_origin::manual: return "manual";
    case address_origin::link_local: return "link_local";
    case address_origin::slaac: return "slaac";
    case address_origin::dhcpv4: return "dhcpv4";
    case address_origin::dhcpv6: return "dhcpv6";
    }
    return "unknown";
}

const char* name(dhcpv4_state state) noexcept
{
    switch (state) {
    case dhcpv4_state::off: return "off";
    case dhcpv4_state::init: return "init";
    case dhcpv4_state::selecting: return "selecting";
    case dhcpv4_state::requesting: return "requesting";
    case dhcpv4_state::rebooting: return "rebooting";
    case dhcpv4_state::probing: return "probing";
    case dhcpv4_state::bound: return "bound";
    case dhcpv4_state::renewing: return "renewing";
    case dhcpv4_state::rebinding: return "rebinding";
    }
    return "unknown";
}

const char* name(dhcpv6_state state) noexcept
{
    switch (state) {
    case dhcpv6_state::off: return "off";
    case dhcpv6_state::soliciting: return "soliciting";
    case dhcpv6_state::requesting: return "requesting";
    case dhcpv6_state::confirming: return "confirming";
    case dhcpv6_state::bound: return "bound";
    case dhcpv6_state::renewing: return "renewing";
    case dhcpv6_state::rebinding: return "rebinding";
    case dhcpv6_state::declining: return "declining";
    case dhcpv6_state::releasing: return "releasing";
    case dhcpv6_state::informing: return "informing";
    case dhcpv6_state::informed: return "informed";
    }
    return "unknown";
}

std::string to_string(const mac_address& mac)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t o : mac.octets) {
        if (!out.empty()) out += ':';
        out += digits[o >> 4];
        out += digits[o & 15];
    }
    return out;
}

bool parse(const std::string& text, mac_address& out) noexcept
{
    mac_address mac;
    if (text.size() != 17) return false;
    for (std::size_t i = 0; i < 6; ++i) {
        const char* const at = text.data() + 3 * i;
        if (i > 0 && at[-1] != ':' && at[-1] != '-') return false;
        const auto [end, failed] = std::from_chars(at, at + 2, mac.octets[i], 16);
        if (failed != std::errc() || end != at + 2) return false;
    }
    out = mac;
    return true;
}

void throw_exception_from_error(drop_reason reason, const boost::source_location&) { throw std::logic_error(describe(reason)); }

} // namespace tapio::core
