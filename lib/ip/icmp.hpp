/// @file
/// ICMP of both families: echo replies, errors that we send, and received errors, which are reported to the transport whose
/// packet they quote. Read RFC 1122 §3.2.2 (IPv4) and RFC 4443 (IPv6) first.
#pragma once

#include "ip/address_table.hpp"
#include "ip/icmp_limiter.hpp"
#include "ip/multicast.hpp"
#include "ip/ndp.hpp"
#include "ip/output.hpp"
#include "ip/shard_exchange.hpp"
#include "ip/transport.hpp"
#include "link/interface_table.hpp"
#include "wire/icmpv4.hpp"
#include "wire/icmpv6.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace tapio::core::ip {

struct icmp_options
{
    std::uint8_t ttl = 64;
    bool answer_echo = true;            ///< RFC 1122 §3.2.2.6, RFC 4443 §4.2
    bool answer_broadcast_echo = false; ///< ... to a broadcast or IPv4 multicast address (RFC 1122 §3.2.2.6 allows ignoring them)
};

/// Why a packet that was received can be neither delivered nor forwarded.
enum class unreachable : std::uint8_t
{
    protocol,     ///< no such transport
    port,         ///< no socket
    network,      ///< no route
    host,         ///< the last router's neighbour does not answer, or the route says so
    source_route, ///< IPv4: it is not followed
    beyond_scope, ///< IPv6: from a link-local address to another link (RFC 4443 §3.1)
    prohibited    ///< by a route or a hook
};

/// What the ICMP of both families has in common.
class icmp_common
{
public:
    icmp_common(link::interface_table& interfaces, const address_table& addresses, output& out, const transport_table& transports,
                shard_exchange& shards, const icmp_options& options, icmp_counters& counters) noexcept
        : interfaces_(interfaces),
          addresses_(addresses),
          out_(out),
          transports_(transports),
          shards_(shards),
          options_(options),
          counters_(counters)
    {
    }

    /// Tells the transport that the next hop of its packet does not answer ARP or NDP, as if an ICMP host unreachable had been
    /// received (RFC 1122 §2.3.2.2, RFC 4861 §7.2.2).
    void report_unreachable(const link::interface& i, const packet& ip_packet, time_point now) const;

protected:
    ~icmp_common() = default;

    struct meaning ///< of a received error
    {
        int error = 0; ///< errno; 0: not reported
        bool hard = false;
    };
    /// Reads the quoted packet, and tells its transport. @param quote from its IP header on
    void error_message(const rx_packet& p, packet&& quote, meaning what, std::uint8_t type, std::uint8_t code, std::size_t mtu,
                       time_point now);
    /// An answer to an echo request of a socket's, or an error about one.
    void echo_reply(const rx_packet& p, time_point now) const;
    void echo_error(const icmp_error_report& r, time_point now) const;
    /// The rate limit of errors about received packets; counts the error, or the drop.
    bool may_tell(const rx_packet& about, const address& sender, time_point now);
    /// The source of an error about a packet: its destination if that is ours, else the address from which its sender is reached
    /// (RFC 1812 §4.3.2.4, RFC 4443 §2.2).
    std::optional<address> source_of_error(const rx_packet& about) const;
    /// The offending packet from its IP header on, as on the wire, cut to `room` octets.
    static packet quoted(const rx_packet& about, std::size_t room);
    void dropped(const rx_packet& p, drop_reason why, time_point now) { interfaces_[p.interface].dropped(why, p.contents, now); }

    link::interface_table& interfaces_;
    const address_table& addresses_;
    output& out_;
    const transport_table& transports_;
    shard_exchange& shards_;
    const icmp_options options_;
    icmp_counters& counters_;

private:
    void report(const icmp_error_report& r, time_point now) const;

    icmp_limiter limiter_;
};

/// ICMP for IPv4 (RFC 792).
class icmp final : public transport, public icmp_common
{
public:
    using icmp_common::icmp_common;

    void set_listener(router_listener& l) noexcept { listener_ = &l; }
    void receive(rx_packet& p, time_point now) override;
    void icmp_error(const icmp_error_report& r, time_point now) override { echo_error(r, now); }
    // These two within the rate limit:
    /// Destination unreachable. @param from the source (a user's proxy speaks for another host); none: chosen
    void send_unreachable(const rx_packet& about, unreachable why, time_point now, const std::optional<address>& from = {});
    void send_reassembly_timeout(const rx_packet& first_fragment, time_point now); ///< time exceeded, code 1
    void send_time_exceeded(const rx_packet& about, time_point now,
                            const std::optional<address>& from = {});                    ///< code 0: the TTL ran out
    void send_too_big(const rx_packet& about, std::size_t mtu, time_point now);          ///< fragmentation needed (RFC 1191 §4)
    void send_redirect(const rx_packet& about, const address& next_hop, time_point now); ///< for the host

private:
    void echo_request(const rx_packet& p, packet&& message, const wire::icmpv4_message& m, time_point now);
    void redirected(const rx_packet& p, packet&& quote, const address_v4& next_hop, time_point now);
    bool send_error(const rx_packet& about, wire::icmpv4_type type, std::uint8_t code, std::uint32_t rest, time_point now,
                    const std::optional<address>& from = {});

    router_listener* listener_ = nullptr;
};

/// ICMPv6 (RFC 4443); Neighbour Discovery is passed on to ndp, Multicast Listener Discovery to multicast.
class icmpv6 final : public transport, public icmp_common
{
public:
    template <class... Arguments>
    icmpv6(ndp& neighbors, multicast& groups, Arguments&&... arguments) noexcept
        : icmp_common(std::forward<Arguments>(arguments)...), ndp_(neighbors), groups_(groups)
    {
    }

    void receive(rx_packet& p, time_point now) override;
    void icmp_error(const icmp_error_report& r, time_point now) override { echo_error(r, now); }
    void send_unreachable(const rx_packet& about, unreachable why, time_point now, const std::optional<address>& from = {});
    void send_reassembly_timeout(const rx_packet& first_fragment, time_point now);
    void send_time_exceeded(const rx_packet& about, time_point now,
                            const std::optional<address>& from = {});                    ///< code 0: the hop limit ran out
    void send_too_big(const rx_packet& about, std::size_t mtu, time_point now);          ///< RFC 4443 §3.2
    void send_redirect(const rx_packet& about, const address& next_hop, time_point now); ///< RFC 4861 §8.2
    /// A parameter problem: rx_packet::problem. Precondition: it is set.
    void send_problem(const rx_packet& about, time_point now);

private:
    void echo_request(const rx_packet& p, const wire::icmpv6_message& m, time_point now);
    bool send_error(const rx_packet& about, wire::icmpv6_type type, std::uint8_t code, std::uint32_t rest, bool also_about_group,
                    time_point now, const std::optional<address>& from = {});

    ndp& ndp_;
    multicast& groups_;
};

} // namespace tapio::core::ip
