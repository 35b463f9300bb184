/// @file
/// A forwarder, as the shell sees it: the transport hands out flows for which it has no socket, and their user decides. There is
/// at most one for each transport of a host.
#pragma once

#include "core/event_queue.hpp"
#include "core/network.hpp"
#include "core/undecided_flows.hpp"
#include "ip/rx_packet.hpp"

#include <tapio/core/event_sink.hpp>
#include <tapio/core/forwarder_options.hpp>
#include <tapio/core/socket_id.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tapio::core {

/// The part that is the same for all transports.
class flow_forwarder
{
public:
    /// @param owner told `readable` when a flow waits  @return EADDRINUSE: there is one already
    error_code open(const forwarder_options& options, event_sink& owner);
    void close(); ///< undecided flows are dropped
    bool is_open() const noexcept { return flows_.has_value(); }

    /// The oldest flow that was not taken yet; none: none waits.
    std::optional<taken_flow> take();
    packet first_payload(std::uint64_t id); ///< of the transport, in the flow's first packet; empty once it is decided
    bool waits(std::uint64_t id) { return flows_ && flows_->find(id) != nullptr; } ///< still to be decided
    /// Makes the flow's socket. @return ECONNABORTED: it has been decided, was reset by its sender, or its time is up
    virtual result<socket_id> accept(std::uint64_t id, time_point now) = 0;
    /// Tells the sender. @param from the source of an ICMP error; none: an address of ours, or the flow's destination
    void refuse(std::uint64_t id, refusal how, const std::optional<address>& from, time_point now);
    void drop(std::uint64_t id); ///< tells nobody

    void advance(time_point now)
    {
        if (flows_) flows_->advance(now);
    }
    time_point next_deadline() const noexcept { return flows_ ? flows_->next_deadline() : never; }

protected:
    struct held_packets
    {
        std::vector<ip::rx_packet> packets; ///< of the flow, the first one first; at least one
    };
    using entry = undecided_flows<held_packets>::entry;

    /// @param key of its hash tables
    flow_forwarder(network& net, event_queue& events, const siphash_key& key) : net_(net), events_(events), key_(key) {}
    ~flow_forwarder() = default;

    bool concerns(const ip::rx_packet& p) const noexcept ///< a flow of this packet may be offered
    {
        return flows_ && (!options_.interface || *options_.interface == p.interface) && !p.to_group;
    }
    entry* find(const flow_key& flow) { return flows_ ? flows_->find(flow) : nullptr; }
    bool offer(ip::rx_packet& p, time_point now); ///< @return false: a bound is reached
    void forget(entry& e) { flows_->erase(e); }
    entry* find_undecided(std::uint64_t id) { return flows_ ? flows_->find(id) : nullptr; }
    virtual bool refuse_by_transport(ip::rx_packet& first, refusal how,
                                     time_point now) = 0; ///< @return false: ICMP is to be sent

    network& net_;
    event_queue& events_;
    forwarder_options options_;

private:
    const siphash_key key_;
    event_source event_;
    std::optional<undecided_flows<held_packets>> flows_;
};

} // namespace tapio::core
