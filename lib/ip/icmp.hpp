/// @file
/// ICMP (RFC 792, RFC 1122 §3.2.2): echo replies, errors that we send, and received errors, which are reported to the transport
/// whose packet they quote.
#pragma once

#include "ip/address_table.hpp"
#include "ip/icmp_limiter.hpp"
#include "ip/output.hpp"
#include "ip/shard_exchange.hpp"
#include "ip/transport.hpp"
#include "link/interface_table.hpp"
#include "wire/icmpv4.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>

namespace tapio::core::ip {

struct icmp_options
{
    std::uint8_t ttl = 64;
    bool answer_echo = true;            ///< RFC 1122 §3.2.2.6
    bool answer_broadcast_echo = false; ///< ... to a broadcast or multicast address (RFC 1122 §3.2.2.6 allows ignoring them)
};

class icmp final : public transport
{
public:
    icmp(link::interface_table& interfaces, const address_table& addresses, output& out, const transport_table& transports,
         shard_exchange& shards, const icmp_options& options) noexcept
        : interfaces_(interfaces),
          addresses_(addresses),
          out_(out),
          transports_(transports),
          shards_(shards),
          options_(options),
          counters_(interfaces.counters().icmp)
    {
    }

    void receive(rx_packet& p, time_point now) override;
    /// Destination unreachable about a received packet, within the rate limit.
    void send_unreachable(const rx_packet& about, wire::icmpv4_unreachable code, time_point now);
    /// Tells the transport that the next hop of its packet does not answer ARP, as if an ICMP host unreachable had been received
    /// (RFC 1122 §2.3.2.2).
    void report_unreachable(const link::interface& i, const packet& ip_packet, time_point now);

private:
    void echo_request(const rx_packet& p, packet&& message, const wire::icmpv4_message& m, time_point now);
    void error_message(const rx_packet& p, packet&& message, const wire::icmpv4_message& m, time_point now);
    void report(const icmp_error_report& r, time_point now) const;
    void dropped(const rx_packet& p, drop_reason why, time_point now) { interfaces_[p.interface].dropped(why, p.contents, now); }

    link::interface_table& interfaces_;
    const address_table& addresses_;
    output& out_;
    const transport_table& transports_;
    shard_exchange& shards_;
    const icmp_options options_;
    icmp_counters& counters_;
    icmp_limiter limiter_;
};

} // namespace tapio::core::ip
