/// @file
/// Records that other hosts of the links have sent, until their TTLs are over or they are taken back (RFC 6762 §10). Bounded in
/// records and in octets; what was used longest ago makes room.
#pragma once

#include "client/mdns_transport.hpp"
#include "wire/mdns.hpp"

#include <tapio/core/dns.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace tapio::core::client {

class mdns_cache
{
public:
    static constexpr duration grace = std::chrono::seconds(1); ///< of what is taken back or replaced (RFC 6762 §10.1, §10.2)
    static constexpr duration late = std::chrono::seconds(10); ///< a response that is as late as this does not come (§10.5)
    static constexpr std::size_t most_of_set = 128;            ///< records of one name and type on one link
    static constexpr std::size_t default_records = 1000;       ///< more than a message can have
    static constexpr std::size_t default_octets = std::size_t{1} << 20; ///< of memory, roughly
    static constexpr std::uint32_t longest_ttl = 24 * 3600;             ///< s; longer ones count as this

    struct hit
    {
        wire::mdns_record record; ///< with what is left of its TTL
        link_zone link = 0;       ///< where it was heard
        bool is_young = false;    ///< more than half of its TTL is left (RFC 6762 §7.1)
    };

    explicit mdns_cache(std::size_t records = default_records, std::size_t octets = default_octets) noexcept
        : most_records_(records), most_octets_(octets)
    {
    }

    /// A record of a response. TTL 0 takes it back; with its flush bit, others of its set that are older than a second end soon.
    void add(link_zone link, const wire::mdns_record& r, time_point now);
    /// @param type `any`: all types  @param link none: all links
    std::vector<hit> find(const dns::name& n, dns::record_type type, std::optional<link_zone> link, time_point now);
    /// Another host has asked the group. Records that should answer, but are not multicast although they were asked for twice,
    /// end (RFC 6762 §10.5).
    void asked(link_zone link, const wire::mdns_question& q, const std::vector<wire::mdns_record>& known_to_it, time_point now);
    void forget(link_zone link); ///< what was heard there
    void clear();

    std::size_t size() const noexcept { return used_.size(); } ///< records, expired ones included
    std::size_t octets() const noexcept { return octets_; }

private:
    using key = std::tuple<dns::name, std::uint16_t, link_zone>; ///< the type is a number, in this order
    struct entry
    {
        key where;
        wire::mdns_record record;
        time_point stored{}, expires{};
        std::size_t octets = 0;
        unsigned missed = 0; ///< how often other hosts have asked for it since it was stored
    };
    using entries = std::list<entry>;
    using set = std::vector<entries::iterator>;

    template <class Visit>
    void visit_sets(const dns::name& n, dns::record_type type, std::optional<link_zone> link, Visit visit);
    void erase(entries::iterator at);
    void replace_older(const set& all, time_point now);
    void shrink();

    const std::size_t most_records_, most_octets_;
    entries used_; ///< the last one used first
    std::map<key, set> index_;
    std::size_t octets_ = 0;
};

} // namespace tapio::core::client
