/// @file
/// Hooks: code of the user's that sees every IP packet which a stack receives, forwards or sends, and may drop or rewrite it.
/// <tapio/nat44.hpp> is one. Derive from core::packet_hook, and give it to stack::add_hook():
///
///     using namespace tapio::core;
///     struct no_telnet : packet_hook
///     {
///         hook_verdict forward(hooked_packet& p, time_point) override
///         {
///             return p.protocol() == 6 && p.destination().port == 23 ? hook_verdict::reject : hook_verdict::accept;
///         }
///     };
///
/// A packet that a device delivers passes input(), then, unless it is for this host, forward() and output(). A packet of this
/// host passes output() alone. Packets that never leave the host (loopback) pass no hook.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>

namespace tapio::core {
class flow_key; // not exported
}

#pragma GCC visibility push(default)

namespace tapio::core {

enum class hook_verdict : std::uint8_t
{
    accept,
    drop,  ///< silently
    reject ///< the sender is told by ICMP: administratively prohibited (RFC 1812 §5.2.7.1, RFC 4443 §3.1). At output(): as drop
};

/// A packet at a hook, with valid IP headers. It exists only during the call of the hook.
class hooked_packet
{
public:
    static constexpr std::uint32_t none = ~std::uint32_t{0}; ///< no interface

    core::family family() const noexcept;
    /// Addresses, with ports if the packet has a TCP or UDP header (has_ports()), else with port 0.
    endpoint source() const noexcept;
    endpoint destination() const noexcept;
    std::uint8_t protocol() const noexcept; ///< the transport's number: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6
    bool has_ports() const noexcept { return has_ports_; }
    /// The interface that received the packet (none: this host sends it), and the one that will send it (none at input()).
    std::uint32_t in() const noexcept { return in_; }
    std::uint32_t out() const noexcept { return out_; }

    /// The packet from its IP header on. With offload it may be larger than the MTU, and its checksum may be partial.
    packet contents() const;
    std::size_t size() const noexcept { return packet_->size() - network_at_; }       ///< octets, from the IP header on
    std::size_t transport_at() const noexcept { return transport_at_ - network_at_; } ///< offset of the transport header
    /// Copies octets from `offset` on, counted from the IP header. @return how many; fewer than out.size() at the packet's end
    std::size_t copy_to(mutable_bytes out, std::size_t offset) const noexcept;

    // -- rewriting; checksums follow (RFC 1624), and a partial one stays partial ----------------------------------------------
    /// The port is ignored unless has_ports(). @pre the address is of the packet's family. At output() the route does not follow
    /// a new destination.
    void set_source(const endpoint& e);
    void set_destination(const endpoint& e);
    /// Replaces octets of the transport header or its payload. @param offset from the IP header on, even, at least transport_at()
    /// @pre bytes.size() is even, the octets are there, and none of them is a port or the checksum
    void rewrite(std::size_t offset, const_bytes bytes);

    /// A number that travels with the packet from input() to forward() and output(); 0 at first.
    std::uint32_t mark() const noexcept { return *mark_; }
    void set_mark(std::uint32_t m) noexcept { *mark_ = m; }

    /// Internal. @param transport_at the size of the packet if this fragment does not begin with the transport header
    /// @param ports the packet has a TCP or UDP header
    hooked_packet(packet& p, flow_key& flow, std::size_t network_at, std::size_t transport_at, bool ports, std::uint32_t in,
                  std::uint32_t out, std::uint32_t& mark) noexcept
        : packet_(&p),
          flow_(&flow),
          mark_(&mark),
          network_at_(network_at),
          transport_at_(transport_at),
          in_(in),
          out_(out),
          has_ports_(ports)
    {
    }

private:
    void set_end(unsigned end, const endpoint& e);
    std::size_t checksum_at() const noexcept;
    void replace(std::size_t at, const_bytes bytes);
    void update_transport_checksum(const_bytes before, const_bytes after, bool in_pseudo_header);

    packet* packet_;
    flow_key* flow_;
    std::uint32_t* mark_;
    std::size_t network_at_, transport_at_; ///< offsets in `packet_`
    std::uint32_t in_, out_;
    bool has_ports_;
};

/// Override what is of interest.
/// @par Contract  functions are called with the stack's lock held, for every packet: they must be quick, must not call the stack
///   or its sockets, and must not throw
/// @par Thread safety  one stack calls from one thread at a time. Shards call from all their threads at the same time
class packet_hook
{
public:
    virtual ~packet_hook();

    /// A device has delivered the packet; its destination has not been looked at yet. A new destination decides whether it is for
    /// this host and where it is forwarded.
    virtual hook_verdict input(hooked_packet&, time_point) { return hook_verdict::accept; }
    /// The packet is not for this host, and will be forwarded to hooked_packet::out().
    virtual hook_verdict forward(hooked_packet&, time_point) { return hook_verdict::accept; }
    /// The packet is about to leave, by hooked_packet::out(): the last look before it is fragmented.
    virtual hook_verdict output(hooked_packet&, time_point) { return hook_verdict::accept; }

    /// Whether fragments are reassembled before input(), also those of packets that will be forwarded. Otherwise input() and
    /// forward() see fragments, of which only the first has a transport header (and has_ports() is false for all).
    virtual bool needs_whole_datagrams() const noexcept { return false; }

    /// When advance() is to be called next.
    virtual time_point next_deadline() const noexcept { return never; }
    virtual void advance(time_point) {}
};

} // namespace tapio::core

#pragma GCC visibility pop
