#include "client/dhcpv4_client.hpp"

#include <utility>

namespace tapio::core::client {

using wire::dhcpv4_message;
using wire::dhcpv4_option;
using wire::dhcpv4_type;

namespace {

constexpr std::uint16_t least_mtu = 576; // octets: what every host must accept (RFC 791 §3.1, RFC 1122 §3.3.3)

/// RFC 3442 wants its routes asked for before the routers.
constexpr dhcpv4_option wanted_options[] = {
    dhcpv4_option::subnet_mask, dhcpv4_option::classless_routes, dhcpv4_option::routers,        dhcpv4_option::dns_servers,
    dhcpv4_option::host_name,   dhcpv4_option::domain_name,      dhcpv4_option::interface_mtu,  dhcpv4_option::ntp_servers,
    dhcpv4_option::lease_time,  dhcpv4_option::renewal_time,     dhcpv4_option::rebinding_time, dhcpv4_option::search_domains,
};

/// An address that a host may have: not of 0/8, 127/8, multicast, reserved or broadcast (RFC 1122 §3.2.1.3).
bool is_unicast(const address_v4& a) noexcept
{
    const std::uint32_t first = a.to_uint() >> 24;
    return first != 0 && first != 127 && first < 224;
}

/// Without a mask the classes of old apply (RFC 950).
unsigned prefix_length_of(const dhcpv4_message& m) noexcept
{
    if (m.prefix_length) return *m.prefix_length;
    const std::uint32_t first = m.yiaddr.to_uint() >> 24;
    return first < 128 ? 8 : first < 192 ? 16 : 24;
}

/// Neither the number of its subnet nor the subnet's broadcast address; there are none of these in a /31 (RFC 3021).
bool is_host(const address_v4& a, unsigned prefix_length) noexcept
{
    if (prefix_length >= 31) return true;
    const std::uint32_t host = 0xffff'ffffU >> prefix_length, bits = a.to_uint() & host;
    return bits != 0 && bits != host;
}

time_point later(time_point now, std::uint32_t seconds) noexcept
{
    const duration d = std::chrono::seconds(seconds);
    return d >= never - now ? never : now + d;
}

std::vector<address_v4> usable(std::vector<address_v4> all)
{
    std::erase_if(all, [](const address_v4& a) { return !is_unicast(a); });
    return all;
}

} // namespace

dhcpv4_client::dhcpv4_client(dhcpv4_options options, random_source& random, dhcpv4_actions& actions)
    : options_(std::move(options)), random_(random), actions_(actions), wanted_(options_.requested_address.value_or(address_v4()))
{
}

duration dhcpv4_client::random_up_to(duration most)
{
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
    return std::chrono::milliseconds(
        random_.uniform(static_cast<std::uint32_t>(std::clamp<std::int64_t>(milliseconds, 0, 1 << 30)) + 1));
}

/// RFC 2131 §4.1: 4, 8, 16, 32, 64, 64 ... seconds, each a second more or less.
duration dhcpv4_client::timeout(unsigned transmissions)
{
    const duration whole = transmissions > 4 ? longest_timeout : first_timeout * (1 << (transmissions - 1));
    return whole - std::chrono::seconds(1) + random_up_to(std::chrono::seconds(2));
}

// -- what happens to the interface ------------------------------------------------------------------------------------------

/// RFC 2131 §3.7: an address that the host had before may be wrong on this link, if it is another one.
void dhcpv4_client::link_up(time_point now)
{
    if (released_) return;
    if (lease_) wanted_ = lease_->address;
    began_ = now;
    transmissions_ = 0;
    state_ = wanted_.is_unspecified() ? init : rebooting;
    xid_ = random_.next_u32();
    deadline_ = now + random_up_to(longest_start_delay);
}

void dhcpv4_client::link_down(time_point)
{
    if (std::exchange(acquired_, std::nullopt)) actions_.stop_probing();
    state_ = off;
    deadline_ = never;
}

void dhcpv4_client::release(time_point)
{
    if (std::exchange(acquired_, std::nullopt)) actions_.stop_probing();
    if (lease_ && state_ != off) {
        xid_ = random_.next_u32();
        dhcpv4_message m = message(dhcpv4_type::release);
        m.ciaddr = lease_->address;
        m.server_id = lease_->server;
        actions_.send(m, lease_->address, lease_->server);
    }
    if (lease_) lose(dhcpv4_loss::released);
    state_ = off;
    deadline_ = never;
    released_ = true;
}

void dhcpv4_client::address_is_contested(time_point now)
{
    if (!lease_) return;
    const dhcpv4_lease lost = *lease_;
    lose(dhcpv4_loss::conflict);
    if (std::exchange(acquired_, std::nullopt)) actions_.stop_probing();
    if (state_ != off) return decline(lost, now);
    wanted_ = address_v4(); // the link is down
}

// -- time -------------------------------------------------------------------------------------------------------------------

void dhcpv4_client::advance(time_point now)
{
    if (lease_ && now >= lease_->expires) {
        lose(dhcpv4_loss::expired);
        if (state_ == bound || state_ == renewing || state_ == rebinding) restart(duration::zero(), now);
    }
    while (now >= deadline_) run(now);
}

/// Begins a new exchange of messages.
void dhcpv4_client::start(dhcpv4_state s, time_point now)
{
    state_ = s;
    xid_ = random_.next_u32();
    transmissions_ = 0;
    transmit(now);
}

void dhcpv4_client::restart(duration delay, time_point now)
{
    state_ = init;
    began_ = now + delay;
    deadline_ = now + delay;
}

void dhcpv4_client::run(time_point now)
{
    switch (state_) {
    case init: return start(selecting, now);
    case selecting: return transmit(now);
    case requesting: return repeat(most_requests, now);
    case rebooting: return repeat(most_reboots, now);
    case bound: return start(renewing, now);
    case renewing: return now < lease_->rebinding ? transmit(now) : start(rebinding, now);
    case rebinding: return transmit(now);
    case off:
    case probing: deadline_ = never;
    }
}

void dhcpv4_client::repeat(unsigned most, time_point now) { transmissions_ < most ? transmit(now) : start(selecting, now); }

/// Sends the message of the present state, and sets the time of the next transmission.
void dhcpv4_client::transmit(time_point now)
{
    ++transmissions_;
    sent_ = now;
    if (state_ == renewing || state_ == rebinding) return renew(now);
    deadline_ = now + timeout(transmissions_);
    if (state_ == requesting || state_ == rebooting) return actions_.send(request(), address_v4(), address_v4::broadcast());
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(now - began_).count();
    secs_ = static_cast<std::uint16_t>(std::clamp<std::int64_t>(since, 0, 0xffff));
    dhcpv4_message m = message(dhcpv4_type::discover);
    m.rapid_commit = options_.rapid_commit;
    if (!wanted_.is_unspecified()) m.requested_address = wanted_;
    actions_.send(m, address_v4(), address_v4::broadcast());
}

/// RFC 2131 §4.4.5: repeated after half of the time that is left until T2, or until the lease expires, but not more often than
/// once in a minute.
void dhcpv4_client::renew(time_point now)
{
    const time_point end = state_ == renewing ? lease_->rebinding : lease_->expires;
    const duration wait = std::max((end - now) / 2, least_renewal_interval);
    deadline_ = wait >= never - now ? never : now + wait;
    if (state_ == renewing) deadline_ = std::min(deadline_, end);
    actions_.send(request(), lease_->address, state_ == renewing ? lease_->server : address_v4::broadcast());
}

// -- messages out -----------------------------------------------------------------------------------------------------------

/// What all messages have (RFC 2131 §4.4.1, table 5).
dhcpv4_message dhcpv4_client::message(dhcpv4_type type) const
{
    dhcpv4_message m;
    m.type = type;
    m.xid = xid_;
    m.chaddr = options_.mac;
    m.client_id = options_.client_id;
    if (type != dhcpv4_type::discover && type != dhcpv4_type::request) return m;
    m.secs = secs_;
    m.broadcast = state_ != renewing && state_ != rebinding;
    m.host_name = options_.host_name;
    m.vendor_class = options_.vendor_class;
    m.max_message_size = options_.max_message_size;
    for (const dhcpv4_option o : wanted_options) m.parameters.push_back(static_cast<std::uint8_t>(o));
    return m;
}

/// RFC 2131 §4.3.2: which fields a DHCPREQUEST has depends on the state.
dhcpv4_message dhcpv4_client::request() const
{
    dhcpv4_message m = message(dhcpv4_type::request);
    if (state_ == requesting) {
        m.requested_address = offered_;
        m.server_id = server_;
    } else if (state_ == rebooting) {
        m.secs = 0;
        m.requested_address = wanted_;
    } else {
        m.secs = 0;
        m.ciaddr = lease_->address;
    }
    return m;
}

/// RFC 2131 §4.4.4, §3.1.5: the client begins anew, after ten seconds at the soonest.
void dhcpv4_client::decline(const dhcpv4_lease& l, time_point now)
{
    xid_ = random_.next_u32();
    dhcpv4_message m = message(dhcpv4_type::decline);
    m.requested_address = l.address;
    m.server_id = l.server;
    m.message = "the address is in use";
    actions_.send(m, address_v4(), address_v4::broadcast());
    if (wanted_ == l.address) wanted_ = address_v4();
    restart((++declines_ < most_declines ? decline_wait : declined_often_wait) + random_up_to(longest_start_delay), now);
}

// -- messages in ------------------------------------------------------------------------------------------------------------

/// RFC 2131 §4.4.1: the transaction is ours; RFC 6842 §3: so is the identifier, if the server returns it.
bool dhcpv4_client::is_for_us(const dhcpv4_message& m) const
{
    return m.from_server && m.xid == xid_ && m.chaddr == options_.mac &&
           (m.client_id.empty() || m.client_id == options_.client_id);
}

bool dhcpv4_client::received(const dhcpv4_message& m, time_point now)
{
    if (!is_for_us(m)) return false;
    switch (m.type) {
    case dhcpv4_type::offer: return offered(m, now);
    case dhcpv4_type::ack: return acknowledged(m, now);
    case dhcpv4_type::nak: return refused(m, now);
    default: return false;
    }
}

namespace {

/// Offers an address that a host may have, by a server that may be asked, for long enough to be of use.
bool is_lease(const dhcpv4_message& m)
{
    return is_unicast(m.yiaddr) && is_host(m.yiaddr, prefix_length_of(m)) && m.server_id && is_unicast(*m.server_id) &&
           m.lease_time && *m.lease_time >= dhcpv4_client::least_lease;
}

} // namespace

/// The first offer that can be used is accepted.
bool dhcpv4_client::offered(const dhcpv4_message& m, time_point now)
{
    if (state_ != selecting || !is_lease(m)) return false;
    offered_ = m.yiaddr;
    server_ = *m.server_id;
    state_ = requesting; // with the transaction of the offer (RFC 2131 §4.4.1)
    transmissions_ = 0;
    transmit(now);
    return true;
}

/// Whether the acknowledgement is one of the request that was sent.
bool dhcpv4_client::fits(const dhcpv4_message& ack) const
{
    switch (state_) {
    case selecting: return options_.rapid_commit && ack.rapid_commit; // RFC 4039 §3.1
    case requesting: return ack.yiaddr == offered_ && *ack.server_id == server_;
    case rebooting: return transmissions_ > 0 && ack.yiaddr == wanted_;
    case renewing:
    case rebinding: return true;
    default: return false;
    }
}

bool dhcpv4_client::acknowledged(const dhcpv4_message& m, time_point now)
{
    if (!is_lease(m) || !fits(m)) return false;
    dhcpv4_lease l = lease_of(m);
    if (lease_ && lease_->address == l.address) return bind(std::move(l), now), true; // it was probed before
    if (!options_.detect_conflicts) return bind(std::move(l), now), true;
    if (state_ == renewing || state_ == rebinding) lose(dhcpv4_loss::refused); // the server has given us another one
    state_ = probing;
    deadline_ = never;
    actions_.probe(l.address);
    acquired_ = std::move(l);
    return true;
}

/// RFC 2131 §3.1.5, §3.2.4: the client begins anew, slowly if this happens again and again.
bool dhcpv4_client::refused(const dhcpv4_message& m, time_point now)
{
    const bool of_offer = state_ == requesting && m.server_id == server_;
    const bool of_lease = (state_ == rebooting && transmissions_ > 0) || state_ == renewing || state_ == rebinding;
    if (!of_offer && !of_lease) return false;
    if (of_lease && lease_) lose(dhcpv4_loss::refused);
    wanted_ = address_v4();
    restart(refusals_ == 0 ? duration::zero() : timeout(refusals_), now);
    ++refusals_;
    return true;
}

// -- leases -----------------------------------------------------------------------------------------------------------------

/// RFC 2131 §4.4.1: the lease's time begins when the request was sent.
dhcpv4_lease dhcpv4_client::lease_of(const dhcpv4_message& m)
{
    dhcpv4_lease l;
    l.address = m.yiaddr;
    l.prefix_length = prefix_length_of(m);
    l.server = *m.server_id;
    l.routers = usable(m.routers);
    l.routes = m.classless_routes;
    std::erase_if(l.routes, [](const leased_route& r) { return !r.gateway.is_unspecified() && !is_unicast(r.gateway); });
    if (m.classless_routes.empty() && !l.routers.empty()) l.routes.push_back({address_v4(), 0, l.routers.front()});
    l.dns_servers = usable(m.dns_servers);
    l.ntp_servers = usable(m.ntp_servers);
    l.search_domains = m.search_domains;
    l.domain_name = m.domain_name;
    l.host_name = m.host_name;
    if (m.mtu && *m.mtu >= least_mtu) l.mtu = m.mtu;
    set_times(l, m);
    return l;
}

/// RFC 2131 §4.4.5: T1 is half of the lease and T2 seven eighths, unless the server says otherwise. Both are up to a twentieth
/// earlier, so that hosts that were switched on together do not renew together.
void dhcpv4_client::set_times(dhcpv4_lease& l, const dhcpv4_message& m)
{
    l.obtained = sent_;
    const std::uint32_t lease = *m.lease_time;
    if (lease == wire::infinite_lease) return;
    const auto given = [lease](const std::optional<std::uint32_t>& t) { return t && *t != 0 ? *t : lease; };
    std::uint32_t t2 = given(m.rebinding_time), t1 = given(m.renewal_time);
    if (t2 >= lease) t2 = lease - lease / 8;
    if (t1 >= t2) t1 = lease / 2 < t2 ? lease / 2 : t2 / 2;
    const duration first = std::chrono::seconds(t1), between = std::chrono::seconds(t2 - t1);
    l.expires = later(sent_, lease);
    l.renewal = later(sent_, t1);
    l.rebinding = later(sent_, t2);
    if (l.renewal != never) l.renewal -= random_up_to(first / 20);
    if (l.rebinding != never) l.rebinding -= random_up_to(between / 20);
}

void dhcpv4_client::address_is_free(time_point now)
{
    if (!acquired_) return;
    dhcpv4_lease l = std::move(*acquired_);
    acquired_.reset();
    bind(std::move(l), now);
}

void dhcpv4_client::address_is_taken(time_point now)
{
    if (!acquired_) return;
    const dhcpv4_lease l = std::move(*acquired_);
    acquired_.reset();
    decline(l, now);
}

void dhcpv4_client::bind(dhcpv4_lease&& l, time_point now)
{
    if (!actions_.use(l)) return decline(l, now); // the lease before it, if any, stays
    state_ = bound;
    deadline_ = std::max(l.renewal, now + least_bound_time);
    wanted_ = l.address;
    refusals_ = declines_ = 0;
    lease_ = std::move(l);
}

void dhcpv4_client::lose(dhcpv4_loss why)
{
    lease_.reset();
    actions_.lose(why);
}

} // namespace tapio::core::client
