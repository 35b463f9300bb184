#include "core/mdns_node.hpp"

#include "client/mdns_names.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace tapio::core {

namespace {

const address mdns_group_v4 = address_v4(0xe00000fb); // 224.0.0.251 (RFC 6762 §3)
const address mdns_group_v6 = address_v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb});

} // namespace

mdns_node::mdns_node(network& net, udp_sockets& udp, random_source& random)
    : net_(net), udp_(udp), querier_(*this), responder_(*this, random)
{
}

mdns_node::~mdns_node() { close(time_point{}); }

// -- sockets ----------------------------------------------------------------------------------------------------------------

error_code mdns_node::open(time_point now)
{
    memory_.resize(wire::longest_mdns_message);
    if (const auto failed = open(v4_, now)) return failed;
    if (const auto failed = open(v6_, now)) return close(v4_, now), failed;
    return {};
}

/// Others may share the port (RFC 6762 §15), if they want to.
error_code mdns_node::open(channel& c, time_point now)
{
    if (c.id) return {};
    const socket_id id = *udp_.open(c.family);
    const auto set = [&](socket_option o, int value) { (void)udp_.set_option(id, o, value, now); };
    set(socket_option::reuse_address, 1);
    if (c.family == family::v6) set(socket_option::v6_only, 1);
    set(socket_option::multicast_all, 0);
    set(socket_option::multicast_loopback, 0); // the machines know what they say
    set(socket_option::multicast_hops, 255);   // RFC 6762 §11
    set(socket_option::ttl, 255);
    const address any = c.family == family::v4 ? address(address_v4::any()) : address(address_v6::any());
    if (const auto failed = udp_.bind(id, {any, wire::mdns_port})) return udp_.close(id, now), failed;
    udp_.set_owner(id, &c);
    c.id = id;
    return {};
}

void mdns_node::close(time_point now)
{
    close(v4_, now);
    close(v6_, now);
    querier_.set_links({}, now);
    seen_.reset();
    look_again_ = never;
}

void mdns_node::close(channel& c, time_point now)
{
    if (!c.id) return;
    udp_.set_owner(*c.id, nullptr);
    udp_.close(*c.id, now);
    c.id.reset();
    c.joined.clear();
}

void mdns_node::join(channel& c, interface_id interface)
{
    if (!c.joined.insert(interface).second) return;
    (void)udp_.join_group(*c.id, c.family == family::v4 ? mdns_group_v4 : mdns_group_v6, interface);
}

// -- what is wanted ---------------------------------------------------------------------------------------------------------

error_code mdns_node::publish(const mdns_options& o, time_point now)
{
    const bool wanted = !o.host_name.empty();
    if (wanted) {
        if (const auto failed = open(now)) return failed;
        if (!std::exchange(publishes_, true)) seen_.reset();
    }
    look_at_interfaces(now);
    responder_.configure(o, now); // says goodbye, if nothing is wanted any more
    publishes_ = wanted;
    if (!asks_ && !publishes_) close(now);
    return {};
}

/// Without its port the resolver finds no links, and therefore nothing.
void mdns_node::ask(bool yes, time_point now)
{
    asks_ = yes;
    if (!asks_ && !publishes_) close(now);
    if (asks_ && !open(now)) look_at_interfaces(now);
}

client::lookup_id mdns_node::look_up(const dns::name& n, const std::vector<dns::record_type>& types, duration patience,
                                     client::dns_sink& sink, time_point now)
{
    look_at_interfaces(now);
    std::vector<std::pair<dns::record_type, client::mdns_own>> asked;
    for (const dns::record_type t : types) asked.emplace_back(t, client::mdns_own{responder_.own(n, t), responder_.is_own(n)});
    return querier_.start(n, std::move(asked), patience, sink, now);
}

// -- interfaces -------------------------------------------------------------------------------------------------------------

bool mdns_node::is_stale() const noexcept
{
    return v4_.id && seen_ != std::pair(net_.configurations(), std::uint64_t{net_.routes().generation()});
}

/// The interfaces that are up and have addresses. One whose uniqueness is being checked (RFC 4862 §5.4) is not published, but
/// questions may be asked from it.
void mdns_node::look_at_interfaces(time_point now)
{
    if (!v4_.id || (!is_stale() && now < look_again_)) return;
    look_again_ = never;
    std::set<client::link_zone> links;
    for (const auto& i : net_.interfaces().all()) {
        if (i->id() == network::loopback) continue;
        std::vector<address> addresses;
        for (const link::interface_address& a : i->addresses) {
            if (!i->is_up()) break;
            links.insert(i->zone());
            if (!a.is_optimistic()) addresses.push_back(a.address);
            look_again_ = std::min(look_again_, a.detection_ends);
        }
        if (links.contains(i->zone())) {
            join(v4_, i->id());
            join(v6_, i->id());
        }
        if (publishes_) responder_.set_addresses(i->zone(), std::move(addresses), now);
    }
    querier_.set_links(std::move(links), now);
    seen_ = std::pair(net_.configurations(), std::uint64_t{net_.routes().generation()});
}

