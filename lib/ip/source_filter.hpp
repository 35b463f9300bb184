/// @file
/// Source filters of multicast groups: those of sockets (RFC 3376 §3.1, RFC 3810 §4.1), and how they are merged into the filter
/// of an interface (RFC 3376 §3.2, RFC 3810 §4.2).
#pragma once

#include <tapio/core/address.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace tapio::core::ip {

enum class filter_mode : std::uint8_t
{
    include, ///< only the listed sources
    exclude  ///< all but the listed sources
};

/// The sources from which packets to a group are wanted.
struct source_filter
{
    filter_mode mode = filter_mode::include;
    std::vector<address> sources; ///< sorted, none twice

    bool is_nothing() const noexcept { return mode == filter_mode::include && sources.empty(); }
    bool accepts(const address& source) const noexcept;
    friend bool operator==(const source_filter&, const source_filter&) = default;
};

/// Sorts the sources, and drops those that are there twice.
source_filter make_filter(filter_mode mode, std::span<const address> sources);

/// Names a socket among all that may have filters.
using subscriber_id = std::uint64_t;

/// The filters of all sockets for one group on one interface.
class group_filters
{
public:
    /// A filter that accepts nothing removes the subscriber.
    void set(subscriber_id who, source_filter filter);
    const source_filter* find(subscriber_id who) const noexcept; ///< null: the subscriber is no member
    bool empty() const noexcept { return filters_.empty(); }

    /// Whether merged() accepts the source.
    bool accepts(const address& source) const noexcept;
    source_filter merged() const;

private:
    struct uses ///< of a source, by filters of either mode
    {
        std::size_t included = 0, excluded = 0;
    };

    void count(const source_filter& filter, std::size_t by);
    /// RFC 3376 §3.2: a source is excluded if every exclude filter lists it and no include filter does.
    bool is_excluded(const uses& u) const noexcept { return u.excluded == excluders_ && u.included == 0; }

    std::map<subscriber_id, source_filter> filters_;
    std::map<address, uses> uses_;
    std::size_t excluders_ = 0; ///< filters of mode exclude
};

} // namespace tapio::core::ip
