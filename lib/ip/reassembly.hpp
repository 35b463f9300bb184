/// @file
/// Reassembly of datagrams, IPv4 and IPv6. Read RFC 791 §3.2, RFC 1122 §3.3.2, RFC 8200 §4.5 and RFC 5722 first; for a single
/// fragment see fragment_rules, for one datagram partial_datagram, for bounds and fairness datagram_table.
#pragma once

#include "ip/datagram_table.hpp"
#include "ip/rx_packet.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tapio::core::ip {

/// The rules are Linux's, but for three. A datagram with an overlap stays in the table, without its fragments, until its time has
/// run out, so that later fragments are dropped (RFC 5722 §4); Linux forgets it at once. A full table evicts datagrams; Linux
/// refuses new ones, so that a flood keeps everyone else out for the timeout. An IPv4 fragment of odd length that is not the last
/// is refused; Linux cuts it.
class reassembly
{
public:
    struct result
    {
        std::optional<rx_packet> whole;     ///< the datagram that the fragment completed, parsed; its header may have a flaw
        std::optional<drop_reason> dropped; ///< why the fragment was dropped; it is still in the caller's `p`
        std::optional<wire::ipv6_problem> problem; ///< IPv6: what to tell the sender about `dropped`
    };
    /// A datagram that was given up: its `fragments` that had arrived are dropped.
    struct lost_datagram
    {
        drop_reason why{};
        std::uint32_t interface = 0; ///< that received them; it may be gone by now
        std::size_t fragments = 0;
    };
    /// A datagram whose time has run out.
    struct expired_datagram : lost_datagram
    {
        /// The fragment with offset 0, parsed, if it had arrived: an ICMP error "fragment reassembly time exceeded" (code 1) is
        /// to be sent about it (RFC 1122 §3.3.2, RFC 8200 §4.5).
        std::optional<rx_packet> first;
    };

    reassembly(const reassembly_options& options, ip_counters& counters) noexcept
        : options_(options), counters_(counters), table_(options)
    {
    }

    /// Takes a fragment. The result has neither a datagram nor a reason if the fragment is kept; then `p` is empty.
    /// @param p precondition: p.fragment, without flaw. Set already, and passed on: link_group, to_group, from_us
    result add(rx_packet& p, time_point now);
    /// Datagrams given up by the last add(): evicted ones, and the fragment's own if its fragments do not fit together.
    std::span<const lost_datagram> lost() const noexcept { return lost_; }

    /// Removes datagrams whose time has run out. Calls `on_expired(expired_datagram&&)` for each, except for those that were
    /// discarded before.
    template <class F>
    void advance(time_point now, F&& on_expired)
    {
        while (auto d = expire(now)) on_expired(std::move(*d));
    }
    time_point next_deadline() const noexcept { return table_.next_deadline(); }

    std::size_t size() const noexcept { return table_.size(); }     ///< datagrams, discarded ones included
    std::size_t memory() const noexcept { return table_.memory(); } ///< octets

private:
    void give_up(datagram_table::entry& e, drop_reason why);
    result discard(datagram_table::entry& e, drop_reason why);
    bool make_room(const rx_packet& p, const datagram_table::entry* own);
    result finish(rx_packet& p, datagram_table::entry& e);
    std::optional<expired_datagram> expire(time_point now);

    const reassembly_options options_;
    ip_counters& counters_;
    datagram_table table_;
    std::vector<lost_datagram> lost_;
};

} // namespace tapio::core::ip