void mdns_node::replaced(interface_id interface, time_point now)
{
    const client::link_zone zone = net_.interface(interface).zone();
    querier_.forget(zone);
    responder_.restart(zone, now);
}

bool mdns_node::has_address(interface_id interface, family f) const
{
    const auto& all = net_.interface(interface).addresses;
    return std::any_of(all.begin(), all.end(), [f](const auto& a) { return family_of(a.address) == f; });
}

// -- in ---------------------------------------------------------------------------------------------------------------------

void mdns_node::channel::ready(readiness, time_point now)
{
    while (id && owner.receive_one(*this, now)) {}
}

/// @return false: nothing more has arrived
bool mdns_node::receive_one(channel& c, time_point now)
{
    const std::array<mutable_bytes, 1> into{mutable_bytes(memory_)};
    received_message about;
    const auto size = udp_.receive(*c.id, into, {}, &about, now);
    if (!size) return size.error() != errno_code(EAGAIN) && size.error() != errno_code(EBADF); // an ICMP error was taken
    const bool is_own = net_.addresses().is_ours(about.sender.address);                        // by another interface, or forged
    if (about.interface && !is_own && about.full_size == *size)
        receive(*about.interface, about, const_bytes(memory_).first(*size), now);
    return true;
}

void mdns_node::receive(interface_id by, const received_message& about, const_bytes octets, time_point now)
{
    const auto m = wire::parse_mdns(octets);
    if (!m) return void(++counters_.malformed);
    const client::link_zone link = net_.interface(by).zone();
    const bool to_group = about.destination.is_multicast();
    const bool on_link = net_.routes().is_on_link(by, about.sender.address);
    const bool of_mdns = about.sender.port == wire::mdns_port;
    const bool accepted = m->response ? of_mdns && (to_group || on_link) : of_mdns ? to_group || on_link : on_link;
    if (!accepted) return void(++counters_.off_link);
    ++counters_.received;
    if (m->response) {
        if (m->opcode != 0 || m->code != 0) return; // RFC 6762 §18.3, §18.11
        querier_.receive(link, *m, now);
        return responder_.receive_response(link, *m, now);
    }
    if (to_group && of_mdns) querier_.heard(link, *m, now);
    responder_.receive_query({link, about.sender, on_link, to_group}, *m, now);
}

// -- out --------------------------------------------------------------------------------------------------------------------

void mdns_node::send(client::link_zone link, const endpoint* to, const_bytes message, time_point now)
{
    const interface_id by = link - 1;
    if (to != nullptr) return send(to->address.is_v4() ? v4_ : v6_, by, *to, message, now);
    if (has_address(by, family::v4)) send(v4_, by, {mdns_group_v4, wire::mdns_port}, message, now);
    if (has_address(by, family::v6)) send(v6_, by, {in_zone(mdns_group_v6, link), wire::mdns_port}, message, now);
}

void mdns_node::send(channel& c, interface_id by, const endpoint& to, const_bytes message, time_point now)
{
    if (!c.id) return;
    const std::array<const_bytes, 1> list{message};
    send_hints hints;
    hints.info = packet_info{by, std::nullopt};
    if (udp_.send(*c.id, list, &to, now, hints)) ++counters_.sent;
}

// -- for the host -----------------------------------------------------------------------------------------------------------

void mdns_node::advance(time_point now)
{
    if (!v4_.id) return querier_.advance(now);
    look_at_interfaces(now);
    querier_.advance(now);
    responder_.advance(now);
}

time_point mdns_node::next_deadline() const noexcept
{
    if (is_stale()) return time_point::min();
    return std::min({querier_.next_deadline(), responder_.next_deadline(), look_again_});
}

void mdns_node::say_goodbye(time_point now)
{
    responder_.say_goodbye(now);
    publishes_ = false;
}

mdns_status mdns_node::status() const
{
    mdns_status s;
    if (publishes_) s.host_name = responder_.name().to_string();
    s.published = publishes_ && responder_.is_published();
    for (const dns::name& n : responder_.services()) s.services.push_back(n.to_string());
    s.counters = counters_;
    s.counters.conflicts = responder_.conflicts();
    s.cache_records = querier_.cache().size();
    return s;
}

} // namespace tapio::core
