/// @file
/// The raw Ethernet sockets of a host, as Linux's AF_PACKET with SOCK_RAW (packet(7)), errno for errno. A socket receives copies
/// of the frames of one EtherType, or of all, that one interface, or any, receives or sends, and sends frames as its user wrote
/// them. On a link without Ethernet headers (TUN, the loopback) a frame is the bare IP packet.
///
/// Endpoints are coded (tapio/core/link_endpoint.hpp). What is received and sent does not pass the network layer: hooks do not
/// see it.
#pragma once

#include "core/datagram_sockets.hpp"
#include "link/frame_tap.hpp"

#include <tapio/core/link_endpoint.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core {

/// PACKET_STATISTICS
struct link_statistics
{
    std::uint32_t packets = 0; ///< that matched, those dropped included
    std::uint32_t drops = 0;   ///< because the receive queue was full
};

class link_sockets final : public datagram_sockets, public link::frame_tap
{
public:
    static constexpr std::uint16_t all_types = 3; ///< ETH_P_ALL

    link_sockets(network& net, event_queue& events, const host_options& options);

    /// @param ether_type in host byte order; 0: receives nothing until it is bound to one; all_types
    result<socket_id> open(family f, int ether_type) override;
    /// To an interface, or to all, and an EtherType (0: as before). A socket may be bound again.
    error_code bind(socket_id id, const endpoint& local) override;
    error_code connect(socket_id, const endpoint&, time_point) override { return errno_code(EOPNOTSUPP); }
    error_code shutdown(socket_id, shutdown_type, time_point) override { return errno_code(EOPNOTSUPP); }
    /// @param destination names the interface, nothing else; null: the one that the socket is bound to
    result<std::size_t> send(socket_id id, const_buffer_list from, const endpoint* destination, time_point now,
                             const send_hints& hints = {}) override;
    result<endpoint> local_endpoint(socket_id id) const override;
    result<endpoint> remote_endpoint(socket_id) const override { return errno_code(EOPNOTSUPP); }
    result<int> get_option(socket_id id, socket_option option) const override;

    /// Counted, as PACKET_ADD_MEMBERSHIP.
    error_code set_promiscuous(socket_id id, bool yes);
    bool is_promiscuous(socket_id id) const;
    error_code ignore_outgoing(socket_id id, bool yes);
    bool ignores_outgoing(socket_id id) const;
    result<link_statistics> take_statistics(socket_id id); ///< and sets them to 0

private:
    /// What the frames are compared with, of one socket.
    struct tap
    {
        socket_id id;
        std::uint16_t ether_type = 0;
        std::optional<interface_id> interface {
        };
        unsigned promiscuous = 0; ///< calls
        bool ignores_outgoing = false;
        bool interface_gone = false; ///< ENETDOWN was reported
        link_statistics statistics{};
    };

    /// A frame as the taps see it.
    struct frame_view
    {
        link_endpoint from;     ///< the interface is set by hand_out()
        std::uint16_t vlan = 0; ///< 0: untagged
    };

    error_code claim(socket_id, socket&, const endpoint&) override { return errno_code(EOPNOTSUPP); }
    void release(socket_id id, const socket& s) override;
    result<std::size_t> send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                      time_point now, const send_hints& hints) override;

    void received(const link::interface& by, const packet& frame, time_point now) override { show(by, frame, false, now); }
    void sent(const link::interface& by, const packet& frame, time_point now) override { show(by, frame, true, now); }
    void state_changed(const link::interface& of) override;

    static std::optional<frame_view> view_of(const link::interface& by, const packet& frame, bool outgoing);
    void show(const link::interface& by, const packet& frame, bool outgoing, time_point now);
    void hand_out(const link::interface& by, const packet& frame, link_endpoint from, socket_id sender, time_point now);
    void hand_out(tap& t, packet frame, const link_endpoint& from, time_point now);
    static bool hears(const tap& t, const link_endpoint& from) noexcept;
    void follow_interface(tap& t);
    void register_tap();
    tap& tap_of(socket_id id) noexcept;
    const tap& tap_of(socket_id id) const noexcept;
    socket_id sender_of(const packet& frame, interface_id on);
    void forget_discarded(const link::interface& on);

    std::vector<tap> taps_;

    /// A socket does not receive what it has sent itself. Frames in a transmit queue, by the place of their octets: an entry must
    /// not outlast its frame, since another frame may get that place.
    struct queued
    {
        const std::byte* octets;
        interface_id on;
        socket_id by;
    };
    std::vector<queued> queued_;
};

} // namespace tapio::core
