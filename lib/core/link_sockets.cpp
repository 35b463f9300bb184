#include "core/link_sockets.hpp"

#include "wire/ethernet.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t ethernet_size = sizeof(wire::ethernet_header), addresses_size = 12, tag_size = 4; // octets

/// What Linux calls the type of an IEEE 802.3 frame, which has a length in the place of an EtherType: 802.2 LLC, or Novell's.
constexpr std::uint16_t first_ether_type = 0x0600, raw_802_3 = 1, llc_802_2 = 4;

/// An interface that the user has disabled, or whose device is gone: Linux's not IFF_UP. A link without carrier is usable.
bool is_usable(const link::interface& i) noexcept { return i.is_enabled() && i.is_present(); }

packet without_tag(const packet& frame)
{
    packet p = frame;
    std::array<std::byte, addresses_size> addresses;
    p.copy_to(addresses);
    p.consume(addresses_size + tag_size);
    packet out(slice::copy_of(addresses));
    out.append(std::move(p));
    return out;
}

/// The frame of a user of a VLAN interface, as its carrier sends it.
packet with_tag(const packet& frame, std::uint16_t vlan)
{
    std::array<std::byte, addresses_size + tag_size> front;
    const std::size_t size = frame.size() + tag_size;
    const block memory(size);
    frame.copy_to(mutable_bytes(front).first(addresses_size));
    wire::store_16(front.data() + addresses_size, static_cast<std::uint16_t>(wire::ether_type::vlan));
    wire::store_16(front.data() + addresses_size + 2, vlan);
    std::copy(front.begin(), front.end(), memory.data());
    frame.copy_to({memory.data() + front.size(), size - front.size()}, addresses_size);
    return packet(memory.share(0, size));
}

} // namespace

link_sockets::link_sockets(network& net, event_queue& events, const host_options& options)
    : datagram_sockets(ip_protocol{0}, socket_type::raw, net, events, options)
{
}

// -- life -----------------------------------------------------------------------------------------------------------

result<socket_id> link_sockets::open(family, int ether_type)
{
    if (ether_type < 0 || ether_type > 0xffff) return errno_code(EINVAL);
    const auto id = open_socket(family::v4);
    if (!id) return id;
    taps_.push_back({*id, static_cast<std::uint16_t>(ether_type)});
    register_tap();
    return id;
}

void link_sockets::release(socket_id id, const socket&)
{
    std::erase_if(taps_, [id](const tap& t) { return t.id == id; });
    std::erase_if(queued_, [id](const queued& q) { return q.by == id; });
    register_tap();
}

/// The interfaces call the tap only while a socket may receive.
void link_sockets::register_tap()
{
    const bool any = std::any_of(taps_.begin(), taps_.end(), [](const tap& t) { return t.ether_type != 0; });
    net_.set_tap(any ? this : nullptr);
}

/// As Linux: bound to an interface that is down, the socket reports ENETDOWN by its next call.
error_code link_sockets::bind(socket_id id, const endpoint& local)
{
    if (find(id) == nullptr) return errno_code(EBADF);
    const link_endpoint to = to_link_endpoint(local);
    if (to.interface) {
        if (*to.interface >= net_.interfaces().size()) return errno_code(ENODEV);
        if (!net_.interface(*to.interface).is_present()) return errno_code(ENODEV);
    }
    tap& t = tap_of(id);
    if (to.ether_type != 0) t.ether_type = to.ether_type;
    t.interface = to.interface;
    t.interface_gone = false;
    register_tap();
    follow_interface(t);
    return {};
}

void link_sockets::follow_interface(tap& t)
{
    const bool gone = t.interface && !is_usable(net_.interface(*t.interface));
    if (std::exchange(t.interface_gone, gone) || !gone) return;
    raise(*find(t.id), errno_code(ENETDOWN));
}

void link_sockets::state_changed(const link::interface& of)
{
    for (tap& t : taps_)
        if (t.interface == of.id()) follow_interface(t);
    forget_discarded(of);
}

/// A queue that is empty was emptied, if frames had been in it: its interface is down, or has another device.
void link_sockets::forget_discarded(const link::interface& on)
{
    if (on.queue().empty()) std::erase_if(queued_, [&](const queued& q) { return q.on == on.id(); });
}

