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

/// Why a packet that was received cannot be delivered.
enum class unreachable : std::uint8_t
{
    protocol, ///< no such transport
    port      ///< no socket
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
    /// The rate limit of errors about received packets; counts the error, or the drop.
    bool may_tell(const rx_packet& about, const address& sender, time_point now);
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

    void receive(rx_packet& p, time_point now) override;
    // These two within the rate limit:
    void send_unreachable(const rx_packet& about, unreachable why, time_point now); ///< destination unreachable
    void send_reassembly_timeout(const rx_packet& first_fragment, time_point now);  ///< time exceeded, code 1

private:
    void echo_request(const rx_packet& p, packet&& message, const wire::icmpv4_message& m, time_point now);
    bool send_error(const rx_packet& about, wire::icmpv4_type type, std::uint8_t code, time_point now);
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
    void send_unreachable(const rx_packet& about, unreachable why, time_point now);
    void send_reassembly_timeout(const rx_packet& first_fragment, time_point now);
    /// A parameter problem: rx_packet::problem. Precondition: it is set.
    void send_problem(const rx_packet& about, time_point now);

private:
    void echo_request(const rx_packet& p, const wire::icmpv6_message& m, time_point now);
    bool send_error(const rx_packet& about, wire::icmpv6_type type, std::uint8_t code, std::uint32_t rest, bool also_about_group,
                    time_point now);

    ndp& ndp_;
    multicast& groups_;
};

} // namespace tapio::core::ip
