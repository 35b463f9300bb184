/// @file
/// Neighbour Discovery (RFC 4861): solicitations of neighbours, answers about our addresses, and duplicate address detection
/// (RFC 4862 §5.4, optimistic: RFC 4429). The decision whether a message may change a cache entry is neighbor_cache::learn()'s.
#pragma once

#include "base/random_source.hpp"
#include "ip/address_table.hpp"
#include "ip/routing.hpp"
#include "ip/rx_packet.hpp"
#include "link/interface_table.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ndp.hpp"
#include "wire/router_advertisement.hpp"

#include <tapio/core/error.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core::ip {

/// Hears what routers say of themselves.
class router_listener
{
public:
    virtual void router_advertised(interface_id by, const wire::router_advertisement& ra, const address_v6& router,
                                   time_point now) = 0;
    /// A neighbour has said that it is no router (RFC 4861 §7.2.5).
    virtual void no_longer_router(interface_id by, const address_v6& neighbor, time_point now) = 0;
    /// A router, of either family, has named a better next hop. @return false: it is not followed
    virtual bool redirected(interface_id by, const address& router, const address& destination, const address& next_hop,
                            time_point now) = 0;

protected:
    ~router_listener() = default;
};

class ndp
{
public:
    /// @param detects this host sends probes for duplicate addresses (of several shards one does)
    ndp(link::interface_table& interfaces, address_table& addresses, const routing& routes, random_source& random,
        bool detects) noexcept
        : interfaces_(interfaces), addresses_(addresses), routes_(routes), random_(random), detects_(detects)
    {
    }

    static bool handles(wire::icmpv6_type type) noexcept
    {
        return type == wire::icmpv6_type::neighbor_solicitation || type == wire::icmpv6_type::neighbor_advertisement ||
               type == wire::icmpv6_type::router_advertisement || type == wire::icmpv6_type::redirect;
    }
    /// Precondition: handles(m.type), and the checksum is right.
    void receive(rx_packet& p, const wire::icmpv6_message& m, time_point now);

    void set_router(bool yes) noexcept { is_router_ = yes; } ///< what advertisements say of this host (RFC 4861 §4.4)
    /// Tells the sender of a packet that `next_hop` is nearer to its destination (RFC 4861 §8.2). @return false: it cannot be
    /// told
    bool redirect(const rx_packet& about, const address_v6& next_hop, time_point now);

    void set_listener(router_listener& l) noexcept { listener_ = &l; }
    void solicit_routers(link::interface& i, time_point now); ///< RFC 4861 §6.3.7

    /// @param to the neighbour's known address, to probe it; none: multicast to the solicited node
    void solicit(link::interface& i, const address_v6& target, const std::optional<mac_address>& to, time_point now);
    /// Announces all IPv6 addresses of the interface: its link, or its device, has just come up (RFC 4861 §7.2.6).
    void announce(link::interface& i, time_point now);

    /// Starts duplicate address detection, if the interface has neighbours that could use the address. Meanwhile the address is
    /// optimistic.
    /// @param probes DupAddrDetectTransmits; 0: no detection
    void detect(link::interface& i, link::interface_address& a, unsigned probes, time_point now);
    void advance(time_point now)
    {
        if (now >= soonest_) run_detections(now);
    }
    time_point next_deadline() const noexcept { return duplicates_.empty() ? soonest_ : time_point::min(); }
    /// An address of ours that another node uses: the caller removes it. None: no more.
    std::optional<address> take_duplicate();

private:
    void solicited(link::interface& i, rx_packet& p, const wire::neighbor_solicitation& s, time_point now);
    void advertised(link::interface& i, rx_packet& p, const wire::neighbor_advertisement& a, time_point now);
    void router_advertised(link::interface& i, rx_packet& p, std::uint32_t rest, const_bytes body, time_point now);
    void redirected(link::interface& i, rx_packet& p, const_bytes body, time_point now);
    void run_detections(time_point now);
    void probe(link::interface& i, link::interface_address& a, time_point now);
    void advertise(link::interface& i, const link::interface_address& own, const address_v6& to, const mac_address& mac,
                   bool solicited, time_point now);
    void send_advertisement(link::interface& i, const wire::neighbor_advertisement& a, const address_v6& from,
                            const address_v6& to, const mac_address& mac, time_point now);
    void answer_for(link::interface& i, const rx_packet& p, const wire::neighbor_solicitation& s, time_point now);
    void conflict(link::interface& i, link::interface_address& own, const rx_packet& p, time_point now);
    void send(link::interface& i, packet&& body, wire::icmpv6_type type, std::uint32_t rest, const address_v6& from,
              const address_v6& to, const mac_address& mac, time_point now);

    link::interface_table& interfaces_;
    address_table& addresses_;
    const routing& routes_;
    random_source& random_;
    const bool detects_;
    bool is_router_ = false;
    time_point soonest_ = never; ///< no detection has anything to do earlier
    std::vector<address> duplicates_;
    router_listener* listener_ = nullptr;
};

} // namespace tapio::core::ip
