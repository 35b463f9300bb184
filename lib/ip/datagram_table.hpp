/// @file
/// The datagrams in reassembly: the bound on their memory, and which of them is evicted at the bound. Read RFC 4963, and
/// CVE-2018-5391 (FragmentSmack), first.
#pragma once

#include "ip/partial_datagram.hpp"
#include "ip/rx_packet.hpp"

#include <tapio/core/time.hpp>

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace tapio::core::ip {

struct reassembly_options
{
    std::size_t memory = std::size_t{4} << 20;        ///< octets, for all datagrams (Linux: ipfrag_high_thresh)
    std::size_t source_memory = std::size_t{1} << 20; ///< octets, for the datagrams of one source
    std::size_t datagrams = 4096;
    std::size_t source_datagrams = 64; ///< of one source
    std::size_t fragments = 2048;      ///< of one datagram; 65,535 octets in fragments of 48 (IPv4's minimum MTU) are 1366
    /// Linux's ipfrag_time. RFC 1122 §3.3.2 recommends 60 s to 120 s. At 1 Gbit/s 16 bits of identification repeat within a
    /// second, and then fragments of different datagrams are joined (RFC 4963): a shorter time makes that less likely.
    duration v4_timeout = std::chrono::seconds(30);
    duration v6_timeout = std::chrono::seconds(60); ///< RFC 8200 §4.5
};

/// Every operation takes O(log n) steps for n datagrams. There is no hash, so that no collisions can be provoked.
///
/// A source is an IPv4 address, or an IPv6 /64 prefix, because a host may use all addresses of its prefix. When the table is
/// full, the oldest datagram of the source that holds most memory is evicted. Sources that hold little count as equal: those with
/// one datagram in fragments of usual size, or with less than 1/256 of the memory. If there are only such sources (a flood of
/// fragments with random source addresses), the oldest datagram of all is evicted. A datagram then has as much time as the flood
/// needs to fill the table, which is long compared to the time between the fragments of an honest datagram.
class datagram_table
{
    struct source;
    struct by_source;
    struct by_age;
    template <class Tag>
    using hook =
        boost::intrusive::list_base_hook<boost::intrusive::tag<Tag>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

    /// Words of the flow, for IPv6 without the protocol (RFC 8200 §4.5), and identification and interface: fragments that
    /// arrive on different interfaces are not joined.
    using datagram_key = std::array<std::uint64_t, 6>;
    using source_key = std::array<std::uint64_t, 2>;

public:
    class entry : public hook<by_source>, public hook<by_age>
    {
    public:
        explicit entry(const rx_packet& p) noexcept : content(p) {}
        partial_datagram content; ///< call datagram_table::update() when its memory has changed

    private:
        friend class datagram_table;
        const datagram_key* key_ = nullptr;
        source* source_ = nullptr;
        time_point deadline_ = never;
        std::uint64_t serial_ = 0; ///< in the order of arrival
        std::size_t charge_ = 0;   ///< octets of memory that are counted for this entry
    };

    explicit datagram_table(const reassembly_options& o) noexcept : options_(o) {}
    datagram_table(const datagram_table&) = delete;
    datagram_table& operator=(const datagram_table&) = delete;

    entry* find(const rx_packet& p) noexcept; ///< the fragment's datagram; null: unknown

    bool may_fit(const rx_packet& p) const noexcept; ///< an empty table has room for the fragment
    /// An entry to erase, so that there is room for the fragment; null: there is. Precondition: may_fit(p)
    /// @param own the fragment's datagram; null: a new one
    entry* in_the_way(const rx_packet& p, const entry* own) noexcept;

    /// Adds the datagram of a fragment. Precondition: find(p) and in_the_way(p, nullptr) return null
    entry& add(const rx_packet& p, time_point now);
    void update(entry& e);
    void erase(entry& e);

    entry* due(time_point now) noexcept; ///< an entry whose time has run out; null: none
    time_point next_deadline() const noexcept
    {
        time_point soonest = never;
        for (const auto& list : ages_)
            if (!list.empty()) soonest = std::min(soonest, list.front().deadline_);
        return soonest;
    }

    std::size_t size() const noexcept { return entries_.size(); }
    std::size_t memory() const noexcept { return memory_; } ///< octets

private:
    template <class Tag>
    using list_of =
        boost::intrusive::list<entry, boost::intrusive::base_hook<hook<Tag>>, boost::intrusive::constant_time_size<false>>;

    /// Orders sources for eviction: by the memory that they hold, the most first, then by the age of their oldest datagram.
    struct rank
    {
        std::uint64_t weight = 0; ///< octets; 0: the source holds little
        std::uint64_t oldest = 0; ///< its serial number
        friend bool operator<(const rank& a, const rank& b) noexcept
        {
            return a.weight != b.weight ? a.weight > b.weight : a.oldest < b.oldest;
        }
    };
    struct source
    {
        source_key key{};
        list_of<by_source> datagrams{}; ///< the oldest first
        std::size_t count = 0;          ///< datagrams
        std::size_t held = 0;           ///< octets
        rank place{};                   ///< in ranks_
    };

    static datagram_key key_of(const rx_packet& p) noexcept;
    static source_key source_of(const rx_packet& p) noexcept;
    static std::size_t most_added(const rx_packet& p) noexcept;
    rank rank_of(const source& s) const noexcept;
    source& find_or_add_source(const rx_packet& p, std::uint64_t serial);
    void rearrange(source& s);

    const reassembly_options options_;
    std::array<list_of<by_age>, 2> ages_; ///< of IPv4 and IPv6, the oldest first
    std::map<source_key, source> sources_;
    std::map<rank, source*> ranks_;
    std::map<datagram_key, entry> entries_;
    std::size_t memory_ = 0; ///< octets
    std::uint64_t last_serial_ = 0;
};

} // namespace tapio::core::ip
