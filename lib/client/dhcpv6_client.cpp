// The DHCPv6 client: events, time, and what is sent. What it makes of answers: dhcpv6_client_input.cpp.
#include "client/dhcpv6_client.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core::client {

using wire::dhcpv6_association;
using wire::dhcpv6_message;
using wire::dhcpv6_option;
using wire::dhcpv6_status;
using wire::dhcpv6_type;

dhcpv6_client::dhcpv6_client(dhcpv6_options options, random_source& random, dhcpv6_actions& actions)
    : options_(std::move(options)), random_(random), actions_(actions), again_(random)
{
}

duration dhcpv6_client::random_up_to(duration most)
{
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
    return std::chrono::milliseconds(random_.uniform(static_cast<std::uint32_t>(whole) + 1));
}

/// When the last lifetime ends; `never` without resources.
time_point dhcpv6_client::last_end() const noexcept
{
    if (!has_resources()) return never;
    time_point last = time_point::min();
    for (const auto* all : {&lease_.addresses, &lease_.prefixes})
        for (const auto& r : *all) last = std::max(last, r.valid_until);
    return last;
}

time_point dhcpv6_client::next_deadline() const noexcept
{
    time_point next = std::min(again_.next_deadline(), wake_);
    for (const auto* all : {&lease_.addresses, &lease_.prefixes})
        for (const auto& r : *all) {
            next = std::min(next, r.valid_until);
            if (!r.deprecated) next = std::min(next, r.preferred_until);
        }
    return next;
}

// -- what happens to the interface ------------------------------------------------------------------------------------------

void dhcpv6_client::set_mode(dhcpv6_mode m, time_point now)
{
    if (m <= mode_) return;
    mode_ = m;
    if (up_ && !released_) begin(now);
}

/// RFC 8415 §18.2.12: this may be another link, on which what the host has is wrong.
void dhcpv6_client::link_up(time_point now)
{
    up_ = true;
    failures_ = 0;
    if (released_ || mode_ == dhcpv6_mode::none) return;
    has_resources() ? start(confirming, random_up_to(longest_start_delay), now) : begin(now);
}

void dhcpv6_client::link_down()
{
    up_ = false;
    stop();
}

void dhcpv6_client::stop() noexcept
{
    state_ = off;
    again_.stop();
    wake_ = never;
}

void dhcpv6_client::begin(time_point now)
{
    start(mode_ == dhcpv6_mode::stateful ? soliciting : informing, random_up_to(longest_start_delay), now);
}

void dhcpv6_client::duplicate(const address_v6& a, time_point now)
{
    const auto at = std::find_if(lease_.addresses.begin(), lease_.addresses.end(), [&](const auto& r) { return r.address == a; });
    if (at == lease_.addresses.end()) return;
    if (state_ != declining) declined_.clear();
    declined_.push_back(*at);
    lease_.addresses.erase(at);
    actions_.use(lease_);
    if (up_ && !released_) start(declining, duration::zero(), now);
}

/// RFC 8415 §18.2.7: the addresses are no longer used when the first message is sent.
void dhcpv6_client::release(time_point now)
{
    if (std::exchange(released_, true)) return;
    const bool tells = has_resources() && up_;
    ended_ = std::exchange(lease_, {});
    actions_.use(lease_);
    if (!tells) return stop();
    start(releasing, duration::zero(), now);
    advance(now);
}

// -- time -------------------------------------------------------------------------------------------------------------------

/// RFC 8415 §7.6.
retransmission_limits dhcpv6_client::limits(time_point now) const
{
    using std::chrono::seconds;
    const time_point end = state_ == renewing ? lease_.rebinding : last_end();
    const duration left = end == never ? duration::zero() : std::max<duration>(end - now, seconds(1));
    switch (state_) {
    case soliciting: return {.first = seconds(1), .longest = sol_max_rt_, .first_is_never_early = true};
    case requesting: return {.first = seconds(1), .longest = seconds(30), .most = 10};
    case confirming: return {.first = seconds(1), .longest = seconds(4), .whole = seconds(10)};
    case renewing:
    case rebinding: return {.first = seconds(10), .longest = seconds(600), .whole = left};
    case declining:
    case releasing: return {.first = seconds(1), .most = 4};
    default: return {.first = seconds(1), .longest = inf_max_rt_}; // informing
    }
}

void dhcpv6_client::start(dhcpv6_state s, duration delay, time_point now)
{
    state_ = s;
    wake_ = never;
    xid_ = random_.next_u32() & 0xff'ffff;
    if (s != requesting) best_.reset();
    again_.start(limits(now), delay, now);
}

/// After a refusal, or after a duplicate: later after each further one.
void dhcpv6_client::restart(dhcpv6_state s, time_point now)
{
    const duration delay = longest_start_delay * (1 << std::min(failures_++, most_doublings));
    start(s, delay + random_up_to(longest_start_delay), now);
}

void dhcpv6_client::advance(time_point now)
{
    if (expire(now)) actions_.use(lease_);
    const bool uses = state_ == bound || state_ == renewing || state_ == rebinding || state_ == confirming;
    if (uses && !has_resources()) start(soliciting, duration::zero(), now);
    run(now);
    if (now < wake_) return;
    failures_ = 0; // what it has has lasted until now
    start(state_ == informed ? informing : renewing, duration::zero(), now);
    run(now);
}

void dhcpv6_client::run(time_point now)
{
    using action = dhcpv6_retransmission::action;
    for (action a = again_.advance(now); a != action::none; a = again_.advance(now))
        a == action::transmit ? transmit(now) : gave_up(now);
}

