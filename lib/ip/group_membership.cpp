// Filters, the state of the link, and queries. Sending: group_membership_output.cpp.
#include "ip/group_membership.hpp"

#include <boost/assert.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace tapio::core::ip {

namespace {

using wire::group_protocol;

/// The interface knows its link; an address with a zone is the same address.
address without_zone(const address& a) noexcept
{
    if (a.is_v4() || a.to_v6().scope_id() == 0) return a;
    return address_v6(a.to_v6().to_bytes());
}

std::vector<address> without_zones(std::span<const address> some)
{
    std::vector<address> out(some.begin(), some.end());
    std::transform(out.begin(), out.end(), out.begin(), without_zone);
    return out;
}

constexpr unsigned interface_local_scope = 1, link_local_scope = 2;

unsigned multicast_scope(const address_v6& group) noexcept { return group.to_bytes()[1] & 0xfU; } // RFC 4291 §2.7

/// 224.0.0.1, ff01::1, ff02::1: received from all sources, always (RFC 3376 §5, RFC 3810 §6).
bool is_heard_by_all(const address& group) noexcept
{
    if (group.is_v4()) return group.to_v4().to_uint() == 0xe000'0001;
    auto octets = group.to_v6().to_bytes();
    if (octets[1] != interface_local_scope && octets[1] != link_local_scope) return false;
    octets[1] = link_local_scope;
    return octets == address_v6::bytes_type{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
}

bool is_reported_group(const address& group) noexcept
{
    return !is_heard_by_all(group) && (group.is_v4() || multicast_scope(group.to_v6()) > interface_local_scope);
}

} // namespace

// -- filters ----------------------------------------------------------------------------------------------------------

error_code group_membership::set_filter(subscriber_id who, const address& group, filter_mode mode,
                                        std::span<const address> sources, time_point now)
{
    BOOST_ASSERT(group.is_multicast() && family_of(group) == family_);
    follow_version(now);
    const address name = without_zone(group);
    source_filter wanted = make_filter(mode, without_zones(sources));
    auto at = groups_.find(name);
    const source_filter* const old = at == groups_.end() ? nullptr : at->second.filters.find(who);
    const std::size_t had = old == nullptr ? 0 : old->sources.size(), has = wanted.sources.size();
    if (sources_ - had + has > most_sources) return errno_code(ENOBUFS);
    if (at == groups_.end()) {
        if (wanted.is_nothing()) return {};
        if (groups_.size() >= most_groups && !make_room()) return errno_code(ENOBUFS);
        at = groups_.try_emplace(name).first;
        at->second.reported = is_reported_group(name);
    }
    sources_ = sources_ - had + has;
    group_filters& filters = at->second.filters;
    const source_filter before = filters.merged();
    filters.set(who, std::move(wanted));
    changed(at, before, filters.merged(), now);
    return {};
}

/// Forgets a group that has been left, although its leaving has not been reported often enough yet.
bool group_membership::make_room()
{
    const auto left = std::find_if(groups_.begin(), groups_.end(), [](const auto& g) { return g.second.filters.empty(); });
    if (left == groups_.end()) return false;
    groups_.erase(left);
    return true;
}

void group_membership::changed(group_map::iterator at, const source_filter& before, const source_filter& after, time_point now)
{
    group_state& g = at->second;
    if (up_ && g.reported && before != after) report_change(g, before, after, now);
    if (!after.is_nothing()) return;
    g.response.clear();
    if (!g.change.pending()) groups_.erase(at);
}

void group_membership::report_change(group_state& g, const source_filter& before, const source_filter& after, time_point now)
{
    if (version_ == group_protocol::v3) {
        g.change.add(before, after, querier_.robustness());
    } else if (before.is_nothing()) { // RFC 2236 §3
        g.change.report_all(querier_.robustness());
    } else if (after.is_nothing()) { // RFC 2236 §3: one message, if others need not be members; IGMPv1 has none
        g.change.report_all(version_ == group_protocol::v2 && g.last_reporter ? 1 : 0);
    } else {
        return; // only the sources are others, of which older versions know nothing
    }
    g.change_at = g.change.pending() ? now : never;
    wake_at(g.change_at);
}

const group_membership::group_state* group_membership::find(const address& group) const noexcept
{
    const auto at = groups_.find(without_zone(group));
    return at == groups_.end() ? nullptr : &at->second;
}

const source_filter* group_membership::filter_of(subscriber_id who, const address& group) const noexcept
{
    const group_state* const g = find(group);
    return g == nullptr ? nullptr : g->filters.find(who);
}

source_filter group_membership::interface_filter(const address& group) const
{
    const group_state* const g = find(group);
    return g == nullptr ? source_filter{} : g->filters.merged();
}

bool group_membership::is_member(const address& group) const noexcept
{
    const group_state* const g = find(group);
    return g != nullptr && !g->filters.empty();
}

bool group_membership::accepts(const address& group, const address& source) const noexcept
{
    if (is_heard_by_all(group)) return true;
    const group_state* const g = find(group);
    return g != nullptr && g->filters.accepts(without_zone(source));
}

bool group_membership::accepts(subscriber_id who, const address& group, const address& source) const noexcept
{
    const source_filter* const f = filter_of(who, group);
    return f != nullptr && f->accepts(without_zone(source));
}

// -- the link ---------------------------------------------------------------------------------------------------------

void group_membership::link_up(time_point now)
{
    link_down();
    up_ = true;
    querier_ = querier_version(family_);
    version_ = group_protocol::v3;
    report_all(now);
}

void group_membership::link_down() noexcept
{
    up_ = false;
    cancel_reports();
    next_ = never;
    messages_.clear();
}

void group_membership::report_all(time_point now)
{
    if (!up_) return;
    for (auto& [group, g] : groups_) {
        if (!g.reported || g.filters.empty()) continue;
        g.change.report_all(querier_.robustness());
        g.change_at = now;
        wake_at(now);
    }
}

// -- messages in ------------------------------------------------------------------------------------------------------

void group_membership::receive_query(const wire::group_query& q, time_point now)
{
    BOOST_ASSERT(family_of(q.group) == family_);
    if (!up_) return;
    advance(now); // what was due before the query is sent in the version of that time
    querier_.heard(q, now);
    follow_version(now);
    wake_at(querier_.next_change(now));
    if (version_ != group_protocol::v3) return answer_singly(q, now);
    const time_point at = random_time(q.max_response, now);
    if (general_at_ < at) return; // RFC 3376 §5.2 rule 1; RFC 3810 §6.2
    if (q.is_general()) {         // rule 2
        if (!reports_anything()) return;
        general_at_ = at;
    } else {
        group_state* const g = find_reported(q.group);
        if (g == nullptr) return;
        const bool too_many = queried_sources_ + q.sources.size() > most_queried_sources;
        g->response.add(too_many ? wire::address_list() : q.sources, at); // rules 3 to 5
        queried_sources_ += too_many ? 0 : q.sources.size();
    }
    wake_at(at);
}

group_membership::group_state* group_membership::find_reported(const address& group) noexcept
{
    const auto at = groups_.find(without_zone(group));
    return at == groups_.end() || !at->second.reported || at->second.filters.empty() ? nullptr : &at->second;
}

bool group_membership::reports_anything() const noexcept
{
    return std::any_of(groups_.begin(), groups_.end(),
                       [](const auto& g) { return g.second.reported && !g.second.filters.empty(); });
}

/// Versions without sources have a timer for each group (RFC 2236 §3, RFC 2710 §4, RFC 1112 Appendix I).
void group_membership::answer_singly(const wire::group_query& q, time_point now)
{
    if (!q.is_general()) {
        if (group_state* const g = find_reported(q.group)) delay_answer(*g, q.max_response, now);
        return;
    }
    for (auto& [group, g] : groups_)
        if (g.reported && !g.filters.empty()) delay_answer(g, q.max_response, now);
}

/// A running timer is set anew only if more time is left than the query allows (RFC 2236 §3).
void group_membership::delay_answer(group_state& g, duration most, time_point now)
{
    const time_point running = std::min(g.change_at, g.response.at);
    if (running != never && running - now <= most) return;
    g.change.clear();
    g.change_at = never;
    g.response.clear();
    g.response.at = random_time(most, now);
    wake_at(g.response.at);
}

/// Suppression (RFC 2236 §3, RFC 2710 §4). A host of version 3 does not do it (RFC 3376 §7.2.2).
void group_membership::receive_report(const address& group, time_point now)
{
    if (!up_) return;
    advance(now);
    group_state* const g = find_reported(group);
    if (g == nullptr || version_ == group_protocol::v3) return;
    if (g->change_at == never && g->response.at == never) return; // an idle member ignores it
    g->change.clear();
    g->change_at = never;
    g->response.clear();
    g->last_reporter = false;
}

/// RFC 3376 §7.2.1: a change of the version cancels everything that is pending.
void group_membership::follow_version(time_point now)
{
    const group_protocol v = querier_.at(now);
    if (std::exchange(version_, v) != v) cancel_reports();
}

void group_membership::cancel_reports() noexcept
{
    general_at_ = never;
    for (auto& [group, g] : groups_) {
        g.change.clear();
        g.change_at = never;
        g.response.clear();
    }
    std::erase_if(groups_, [](const auto& g) { return g.second.filters.empty(); });
}

} // namespace tapio::core::ip
