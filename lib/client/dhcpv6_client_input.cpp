// The DHCPv6 client: what it makes of the answers of servers (RFC 8415 §18.2.9, §18.2.10).
#include "client/dhcpv6_client.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core::client {

using wire::dhcpv6_association;
using wire::dhcpv6_message;
using wire::dhcpv6_resource;
using wire::dhcpv6_status;
using wire::dhcpv6_type;

namespace {

constexpr std::uint32_t infinite_v6_lifetime = 0xffff'ffff; // s (RFC 8415 §7.7)

time_point v6_end_of(std::uint32_t lifetime, time_point now) noexcept
{
    const duration d = std::chrono::seconds(lifetime);
    return lifetime == infinite_v6_lifetime || d >= never - now ? never : now + d;
}

/// An address that an interface may have, or a prefix of such: neither link-local nor multicast, loopback or unspecified. A very
/// short prefix is no delegation: its unreachable route would cut the host off.
bool is_assignable(const dhcpv6_resource& r) noexcept
{
    const address_v6& a = r.address;
    return !a.is_multicast() && !a.is_unspecified() && !a.is_loopback() && !a.is_link_local() && !a.is_v4_mapped() &&
           r.length >= dhcpv6_client::least_prefix_length && r.status == dhcpv6_status::success;
}

bool is_grant(const dhcpv6_resource& r) noexcept { return is_assignable(r) && r.valid_lifetime >= dhcpv6_client::least_lifetime; }

bool has_grant(const dhcpv6_association* a) noexcept
{
    return a != nullptr && a->status == dhcpv6_status::success && std::any_of(a->resources.begin(), a->resources.end(), is_grant);
}

/// Of an association that the host asked about. Lifetimes of zero are an answer, too: they take something away.
bool has_answer(const dhcpv6_association* a) noexcept
{
    return a != nullptr && a->status == dhcpv6_status::success && !a->resources.empty();
}

/// Without those that no host has, and each once.
std::vector<address_v6> servers_of(const std::vector<address_v6>& all)
{
    std::vector<address_v6> out;
    for (const address_v6& a : all) {
        const bool none = a.is_multicast() || a.is_unspecified() || a.is_loopback();
        if (!none && std::find(out.begin(), out.end(), a) == out.end()) out.push_back(a);
    }
    return out;
}

bool is_unknown(const dhcpv6_association* a) noexcept { return a != nullptr && a->status == dhcpv6_status::no_binding; }

} // namespace

const dhcpv6_association* dhcpv6_client::addresses_in(const message& m) const
{
    const auto at =
        std::find_if(m.addresses.begin(), m.addresses.end(), [this](const association& a) { return a.id == options_.iaid; });
    return at == m.addresses.end() ? nullptr : &*at;
}

/// None if no prefix is wanted.
const dhcpv6_association* dhcpv6_client::prefixes_in(const message& m) const
{
    const auto at = std::find_if(m.prefixes.begin(), m.prefixes.end(),
                                 [this](const association& a) { return options_.delegate_prefix && a.id == options_.iaid; });
    return at == m.prefixes.end() ? nullptr : &*at;
}

unsigned dhcpv6_client::grants(const message& m) const
{
    if (m.status != dhcpv6_status::success) return 0;
    return unsigned{has_grant(addresses_in(m))} + unsigned{has_grant(prefixes_in(m))};
}

/// RFC 8415 §16.3, §16.10: an answer of the exchange that goes on, with both identifiers, and the client's is ours.
bool dhcpv6_client::received(const message& m, time_point now)
{
    const bool waits = again_.next_deadline() != never && again_.transmissions() > 0;
    if (!waits || m.xid != xid_ || m.client_id != options_.duid || m.server_id.empty()) return false;
    if (m.type != dhcpv6_type::reply && (m.type != dhcpv6_type::advertise || state_ != soliciting)) return false;
    learn_limits(m);
    return m.type == dhcpv6_type::advertise ? advertised(m, now) : replied(m, now);
}

/// RFC 8415 §18.2.9, §21.24, §21.25: also of a message that has nothing else of use.
void dhcpv6_client::learn_limits(const message& m)
{
    const auto learn_one = [](const std::optional<std::uint32_t>& told, duration& limit) {
        if (told && *told >= 60 && *told <= 86400) limit = std::chrono::seconds(*told);
    };
    learn_one(m.sol_max_rt, sol_max_rt_);
    learn_one(m.inf_max_rt, inf_max_rt_);
    if (state_ == soliciting) again_.set_longest(sol_max_rt_);
    if (state_ == informing) again_.set_longest(inf_max_rt_);
}

/// RFC 8415 §18.2.9: the first with preference 255, the best at the first timeout, or the first one after that. Among servers of
/// the same preference, the one that gives more.
bool dhcpv6_client::advertised(const message& m, time_point now)
{
    if (grants(m) == 0) return false;
    const auto worth = [this](const message& one) { return std::pair(one.preference.value_or(0), grants(one)); };
    if (!best_ || worth(m) > worth(*best_)) best_ = m;
    if (m.preference == 255 || again_.transmissions() > 1) choose_server(now);
    return true;
}

bool dhcpv6_client::replied(const message& m, time_point now)
{
    const bool from_our_server = m.server_id == server_;
    switch (state_) {
    case soliciting: return options_.rapid_commit && m.rapid_commit && granted(m, now); // RFC 8415 §18.2.1
    case requesting: return from_our_server && (granted(m, now) || (restart(soliciting, now), true));
    case renewing: return from_our_server && extended(m, now);
    case rebinding: return extended(m, now);
    case confirming: return confirmed(m, now);
    case declining:
    case releasing: return from_our_server && (gave_up(now), true);
    case informing: return informed_by(m, now);
    default: return false;
    }
}

