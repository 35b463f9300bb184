#include "core/dhcpv6_interface.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t longest_v6_message = 4096; // octets

const address_v6 all_dhcp_servers({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2}); // and relays (RFC 8415 §7.1)

client::dhcpv6_options machine_options(interface_id interface, const configure_options& o, std::vector<std::byte>&& duid)
{
    client::dhcpv6_options out;
    out.duid = std::move(duid);
    out.iaid = interface; // the same at each start of a program, as RFC 8415 §12 wants
    out.delegate_prefix = o.delegate_prefix;
    out.wanted_prefix_length = o.wanted_prefix_length;
    out.rapid_commit = o.rapid_commit;
    return out;
}

bool is_same(const dhcpv6_lease::resource& a, const dhcpv6_lease::resource& b) noexcept
{
    return a.address == b.address && a.length == b.length;
}

const dhcpv6_lease::resource* find_in(const std::vector<dhcpv6_lease::resource>& all, const dhcpv6_lease::resource& one)
{
    const auto at = std::find_if(all.begin(), all.end(), [&](const auto& r) { return is_same(r, one); });
    return at == all.end() ? nullptr : &*at;
}

} // namespace

dhcpv6_interface::dhcpv6_interface(interface_id interface, network& net, udp_sockets& udp, random_source& random,
                                   const configure_options& options, std::vector<std::byte> duid)
    : interface_(interface),
      net_(net),
      udp_(udp),
      releases_on_shutdown_(options.release_on_shutdown),
      wanted_(options.delegate_prefix ? dhcpv6_use::stateful : options.dhcpv6),
      machine_(machine_options(interface, options, std::move(duid)), random, *this)
{
}

dhcpv6_interface::~dhcpv6_interface()
{
    if (socket_) udp_.close(*socket_, now_);
}

/// Several interfaces have clients, each with a socket at the same port.
error_code dhcpv6_interface::open()
{
    socket_ = *udp_.open(family::v6);
    const auto set = [&](socket_option o, int value) { (void)udp_.set_option(*socket_, o, value, now_); };
    set(socket_option::bound_interface, static_cast<int>(interface_) + 1);
    set(socket_option::reuse_address, 1);
    set(socket_option::v6_only, 1);
    set(socket_option::multicast_loopback, 0);
    if (const auto failed = udp_.bind(*socket_, {address_v6::any(), wire::dhcpv6_client_port})) return failed;
    udp_.set_owner(*socket_, this);
    return {};
}

// -- what happens -----------------------------------------------------------------------------------------------------------

void dhcpv6_interface::link_changed(bool replaced, time_point now)
{
    now_ = now;
    const bool up = net_.interface(interface_).is_up();
    const bool was_up = std::exchange(up_, up);
    if (was_up && (!up || replaced)) machine_.link_down();
    if (up && (!was_up || replaced)) {
        for (const resource& r : applied_.addresses)
            if (is_leased(r.address)) net_.detect_again(r.address, now);
        if (wanted_ == dhcpv6_use::stateless) machine_.set_mode(client::dhcpv6_mode::stateless, now);
        if (wanted_ == dhcpv6_use::stateful) machine_.set_mode(client::dhcpv6_mode::stateful, now);
        machine_.link_up(now);
    }
    note_state();
}

void dhcpv6_interface::routers_said(const ip::link_parameters& p, time_point now)
{
    now_ = now;
    if (wanted_ != dhcpv6_use::as_routers_say) return;
    if (p.managed || p.other) machine_.set_mode(p.managed ? client::dhcpv6_mode::stateful : client::dhcpv6_mode::stateless, now);
    note_state();
}

bool dhcpv6_interface::duplicate(const address& own, time_point now)
{
    if (own.is_v4() || !is_leased(own)) return false;
    now_ = now;
    machine_.duplicate(own.to_v6(), now);
    note_state();
    return true;
}

void dhcpv6_interface::release(time_point now)
{
    now_ = now;
    released_ = true;
    machine_.release(now);
    note_state();
}

void dhcpv6_interface::advance(time_point now)
{
    if (now < next_deadline()) return;
    now_ = now;
    machine_.advance(now);
    note_state();
}

