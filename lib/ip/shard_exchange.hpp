/// @file
/// Packets handed from one shard to another. Shards are hosts with the same addresses, each with its own thread and its own queue
/// of the device. The device selects the queue of a received packet, and may select one whose shard does not have the connection.
#pragma once

#include "ip/routing.hpp"
#include "ip/rx_packet.hpp"

#include <deque>
#include <optional>
#include <utility>

namespace tapio::core {

/// A packet for another shard. A segment or datagram without a socket on this shard is passed from shard to shard until one has a
/// socket for it; the last shard answers as a single host would. ARP packets and ICMP errors are sent to every shard (`to_all`).
struct misdirected
{
    ip::rx_packet contents;
    bool to_all = false;
};

} // namespace tapio::core

namespace tapio::core::ip {

class shard_exchange
{
public:
    /// @param shards number of hosts that share the traffic  @param capacity most packets that wait for next()
    shard_exchange(unsigned shards, std::size_t capacity) noexcept : shards_(shards), capacity_(capacity) {}

    bool may_be_misdirected(const rx_packet& p) const noexcept ///< another shard may have a socket for it
    {
        return p.hops + 1U < shards_ && p.interface != loopback && !p.to_group;
    }
    /// For a packet that every shard has to process: whether this shard is the first, which passes it on.
    bool concerns_all(const rx_packet& p) const noexcept { return shards_ > 1 && p.hops == 0 && p.interface != loopback; }

    void pass_on(rx_packet&& p, bool to_all = false) ///< dropped if `capacity` packets wait already
    {
        if (waiting_.size() >= capacity_) return;
        ++p.hops;
        waiting_.push_back({std::move(p), to_all});
    }
    std::optional<misdirected> next()
    {
        if (waiting_.empty()) return std::nullopt;
        std::optional<misdirected> first = std::move(waiting_.front());
        waiting_.pop_front();
        return first;
    }

private:
    const unsigned shards_;
    const std::size_t capacity_;
    std::deque<misdirected> waiting_;
};

} // namespace tapio::core::ip
