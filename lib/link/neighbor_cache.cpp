#include "link/neighbor_cache.hpp"

#include <algorithm>
#include <iterator>

namespace tapio::core::link {

const mac_address* neighbor_cache::look_up(next_hop& to, packet& p, time_point now)
{
    if (find(to) == nullptr) (void)make(to.address(), now);
    entry& e = *find(to);
    e.used = now;
    if (e.state == state::incomplete) {
        e.pending.push_back(std::move(p));
        if (e.pending.size() > most_pending || ++waiting_ > most_waiting) {
            overflow_.push_back(std::move(e.pending.front()));
            e.pending.pop_front();
            waiting_ = std::min(waiting_, most_waiting);
        }
        if (e.requests == 0) ask(to.address(), e, now);
        return nullptr;
    }
    if (e.state == state::reachable && e.deadline <= now) set_state(e, state::stale, now);
    if (e.state == state::stale) { // RFC 4861 §7.3.3: use the address, and probe it soon
        set_state(e, state::delay, now);
        arm(e, now + delay_first_probe);
    }
    return &e.mac;
}

neighbor_cache::entry* neighbor_cache::find(next_hop& who)
{
    if (who.epoch_ == epoch_) return who.found_;
    const auto found = entries_.find(who.address());
    if (found == entries_.end()) return nullptr;
    who.epoch_ = epoch_;
    return who.found_ = &found->second;
}

neighbor_cache::entry& neighbor_cache::make(const address& who, time_point now)
{
    if (entries_.size() >= most_entries) {
        entry& oldest = least_used();
        for (packet& p : take_pending(oldest)) overflow_.push_back(std::move(p));
        entries_.erase(entries_.find(*oldest.who));
        ++epoch_;
    }
    const auto at = entries_.try_emplace(who).first;
    entry& e = at->second;
    e.who = &at->first;
    e.used = now;
    put_last(e, now);
    return e;
}

void neighbor_cache::put_last(entry& e, time_point now) noexcept
{
    if (e.is_linked()) e.unlink();
    e.ranked = now;
    ranks_[e.rank()].push_back(e);
}

/// The first of the lowest rank that was not used since it was put at the end of its list; those that were go to the end now.
/// Precondition: there is an entry
neighbor_cache::entry& neighbor_cache::least_used() noexcept
{
    const auto lowest = std::find_if(ranks_.begin(), ranks_.end(), [](const auto& r) { return !r.empty(); });
    while (lowest->front().used > lowest->front().ranked) put_last(lowest->front(), lowest->front().used);
    return lowest->front();
}

std::vector<packet> neighbor_cache::forget_all()
{
    std::vector<packet> waiting;
    for (auto& [who, e] : entries_) std::move(e.pending.begin(), e.pending.end(), std::back_inserter(waiting));
    entries_.clear();
    waiting_ = 0;
    ++epoch_;
    soonest_ = never;
    requests_.clear();
    return waiting;
}

std::deque<packet> neighbor_cache::take_pending(entry& e) noexcept
{
    waiting_ -= e.pending.size();
    return std::exchange(e.pending, {});
}

void neighbor_cache::ask(const address& who, time_point now)
{
    const auto found = entries_.find(who);
    if (found == entries_.end()) ask(who, make(who, now), now);
}

void neighbor_cache::ask(const address& who, entry& e, time_point now)
{
    ++e.requests;
    arm(e, now + (who.is_v6() ? v6_request_interval_ : request_interval));
    requests_.push_back({who, e.state == state::probe ? std::optional(e.mac) : std::nullopt});
}

neighbor_cache::learned neighbor_cache::learn(const address& who, const mac_address& mac, heard how, time_point now)
{
    const auto found = entries_.find(who);
    if (found == entries_.end() && how != heard::request) return {};
    entry& e = found == entries_.end() ? make(who, now) : found->second;
    const bool known = e.state != state::incomplete;
    const bool differs = known && e.mac != mac;
    const bool overrides = how == heard::request || how == heard::announcement;
    if (differs && !overrides && now < e.updated + lock_time) return {};

    const bool answers = how == heard::reply && !differs && e.requests > 0;
    if (answers) {
        now_reachable(who, e, now);
    } else if (differs || !known) { // not confirmed as reachable (RFC 4861 §7.2.3)
        distrust(e, now);
        e.deadline = never;
    } else {
        return {true, {}};
    }
    e.mac = mac;
    e.updated = now;
    e.requests = 0;
    return {true, take_pending(e)};
}

neighbor_cache::learned neighbor_cache::learn(const address& who, const advertisement& a, time_point now)
{
    const auto found = entries_.find(who);
    if (found == entries_.end()) return {};
    entry& e = found->second;
    const bool known = e.state != state::incomplete;
    if (!known && !a.mac) return {};
    const bool differs = known && a.mac && *a.mac != e.mac;
    if (differs && !a.override) { // the known address is kept, but no longer trusted
        if (e.state == state::reachable) set_state(e, state::stale, now);
        return {};
    }
    if (a.mac) e.mac = *a.mac;
    if (a.solicited) {
        now_reachable(who, e, now);
    } else if (differs || !known) {
        distrust(e, now);
        e.deadline = never;
    }
    e.updated = now;
    if (a.solicited || !known || differs) e.requests = 0;
    return {true, take_pending(e)};
}

void neighbor_cache::now_reachable(const address& who, entry& e, time_point now) noexcept
{
    set_state(e, state::reachable, now);
    e.deadline = now + (who.is_v6() ? v6_reachable_.at(now) : reachable_time);
}

void neighbor_cache::confirm(const address& who, entry& e, time_point now) noexcept
{
    if (e.state == state::incomplete) return;
    now_reachable(who, e, now);
    e.updated = now;
    e.requests = 0;
}

void neighbor_cache::doubt(next_hop& who, time_point now)
{
    entry* const e = find(who);
    if (e == nullptr || e->state == state::incomplete || e->state == state::probe) return;
    set_state(*e, state::delay, now);
    arm(*e, now);
}

void neighbor_cache::expire(const address& who, entry& e, time_point now)
{
    switch (e.state) {
    case state::reachable:
        set_state(e, state::stale, now);
        e.deadline = never;
        return;
    case state::stale: e.deadline = never; return;
    case state::delay:
        set_state(e, state::probe, now);
        e.requests = 0;
        ask(who, e, now);
        return;
    case state::incomplete:
    case state::probe:
        if (e.requests < most_requests) ask(who, e, now);
        return;
    }
}

void neighbor_cache::set_state(entry& e, state s, time_point now) noexcept
{
    const std::size_t before = e.rank();
    e.state = s;
    if (s == state::reachable) e.confirmed = true;
    if (e.rank() != before) put_last(e, now);
}

/// Another node than the one that was reachable may have the new link-layer address.
void neighbor_cache::distrust(entry& e, time_point now) noexcept
{
    e.confirmed = false;
    e.state = state::stale;
    put_last(e, now);
}

void neighbor_cache::arm(entry& e, time_point deadline) noexcept
{
    e.deadline = deadline;
    soonest_ = std::min(soonest_, deadline);
}

bool neighbor_cache::look_at_all(time_point now)
{
    soonest_ = never;
    for (auto it = entries_.begin(); it != entries_.end();) {
        entry& e = it->second;
        const bool asking = e.state == state::incomplete || e.state == state::probe;
        if (e.deadline <= now && asking && e.requests >= most_requests) { // no answer
            for (packet& p : take_pending(e)) unreachable_.push_back(std::move(p));
            silent_.push_back(it->first);
            it = entries_.erase(it);
            ++epoch_;
            continue;
        }
        if (e.deadline <= now) expire(it->first, e, now);
        if (e.state != state::reachable) soonest_ = std::min(soonest_, e.deadline); // look_up() checks reachable entries
        ++it;
    }
    return true;
}

namespace {

template <class T>
bool take_front(std::deque<T>& queue, T& out)
{
    if (queue.empty()) return false;
    out = std::move(queue.front());
    queue.pop_front();
    return true;
}

} // namespace

bool neighbor_cache::take_request(request& out) { return take_front(requests_, out); }
bool neighbor_cache::take_unreachable(packet& out) { return take_front(unreachable_, out); }
bool neighbor_cache::take_overflow(packet& out) { return take_front(overflow_, out); }
bool neighbor_cache::take_silent(address& out) { return take_front(silent_, out); }

void neighbor_cache::list(std::uint32_t interface, std::vector<neighbor_info>& out) const
{
    for (const auto& [who, e] : entries_) {
        const bool known = e.state != state::incomplete;
        out.push_back({interface, who, known ? std::optional(e.mac) : std::nullopt, e.state, e.pending.size()});
    }
}

std::optional<mac_address> neighbor_cache::address_of(const address& who) const
{
    const auto found = entries_.find(who);
    const bool known = found != entries_.end() && found->second.state != state::incomplete;
    return known ? std::optional(found->second.mac) : std::nullopt;
}

std::optional<neighbor_cache::state> neighbor_cache::state_of(const address& who) const
{
    const auto found = entries_.find(who);
    return found == entries_.end() ? std::nullopt : std::optional(found->second.state);
}

} // namespace tapio::core::link