void dhcpv6_interface::ready(readiness, time_point now)
{
    now_ = now;
    while (receive_one(now)) {}
    machine_.advance(now); // an answer may call for another message at once
    note_state();
}

/// @return false: nothing more has arrived
bool dhcpv6_interface::receive_one(time_point now)
{
    std::array<std::byte, longest_v6_message> buffer;
    const std::array<mutable_bytes, 1> into{mutable_bytes(buffer)};
    const auto size = udp_.receive(*socket_, into, {}, nullptr, now);
    if (!size) return size.error() != errno_code(EAGAIN) && size.error() != errno_code(EBADF); // an ICMP error was taken
    const auto m = wire::parse_dhcpv6(const_bytes(buffer).first(*size));
    if (!m) {
        net_.count_drop(interface_, m.error());
    } else if (!machine_.received(*m, now)) {
        net_.count_drop(interface_, drop_reason::dhcp_unexpected);
    }
    return true;
}

void dhcpv6_interface::note_state()
{
    if (std::exchange(noted_, machine_.state()) != machine_.state()) net_.configuration_changed(interface_);
}

// -- what the client decides ------------------------------------------------------------------------------------------------

/// One that other nodes are not asked about any more is preferred.
std::optional<address> dhcpv6_interface::link_local() const
{
    const link::interface_address* best = nullptr;
    for (const link::interface_address& a : net_.interface(interface_).addresses)
        if (needs_zone(a.address) && (best == nullptr || (best->is_optimistic() && !a.is_optimistic()))) best = &a;
    return best == nullptr ? std::nullopt : std::optional(best->address);
}

/// RFC 8415 §14: all messages are multicast. What is lost is sent again.
void dhcpv6_interface::send(const wire::dhcpv6_message& m)
{
    const auto from = link_local();
    if (!from) return;
    const std::vector<std::byte> octets = wire::make_dhcpv6(m);
    const std::array<const_bytes, 1> list{const_bytes(octets)};
    const endpoint servers{in_zone(address(all_dhcp_servers), net_.interface(interface_).zone()), wire::dhcpv6_server_port};
    send_hints hints;
    hints.info = packet_info{interface_, *from};
    (void)udp_.send(*socket_, list, &servers, now_, hints);
}

void dhcpv6_interface::use(const dhcpv6_lease& l)
{
    change_addresses(applied_.addresses, l.addresses);
    change_prefixes(applied_.prefixes, l.prefixes);
    applied_ = l;
    net_.configuration_changed(interface_);
}

/// The user may have removed a leased address, and added it for himself; or a router may have had the host make it.
bool dhcpv6_interface::is_leased(const address& own) const
{
    const auto* const there = net_.addresses().find(own);
    return there != nullptr && there->origin == address_origin::dhcpv6 &&
           net_.addresses().interface_of(own) == std::optional(interface_);
}

/// New ones first: the interface is not without an address while one takes the place of another.
void dhcpv6_interface::change_addresses(const std::vector<resource>& before, const std::vector<resource>& now)
{
    for (const resource& r : now) {
        const resource* const known = find_in(before, r);
        if (known == nullptr && net_.add_address(interface_, r.address, 128, now_, address_origin::dhcpv6)) continue;
        const bool was_deprecated = known != nullptr && known->deprecated;
        if (was_deprecated != r.deprecated && is_leased(r.address)) net_.set_deprecated(r.address, r.deprecated);
    }
    for (const resource& r : before)
        if (find_in(now, r) == nullptr && is_leased(r.address)) (void)net_.remove_address(r.address);
}

/// RFC 7084 §4.3 WPD-5: without this route, what nobody uses of the prefix would go back to the router that delegates it, and
/// round and round.
void dhcpv6_interface::change_prefixes(const std::vector<resource>& before, const std::vector<resource>& now)
{
    for (const resource& r : now)
        if (find_in(before, r) == nullptr) (void)net_.add_route(unreachable(r));
    for (const resource& r : before)
        if (find_in(now, r) == nullptr) (void)net_.remove_route(unreachable(r));
}

ip::route dhcpv6_interface::unreachable(const resource& prefix) const
{
    return {prefix.address, prefix.length, std::nullopt, interface_, route_metric, route_kind::unreachable};
}

} // namespace tapio::core
