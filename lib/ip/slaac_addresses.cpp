#include "ip/slaac_addresses.hpp"

#include "ip/interface_identifier.hpp"
#include "ip/lifetime.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core::ip {

namespace {

constexpr auto two_hours = std::chrono::hours(2);

/// RFC 4862 §5.5.3 (e): nobody but the time itself makes an address that is in use expire within two hours, because anybody on
/// the link can send an advertisement.
time_point valid_until(time_point current, time_point advertised, time_point now) noexcept
{
    const time_point soon = later(now, two_hours);
    if (advertised > soon || advertised > current) return advertised;
    return std::min(current, soon);
}

} // namespace

// -- events ---------------------------------------------------------------------------------------------------------

void slaac_addresses::link_up(time_point now)
{
    if (find(link_local_prefix()) == nullptr) {
        subnet s;
        s.prefix = link_local_prefix();
        subnets_.insert(subnets_.begin(), std::move(s));
    }
    for (subnet& s : subnets_) {
        if (!s.stable && s.retry_at == never) s.dad_counter = 0, s.retry_at = now;
        s.conflicts = s.temporary_conflicts = 0;
    }
    for (const autoconfigured_address& a : all()) actions_.add_address(a);
    advance(now);
}

void slaac_addresses::advertised(const wire::prefix_information& p, time_point now)
{
    if (p.preferred_lifetime > p.valid_lifetime || p.length != 64) return; // RFC 4862 §5.5.3 (c), (d)
    const time_point preferred = end_of(p.preferred_lifetime, now), valid = end_of(p.valid_lifetime, now);
    subnet* s = find(p.prefix);
    if (s == nullptr) {
        if (p.valid_lifetime == 0 || reserved_addresses() == most_addresses) return;
        s = &subnets_.emplace_back();
        s->prefix = p.prefix;
        s->valid_until = valid;
        s->retry_at = now;
    }
    s->preferred_until = preferred;
    s->valid_until = valid_until(s->valid_until, valid, now);
    update(*s, now);
}

void slaac_addresses::duplicate(const address_v6& a, time_point now)
{
    for (subnet& s : subnets_) {
        if (s.stable == a) return replace_stable(s, now);
        for (const temporary_address& t : s.temporaries)
            if (t.address == a) return replace_temporary(s, address_v6(a), now);
    }
}

void slaac_addresses::advance(time_point now)
{
    std::erase_if(subnets_, [&](const subnet& s) {
        if (s.valid_until > now) return false;
        remove(s);
        return true;
    });
    for (subnet& s : subnets_) update(s, now);
}

void slaac_addresses::remove_all()
{
    for (const subnet& s : subnets_) remove(s);
    subnets_.clear();
}

// -- one subnet -----------------------------------------------------------------------------------------------------

void slaac_addresses::update(subnet& s, time_point now)
{
    if (const bool deprecated = s.preferred_until <= now; deprecated != s.deprecated) {
        s.deprecated = deprecated;
        if (s.stable) actions_.set_deprecated(*s.stable, deprecated);
    }
    if (!s.stable && s.retry_at <= now) make_stable(s);
    update_temporaries(s, now);
}

/// RFC 7217 §5: an identifier that is reserved, or taken, counts as a duplicate.
void slaac_addresses::make_stable(subnet& s)
{
    for (;; ++s.dad_counter) {
        const std::uint64_t identifier = stable_identifier(options_.secret, s.prefix, options_.net_iface, s.dad_counter);
        s.stable = join(s.prefix, identifier);
        if (!is_reserved_identifier(identifier) && !is_temporary(s, *s.stable)) break;
    }
    s.retry_at = never;
    actions_.add_address(describe(s));
}

/// RFC 7217 §6: the next attempt follows after a random delay, so that two nodes do not keep step.
void slaac_addresses::replace_stable(subnet& s, time_point now)
{
    actions_.remove_address(*s.stable);
    s.stable.reset();
    if (++s.conflicts > most_retries) return actions_.address_failed(s.prefix, false);
    ++s.dad_counter;
    s.retry_at = now + random_below(most_retry_delay);
}

void slaac_addresses::remove(const subnet& s)
{
    if (s.stable) actions_.remove_address(*s.stable);
    for (const temporary_address& t : s.temporaries) actions_.remove_address(t.address);
}

// -- temporary addresses (RFC 8981 §3.4, §3.5) ----------------------------------------------------------------------

void slaac_addresses::update_temporaries(subnet& s, time_point now)
{
    std::erase_if(s.temporaries, [&](const temporary_address& t) {
        if (std::min(t.valid_limit, s.valid_until) > now) return false;
        actions_.remove_address(t.address);
        return true;
    });
    for (temporary_address& t : s.temporaries) {
        const bool deprecated = std::min(t.preferred_limit, s.preferred_until) <= now;
        if (deprecated != t.deprecated) actions_.set_deprecated(t.address, deprecated);
        t.deprecated = deprecated;
    }
    if (options_.temporary_addresses && !s.prefix.is_link_local() && reserved_addresses() + most_temporaries <= most_addresses)
        s.may_have_temporaries = true;
    if (!wants_temporary(s, now)) return;
    s.temporary_conflicts = 0;
    make_temporary(s, now);
}

