// Timers and messages of a group_membership.
#include "ip/group_membership.hpp"
#include "wire/igmp.hpp"
#include "wire/mld.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace tapio::core::ip {

namespace {

using wire::group_protocol;
using wire::group_record_type;

constexpr std::uint8_t all_routers_octet = 2, report_receivers_octet = 22; ///< last octet of the group

/// 224.0.0.n or ff02::n.
address well_known_group(family f, std::uint8_t n) noexcept
{
    if (f == family::v4) return address_v4(0xe000'0000U | n);
    return address_v6(address_v6::bytes_type{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n});
}

/// Octets for the records of a report: without the IP header and its router alert option, and the header of IGMP or ICMPv6.
std::size_t room_for_records(family f, std::size_t mtu) noexcept
{
    constexpr std::size_t message_header = 8;
    if (f == family::v4) return std::clamp<std::size_t>(mtu, 68, 65535) - 24 - message_header; // RFC 791 §3.2
    return std::clamp<std::size_t>(mtu, 1280, 65535) - 48 - message_header;                    // RFC 8200 §5
}

/// Between the repetitions of a report (RFC 3376 §8.11, RFC 3810 §9.11; RFC 2236 §8.10, RFC 2710 §7.10).
duration unsolicited_report_interval(group_protocol v) noexcept { return std::chrono::seconds(v == group_protocol::v3 ? 1 : 10); }

using report_tick = std::chrono::duration<duration::rep, std::ratio<1, 100>>;

} // namespace

group_membership::group_membership(family f, std::size_t mtu, random_source& random) noexcept
    : family_(f), random_(random), querier_(f), records_(f, room_for_records(f, mtu))
{
}

void group_membership::set_mtu(std::size_t octets) noexcept
{
    records_ = wire::group_record_writer(family_, room_for_records(family_, octets));
}

void group_membership::advance(time_point now)
{
    if (now < next_) return;
    if (general_at_ <= now) start_general_answer(now);
    send_changes(now);
    send_responses(now);
    follow_version(now);
    find_deadline(now);
}

/// In (now, now + most], but at least until the next multiple of 10 ms.
time_point group_membership::random_time(duration most, time_point now) noexcept
{
    const auto ticks = static_cast<std::uint32_t>(std::max<duration::rep>(std::chrono::floor<report_tick>(most).count(), 1));
    return std::chrono::floor<report_tick>(now) + report_tick(1 + random_.uniform(ticks));
}

void group_membership::find_deadline(time_point now) noexcept
{
    next_ = std::min(general_at_, querier_.next_change(now));
    queried_sources_ = 0;
    for (const auto& [group, g] : groups_) {
        wake_at(g.change_at);
        wake_at(g.response.at <= now ? limit_.next() : g.response.at);
        queried_sources_ += g.response.sources.size();
    }
}

// -- what is due ------------------------------------------------------------------------------------------------------

/// The answer to a general query includes those to queries about single groups.
void group_membership::start_general_answer(time_point now)
{
    general_at_ = never;
    for (auto& [group, g] : groups_) {
        if (!g.reported || g.filters.empty()) continue;
        g.response.clear();
        g.response.at = now;
    }
}

void group_membership::send_changes(time_point now)
{
    for (auto at = groups_.begin(); at != groups_.end();) {
        group_state& g = at->second;
        if (g.change_at <= now) {
            send_change(at->first, g);
            g.change.sent();
            g.change_at = g.change.pending() ? random_time(unsolicited_report_interval(version_), now) : never;
        }
        at = g.filters.empty() && !g.change.pending() ? groups_.erase(at) : std::next(at);
    }
    send_records();
}

void group_membership::send_change(const address& group, group_state& g)
{
    if (version_ != group_protocol::v3) return send_single(group, g);
    g.last_reporter = true;
    g.change.for_each_record(
        g.filters.merged(), [&](group_record_type type, std::span<const address> sources) { send_record(type, group, sources); });
}

/// Begins where the limit has stopped it last time, so that queries about some groups do not keep others from being reported.
void group_membership::send_responses(time_point now)
{
    auto count = [&, counted = pushed_]() mutable {
        for (; counted != pushed_; ++counted) limit_.sent(version_, now);
    };
    auto at = groups_.lower_bound(resume_at_);
    for (std::size_t n = groups_.size(); n > 0; --n, ++at) {
        if (at == groups_.end()) at = groups_.begin();
        if (at->second.response.at > now) continue;
        if (!limit_.allows(now)) {
            resume_at_ = at->first;
            break;
        }
        send_response(at->first, at->second);
        count();
    }
    send_records();
    count();
}

void group_membership::send_response(const address& group, group_state& g)
{
    const std::vector<address> asked = std::exchange(g.response, {}).sources;
    if (version_ != group_protocol::v3) return send_single(group, g);
    g.last_reporter = true;
    const source_filter state = g.filters.merged();
    if (asked.empty()) { // RFC 3376 §5.2
        const bool includes = state.mode == filter_mode::include;
        return send_record(includes ? group_record_type::is_include : group_record_type::is_exclude, group, state.sources);
    }
    const std::vector<address> wanted = accepted_of(asked, state);
    if (!wanted.empty()) send_record(group_record_type::is_include, group, wanted);
}

// -- messages ---------------------------------------------------------------------------------------------------------

void group_membership::send_record(group_record_type type, const address& group, std::span<const address> sources)
{
    while (!records_.add(type, group, sources)) send_records();
}

void group_membership::send_records()
{
    if (records_.empty()) return;
    group_message m;
    m.destination = well_known_group(family_, report_receivers_octet); // RFC 3376 §4.2.14, RFC 3810 §5.2.14
    if (family_ == family::v4) {
        m.body = wire::make_igmp_report(records_);
    } else {
        m.body = wire::make_mld_report(records_);
        m.type = wire::icmpv6_type::listener_report_v2;
        m.rest = wire::rest_of(records_);
    }
    records_.clear();
    push_message(std::move(m));
}

/// A message of IGMPv1, IGMPv2 or MLDv1: a report, or that the group has been left.
void group_membership::send_single(const address& group, group_state& g)
{
    const bool leave = g.filters.empty();
    g.last_reporter = true;
    group_message m;
    m.destination = leave ? well_known_group(family_, all_routers_octet) : group; // RFC 2236 §9, RFC 2710 §8
    if (family_ == family::v4) {
        const auto report = version_ == group_protocol::v1 ? wire::igmp_type::report_v1 : wire::igmp_type::report_v2;
        m.body = wire::make_igmp(leave ? wire::igmp_type::leave : report, group.to_v4());
    } else {
        m.body = wire::make_mld(group.to_v6());
        m.type = leave ? wire::icmpv6_type::listener_done : wire::icmpv6_type::listener_report;
    }
    push_message(std::move(m));
}

void group_membership::push_message(group_message&& m)
{
    ++pushed_;
    if (messages_.size() < most_messages) messages_.push_back(std::move(m));
}

} // namespace tapio::core::ip