result<endpoint> link_sockets::local_endpoint(socket_id id) const
{
    if (find(id) == nullptr) return errno_code(EBADF);
    const tap& t = tap_of(id);
    link_endpoint own{t.interface, t.ether_type};
    if (t.interface && net_.interface(*t.interface).is_ethernet()) own.address = net_.interface(*t.interface).info().mac;
    return to_endpoint(own);
}

link_sockets::tap& link_sockets::tap_of(socket_id id) noexcept
{
    return *std::find_if(taps_.begin(), taps_.end(), [id](const tap& t) { return t.id == id; });
}

const link_sockets::tap& link_sockets::tap_of(socket_id id) const noexcept { return const_cast<link_sockets*>(this)->tap_of(id); }

// -- options ----------------------------------------------------------------------------------------------------------

result<int> link_sockets::get_option(socket_id id, socket_option option) const
{
    if (option == socket_option::protocol) return find(id) != nullptr ? result<int>(0) : errno_code(EBADF); // as Linux
    return datagram_sockets::get_option(id, option);
}

error_code link_sockets::set_promiscuous(socket_id id, bool yes)
{
    if (find(id) == nullptr) return errno_code(EBADF);
    unsigned& calls = tap_of(id).promiscuous;
    if (yes) {
        ++calls;
    } else if (calls > 0) {
        --calls;
    }
    return {};
}

bool link_sockets::is_promiscuous(socket_id id) const { return find(id) != nullptr && tap_of(id).promiscuous != 0; }

error_code link_sockets::ignore_outgoing(socket_id id, bool yes)
{
    if (find(id) == nullptr) return errno_code(EBADF);
    tap_of(id).ignores_outgoing = yes;
    return {};
}

bool link_sockets::ignores_outgoing(socket_id id) const { return find(id) != nullptr && tap_of(id).ignores_outgoing; }

result<link_statistics> link_sockets::take_statistics(socket_id id)
{
    if (find(id) == nullptr) return errno_code(EBADF);
    return std::exchange(tap_of(id).statistics, {});
}

// -- sending ------------------------------------------------------------------------------------------------------------

result<std::size_t> link_sockets::send(socket_id id, const_buffer_list from, const endpoint* destination, time_point now,
                                       const send_hints& hints)
{
    socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error) return std::exchange(s->error, {});
    return send_datagram(id, *s, from, destination, now, hints);
}

/// The errors are Linux's. A frame for a link without carrier is dropped, and counted there, without an error.
result<std::size_t> link_sockets::send_datagram(socket_id id, socket&, const_buffer_list from, const endpoint* destination,
                                                time_point now, const send_hints&)
{
    const tap& t = tap_of(id);
    const auto by = destination != nullptr ? to_link_endpoint(*destination).interface : t.interface;
    if (!by || *by >= net_.interfaces().size()) return errno_code(ENXIO);
    const link::interface& i = net_.interface(*by);
    if (!i.is_present()) return errno_code(ENXIO);
    if (!i.is_enabled()) return errno_code(ENETDOWN);
    const std::size_t size = size_of(from), header = i.is_ethernet() ? ethernet_size : 0;
    if (size < std::max<std::size_t>(header, 1)) return errno_code(EINVAL);
    if (size > i.info().mtu + header + tag_size) return errno_code(EMSGSIZE);
    packet frame = gather(from, size);
    const bool tagged = header != 0 && wire::load_16(frame.front().data() + addresses_size) == 0x8100;
    if (!tagged && size > i.info().mtu + header) return errno_code(EMSGSIZE);
    if (i.vlan() != 0) frame = with_tag(frame, i.vlan());
    const interface_id on = i.carrier() != nullptr ? i.carrier()->id() : *by;
    const bool hears_itself = t.ether_type == all_types && !t.ignores_outgoing;
    if (hears_itself && net_.interface(on).is_up()) queued_.push_back({frame.front().data(), on, id});
    const auto failed = net_.send_frame(*by, std::move(frame), now);
    if (!failed) return size;
    if (hears_itself && !queued_.empty()) queued_.pop_back();
    return failed;
}

// -- receiving ------------------------------------------------------------------------------------------------------------

