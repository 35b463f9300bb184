// A packet at a hook: reading, and rewriting with its checksums (tapio/core/packet_hook.hpp).
#include "base/checksum.hpp"
#include "base/flow_key.hpp"
#include "wire/icmpv4.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/tcp.hpp"
#include "wire/udp.hpp"

#include <tapio/core/checksum.hpp>
#include <tapio/core/packet_hook.hpp>

#include <boost/assert.hpp>

#include <algorithm>
#include <array>

namespace tapio::core {

namespace {

constexpr std::size_t no_checksum = 0;

/// Equation 3 of RFC 1624 for octets that begin at an even offset. Precondition: equal, even sizes
std::uint16_t updated(std::uint16_t checksum, const_bytes before, const_bytes after) noexcept
{
    for (std::size_t at = 0; at + 1 < before.size(); at += 2)
        checksum = updated_checksum(checksum, wire::load_16(before.data() + at), wire::load_16(after.data() + at));
    return checksum;
}

std::uint16_t load_at(const packet& p, std::size_t at) noexcept
{
    std::array<std::byte, 2> octets{};
    p.copy_to(octets, at);
    return wire::load_16(octets.data());
}
void store_at(packet& p, std::size_t at, std::uint16_t value)
{
    std::array<std::byte, 2> octets{};
    wire::store_16(octets.data(), value);
    overwrite(p, at, octets);
}

bool is_zero_from(const packet& p, std::size_t at) noexcept
{
    std::array<std::byte, 64> part;
    for (std::size_t n = 0; (n = p.copy_to(part, at)) != 0; at += n)
        if (std::any_of(part.data(), part.data() + n, [](std::byte b) { return b != std::byte{0}; })) return false;
    return true;
}

std::size_t octets_of(const address& a, std::array<std::byte, 16>& out) noexcept
{
    const auto copy = [&out](const auto& octets) {
        std::transform(octets.begin(), octets.end(), out.begin(), [](auto o) { return static_cast<std::byte>(o); });
        return octets.size();
    };
    return a.is_v4() ? copy(a.to_v4().to_bytes()) : copy(a.to_v6().to_bytes());
}

} // namespace

packet_hook::~packet_hook() = default;

family hooked_packet::family() const noexcept { return flow_->family(); }
endpoint hooked_packet::source() const noexcept { return flow_->source(); }
endpoint hooked_packet::destination() const noexcept { return flow_->destination(); }
std::uint8_t hooked_packet::protocol() const noexcept { return static_cast<std::uint8_t>(flow_->protocol()); }

packet hooked_packet::contents() const
{
    packet p = *packet_;
    p.consume(network_at_);
    return p;
}

std::size_t hooked_packet::copy_to(mutable_bytes out, std::size_t offset) const noexcept
{
    return packet_->copy_to(out, network_at_ + offset);
}

/// Offset in `packet_` of the transport checksum; no_checksum: there is none, or it is not in this fragment.
std::size_t hooked_packet::checksum_at() const noexcept
{
    std::size_t at = transport_at_;
    switch (flow_->protocol()) {
    case ip_protocol::tcp: at += offsetof(wire::tcp_header, checksum); break;
    case ip_protocol::udp: at += offsetof(wire::udp_header, checksum); break;
    case ip_protocol::icmp: at += offsetof(wire::icmpv4_header, checksum); break;
    case ip_protocol::icmpv6: at += offsetof(wire::icmpv6_header, checksum); break;
    default: return no_checksum;
    }
    return at + 2 <= packet_->size() ? at : no_checksum;
}

/// @param in_pseudo_header the octets are an address, and do not stand in the transport's header or payload
void hooked_packet::update_transport_checksum(const_bytes before, const_bytes after, bool in_pseudo_header)
{
    const std::size_t at = checksum_at();
    if (at == no_checksum || (in_pseudo_header && flow_->protocol() == ip_protocol::icmp)) return;
    const bool udp = flow_->protocol() == ip_protocol::udp;
    const bool partial = packet_->offload.checksum == offload_info::checksum_state::partial;
    if (partial && !in_pseudo_header) return; // the field has the sum of the pseudo-header alone
    const std::uint16_t old = load_at(*packet_, at);
    if (udp && old == 0 && !partial) return; // no checksum (RFC 768)
    // The partial sum is not complemented, unlike the checksum.
    const auto sum = partial ? static_cast<std::uint16_t>(~updated(static_cast<std::uint16_t>(~old), before, after))
                             : updated(old, before, after);
    store_at(*packet_, at, sum);
    if (sum != 0 || partial) return;
    // UDP: 0 means that there is no checksum. ICMP: of octets that are all zero, equation 3 gives the other zero (RFC 1624 §3).
    const bool icmp = flow_->protocol() == ip_protocol::icmp;
    if (udp || (icmp && is_zero_from(*packet_, transport_at_))) store_at(*packet_, at, 0xffff);
}

void hooked_packet::set_source(const endpoint& e) { set_end(0, e); }
void hooked_packet::set_destination(const endpoint& e) { set_end(1, e); }

/// @param end 0: the source, 1: the destination
void hooked_packet::set_end(unsigned end, const endpoint& e)
{
    const bool v4 = flow_->is_v4();
    BOOST_ASSERT(e.address.is_v4() == v4);
    std::array<std::byte, 16> before{}, after{};
    const std::size_t size = octets_of(e.address, after);
    const std::size_t first = v4 ? offsetof(wire::ipv4_header, source) : offsetof(wire::ipv6_header, source);
    const std::size_t at = network_at_ + first + end * size;
    const const_bytes fresh(after.data(), size), old(before.data(), packet_->copy_to(mutable_bytes(before).first(size), at));
    overwrite(*packet_, at, fresh);
    if (v4) {
        const std::size_t sum = network_at_ + offsetof(wire::ipv4_header, checksum);
        store_at(*packet_, sum, updated(load_at(*packet_, sum), old, fresh));
    }
    update_transport_checksum(old, fresh, true);
    endpoint ends[2] = {flow_->source(), flow_->destination()};
    const std::uint32_t zone = flow_->zone();
    ends[end].address = e.address;
    if (has_ports_) {
        ends[end].port = e.port;
        std::array<std::byte, 2> port{};
        wire::store_16(port.data(), e.port);
        replace(transport_at_ + 2 * end, port);
    }
    *flow_ = flow_key(ends[0], ends[1], flow_->protocol());
    flow_->set_zone(zone);
}

void hooked_packet::rewrite(std::size_t offset, const_bytes bytes)
{
    const std::size_t at = network_at_ + offset;
    BOOST_ASSERT(at >= transport_at_ && (at - transport_at_) % 2 == 0 && bytes.size() % 2 == 0);
    BOOST_ASSERT(at + bytes.size() <= packet_->size());
    replace(at, bytes);
}

/// Octets that the transport's checksum covers. @param at offset in `packet_`
void hooked_packet::replace(std::size_t at, const_bytes bytes)
{
    std::array<std::byte, 64> before;
    for (std::size_t done = 0; done < bytes.size(); done += before.size()) {
        const const_bytes part = bytes.subspan(done, std::min(before.size(), bytes.size() - done));
        const const_bytes old(before.data(), packet_->copy_to(mutable_bytes(before).first(part.size()), at + done));
        overwrite(*packet_, at + done, part);
        update_transport_checksum(old, part, false);
    }
}

} // namespace tapio::core
