/// @file
/// Which version of IGMP or MLD an interface speaks, by the queries that it has heard (RFC 3376 §7.2.1, RFC 3810 §8.2.1), and the
/// querier's parameters.
#pragma once

#include "wire/group_record.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <chrono>

namespace tapio::core::ip {

class querier_version
{
public:
    static constexpr unsigned default_robustness = 2;             ///< RFC 3376 §8.1; 1 is refused, as it SHOULD NOT be used
    static constexpr std::chrono::seconds default_interval{125};  ///< RFC 3376 §8.2
    static constexpr std::chrono::seconds longest_interval{3600}; ///< so that a forged query cannot keep an old version for days

    explicit querier_version(family f) noexcept : family_(f) {}

    void heard(const wire::group_query& q, time_point now) noexcept
    {
        using wire::group_protocol;
        if (q.version == group_protocol::v3) return adopt(q);
        const time_point until = now + interval_ * robustness_ + q.max_response; // RFC 3376 §8.12
        if (q.version == group_protocol::v1) v1_until_ = until;
        // RFC 3376 §7.2.1: general queries of IGMPv2; RFC 3810 §8.2.1: all queries of MLDv1
        if (q.version == group_protocol::v2 && (q.is_general() || family_ == family::v6)) v2_until_ = until;
    }

    wire::group_protocol at(time_point now) const noexcept
    {
        if (now < v1_until_) return wire::group_protocol::v1;
        return now < v2_until_ ? wire::group_protocol::v2 : wire::group_protocol::v3;
    }
    /// When at() changes next, if nothing is heard.
    time_point next_change(time_point now) const noexcept
    {
        if (now < v1_until_) return v1_until_;
        return now < v2_until_ ? v2_until_ : never;
    }
    unsigned robustness() const noexcept { return robustness_; }

private:
    /// As on Linux, a host uses the querier's values, too. RFC 3376 §4.1.6 and §4.1.7 ask it of routers.
    void adopt(const wire::group_query& q) noexcept
    {
        robustness_ = std::max<unsigned>(q.robustness, default_robustness);
        interval_ = q.query_interval.count() == 0 ? default_interval : std::min(q.query_interval, longest_interval);
    }

    family family_;
    unsigned robustness_ = default_robustness;
    std::chrono::seconds interval_ = default_interval;                       ///< between general queries
    time_point v1_until_ = time_point::min(), v2_until_ = time_point::min(); ///< when an older querier counts as gone
};

} // namespace tapio::core::ip