/// The answer to a Request, or to a Solicit with rapid commit. What it gives stands in for what was there before.
bool dhcpv6_client::granted(const message& m, time_point now)
{
    if (grants(m) == 0) return false;
    if (has_grant(addresses_in(m))) lease_.addresses.clear();
    if (has_grant(prefixes_in(m))) lease_.prefixes.clear();
    accept(m, now);
    return true;
}

/// The answer to a Renew or Rebind. Without an answer about anything the exchange goes on as if nothing had come.
bool dhcpv6_client::extended(const message& m, time_point now)
{
    const association *const a = addresses_in(m), *const p = prefixes_in(m);
    const bool unknown = is_unknown(a) || is_unknown(p);
    if (m.status != dhcpv6_status::success || !(unknown || has_answer(a) || has_answer(p))) return false;
    if (!unknown) return accept(m, now), true;
    learn(a, lease_.addresses, now);
    learn(p, lease_.prefixes, now);
    (void)expire(now);
    actions_.use(lease_);
    server_ = m.server_id;
    start(requesting, duration::zero(), now); // what the server does not know is requested anew
    return true;
}

/// RFC 8415 §18.2.10.1.
bool dhcpv6_client::confirmed(const message& m, time_point now)
{
    if (m.status == dhcpv6_status::not_on_link) {
        lease_ = {};
        actions_.use(lease_);
        start(soliciting, duration::zero(), now);
        return true;
    }
    if (!lease_.prefixes.empty()) return extended(m, now); // the answer to a Rebind
    if (m.status != dhcpv6_status::success) return false;
    again_.stop();
    gave_up(now);
    return true;
}

void dhcpv6_client::accept(const message& m, time_point now)
{
    server_ = m.server_id;
    learn(addresses_in(m), lease_.addresses, now);
    learn(prefixes_in(m), lease_.prefixes, now);
    learn_servers(m, now);
    (void)expire(now);
    if (has_resources()) {
        state_ = bound;
        best_.reset();
        again_.stop();
        set_times(m, now);
    } else { // all was taken away
        restart(soliciting, now);
    }
    actions_.use(lease_);
}

/// What the association does not mention stays until its lifetimes end (RFC 8415 §18.2.10.1).
void dhcpv6_client::learn(const association* a, resources& all, time_point now)
{
    if (a == nullptr || a->status != dhcpv6_status::success) return;
    for (const dhcpv6_resource& r : a->resources) {
        if (!is_assignable(r)) continue;
        const dhcpv6_lease::resource fresh{r.address, r.length, v6_end_of(r.preferred_lifetime, now),
                                           v6_end_of(r.valid_lifetime, now), false};
        const auto at = std::find_if(all.begin(), all.end(),
                                     [&](const auto& one) { return one.address == r.address && one.length == r.length; });
        if (at != all.end()) {
            *at = fresh;
        } else if (is_grant(r) && all.size() < message::most_resources) {
            all.push_back(fresh);
        }
    }
}

void dhcpv6_client::learn_servers(const message& m, time_point now)
{
    lease_.server = m.server_id;
    lease_.obtained = now;
    lease_.dns_servers = servers_of(m.dns_servers);
    lease_.ntp_servers = servers_of(m.ntp_servers);
    lease_.search_domains = m.search_domains;
}

/// RFC 8415 §14.2, §21.4: the smallest T1 and T2; those of the client, if the server leaves them to it, are half and four fifths
/// of the shortest preferred lifetime. Nothing may end before it has been asked for again.
void dhcpv6_client::set_times(const message& m, time_point now)
{
    std::uint32_t t1 = infinite_v6_lifetime, t2 = t1, shortest = t1;
    for (const association* a : {addresses_in(m), prefixes_in(m)}) {
        if (!has_answer(a)) continue;
        for (const dhcpv6_resource& r : a->resources)
            if (r.preferred_lifetime > 0) shortest = std::min(shortest, r.preferred_lifetime);
        if (a->t1 > 0) t1 = std::min(t1, a->t1);
        if (a->t2 > 0) t2 = std::min(t2, a->t2);
    }
    if (t1 == infinite_v6_lifetime && shortest != t1) t1 = std::min(t2, shortest / 2);
    if (t2 == infinite_v6_lifetime && shortest != t2) t2 = std::max(t1, shortest / 5 * 4);
    lease_.renewal = v6_end_of(t1, now);
    lease_.rebinding = v6_end_of(t2, now);
    for (const auto* all : {&lease_.addresses, &lease_.prefixes})
        for (const auto& r : *all) {
            if (r.valid_until <= lease_.renewal && r.valid_until != never) lease_.renewal = now + (r.valid_until - now) / 2;
            if (r.valid_until <= lease_.rebinding && r.valid_until != never)
                lease_.rebinding = now + (r.valid_until - now) / 5 * 4;
        }
    lease_.renewal = std::max(lease_.renewal, now + least_renewal);
    lease_.rebinding = std::max(lease_.rebinding, lease_.renewal);
    wake_ = lease_.renewal;
}

/// RFC 8415 §18.2.10.4, §21.23.
bool dhcpv6_client::informed_by(const message& m, time_point now)
{
    if (m.status != dhcpv6_status::success) return false;
    learn_servers(m, now);
    state_ = informed;
    again_.stop();
    const duration told = m.refresh_time ? duration(std::chrono::seconds(*m.refresh_time)) : default_refresh;
    const bool for_ever = m.refresh_time == infinite_v6_lifetime;
    wake_ = for_ever ? never : now + std::max(told, least_refresh) + random_up_to(longest_start_delay);
    lease_.renewal = wake_;
    actions_.use(lease_);
    return true;
}

} // namespace tapio::core::client