std::optional<link_sockets::frame_view> link_sockets::view_of(const link::interface& by, const packet& frame, bool outgoing)
{
    std::array<std::byte, ethernet_size + tag_size> front{};
    const std::size_t size = frame.copy_to(front);
    frame_view v;
    if (outgoing) v.from.kind = frame_kind::outgoing;
    if (!by.is_ethernet()) {
        if (size == 0) return std::nullopt;
        const bool v6 = std::to_integer<unsigned>(front[0]) >> 4 == 6;
        v.from.ether_type = static_cast<std::uint16_t>(v6 ? wire::ether_type::ipv6 : wire::ether_type::ipv4);
        return v;
    }
    if (size < ethernet_size) return std::nullopt;
    v.from.address = wire::source_of(front);
    v.from.ether_type = wire::load_16(front.data() + addresses_size);
    if (v.from.ether_type == static_cast<std::uint16_t>(wire::ether_type::vlan) && size == front.size())
        v.vlan = wire::load_16(front.data() + ethernet_size) & 0x0fff;
    if (v.from.ether_type < first_ether_type)
        v.from.ether_type = wire::load_16(front.data() + ethernet_size) == 0xffff ? raw_802_3 : llc_802_2;
    if (outgoing) return v;
    const mac_address to = wire::destination_of(front);
    v.from.kind = to == by.info().mac ? frame_kind::to_us
                  : to.is_broadcast() ? frame_kind::broadcast
                  : to.is_multicast() ? frame_kind::multicast
                                      : frame_kind::other_host;
    return v;
}

/// A tagged frame is shown as it is on its carrier, and without the tag on the interface of its VLAN.
void link_sockets::show(const link::interface& by, const packet& frame, bool outgoing, time_point now)
{
    const auto v = by.is_enabled() ? view_of(by, frame, outgoing) : std::nullopt;
    if (!v) return;
    const socket_id sender = outgoing && !queued_.empty() ? sender_of(frame, by.id()) : socket_id();
    hand_out(by, frame, v->from, sender, now);
    const link::interface* const on = v->vlan != 0 ? net_.interfaces().find_vlan(by.id(), v->vlan) : nullptr;
    if (on == nullptr || !on->is_enabled()) return;
    const packet untagged = without_tag(frame);
    if (const auto inner = view_of(*on, untagged, outgoing)) hand_out(*on, untagged, inner->from, sender, now);
}

/// As Linux: frames that are sent are shown to the sockets of all types alone.
bool link_sockets::hears(const tap& t, const link_endpoint& from) noexcept
{
    if (t.interface && t.interface != from.interface) return false;
    switch (from.kind) {
    case frame_kind::outgoing: return t.ether_type == all_types && !t.ignores_outgoing;
    case frame_kind::other_host:
        if (t.promiscuous == 0) return false;
        break;
    default: break;
    }
    return t.ether_type == all_types || (t.ether_type == from.ether_type && t.ether_type != 0);
}

void link_sockets::hand_out(const link::interface& by, const packet& frame, link_endpoint from, socket_id sender, time_point now)
{
    from.interface = by.id();
    for (tap& t : taps_)
        if (hears(t, from) && !(sender && t.id == sender)) hand_out(t, frame, from, now);
}

void link_sockets::hand_out(tap& t, packet frame, const link_endpoint& from, time_point now)
{
    socket& s = *find(t.id);
    frame.offload = {};
    if (!passes_filter(s, frame, 0)) return;
    ++t.statistics.packets;
    if (!push(s, {to_endpoint(from), std::move(frame), {*from.interface, {}, 0, 0, now}})) ++t.statistics.drops;
}

/// Frames leave an interface in the order in which they were queued: those before the one that is found were discarded.
socket_id link_sockets::sender_of(const packet& frame, interface_id on)
{
    const std::byte* const octets = frame.front().data();
    const auto at =
        std::find_if(queued_.begin(), queued_.end(), [&](const queued& q) { return q.octets == octets && q.on == on; });
    if (at == queued_.end()) return {};
    const socket_id by = at->by;
    queued_.erase(std::remove_if(queued_.begin(), at, [on](const queued& q) { return q.on == on; }), std::next(at));
    return by;
}

} // namespace tapio::core