bool slaac_addresses::wants_temporary(const subnet& s, time_point now) const noexcept
{
    if (!s.may_have_temporaries || s.temporary_conflicts > most_retries || s.temporaries.size() == most_temporaries) return false;
    const time_point soon = later(now, regen_advance());
    return s.preferred_until > soon && options_.temporary_preferred > regen_advance() &&
           std::none_of(s.temporaries.begin(), s.temporaries.end(), [soon](const auto& t) { return t.preferred_limit > soon; });
}

/// Precondition: wants_temporary().
void slaac_addresses::make_temporary(subnet& s, time_point now)
{
    const duration preferred = options_.temporary_preferred;
    const duration desync = random_below(std::min(preferred * 2 / 5, preferred - regen_advance())); // DESYNC_FACTOR
    temporary_address t;
    do t.address = join(s.prefix, random_identifier(random_));
    while (t.address == s.stable || is_temporary(s, t.address));
    t.preferred_limit = later(now, preferred - desync);
    t.valid_limit = later(now, options_.temporary_valid);
    s.temporaries.push_back(t);
    actions_.add_address(describe(s, t));
}

void slaac_addresses::replace_temporary(subnet& s, const address_v6& duplicate, time_point now)
{
    std::erase_if(s.temporaries, [&](const temporary_address& t) { return t.address == duplicate; });
    actions_.remove_address(duplicate);
    if (++s.temporary_conflicts > most_retries) return actions_.address_failed(s.prefix, true);
    if (wants_temporary(s, now)) make_temporary(s, now);
}

duration slaac_addresses::regen_advance() const noexcept
{
    return std::chrono::seconds(2) + most_retries * retransmit_time_; // DupAddrDetectTransmits is 1
}

// -- questions ------------------------------------------------------------------------------------------------------

slaac_addresses::subnet* slaac_addresses::find(const address_v6& prefix) noexcept
{
    const auto at = std::find_if(subnets_.begin(), subnets_.end(), [&](const subnet& s) { return s.prefix == prefix; });
    return at == subnets_.end() ? nullptr : &*at;
}

std::size_t slaac_addresses::reserved_addresses() const noexcept
{
    std::size_t n = 0;
    for (const subnet& s : subnets_)
        if (!s.prefix.is_link_local()) n += s.may_have_temporaries ? 1 + most_temporaries : 1;
    return n;
}

bool slaac_addresses::is_temporary(const subnet& s, const address_v6& a) noexcept
{
    return std::any_of(s.temporaries.begin(), s.temporaries.end(), [&](const auto& t) { return t.address == a; });
}

bool slaac_addresses::has(const address_v6& a) const noexcept
{
    return std::any_of(subnets_.begin(), subnets_.end(), [&](const subnet& s) { return s.stable == a || is_temporary(s, a); });
}

time_point slaac_addresses::next_deadline(time_point now) const noexcept
{
    time_point soonest = never;
    const auto consider = [&](time_point t) {
        if (t > now) soonest = std::min(soonest, t);
    };
    for (const subnet& s : subnets_) {
        consider(s.valid_until);
        consider(s.preferred_until);
        consider(s.retry_at);
        for (const temporary_address& t : s.temporaries) {
            consider(t.valid_limit);
            consider(t.preferred_limit);
            consider(t.preferred_limit - regen_advance());
        }
    }
    return soonest;
}

autoconfigured_address slaac_addresses::describe(const subnet& s)
{
    autoconfigured_address a;
    a.address = *s.stable;
    a.deprecated = s.deprecated;
    a.preferred_until = s.preferred_until;
    a.valid_until = s.valid_until;
    return a;
}

autoconfigured_address slaac_addresses::describe(const subnet& s, const temporary_address& t)
{
    autoconfigured_address a;
    a.address = t.address;
    a.temporary = true;
    a.deprecated = t.deprecated;
    a.preferred_until = std::min(t.preferred_limit, s.preferred_until);
    a.valid_until = std::min(t.valid_limit, s.valid_until);
    return a;
}

std::vector<autoconfigured_address> slaac_addresses::all() const
{
    std::vector<autoconfigured_address> out;
    for (const subnet& s : subnets_) {
        if (s.stable) out.push_back(describe(s));
        for (const temporary_address& t : s.temporaries) out.push_back(describe(s, t));
    }
    return out;
}

duration slaac_addresses::random_below(duration bound) noexcept
{
    return duration(random_.next_u64() % static_cast<std::uint64_t>(bound.count()));
}

} // namespace tapio::core::ip
