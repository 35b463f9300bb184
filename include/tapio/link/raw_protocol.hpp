/// @file
/// Raw Ethernet: `tapio::link::raw_protocol::socket` is `boost::asio::basic_raw_socket<tapio::link::raw_protocol>`, Asio's own
/// class on a tapio stack. It receives copies of whole frames, of one EtherType or of all, from one interface or from all, and
/// sends frames as they are. It is what AF_PACKET with SOCK_RAW is on Linux, and has its rules and errors. No privileges are
/// needed.
///
///     using tapio::link::raw_protocol;
///     raw_protocol::socket socket(stack, raw_protocol(0x0806)); // ARP
///     socket.bind({1, 0x0806});                                 // of interface 1
///     socket.async_receive_from(buffer, from, handler);         // from.address(): the frame's source; from.kind()
///     socket.send(frame);                                       // by interface 1, from the destination's address on
///
/// **What is received.** A frame from the Ethernet header on, as it came from the device or is given to it: with its VLAN tag,
/// also on the interface that carries the VLAN (that tag is missing from the frames of the VLAN's own interface, where Linux has
/// none either), and with padding. A device with offload delivers and takes super-segments of up to 64 KiB, with partial
/// checksums: those are received whole, as on Linux. Frames to other stations are received in promiscuous mode only
/// (`promiscuous`), for which no other socket and no counter changes: they are still dropped as misdirected behind the sockets.
/// All multicasts are received. Sent frames (kind outgoing) are received by sockets of `raw_protocol::all()`, other than the one
/// that sent them, unless they `ignore_outgoing`. On a TUN device and on the loopback, links without Ethernet headers, a frame is
/// the bare IP packet, both ways. Hooks neither see nor stop any of this. Each socket has its own queue, bounded by SO_RCVBUF;
/// `statistics` and SO_MEMINFO count what did not fit.
///
/// **Several shards** (shards.hpp) have a queue of the device each: a socket receives what came through its shard's.
///
/// @par Errors  of bind(): no_such_device · of send(): ENXIO (no such interface, its device is gone, or none was named),
/// network_down
///   (disabled), message_size (longer than the MTU, the header, and a VLAN tag if there is one), invalid_argument (shorter than
///   the header), no_buffer_space (the transmit queue is full). On a link without carrier a frame is lost without an error. When
///   the interface that the socket is bound to is disabled, or its device fails, pending operations complete with network_down,
///   once; the socket stays bound, and receives again when the interface is back. operation_not_supported: connect, shutdown,
///   listen, remote_endpoint
/// @par Cancellation, thread safety, lifetime  those of <tapio/ip/udp.hpp>
/// @par Source  packet(7), IEEE 802.3, IEEE 802.1Q
#pragma once

#include <tapio/core/link_endpoint.hpp>
#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/detail/socket_option.hpp>
#include <boost/asio/ip/icmp.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio::link {

using core::frame_kind;
using core::mac_address;

constexpr int packet_level = 263;                                 ///< SOL_PACKET
constexpr int statistics_option = 6, ignore_outgoing_option = 23; ///< PACKET_STATISTICS, PACKET_IGNORE_OUTGOING
constexpr int promiscuous_option = 0x7a01;                        ///< tapio's own; PACKET_ADD_MEMBERSHIP does the same

class raw_endpoint;

/// The protocol class: an EtherType, or all of them.
class raw_protocol
{
public:
    using endpoint = raw_endpoint;
    using socket = boost::asio::basic_raw_socket<raw_protocol>;

    static constexpr detail::socket_kind kind = detail::socket_kind::link;

    /// @param ether_type  host byte order: 0x0806 is ARP; 0: receives nothing until the socket is bound to another one
    explicit raw_protocol(std::uint16_t ether_type) noexcept : ether_type_(ether_type) {}
    static raw_protocol all() noexcept { return raw_protocol(3); } ///< frames of all types, both ways (ETH_P_ALL)

    std::uint16_t ether_type() const noexcept { return ether_type_; }
    int type() const noexcept { return boost::asio::ip::icmp::v4().type(); }
    /// As socket(2) takes it: the EtherType in network byte order.
    int protocol() const noexcept { return static_cast<std::uint16_t>(ether_type_ << 8 | ether_type_ >> 8); }
    int family() const noexcept { return 17; } ///< AF_PACKET

    friend bool operator==(const raw_protocol&, const raw_protocol&) = default;

private:
    std::uint16_t ether_type_;
};

