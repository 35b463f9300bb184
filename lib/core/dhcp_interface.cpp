#include "core/dhcp_interface.hpp"

#include <array>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t longest_message = 4096; // octets of an IP packet; servers are told

client::dhcpv4_options machine_options(const link::interface& i, const configure_options& o, std::vector<std::byte>&& client_id)
{
    client::dhcpv4_options out;
    out.mac = i.info().mac;
    out.client_id = std::move(client_id);
    out.host_name = o.hostname;
    out.vendor_class = o.vendor_class;
    out.requested_address = o.requested_address;
    out.rapid_commit = o.rapid_commit;
    out.detect_conflicts = o.detect_conflicts;
    out.max_message_size = static_cast<std::uint16_t>(std::clamp<std::size_t>(i.info().mtu, 576, longest_message));
    return out;
}

} // namespace

dhcp_interface::dhcp_interface(interface_id interface, network& net, udp_sockets& udp, random_source& random,
                               const configure_options& options, std::vector<std::byte> client_id)
    : interface_(interface),
      net_(net),
      udp_(udp),
      releases_on_shutdown_(options.release_on_shutdown),
      prober_(random),
      machine_(machine_options(net.interface(interface), options, std::move(client_id)), random, *this)
{
}

dhcp_interface::~dhcp_interface()
{
    if (socket_) udp_.close(*socket_, now_);
}

/// Several interfaces have clients, each with a socket at the same port.
error_code dhcp_interface::open()
{
    socket_ = *udp_.open(family::v4);
    const auto set = [&](socket_option o, int value) { (void)udp_.set_option(*socket_, o, value, now_); };
    set(socket_option::bound_interface, static_cast<int>(interface_) + 1);
    set(socket_option::reuse_address, 1);
    set(socket_option::broadcast, 1);
    if (const auto failed = udp_.bind(*socket_, {address_v4::any(), wire::dhcpv4_client_port})) return failed;
    udp_.set_owner(*socket_, this);
    return {};
}

// -- what happens -----------------------------------------------------------------------------------------------------------

void dhcp_interface::link_changed(bool replaced, time_point now)
{
    now_ = now;
    const bool up = net_.interface(interface_).is_up();
    const bool was_up = std::exchange(up_, up);
    if (was_up && (!up || replaced)) machine_.link_down(now);
    if (up && (!was_up || replaced)) {
        prober_.forget_conflicts();
        machine_.set_mac(net_.interface(interface_).info().mac);
        machine_.link_up(now);
    }
    note_state();
}

void dhcp_interface::arp_heard(const wire::arp_packet& said, time_point now)
{
    now_ = now;
    if (!prober_.heard(said)) return;
    machine_.address_is_taken(now);
    note_state();
}

void dhcp_interface::contested(time_point now)
{
    now_ = now;
    machine_.address_is_contested(now);
    note_state();
}

void dhcp_interface::release(time_point now)
{
    now_ = now;
    machine_.release(now);
    note_state();
}

void dhcp_interface::advance(time_point now)
{
    if (now < next_deadline()) return;
    now_ = now;
    machine_.advance(now);
    using action = ip::address_prober::action;
    for (action a = prober_.advance(now); a != action::none; a = prober_.advance(now)) {
        if (a == action::probe) net_.probe(interface_, prober_.address());
        if (a == action::announce) net_.announce(interface_, prober_.address());
        if (a != action::use) continue;
        machine_.address_is_free(now); // use() announces it, too
        if (!applied_ || applied_->address != prober_.address()) prober_.stop();
    }
    note_state();
}

void dhcp_interface::ready(readiness, time_point now)
{
    now_ = now;
    while (receive_one(now)) {}
    note_state();
}

