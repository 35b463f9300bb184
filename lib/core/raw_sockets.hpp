/// @file
/// The raw sockets of a host (raw(7)). A raw socket sends the payload of an IP packet and receives copies of all packets of its
/// protocol: with the IPv4 header, but without the IPv6 header (RFC 3542 §3).
///
/// The checksum of ICMPv6 messages, and with IPV6_CHECKSUM that of other packets over IPv6, is filled in when they are sent and
/// checked when they arrive (RFC 3542 §3.1).
#pragma once

#include "core/datagram_sockets.hpp"

#include <vector>

namespace tapio::core {

class raw_sockets final : public datagram_sockets, public ip::raw_receiver
{
public:
    raw_sockets(network& net, event_queue& events, const host_options& options);

    /// @param protocol IP protocol number, 1 to 255; as on Linux it is stored as the local endpoint's port, and 255 (IPPROTO_RAW)
    /// means that packets to be sent have their header
    result<socket_id> open(family f, int protocol = 0) override;
    error_code shutdown(socket_id id, shutdown_type how, time_point now) override;
    error_code set_option(socket_id id, socket_option option, int value, time_point now) override;
    result<int> get_option(socket_id id, socket_option option) const override;
    /// The message types that a socket of ICMP or ICMPv6 does not receive (ICMP6_FILTER, ICMP_FILTER); of ICMP only types below
    /// 32 can be blocked. EOPNOTSUPP: a socket of another protocol.
    error_code set_blocked(socket_id id, const icmp_types& types);
    result<icmp_types> blocked(socket_id id) const;

    // -- called by the network layer ------------------------------------------------------------------------------------
    bool receive_raw(const ip::rx_packet& p, time_point now) override;
    void icmp_error_raw(const ip::icmp_error_report& r, time_point now) override;
    bool wants_raw() const noexcept override { return !all_.empty(); }

private:
    static ip_protocol protocol_of(const socket& s) noexcept { return static_cast<ip_protocol>(s.local.port); }

    /// The socket exchanges packets of the protocol between these addresses. @param own without a port, as `peer`
    static bool concerns(const socket& s, ip_protocol number, const address& own, const address& peer,
                         interface_id interface) noexcept;
    static bool is_icmp(const socket& s) noexcept;
    static bool takes(socket& s, const ip::rx_packet& p);
    error_code claim(socket_id id, socket& s, const endpoint& local) override;
    void release(socket_id id, const socket& s) override;
    result<std::size_t> send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                      time_point now, const send_hints& hints) override;
    result<std::size_t> send_with_header(const path& way, const address& to, packet whole, time_point now);

    std::vector<socket_id> all_;
};

} // namespace tapio::core