/// @return whether addresses or prefixes have come to an end, or are no longer preferred
bool dhcpv6_client::expire(time_point now)
{
    bool changed = false;
    for (auto* all : {&lease_.addresses, &lease_.prefixes}) {
        changed = std::erase_if(*all, [now](const auto& r) { return r.valid_until <= now; }) != 0 || changed;
        for (auto& r : *all) changed = (r.preferred_until <= now && !std::exchange(r.deprecated, true)) || changed;
    }
    if (changed && !has_resources()) lease_ = {};
    return changed;
}

/// No answer, or the exchange has ended with one that asks for no more.
void dhcpv6_client::gave_up(time_point now)
{
    switch (state_) {
    case requesting: return restart(soliciting, now);
    case declining: return restart(has_resources() ? renewing : soliciting, now);
    case releasing: return stop();
    case renewing: return start(rebinding, duration::zero(), now);
    case confirming: // RFC 8415 §18.2.3: what it has is used as long as it lasts
        state_ = bound;
        wake_ = std::max(lease_.renewal, now);
        return;
    default: return; // of rebinding: the lifetimes end now
    }
}

void dhcpv6_client::transmit(time_point now)
{
    // The first timeout of a Solicit has passed, and servers have answered (RFC 8415 §18.2.9).
    if (state_ == soliciting && best_) return choose_server(now);
    actions_.send(make(now));
}

void dhcpv6_client::choose_server(time_point now)
{
    server_ = best_->server_id;
    start(requesting, duration::zero(), now);
}

// -- messages out -----------------------------------------------------------------------------------------------------------

/// Delegated prefixes cannot be confirmed: with them a Rebind asks instead (RFC 8415 §18.2.12).
dhcpv6_type dhcpv6_client::type() const noexcept
{
    switch (state_) {
    case soliciting: return dhcpv6_type::solicit;
    case requesting: return dhcpv6_type::request;
    case confirming: return lease_.prefixes.empty() ? dhcpv6_type::confirm : dhcpv6_type::rebind;
    case renewing: return dhcpv6_type::renew;
    case rebinding: return dhcpv6_type::rebind;
    case declining: return dhcpv6_type::decline;
    case releasing: return dhcpv6_type::release;
    default: return dhcpv6_type::information_request;
    }
}

dhcpv6_message dhcpv6_client::make(time_point now) const
{
    using enum dhcpv6_type;
    message m;
    m.type = type();
    m.xid = xid_;
    m.client_id = options_.duid;
    const auto tens = std::chrono::duration_cast<std::chrono::milliseconds>(again_.elapsed(now)).count() / 10;
    m.elapsed_time = static_cast<std::uint16_t>(again_.transmissions() <= 1 ? 0 : std::clamp<std::int64_t>(tens, 0, 0xffff));
    if (m.type == request || m.type == renew || m.type == decline || m.type == release) m.server_id = server_;
    m.rapid_commit = m.type == solicit && options_.rapid_commit;
    if (m.type != information_request) add_associations(m);
    if (m.type == confirm || m.type == decline || m.type == release) return m;
    for (const dhcpv6_option o :
         {dhcpv6_option::dns_servers, dhcpv6_option::domain_list, dhcpv6_option::sntp_servers, dhcpv6_option::ntp_server})
        m.requested.push_back(static_cast<std::uint16_t>(o));
    const bool informs = m.type == information_request; // RFC 8415 §21.7
    m.requested.push_back(static_cast<std::uint16_t>(informs ? dhcpv6_option::inf_max_rt : dhcpv6_option::sol_max_rt));
    if (informs) m.requested.push_back(static_cast<std::uint16_t>(dhcpv6_option::information_refresh_time));
    return m;
}

dhcpv6_association dhcpv6_client::associate(const resources& all) const
{
    association a;
    a.id = options_.iaid;
    for (const auto& r : all)
        a.resources.push_back({r.address, static_cast<std::uint8_t>(r.length), 0, 0, dhcpv6_status::success});
    return a;
}

void dhcpv6_client::add_associations(message& m) const
{
    if (state_ == declining) return m.addresses.push_back(associate(declined_));
    const dhcpv6_lease& present = state_ == releasing ? ended_ : lease_;
    const bool gives_back = state_ == releasing;
    if (!gives_back || !present.addresses.empty()) m.addresses.push_back(associate(present.addresses));
    const bool with_prefixes = options_.delegate_prefix && m.type != dhcpv6_type::confirm;
    if (with_prefixes && (!gives_back || !present.prefixes.empty())) m.prefixes.push_back(associate(present.prefixes));
    // A Request repeats what was advertised. A Solicit may say how long a prefix should be (RFC 8415 §18.2.1).
    const auto repeat = [](const association* offered, association& in) {
        for (std::size_t n = 0; offered != nullptr && n < offered->resources.size(); ++n) {
            const auto& r = offered->resources[n];
            in.resources.push_back({r.address, r.length, 0, 0, dhcpv6_status::success});
        }
    };
    if (state_ == requesting && best_) {
        if (present.addresses.empty()) repeat(addresses_in(*best_), m.addresses.front());
        if (with_prefixes && present.prefixes.empty()) repeat(prefixes_in(*best_), m.prefixes.front());
    }
    if (!m.prefixes.empty() && m.prefixes.front().resources.empty() && options_.wanted_prefix_length != 0)
        m.prefixes.front().resources.push_back(
            {{}, static_cast<std::uint8_t>(options_.wanted_prefix_length), 0, 0, dhcpv6_status::success});
}

} // namespace tapio::core::client
