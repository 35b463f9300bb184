// Names and links: probing, announcing, goodbyes. Input: mdns_responder_input.cpp.
#include "client/mdns_responder.hpp"

#include <algorithm>
#include <iterator>

namespace tapio::core::client {

namespace {

using dns::record_type;

constexpr std::size_t no_group = static_cast<std::size_t>(-1);

/// The host's group, and one for each service.
std::vector<mdns_group> groups_of(const mdns_options& o)
{
    std::vector<mdns_group> out;
    if (o.host_name.empty()) return out;
    out.push_back({o.host_name, nullptr, 1, {}});
    for (const mdns_service& s : o.services) out.push_back({s.instance.empty() ? o.host_name : s.instance, &s, 1, {}});
    for (mdns_group& g : out) g.rename(1);
    return out;
}

std::size_t index_of(const std::vector<mdns_group>& all, const mdns_group& one)
{
    const auto at = std::find_if(all.begin(), all.end(), [&](const mdns_group& g) { return g.is_same(one); });
    return at == all.end() ? no_group : static_cast<std::size_t>(at - all.begin());
}

} // namespace

// -- what is published ------------------------------------------------------------------------------------------------------

/// A group that stays keeps its name and its progress; a service whose details have changed is announced again (§8.4).
void mdns_responder::configure(const mdns_options& o, time_point now)
{
    if (o == options_) return;
    const mdns_options before = std::exchange(options_, o);
    const std::vector<mdns_group> old = std::exchange(groups_, groups_of(options_));
    std::vector<std::size_t> from;
    std::vector<bool> changed;
    for (mdns_group& g : groups_) {
        from.push_back(index_of(old, g));
        changed.push_back(from.back() != no_group && g.service != nullptr &&
                          std::find(before.services.begin(), before.services.end(), *g.service) == before.services.end());
        if (from.back() != no_group) g.rename(old[from.back()].number);
    }
    const bool same_host = !from.empty() && from.front() == 0;
    for (auto& [zone, l] : links_) {
        const std::vector<progress> progress_before = std::exchange(l.groups, std::vector<progress>(groups_.size()));
        const duration wait = random_up_to(probe_interval); // §8.1: the same for all, so that they share messages
        for (std::size_t i = 0; i < groups_.size(); ++i) {
            progress& p = l.groups[i];
            p.next = now + wait;
            if (from[i] != no_group) p = progress_before[from[i]];
            if (changed[i] || (from[i] != no_group && !same_host)) announce_again(p, now);
        }
        rebuild(zone, l, true, now);
    }
}

void mdns_responder::set_addresses(link_zone zone, std::vector<address> addresses, time_point now)
{
    const auto known = links_.find(zone);
    if (addresses.empty()) {
        if (known != links_.end()) links_.erase(known);
        return;
    }
    if (known == links_.end()) {
        link& l = links_[zone];
        l.addresses = std::move(addresses);
        return begin(l, now);
    }
    link& l = known->second;
    if (l.addresses == addresses) return;
    l.addresses = std::move(addresses);
    rebuild(zone, l, true, now);
    if (!l.groups.empty()) announce_again(l.groups.front(), now); // §8.4
}

void mdns_responder::restart(link_zone zone, time_point now)
{
    const auto l = links_.find(zone);
    if (l != links_.end()) begin(l->second, now);
}

void mdns_responder::begin(link& l, time_point now)
{
    l.waiting.clear();
    l.records = make_records(groups_, l.addresses);
    l.groups.assign(groups_.size(), {stage::probing, 0, now + random_up_to(probe_interval)});
    for (progress& p : l.groups) p.next = l.groups.front().next;
}

/// Makes the records anew. Those that are gone are taken back, if they were announced. @param take_back false: another host has
/// their name
void mdns_responder::rebuild(link_zone zone, link& l, bool take_back, time_point now)
{
    const std::vector<mdns_owned> before = std::exchange(l.records, make_records(groups_, l.addresses));
    std::vector<wire::mdns_record> gone;
    std::vector<std::optional<std::size_t>> now_at(before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
        const mdns_owned& old = before[i];
        const auto at = std::find_if(l.records.begin(), l.records.end(), [&](const auto& o) { return o.record == old.record; });
        if (at != l.records.end()) {
            at->sent = old.sent;
            now_at[i] = static_cast<std::size_t>(at - l.records.begin());
        } else if (take_back && old.was_sent() && !old.is_nsec()) {
            gone.push_back(old.record);
            gone.back().ttl = 0;
        }
    }
    renumber(l, now_at);
    if (!gone.empty()) respond(zone, nullptr, std::move(gone), {}, now);
}

/// What waits to be said is what is still true.
void mdns_responder::renumber(link& l, const std::vector<std::optional<std::size_t>>& now_at)
{
    for (delayed& d : l.waiting) {
        indices still;
        for (const std::size_t i : d.answers)
            if (now_at[i]) still.push_back(*now_at[i]);
        d.answers = std::move(still);
    }
}

std::vector<wire::mdns_record> mdns_responder::own(const dns::name& n, record_type type) const
{
    std::vector<wire::mdns_record> out;
    for (const auto& [zone, l] : links_)
        for (const mdns_owned& o : l.records) {
            const bool fits = o.record.owner == n && (o.record.type == type || type == record_type::any);
            if (!fits || o.is_nsec() || !l.is_usable(o)) continue;
            wire::mdns_record r = o.record;
            if (const auto* const v6 = std::get_if<address_v6>(&r.data)) r.data = in_zone(*v6, zone).to_v6();
            if (std::find(out.begin(), out.end(), r) == out.end()) out.push_back(std::move(r));
        }
    return out;
}

bool mdns_responder::is_own(const dns::name& n) const
{
    return std::any_of(links_.begin(), links_.end(), [&](const auto& at) {
        const link& l = at.second;
        return std::any_of(l.records.begin(), l.records.end(),
                           [&](const mdns_owned& o) { return o.record.flush && o.record.owner == n && l.is_usable(o); });
    });
}

std::vector<dns::name> mdns_responder::services() const
{
    std::vector<dns::name> out;
    for (const mdns_group& g : groups_)
        if (g.service != nullptr) out.push_back(g.name);
    return out;
}

bool mdns_responder::is_published() const noexcept
{
    const auto done = [](const progress& p) { return p.at == stage::published; };
    return !groups_.empty() && !links_.empty() && std::all_of(links_.begin(), links_.end(), [&](const auto& l) {
        return std::all_of(l.second.groups.begin(), l.second.groups.end(), done);
    });
}

/// On any link: a host may be connected to one link twice, and hear itself.
bool mdns_responder::is_ours(const dns::record& r) const
{
    return std::any_of(links_.begin(), links_.end(), [&](const auto& l) {
        return std::any_of(l.second.records.begin(), l.second.records.end(), [&](const mdns_owned& o) { return o.record == r; });
    });
}

// -- conflicts --------------------------------------------------------------------------------------------------------------

duration mdns_responder::random_up_to(duration most)
{
    return duration(random_.uniform(static_cast<std::uint32_t>(most.count()) + 1));
}

/// §8.1: when the next attempt begins.
time_point mdns_responder::after_conflict(time_point now)
{
    if (!recent_conflicts_.empty() && now - recent_conflicts_.back() > calm) pauses_ = false;
    if (recent_conflicts_.size() == many_conflicts) recent_conflicts_.pop_front();
    recent_conflicts_.push_back(now);
    const bool many = recent_conflicts_.size() == many_conflicts && now - recent_conflicts_.front() < conflict_window;
    pauses_ = pauses_ || many;
    return now + (pauses_ ? conflict_pause : random_up_to(probe_interval));
}

void mdns_responder::probe_again(progress& p, time_point now) { p = {stage::probing, 0, after_conflict(now)}; }

void mdns_responder::announce_again(progress& p, time_point now)
{
    if (p.at != stage::probing) p = {stage::announcing, 0, now};
}

/// §9: another name, on all links. What depends on the host's name is announced anew.
void mdns_responder::rename(std::size_t group, time_point now)
{
    ++conflicts_;
    groups_[group].rename(groups_[group].number + 1);
    const time_point next = after_conflict(now);
    for (auto& [zone, l] : links_) {
        l.groups[group] = {stage::probing, 0, next};
        for (std::size_t i = 1; group == 0 && i < l.groups.size(); ++i) announce_again(l.groups[i], now);
        rebuild(zone, l, false, now);
    }
}

// -- time -------------------------------------------------------------------------------------------------------------------

void mdns_responder::advance(time_point now)
{
    for (auto& [zone, l] : links_) advance(zone, l, now);
}

void mdns_responder::advance(link_zone zone, link& l, time_point now)
{
    send_delayed(zone, l, now);
    for (progress& p : l.groups)
        if (p.at == stage::probing && p.sent == probes && p.next <= now) p = {stage::announcing, 0, now};
    send_probes(zone, l, now);
    send_announcements(zone, l, now);
}

time_point mdns_responder::next_deadline() const noexcept
{
    time_point t = never;
    for (const auto& [zone, l] : links_) {
        for (const progress& p : l.groups) t = std::min(t, p.next);
        for (const delayed& d : l.waiting) t = std::min(t, d.due);
    }
    return t;
}

/// §8.2: what is to be this host's alone.
std::vector<dns::record> mdns_responder::proposed(const link& l, std::size_t group) const
{
    std::vector<dns::record> out;
    for (const mdns_owned& o : l.records)
        if (o.group == group && o.record.owner == groups_[group].name && !o.is_nsec()) out.push_back(o.record);
    return out;
}

/// §8.1: names that are due share messages.
void mdns_responder::send_probes(link_zone zone, link& l, time_point now)
{
    wire::mdns_message m;
    std::size_t octets = 0;
    const auto flush = [&] {
        if (!m.questions.empty()) transport_.send(zone, nullptr, wire::make_mdns(m, wire::longest_mdns_message), now);
        m = {};
        octets = 0;
    };
    for (std::size_t i = 0; i < l.groups.size(); ++i) {
        progress& p = l.groups[i];
        if (p.at != stage::probing || p.next > now) continue;
        ++p.sent;
        p.next = now + probe_interval;
        std::size_t more = groups_[i].name.wire_size() + 4;
        const auto records = proposed(l, i);
        for (const dns::record& r : records) more += wire::size_of(r);
        if (octets + more > mdns_payload) flush();
        octets += more;
        m.questions.push_back({groups_[i].name, record_type::any, true});
        for (const dns::record& r : records) m.authorities.push_back({r, false}); // §10.2: no flush bit in queries
    }
    flush();
}

void mdns_responder::send_announcements(link_zone zone, link& l, time_point now)
{
    std::vector<wire::mdns_record> all;
    for (mdns_owned& o : l.records) {
        const progress& p = l.groups[o.group];
        if (p.at != stage::announcing || p.next > now || o.is_nsec()) continue;
        all.push_back(o.record);
        o.sent = now;
    }
    for (progress& p : l.groups) {
        if (p.at != stage::announcing || p.next > now) continue;
        const bool more = ++p.sent < announcements;
        p.next = more ? now + announce_interval : never;
        if (!more) p.at = stage::published;
    }
    if (!all.empty()) respond(zone, nullptr, std::move(all), {}, now);
}

void mdns_responder::say_goodbye(time_point now)
{
    for (auto& [zone, l] : links_) say_goodbye(zone, l, now);
    links_.clear();
}

void mdns_responder::leave(link_zone zone, time_point now)
{
    const auto l = links_.find(zone);
    if (l == links_.end()) return;
    say_goodbye(zone, l->second, now);
    links_.erase(l);
}

void mdns_responder::say_goodbye(link_zone zone, link& l, time_point now)
{
    std::vector<wire::mdns_record> all;
    for (const mdns_owned& o : l.records) {
        if (!l.is_usable(o) || o.is_nsec()) continue;
        all.push_back(o.record);
        all.back().ttl = 0;
    }
    if (!all.empty()) respond(zone, nullptr, std::move(all), {}, now);
}

/// As many messages as the answers need; the additionals go into the last one, as far as they fit.
void mdns_responder::respond(link_zone zone, const endpoint* to, std::vector<wire::mdns_record> answers,
                             std::vector<wire::mdns_record> additionals, time_point now)
{
    wire::mdns_message m;
    m.response = true;
    m.answers = std::move(answers);
    m.additionals = std::move(additionals);
    while (!m.answers.empty()) {
        std::size_t left = 0;
        const auto octets = wire::make_mdns(m, mdns_payload, &left);
        if (left == m.answers.size())
            --left; // a record that is longer than that is left out; is_valid() allows none
        else
            transport_.send(zone, to, octets, now);
        m.answers.erase(m.answers.begin(), m.answers.end() - static_cast<std::ptrdiff_t>(left));
    }
}

} // namespace tapio::core::client
