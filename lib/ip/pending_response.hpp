/// @file
/// The answer that is due to queries about one group (RFC 3376 §5.2, RFC 3810 §6.2), and the rate limit of all answers.
#pragma once

#include "ip/source_filter.hpp"
#include "wire/group_record.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <vector>

namespace tapio::core::ip {

struct pending_response
{
    time_point at = never;        ///< never: none
    std::vector<address> sources; ///< those asked about; empty: the answer is the whole state

    /// Rules 3 to 5 of RFC 3376 §5.2: one answer, to all queries, at the earliest time.
    void add(const wire::address_list& asked, time_point when)
    {
        const bool whole = asked.empty() || (at != never && sources.empty());
        at = std::min(at, when);
        if (whole) return sources.clear();
        for (std::size_t i = 0; i < asked.size(); ++i) sources.push_back(asked[i]);
        sources = make_filter(filter_mode::include, sources).sources;
    }
    void clear() noexcept { *this = {}; }
};

/// Of the sources asked about, those that are wanted: the content of the answer (RFC 3376 §5.2, RFC 3810 §6.3).
inline std::vector<address> accepted_of(const std::vector<address>& asked, const source_filter& now)
{
    std::vector<address> out;
    for (const address& s : asked)
        if (now.accepts(s)) out.push_back(s);
    return out;
}

/// Limits the messages in answer to queries, which anyone may forge: 20 in a second, which may have records about many groups
/// each, or 100 in a second of older versions, by which all 1024 groups of an interface can be reported within the 10 s that
/// queriers usually allow (RFC 3376 §8.3). What is not sent in a second may be sent in the next one.
class response_limit
{
public:
    bool allows(time_point now) const noexcept { return full_at_ <= now + depth; }
    time_point next() const noexcept { return full_at_ - depth; } ///< precondition: !allows()
    void sent(wire::group_protocol v, time_point now) noexcept
    {
        const int ms = v == wire::group_protocol::v3 ? 50 : 10;
        full_at_ = std::max(full_at_, now) + std::chrono::milliseconds(ms);
    }

private:
    static constexpr duration depth = std::chrono::seconds(1);

    time_point full_at_ = time_point::min(); ///< when nothing of the last second's share is used any more
};

} // namespace tapio::core::ip
