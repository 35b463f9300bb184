// Demultiplexing of datagrams and ICMP errors.
#include "core/socket_names.hpp"
#include "core/udp_sockets.hpp"
#include "wire/udp.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace tapio::core {

namespace {

/// Splits a packet that a device with UDP segmentation offload delivers as one (UDP_SEGMENT of udp(7)) into datagrams: all have
/// equal size except the last. Usually the packet is a single datagram.
boost::container::small_vector<packet, 1> datagrams_in(packet&& payload)
{
    boost::container::small_vector<packet, 1> out;
    const std::size_t each = payload.offload.gso == offload_info::gso_type::udp ? payload.offload.gso_size : 0;
    while (each != 0 && payload.size() > each) {
        packet& one = out.emplace_back(payload);
        one.truncate(each);
        payload.consume(each);
    }
    out.push_back(std::move(payload));
    return out;
}

} // namespace

/// The best match: connected to the sender, else bound to the destination address, else bound to any address. A socket of the
/// packet's family is preferred to a dual-stack one. Among equals the socket bound last, as on Linux; with SO_REUSEPORT one
/// chosen by the sender's hash.
/// @param everyone not null for a group address: gets all sockets that match
udp_sockets::socket* udp_sockets::demultiplex(interface_id interface, const endpoint& local, const endpoint& remote,
                                              std::vector<socket*>* everyone)
{
    if (!flows_.empty()) {
        const auto at = flows_.find(flow_key(remote, local, ip_protocol::udp));
        if (at != flows_.end()) return find(at->second);
    }
    const auto use = ports_.find(local.port);
    if (use == ports_.end()) return nullptr;
    int best_score = 0;
    candidates_.clear();
    for (const socket_id id : use->second) {
        socket* const s = find(id);
        if (s == nullptr || (s->connected && s->remote != remote)) continue;
        const bool named = !s->local.address.is_unspecified();
        if (!covers(s->local.address, s->v6_only, local.address)) continue;
        if (!s->hears(local.address, remote.address, interface)) continue;
        if (everyone != nullptr) everyone->push_back(s);
        const int score = (s->family == family_of(local.address) ? 2 : 1) + (named ? 2 : 0) + (s->connected ? 4 : 0);
        if (score > std::exchange(best_score, std::max(score, best_score))) candidates_.clear();
        if (score == best_score) candidates_.push_back(s);
    }
    if (candidates_.empty()) return nullptr;
    if (candidates_.size() == 1 || !candidates_.back()->reuse_port) return candidates_.back();
    return candidates_[spread(remote) % candidates_.size()];
}

/// Keyed hash of the sender: all its datagrams go to the same socket, and a sender cannot choose which one.
std::size_t udp_sockets::spread(const endpoint& remote) const noexcept
{
    std::array<std::byte, 18> octets{};
    if (remote.address.is_v4()) {
        const auto a = remote.address.to_v4().to_bytes();
        std::memcpy(octets.data(), a.data(), a.size());
    } else {
        const auto a = remote.address.to_v6().to_bytes();
        std::memcpy(octets.data(), a.data(), a.size());
    }
    octets[16] = static_cast<std::byte>(remote.port >> 8);
    octets[17] = static_cast<std::byte>(remote.port & 0xff);
    return siphash(spread_key_, octets);
}

void udp_sockets::receive(ip::rx_packet& p, time_point now)
{
    const auto drop = [&](drop_reason why) {
        ++counters_.in_errors;
        net_.dropped(p, why, now);
    };
    const auto d = wire::parse_udp(p.transport_header(), p.transport_size());
    if (!d) return drop(d.error());
    if (!p.verified) return drop(drop_reason::udp_bad_checksum);
    const endpoint local = p.flow.destination(), remote = p.flow.source();
    std::vector<socket*> everyone;
    if (demultiplex(p.interface, local, remote, p.to_group ? &everyone : nullptr) == nullptr) {
        if (net_.may_be_misdirected(p)) return net_.pass_on(std::move(p));
        if (forwarder_.receives(p, counters_, now)) return;
        ++counters_.no_ports;
        net_.dropped(p, drop_reason::udp_no_socket, now);
        return net_.send_unreachable(p, ip::unreachable::port, now); // RFC 1122 §4.1.3.1, RFC 4443 §3.1
    }
    if (everyone.empty()) everyone.push_back(demultiplex(p.interface, local, remote, nullptr));
    packet payload = p.contents;
    payload.truncate(std::size_t{p.transport_at} + d->length);
    payload.consume(p.payload_at);
    for (packet& datagram : datagrams_in(std::move(payload)))
        for (socket* s : everyone) hand_to(*s, datagram, p, now);
}

/// As on Linux, a filter sees the datagram from its header on, and cannot cut that.
void udp_sockets::hand_to(socket& s, packet payload, const ip::rx_packet& p, time_point now)
{
    if (s.filter) {
        std::array<std::byte, sizeof(wire::udp_header)> header;
        const const_bytes came = p.transport_header().first(header.size());
        std::copy(came.begin(), came.end(), header.begin());
        wire::store_16(header.data() + offsetof(wire::udp_header, length),
                       static_cast<std::uint16_t>(payload.size() + header.size())); // of one of several, not of all
        packet whole(slice::copy_of(header));
        whole.append(std::move(payload));
        if (!passes_filter(s, whole, header.size())) {
            ++counters_.in_errors;
            return net_.dropped(p, drop_reason::udp_filtered, now);
        }
        whole.consume(header.size());
        payload = std::move(whole);
    }
    if (deliver(s, p.flow.source(), std::move(payload), p, now)) ++counters_.in_datagrams;
}

void udp_sockets::icmp_error(const ip::icmp_error_report& r, time_point now)
{
    socket* const s = demultiplex(r.interface, r.flow.source(), r.flow.destination(), nullptr);
    if (s == nullptr) return;
    heed_mtu(*s, r, now);
    fail(*s, r, r.quote_ip_header + sizeof(wire::udp_header));
}

} // namespace tapio::core