/// @return false: nothing more has arrived
bool dhcp_interface::receive_one(time_point now)
{
    std::array<std::byte, longest_message> buffer;
    const std::array<mutable_bytes, 1> into{mutable_bytes(buffer)};
    const auto size = udp_.receive(*socket_, into, {}, nullptr, now);
    if (!size) return size.error() != errno_code(EAGAIN) && size.error() != errno_code(EBADF); // an ICMP error was taken
    const auto m = wire::parse_dhcpv4(const_bytes(buffer).first(*size));
    if (!m) {
        net_.count_drop(interface_, m.error());
    } else if (!machine_.received(*m, now)) {
        net_.count_drop(interface_, drop_reason::dhcp_unexpected);
    }
    return true;
}

void dhcp_interface::note_state()
{
    const dhcpv4_state before = std::exchange(noted_, machine_.state());
    if (before == machine_.state()) return;
    // The link is perhaps another one: neighbours hear of an address when a server has confirmed it. A probed one is the
    // prober's.
    if (before == dhcpv4_state::rebooting && machine_.state() == dhcpv4_state::bound && applied_)
        net_.announce(interface_, applied_->address);
    net_.configuration_changed(interface_);
}

// -- what the client decides ------------------------------------------------------------------------------------------------

void dhcp_interface::send(const wire::dhcpv4_message& m, const address_v4& from, const address_v4& to)
{
    const std::vector<std::byte> octets = wire::make_dhcpv4(m);
    const std::array<const_bytes, 1> list{const_bytes(octets)};
    const endpoint servers{to, wire::dhcpv4_server_port};
    send_hints hints;
    hints.info = packet_info{interface_, address(from)};
    (void)udp_.send(*socket_, list, &servers, now_, hints); // what is lost is sent again
}

bool dhcp_interface::use(const dhcpv4_lease& l)
{
    const bool same_address = applied_ && applied_->address == l.address;
    const bool same = same_address && applied_->prefix_length == l.prefix_length;
    if (same_address && !same) {
        remove_routes();
        remove_address(l.address);
    }
    if (!same && net_.add_address(interface_, l.address, l.prefix_length, now_, address_origin::dhcpv4)) return false;
    if (!same || applied_->routes != l.routes) {
        remove_routes();
        add_routes(l.routes);
    }
    if (applied_ && !same_address) remove_address(applied_->address); // last, so that the user's routes stay
    net_.set_v4_mtu(interface_, l.mtu.value_or(0));
    applied_ = l;
    net_.configuration_changed(interface_);
    return true;
}

void dhcp_interface::lose(client::dhcpv4_loss)
{
    if (!applied_) return;
    if (prober_.address() == applied_->address) prober_.stop(); // it may be probing the next address
    remove_routes();
    remove_address(applied_->address);
    net_.set_v4_mtu(interface_, 0);
    applied_.reset();
    net_.configuration_changed(interface_);
}

/// The user may have removed the address, and added it for himself.
void dhcp_interface::remove_address(const address_v4& a)
{
    const auto* const own = net_.addresses().find(a);
    if (own != nullptr && own->origin == address_origin::dhcpv4) (void)net_.remove_address(a);
}

/// Routes without a gateway come first, because gateways of others may be reached by them.
void dhcp_interface::add_routes(const std::vector<leased_route>& routes)
{
    for (const bool on_link : {true, false})
        for (const leased_route& r : routes)
            if (r.gateway.is_unspecified() == on_link) add_route(r);
}

/// A gateway outside of the subnet is taken to be on the link: some networks lease addresses with a mask of 32 bits.
void dhcp_interface::add_route(const leased_route& leased)
{
    ip::route r{leased.network, leased.prefix_length, std::nullopt, interface_, route_metric};
    if (!leased.gateway.is_unspecified()) r.gateway = address(leased.gateway);
    const auto add = [this](const ip::route& one) {
        const error_code failed = net_.add_route(one);
        if (!failed) routes_.push_back(one);
        return failed;
    };
    if (add(r) != errno_code(ENETUNREACH)) return;
    if (!add({leased.gateway, 32, std::nullopt, interface_, route_metric})) (void)add(r);
}

void dhcp_interface::remove_routes()
{
    for (const ip::route& r : std::exchange(routes_, {})) (void)net_.remove_route(r);
}

} // namespace tapio::core
