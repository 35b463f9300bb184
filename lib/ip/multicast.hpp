/// @file
/// The multicast groups of all interfaces, and the messages by which routers and switches learn of them: IGMP and MLD. What is
/// sent when is group_membership's.
#pragma once

#include "base/random_source.hpp"
#include "ip/address_table.hpp"
#include "ip/group_membership.hpp"
#include "ip/shard_exchange.hpp"
#include "ip/transport.hpp"
#include "link/interface_table.hpp"
#include "wire/icmpv6.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace tapio::core::ip {

/// As a transport it receives IGMP. Groups are reported on Ethernets.
class multicast final : public transport
{
public:
    multicast(link::interface_table& interfaces, const address_table& addresses, shard_exchange& shards,
              random_source& random) noexcept
        : interfaces_(interfaces), addresses_(addresses), shards_(shards), random_(random)
    {
    }

    /// Counted: each leave() undoes one join(). The interface receives the group at once; it is reported by the next advance().
    void join(link::interface& i, const address& group);
    void leave(link::interface& i, const address& group);

    /// The membership of one socket with a source filter, from its first filter until it leaves. @return names it in the next two
    subscriber_id join(link::interface& i, const address& group, const source_filter& filter);
    void set_filter(const link::interface& i, const address& group, subscriber_id who, const source_filter& filter);
    void leave(link::interface& i, const address& group, subscriber_id who);

    void link_changed(const link::interface& i, time_point now); ///< its state, or its device

    void receive(rx_packet& p, time_point now) override; ///< IGMP
    static bool is_mld(wire::icmpv6_type type) noexcept;
    /// Precondition: is_mld(m.type), and the checksum is right.
    void receive_mld(rx_packet& p, const wire::icmpv6_message& m, time_point now);

    void advance(time_point now);
    time_point next_deadline() const noexcept { return soonest_; } ///< may be too early, never too late

private:
    struct change
    {
        interface_id interface;
        address group;
        subscriber_id who;
        source_filter filter;
    };
    using key = std::pair<interface_id, family>;

    group_membership& groups_of(const link::interface& i, family f, time_point now);
    void apply_changes(time_point now);
    void send_messages(link::interface& i, group_membership& groups, time_point now);
    void send_igmp(link::interface& i, group_message&& m, time_point now);
    void send_mld(link::interface& i, group_message&& m, time_point now);

    link::interface_table& interfaces_;
    const address_table& addresses_;
    shard_exchange& shards_;
    random_source& random_;
    std::map<key, group_membership> groups_;
    std::map<std::pair<interface_id, address>, std::size_t> counted_; ///< join() calls without a filter, less leave() calls
    subscriber_id last_subscriber_ = 0;
    std::vector<change> changes_; ///< since the last advance()
    time_point soonest_ = never;  ///< time_point::min(): something has changed since the last advance()
};

} // namespace tapio::core::ip
