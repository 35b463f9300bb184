// The options that UDP and raw sockets share, with Linux's bounds and errors.
#include "core/datagram_sockets.hpp"
#include "core/local_ports.hpp"

#include <algorithm>
#include <limits>

namespace tapio::core {

/// Multicast options and SO_BINDTODEVICE. Empty for any other option.
std::optional<error_code> datagram_sockets::set_group_option(socket& s, socket_option option, int value)
{
    const auto interface = [&](std::optional<interface_id>& field) -> error_code {
        if (value < 0 || static_cast<std::size_t>(value) > net_.interfaces().size()) return errno_code(ENODEV);
        field = value == 0 ? std::nullopt : std::optional(static_cast<interface_id>(value - 1));
        return {};
    };
    switch (option) {
    case socket_option::multicast_hops:
        if (value < -1 || value > 255) return errno_code(EINVAL);
        s.multicast_hops = static_cast<std::uint8_t>(value == -1 ? 1 : value);
        return error_code();
    case socket_option::multicast_loopback: s.multicast_loopback = value != 0; return error_code();
    case socket_option::multicast_all: s.multicast_all = value != 0; return error_code();
    case socket_option::multicast_interface: return interface(s.multicast_interface);
    case socket_option::bound_interface: return interface(s.device);
    default: return std::nullopt;
    }
}

error_code datagram_sockets::set_option(socket_id id, socket_option option, int value, time_point)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (const auto done = set_group_option(*s, option, value)) return *done;
    switch (option) {
    case socket_option::reuse_address: s->reuse_address = value != 0; return {};
    case socket_option::reuse_port: s->reuse_port = value != 0; return {};
    case socket_option::broadcast: s->broadcast = value != 0; return {};
    case socket_option::receive_buffer_size:
        s->receive_buffer = std::clamp(value, least_receive_buffer, 64 * 1024 * 1024);
        s->queue.set_capacity(static_cast<std::size_t>(s->receive_buffer));
        return {};
    case socket_option::send_buffer_size: s->send_buffer = std::clamp(value, least_send_buffer, 64 * 1024 * 1024); return {};
    case socket_option::keep_alive: s->keep_alive = value != 0; return {};
    case socket_option::linger: s->linger = value; return {};
    case socket_option::oob_inline: s->oob_inline = value != 0; return {};
    case socket_option::debug: s->debug = value != 0; return {};
    case socket_option::do_not_route: s->do_not_route = value != 0; return {};
    case socket_option::receive_low_watermark:
        s->receive_low_watermark = value < 0 ? std::numeric_limits<int>::max() : std::max(value, 1);
        return {};
    case socket_option::timestamp: s->timestamps = value != 0 ? 1 : 0; return {};
    case socket_option::timestamp_ns: s->timestamps = value != 0 ? 2 : 0; return {};
    case socket_option::timestamping:
        if ((value & ~known_timestamping) != 0) return errno_code(EINVAL);
        s->timestamping = value;
        return {};
    case socket_option::packet_info: s->packet_info = value != 0; return {};
    case socket_option::receive_ttl: s->receive_ttl = value != 0; return {};
    case socket_option::receive_tos: s->receive_tos = value != 0; return {};
    case socket_option::receive_errors:
        s->receive_errors = value != 0;
        if (!s->receive_errors) s->error_queue.clear(); // as Linux
        return {};
    case socket_option::ttl:
        if (value == -1) return s->own_ttl = false, s->ttl = options_.ttl, error_code();
        if (value < (s->family == family::v6 ? 0 : 1) || value > 255) return errno_code(EINVAL);
        s->ttl = static_cast<std::uint8_t>(value);
        s->own_ttl = true;
        return {};
    case socket_option::tos: s->tos = static_cast<std::uint8_t>(value); return {};
    case socket_option::v6_only:
        if (s->family != family::v6) return errno_code(ENOPROTOOPT);
        if (s->bound) return errno_code(EINVAL);
        s->v6_only = value != 0;
        return {};
    case socket_option::source_preferences: return s->preferences.set(value);
    case socket_option::local_port_range:
        if (!is_port_range(value)) return errno_code(EINVAL);
        s->local_ports = value;
        return {};
    case socket_option::mtu_discover:
        if (value < 0 || value > 5) return errno_code(EINVAL);
        s->mtu_discover = static_cast<std::uint8_t>(value);
        return {};
    case socket_option::longest_packet:
        if (!is_longest_packet(value)) return errno_code(EINVAL);
        s->longest_packet = value;
        return {};
    default: return errno_code(ENOPROTOOPT);
    }
}

/// As on Linux: of a connected socket that has not set its own, what its packets have.
int datagram_sockets::ttl_of(const socket& s) const
{
    if (s.own_ttl || !s.connected) return s.ttl;
    const auto found = net_.routes().find(s.remote.address, s.local.address, s.device);
    return found ? net_.hop_limit(*found->route, s.ttl) : s.ttl;
}

/// Boolean options. Empty for any other option.
std::optional<int> datagram_sockets::get_flag(const socket& s, socket_option option) const
{
    switch (option) {
    case socket_option::reuse_address: return s.reuse_address;
    case socket_option::reuse_port: return s.reuse_port;
    case socket_option::broadcast: return s.broadcast;
    case socket_option::multicast_loopback: return s.multicast_loopback;
    case socket_option::multicast_all: return s.multicast_all;
    case socket_option::packet_info: return s.packet_info;
    case socket_option::receive_ttl: return s.receive_ttl;
    case socket_option::receive_tos: return s.receive_tos;
    case socket_option::receive_errors: return s.receive_errors;
    case socket_option::timestamp: return s.timestamps == 1;
    case socket_option::timestamp_ns: return s.timestamps == 2;
    case socket_option::keep_alive: return s.keep_alive;
    case socket_option::oob_inline: return s.oob_inline;
    case socket_option::debug: return s.debug;
    case socket_option::do_not_route: return s.do_not_route;
    case socket_option::accept_connections: return 0;
    case socket_option::send_low_watermark: return 1;
    default: return std::nullopt;
    }
}

result<int> datagram_sockets::get_option(socket_id id, socket_option option) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (const auto flag = get_flag(*s, option)) return *flag;
    switch (option) {
    case socket_option::protocol: return static_cast<int>(number());
    case socket_option::receive_buffer_size: return s->receive_buffer;
    case socket_option::send_buffer_size: return s->send_buffer;
    case socket_option::linger: return s->linger;
    case socket_option::bound_interface: return s->device ? static_cast<int>(*s->device) + 1 : 0;
    case socket_option::multicast_interface: return s->multicast_interface ? static_cast<int>(*s->multicast_interface) + 1 : 0;
    case socket_option::receive_low_watermark: return s->receive_low_watermark;
    case socket_option::multicast_hops: return s->multicast_hops;
    case socket_option::path_mtu: {
        if (!s->connected) return errno_code(ENOTCONN);
        const auto found = net_.routes().find(s->remote.address, s->local.address);
        return found ? result<int>(static_cast<int>(net_.path_mtu(*found->route, s->remote.address))) : found.error();
    }
    case socket_option::source_preferences: return s->preferences.flags();
    case socket_option::local_port_range: return s->local_ports;
    case socket_option::mtu_discover: return s->mtu_discover;
    case socket_option::timestamping: return s->timestamping;
    case socket_option::ttl: return ttl_of(*s);
    case socket_option::v6_only: return s->family == family::v6 ? result<int>(s->v6_only ? 1 : 0) : errno_code(ENOPROTOOPT);
    case socket_option::tos: return s->tos;
    default: return errno_code(ENOPROTOOPT);
    }
}

} // namespace tapio::core
