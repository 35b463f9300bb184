/// @file
/// Multicast DNS of a host: client/mdns_querier and client/mdns_responder with sockets, one for each family, at port 5353, for
/// all interfaces but the loopback. Made by host::mdns() at its first use; its sockets are open while it is used.
///
/// Messages leave by both families, from each interface that has an address of the family. A response by unicast counts only if
/// its sender is on the link (RFC 6762 §11); one that was sent to the group is from there, whatever its source.
#pragma once

#include "base/random_source.hpp"
#include "client/mdns_querier.hpp"
#include "client/mdns_responder.hpp"
#include "core/network.hpp"
#include "core/udp_sockets.hpp"

#include <tapio/core/event_sink.hpp>
#include <tapio/core/mdns.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace tapio::core {

class mdns_node final : private client::mdns_transport
{
public:
    mdns_node(network& net, udp_sockets& udp, random_source& random);
    ~mdns_node();
    mdns_node(const mdns_node&) = delete;
    mdns_node& operator=(const mdns_node&) = delete;

    /// What the host says of itself. Precondition: client::is_valid(o)  @return EADDRINUSE: a socket of the user's has the port,
    /// and nothing has changed
    error_code publish(const mdns_options& o, time_point now);
    void ask(bool yes, time_point now); ///< the resolver is going to use look_up()
    client::lookup_id look_up(const dns::name& n, const std::vector<dns::record_type>& types, duration patience,
                              client::dns_sink& sink, time_point now);
    void cancel(client::lookup_id l) { querier_.cancel(l); }
    static bool is_lookup(client::lookup_id l) noexcept { return l >= client::mdns_querier::first_id; }

    // For the host.
    void replaced(interface_id interface, time_point now); ///< it has another device
    void say_goodbye(time_point now);                      ///< takes back what was published, and stops
    /// The interface is about to be disabled: takes back what was published there. It must be, after that.
    void leave(interface_id interface, time_point now) { responder_.leave(net_.interface(interface).zone(), now); }
    void advance(time_point now);
    time_point next_deadline() const noexcept;
    bool deliver(time_point now) { return querier_.deliver(now); }

    mdns_status status() const;

private:
    /// The socket of a family.
    struct channel final : event_sink
    {
        channel(mdns_node& o, core::family f) : owner(o), family(f) {}
        void ready(readiness what, time_point now) override;

        mdns_node& owner;
        const core::family family;
        std::optional<socket_id> id;
        std::set<interface_id> joined;
    };

    error_code open(time_point now);
    error_code open(channel& c, time_point now);
    void close(time_point now);
    void close(channel& c, time_point now);
    bool is_stale() const noexcept;
    void look_at_interfaces(time_point now);
    void join(channel& c, interface_id interface);
    bool receive_one(channel& c, time_point now);
    void receive(interface_id by, const received_message& about, const_bytes octets, time_point now);
    void send(client::link_zone link, const endpoint* to, const_bytes message, time_point now) override;
    void send(channel& c, interface_id by, const endpoint& to, const_bytes message, time_point now);
    bool has_address(interface_id interface, family f) const;

    network& net_;
    udp_sockets& udp_;
    channel v4_{*this, family::v4}, v6_{*this, family::v6};
    bool asks_ = false, publishes_ = false;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> seen_; ///< network::configurations() and routing::generation()
    time_point look_again_ = never;                               ///< when an optimistic address may have become a proper one
    mdns_counters counters_;
    client::mdns_querier querier_;
    client::mdns_responder responder_;
    std::vector<std::byte> memory_; ///< for one received datagram
};

} // namespace tapio::core
