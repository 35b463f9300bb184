/// @file
/// The neighbour cache: link-layer addresses of neighbours, with the states of RFC 4861 §7.3.2 for ARP (RFC 826) too.
/// Sans-IO: it returns the requests to send, and keeps packets until their neighbour's address is known. Read RFC 826,
/// RFC 1122 §2.3.2 and RFC 4861 §7.3 first.
#pragma once

#include "link/reachable_time.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/time.hpp>

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace tapio::core::link {

class neighbor_cache
{
public:
    static constexpr std::size_t most_entries = 1024; ///< at the bound one is evicted, see make()
    /// Packets waiting for one address, such as the fragments of a long datagram, or dns_options::most_queries; about as many
    /// small ones as Linux keeps (unres_qlen_bytes: arp(7)).
    static constexpr std::size_t most_pending = 256;
    static constexpr std::size_t most_waiting =
        1024; ///< ... for all together; at either bound the oldest for the address is dropped
    static constexpr unsigned most_requests = 3;
    // Of IPv4 neighbours; also of IPv6 neighbours, unless set_v6_times() says otherwise.
    static constexpr duration request_interval = std::chrono::seconds(1);          ///< RFC 4861 §10, RETRANS_TIMER
    static constexpr duration reachable_time = link::reachable_time::default_base; ///< of IPv6 the base of a random time
    static constexpr duration delay_first_probe = std::chrono::seconds(5);
    static constexpr duration lock_time = std::chrono::seconds(1); ///< Linux's locktime: arp(7)

    using state = neighbor_state;

    /// @param seed of the random times of IPv6 neighbours: these need not be unpredictable, but differ between hosts
    explicit neighbor_cache(std::uint64_t seed = 0) noexcept : v6_reachable_(seed) {}

    /// What routers say of IPv6 neighbours (RFC 4861 §6.3.4): from the next confirmation or request on.
    /// @param reachable BaseReachableTime  @param retransmit RetransTimer, between solicitations
    void set_v6_times(duration reachable, duration retransmit) noexcept
    {
        v6_reachable_.set_base(reachable);
        v6_request_interval_ = retransmit;
    }
    duration v6_request_interval() const noexcept { return v6_request_interval_; }

    /// The kind of packet from which a neighbour's address was learned.
    enum class heard : std::uint8_t
    {
        request,      ///< a request for our address, or a neighbour solicitation: the sender is about to send us packets
        reply,        ///< a unicast reply to us
        announcement, ///< gratuitous ARP: sender and target address are equal
        overheard     ///< a request for another host, or a broadcast reply
    };

    struct learned
    {
        bool accepted = false;      ///< false: the packet was ignored
        std::deque<packet> waiting; ///< packets that waited for this neighbour, in order
    };

    /// An ARP request, or a neighbour solicitation, to send.
    struct request
    {
        address target;
        std::optional<mac_address> unicast_to; ///< probe of a known neighbour; none: broadcast or multicast
    };

private:
    using eviction_hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

    struct entry : eviction_hook
    {
        neighbor_state state = neighbor_state::incomplete;
        mac_address mac;
        time_point deadline = never; ///< of the timer of `state`
        time_point used{};
        time_point updated{}; ///< the last change or confirmation of `mac`
        unsigned requests = 0;
        bool confirmed = false; ///< the neighbour has been reachable at `mac`
        time_point ranked{};    ///< when it was put at the end of its list in `ranks_`
        const address* who = nullptr;
        std::deque<packet> pending;

        /// The order of eviction. Entries that a mere request has made, and questions that nobody answers, are evicted before
        /// neighbours that have been reachable, and these before those in use: no flood of the former displaces the latter.
        std::size_t rank() const noexcept
        {
            if (!confirmed) return state == neighbor_state::stale ? 0 : 1;
            return state == neighbor_state::stale ? 2 : 3;
        }

        /// Packets may be sent to `mac` without a state change.
        bool serves(time_point now) const noexcept
        {
            return state == neighbor_state::delay || (state == neighbor_state::reachable && deadline > now);
        }
    };

public:
    /// A sender's handle for a neighbour: the address, and a cached pointer to its entry.
    class next_hop
    {
    public:
        next_hop() = default;
        explicit next_hop(const address& who) : address_(who) {}
        const core::address& address() const noexcept { return address_; }

    private:
        friend neighbor_cache;
        core::address address_;
        entry* found_ = nullptr;
        std::uint64_t epoch_ = 0; ///< neighbor_cache::epoch_ when `found_` was set; equal: no entry was erased since
    };

    /// The neighbour's link-layer address. Null: not known yet; the packet waits, and may push out the oldest waiting one.
    const mac_address* resolve(next_hop& to, packet& p, time_point now)
    {
        entry* const e = to.epoch_ == epoch_ ? to.found_ : nullptr;
        if (e == nullptr || !e->serves(now)) return look_up(to, p, now);
        e->used = now;
        return &e->mac;
    }

    /// An ARP packet, or a neighbour solicitation (`request`), carries a neighbour's address. The effect is as with Linux's
    /// defaults (arp_accept 0, locktime 1 s):
    ///
    ///                   creates   replaces an address that is       state afterwards, if
    ///                   an entry  older than lock_time   younger    we had asked   we had not
    ///     request       yes       yes                    yes        stale          stale
    ///     announcement  no        yes                    yes        stale          stale
    ///     reply         no        yes                    no         reachable      stale
    ///     overheard     no        yes                    no         stale          stale
    ///
    /// The age counts from the last change or confirmation, so the first of several replies wins. An address equal to the known
    /// one has no effect, unless it answers a request. (After an unsolicited reply Linux's entry is reachable; here it must be
    /// confirmed.)
    learned learn(const address& who, const mac_address& mac, heard how, time_point now);

    /// A neighbour advertisement (RFC 4861 §7.2.5).
    struct advertisement
    {
        std::optional<mac_address> mac; ///< none: the advertisement does not say
        bool solicited = false;         ///< it answers a solicitation
        bool override = false;          ///< `mac` replaces a different address
    };
    learned learn(const address& who, const advertisement& a, time_point now);

    /// An upper layer has made forward progress: the neighbour is reachable (RFC 4861 §7.3.1).
    void confirm(next_hop& who, time_point now)
    {
        if (entry* const e = find(who)) confirm(who.address(), *e, now);
    }
    /// An upper layer makes no progress: the neighbour is probed now (RFC 1122 §2.3.2.1, case (4); §3.3.1.4).
    void doubt(next_hop& who, time_point now);

    /// Asks for the address of a neighbour that is not known.
    void ask(const address& who, time_point now);

    /// Runs expired timers. @return false: no request or packet to take
    bool advance(time_point now) { return now < soonest_ ? !overflow_.empty() || !requests_.empty() : look_at_all(now); }
    time_point next_deadline() const noexcept { return soonest_; }

    bool take_request(request& out);    ///< the next request to send
    bool take_unreachable(packet& out); ///< the next packet whose neighbour did not answer
    bool take_overflow(packet& out);    ///< the next packet dropped because too many waited
    bool take_silent(address& out);     ///< the next neighbour that did not answer: it was forgotten

    /// The link is down: removes all entries. @return the packets that waited for an address
    std::vector<packet> forget_all();

    std::size_t size() const noexcept { return entries_.size(); }
    std::optional<state> state_of(const address& who) const;
    std::optional<mac_address> address_of(const address& who) const;           ///< none: not known
    void list(std::uint32_t interface, std::vector<neighbor_info>& out) const; ///< appends all entries

private:
    bool look_at_all(time_point now);
    const mac_address* look_up(next_hop& to, packet& p, time_point now);
    void confirm(const address& who, entry& e, time_point now) noexcept;
    void now_reachable(const address& who, entry& e, time_point now) noexcept;
    void set_state(entry& e, state s, time_point now) noexcept;
    void distrust(entry& e, time_point now) noexcept;
    void put_last(entry& e, time_point now) noexcept;
    entry& least_used() noexcept;
    void arm(entry& e, time_point deadline) noexcept;
    std::deque<packet> take_pending(entry& e) noexcept;
    entry* find(next_hop& who);
    entry& make(const address& who, time_point now);
    void ask(const address& who, entry& e, time_point now);
    void expire(const address& who, entry& e, time_point now);

    std::map<address, entry> entries_;
    std::array<boost::intrusive::list<entry, boost::intrusive::constant_time_size<false>>, 4> ranks_; ///< by entry::rank()
    std::size_t waiting_ = 0;    ///< packets in all `entry::pending`
    std::uint64_t epoch_ = 1;    ///< incremented whenever entries are erased
    time_point soonest_ = never; ///< no timer expires earlier
    std::deque<request> requests_;
    std::deque<packet> unreachable_, overflow_;
    std::deque<address> silent_;
    link::reachable_time v6_reachable_;
    duration v6_request_interval_ = request_interval;
};

} // namespace tapio::core::link