/// An interface, with the EtherType, the kind and the source of a received frame. To bind: the interface and the EtherType. To
/// send: the interface.
class raw_endpoint
{
public:
    using protocol_type = raw_protocol;
    struct data_type ///< the layout of Linux's sockaddr_ll
    {
        std::uint16_t family;
        std::uint16_t protocol; ///< network byte order
        std::int32_t index;     ///< 0: all; the loopback is 1
        std::uint16_t hardware_type;
        std::uint8_t kind;
        std::uint8_t address_length;
        std::uint8_t address[8];
    };

    raw_endpoint() noexcept { write({}); }
    /// @param interface  stack::interface_id, counted from 0, which is the loopback; none: all  @param ether_type  0: that of the
    ///   socket
    raw_endpoint(std::optional<unsigned> interface, std::uint16_t ether_type = 0, const mac_address& address = {}) noexcept
    {
        write({interface, ether_type, address, frame_kind::to_us});
    }

    std::optional<unsigned> interface() const noexcept { return read().interface; }
    std::uint16_t ether_type() const noexcept { return read().ether_type; } ///< host byte order; of an IEEE 802.3 frame 1 or 4
    mac_address address() const noexcept { return read().address; } ///< received: the source; unspecified: the link has none
    frame_kind kind() const noexcept { return read().kind; }        ///< received: to whom

    protocol_type protocol() const noexcept { return raw_protocol(ether_type()); }
    void* data() noexcept { return &octets_; }
    const void* data() const noexcept { return &octets_; }
    std::size_t size() const noexcept { return sizeof octets_; }
    std::size_t capacity() const noexcept { return sizeof octets_; }
    void resize(std::size_t) noexcept {}

    friend bool operator==(const raw_endpoint& a, const raw_endpoint& b) noexcept { return a.read() == b.read(); }

    // Internal.
    core::endpoint coded() const noexcept { return core::to_endpoint(read()); }
    static raw_endpoint decoded(const core::endpoint& e) noexcept
    {
        raw_endpoint out;
        out.write(core::to_link_endpoint(e));
        return out;
    }

private:
    core::link_endpoint read() const noexcept
    {
        core::link_endpoint e;
        if (octets_.index > 0) e.interface = static_cast<std::uint32_t>(octets_.index - 1);
        e.ether_type = static_cast<std::uint16_t>(octets_.protocol << 8 | octets_.protocol >> 8);
        std::memcpy(e.address.octets.data(), octets_.address, e.address.octets.size());
        e.kind = static_cast<frame_kind>(octets_.kind);
        return e;
    }
    void write(const core::link_endpoint& e) noexcept
    {
        const int index = e.interface ? static_cast<int>(*e.interface) + 1 : 0;
        const bool named = !e.address.is_unspecified();
        octets_ = {17,
                   static_cast<std::uint16_t>(e.ether_type << 8 | e.ether_type >> 8),
                   index,
                   static_cast<std::uint16_t>(named ? 1 : 0),
                   static_cast<std::uint8_t>(e.kind),
                   static_cast<std::uint8_t>(named ? 6 : 0),
                   {}};
        std::memcpy(octets_.address, e.address.octets.data(), e.address.octets.size());
    }

    data_type octets_;
};

/// Option: the socket receives frames to other stations, too.
using promiscuous = boost::asio::detail::socket_option::boolean<packet_level, promiscuous_option>;
/// Option: the socket does not receive what this host sends.
using ignore_outgoing = boost::asio::detail::socket_option::boolean<packet_level, ignore_outgoing_option>;

/// Option, read only: counts frames since it was read last.
class statistics
{
public:
    std::uint32_t packets() const noexcept { return value_[0]; } ///< for the socket, those dropped included
    std::uint32_t drops() const noexcept { return value_[1]; }   ///< because its queue was full

    template <class Protocol>
    int level(const Protocol&) const noexcept
    {
        return packet_level;
    }
    template <class Protocol>
    int name(const Protocol&) const noexcept
    {
        return statistics_option;
    }
    template <class Protocol>
    std::uint32_t* data(const Protocol&) noexcept
    {
        return value_;
    }
    template <class Protocol>
    std::size_t size(const Protocol&) const noexcept
    {
        return sizeof value_;
    }
    template <class Protocol>
    void resize(const Protocol&, std::size_t) noexcept
    {
    }

private:
    std::uint32_t value_[2]{};
};

static_assert(std::is_same_v<raw_protocol::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::link

#pragma GCC visibility pop
