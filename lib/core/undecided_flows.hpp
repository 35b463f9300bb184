/// @file
/// Flows that wait for their user's decision: bounded in number, for each source, and in time. Sans-I/O.
///
/// A quarter of the room is for flows whose sender tries again after it was refused for want of room. A flood from sources that
/// send one packet each fills only the rest, and an honest client comes through with its second packet.
#pragma once

#include "base/flow_hash.hpp"
#include "core/refused_flows.hpp"

#include <tapio/core/forwarder_options.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>

namespace tapio::core {

/// @tparam Held what is kept of a flow: its packets
template <class Held>
class undecided_flows
{
public:
    struct entry
    {
        std::uint64_t id = 0; ///< never used again
        flow_key flow;
        time_point since{};
        bool taken = false; ///< by the user, who has not decided yet
        Held held{};
        typename std::list<std::uint64_t>::iterator untaken{}; ///< its place there, unless it was taken
    };

    undecided_flows(const forwarder_options& options, const siphash_key& key)
        : options_(options), flows_(16, flow_hash{key}), sources_(16, flow_hash{key}), refused_(key)
    {
    }

    std::size_t size() const noexcept { return entries_.size(); }
    std::size_t untaken() const noexcept { return untaken_.size(); }
    entry* find(const flow_key& flow)
    {
        const auto at = flows_.find(flow);
        return at == flows_.end() ? nullptr : &*at->second;
    }
    entry* find(std::uint64_t id)
    {
        const auto at = ids_.find(id);
        return at == ids_.end() ? nullptr : &*at->second;
    }
    /// @return null: a bound is reached. Precondition: the flow is not there yet
    entry* add(const flow_key& flow, Held&& held, time_point now)
    {
        if (!has_room_for(flow)) return refused_.add(flow, options_.most_pending), nullptr;
        const flow_key source = source_of(flow);
        const auto others = sources_.find(source);
        if ((others == sources_.end() ? 0 : others->second) >= options_.most_per_source) return nullptr;
        ++sources_[source];
        const auto at = entries_.insert(entries_.end(), entry{++last_id_, flow, now, false, std::move(held)});
        flows_.emplace(flow, at);
        ids_.emplace(at->id, at);
        at->untaken = untaken_.insert(untaken_.end(), at->id);
        return &*at;
    }
    void erase(entry& e)
    {
        const auto at = ids_.find(e.id)->second;
        const auto source = sources_.find(source_of(e.flow));
        if (--source->second == 0) sources_.erase(source);
        if (!e.taken) untaken_.erase(e.untaken);
        flows_.erase(e.flow);
        ids_.erase(e.id);
        entries_.erase(at);
    }
    /// The oldest flow that the user has not taken; null: none.
    entry* take()
    {
        if (untaken_.empty()) return nullptr;
        entry* const e = find(untaken_.front());
        untaken_.pop_front();
        e->taken = true;
        return e;
    }
    void advance(time_point now) ///< ends flows whose time is up
    {
        while (!entries_.empty() && entries_.front().since + options_.patience <= now) erase(entries_.front());
    }
    time_point next_deadline() const noexcept { return entries_.empty() ? never : entries_.front().since + options_.patience; }

private:
    bool has_room_for(const flow_key& flow) const noexcept
    {
        const std::size_t reserved = options_.most_pending / 4;
        if (entries_.size() < options_.most_pending - reserved) return true;
        return entries_.size() < options_.most_pending && refused_.contains(flow);
    }
    /// The address of an IPv4 source, or the /64 prefix of an IPv6 one, as a flow without ports and destination.
    static flow_key source_of(const flow_key& flow) noexcept
    {
        address a = flow.source_address();
        if (a.is_v4()) return flow_key({a, 0}, {address_v4(), 0}, {});
        auto octets = a.to_v6().to_bytes();
        std::fill(octets.begin() + 8, octets.end(), std::uint8_t{0});
        return flow_key({address_v6(octets), 0}, {address_v6(), 0}, {});
    }

    const forwarder_options options_;
    std::list<entry> entries_; ///< the oldest first
    std::unordered_map<flow_key, typename std::list<entry>::iterator, flow_hash> flows_;
    std::unordered_map<std::uint64_t, typename std::list<entry>::iterator> ids_;
    std::unordered_map<flow_key, std::size_t, flow_hash> sources_; ///< number of flows of each source
    std::list<std::uint64_t> untaken_;                             ///< ids, the oldest first
    refused_flows refused_;                                        ///< for want of room
    std::uint64_t last_id_ = 0;
};

} // namespace tapio::core
