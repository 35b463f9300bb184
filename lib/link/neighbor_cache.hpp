/// @file
/// Who has which link-layer address: the neighbour cache, with the states of RFC 4861 §7.3.2 used for ARP (RFC 826) too.
/// Sans-IO: it answers what is to be asked, and keeps the packets that wait for an answer. Read RFC 826, RFC 1122 §2.3.2 and
/// RFC 4861 §7.3 first.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace tapio::core::link {

class neighbor_cache
{
public:
    static constexpr std::size_t most_entries = 1024; ///< at the bound the least recently used one is forgotten
    static constexpr std::size_t most_pending = 16;   ///< packets that wait for one address; the oldest is dropped
    static constexpr unsigned most_requests = 3;
    static constexpr duration request_interval = std::chrono::seconds(1);
    static constexpr duration reachable_time = std::chrono::seconds(30); ///< RFC 4861 §10
    static constexpr duration delay_first_probe = std::chrono::seconds(5);
    static constexpr duration lock_time = std::chrono::seconds(1); ///< Linux's locktime: arp(7)

    using state = neighbor_state;

    /// The kinds of ARP packet in which a neighbour's address is heard.
    enum class heard : std::uint8_t
    {
        request,      ///< it asks for us, so it is about to talk to us
        reply,        ///< it answers us, by unicast
        announcement, ///< gratuitous ARP: sender and target are one address
        overheard     ///< a request for another host, or a broadcast reply
    };

    struct learned
    {
        bool accepted = false;      ///< false: the packet has been ignored
        std::deque<packet> waiting; ///< packets that waited for this neighbour, in order
    };

    /// Who is to be asked for.
    struct request
    {
        address target;
        std::optional<mac_address> unicast_to; ///< a probe of someone known; none: ask everybody
    };

private:
    struct entry
    {
        neighbor_state state = neighbor_state::incomplete;
        mac_address mac;
        time_point deadline = never; ///< of the state's timer
        time_point used{};
        time_point updated{}; ///< the last change or confirmation of `mac`
        unsigned requests = 0;
        std::deque<packet> pending;

        /// It needs no further look before a packet is sent there.
        bool serves(time_point now) const noexcept
        {
            return state == neighbor_state::delay || (state == neighbor_state::reachable && deadline > now);
        }
    };

public:
    /// A neighbour as one who sends to it names it: with the place where it was found last.
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
        std::uint64_t epoch_ = 0; ///< neighbor_cache::epoch_ at that time: no entry has gone since
    };

    /// The neighbour's address; or none, and the packet waits (or the oldest one waiting was dropped for it).
    const mac_address* resolve(next_hop& to, packet& p, time_point now)
    {
        entry* const e = to.epoch_ == epoch_ ? to.found_ : nullptr;
        if (e == nullptr || !e->serves(now)) return look_up(to, p, now);
        e->used = now;
        return &e->mac;
    }

    /// A neighbour has told its address. What it may do is what Linux allows by default (arp_accept 0, locktime 1 s):
    ///
    ///                   creates   replaces an address that is       state afterwards, if
    ///                   an entry  older than lock_time   younger    we had asked   we had not
    ///     request       yes       yes                    yes        stale          stale
    ///     announcement  no        yes                    yes        stale          stale
    ///     reply         no        yes                    no         reachable      stale
    ///     overheard     no        yes                    no         stale          stale
    ///
    /// The age counts from the last change or confirmation: of several answers the first one holds. The address that is known
    /// already changes nothing, unless it answers a question. (After a reply that nobody asked for Linux's entry is reachable;
    /// here it has to be proven.)
    learned learn(const address& who, const mac_address& mac, heard how, time_point now);

    /// An upper layer has seen progress: the neighbour is reachable (RFC 4861 §7.3.1).
    void confirm(next_hop& who, time_point now)
    {
        if (entry* const e = find(who)) confirm(*e, now);
    }
    /// ... or has waited for it in vain: it is probed now (RFC 1122 §2.3.2.1, case (4); §3.3.1.4).
    void doubt(next_hop& who, time_point now);

    /// @return false if there is nothing to take
    bool advance(time_point now) { return now < soonest_ ? !overflow_.empty() : look_at_all(now); }
    time_point next_deadline() const noexcept { return soonest_; }

    bool take_request(request& out);    ///< what is to be asked now, one at a time
    bool take_unreachable(packet& out); ///< packets whose neighbour did not answer
    bool take_overflow(packet& out);    ///< packets dropped because too many waited

    /// The link is down: nothing that was learned holds any more. @return the packets that waited for an answer
    std::vector<packet> forget_all();

    std::size_t size() const noexcept { return entries_.size(); }
    std::optional<state> state_of(const address& who) const;
    void list(std::uint32_t interface, std::vector<neighbor_info>& out) const; ///< appends all of them

private:
    bool look_at_all(time_point now);
    const mac_address* look_up(next_hop& to, packet& p, time_point now);
    void confirm(entry& e, time_point now) noexcept;
    void arm(entry& e, time_point deadline) noexcept;
    entry* find(next_hop& who);
    entry& make(const address& who, time_point now);
    void ask(const address& who, entry& e, time_point now);
    void expire(const address& who, entry& e, time_point now);

    std::map<address, entry> entries_;
    std::uint64_t epoch_ = 1;    ///< grows whenever an entry goes
    time_point soonest_ = never; ///< no timer fires before it
    std::deque<request> requests_;
    std::deque<packet> unreachable_, overflow_;
};

} // namespace tapio::core::link
