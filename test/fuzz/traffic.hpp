/// @file
/// Packets for fuzzers, made of parts that fit together: from the neighbours of a host's links, to addresses that matter to the
/// host, of every protocol that it reads; and what neighbours answer to its packets.
#pragma once

#include "frames.hpp"
#include "link/ethernet.hpp"
#include "wire/igmp.hpp"
#include "wire/redirect.hpp"
#include "wire/udp.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace tapio::test {

inline address ip_of(const char* text) { return boost::asio::ip::make_address(text); }

/// A link of the host, with the nodes on it.
struct place
{
    interface_id by = 1; ///< the interface whose device delivers the frames
    link_type link = link_type::ethernet;
    mac_address host_mac;
    std::uint16_t vlan = 0;       ///< 0: untagged
    std::vector<address> senders; ///< of both families
};

struct arriving
{
    interface_id by = 1;
    octets frame;
};

class traffic
{
public:
    /// @param destinations of both families
    traffic(std::mt19937_64& random, std::vector<place> places, std::vector<address> destinations)
        : random_(random), places_(std::move(places)), destinations_(std::move(destinations))
    {
    }

    arriving next()
    {
        const bool old = !waiting_.empty() && random_() % 2 == 0;
        if (!old) make();
        const std::size_t n = random_() % waiting_.size();
        arriving a = std::move(waiting_[n]);
        waiting_[n] = std::move(waiting_.back());
        waiting_.pop_back();
        if (waiting_.size() > 64) waiting_.resize(32);
        return a;
    }

    /// A packet that the host has sent: it is answered, or quoted later.
    void saw(interface_id by, const packet& sent)
    {
        packet p(slice::copy_of(flat(sent)));
        const place* to = nullptr;
        std::uint16_t vlan = 0;
        auto type = wire::ether_type::ipv4;
        if (link_of(by) == link_type::ethernet) {
            const auto e = wire::parse_ethernet(p.front());
            if (!e) return;
            vlan = e->vlan.value_or(0);
            type = e->type;
            p.consume(e->header_length);
        }
        for (const place& at : places_)
            if (at.by == by && at.vlan == vlan) to = &at;
        if (to == nullptr || p.empty()) return;
        if (type == wire::ether_type::arp) return answer_arp(*to, p);
        if (answer_solicitation(*to, p)) return;
        if (quotes_.size() < 64) {
            quotes_.push_back(flat(p));
        } else {
            quotes_[random_() % quotes_.size()] = flat(p);
        }
        if (random_() % 2 == 0) answer(*to, flat(p));
    }

private:
    static constexpr mac_address peer_mac{{2, 0, 0, 0, 0, 1}};

    link_type link_of(interface_id by) const
    {
        for (const place& at : places_)
            if (at.by == by) return at.link;
        return link_type::ip;
    }
    template <class T>
    const T& any_of(const std::vector<T>& v)
    {
        return v[random_() % v.size()];
    }
    address any_of(const std::vector<address>& v, bool v6)
    {
        for (;;)
            if (const address& a = v[random_() % v.size()]; a.is_v6() == v6) return a;
    }

    // -- frames and IP headers ------------------------------------------------------------------------------------------------
    void deliver(const place& at, packet p, bool v6, const address& to)
    {
        mac_address mac = at.host_mac;
        if (to.is_v4() && to.to_v4().is_multicast()) mac = link::group_mac(to.to_v4());
        if (to.is_v6() && to.is_multicast()) mac = link::group_mac(to.to_v6());
        push_link(at, p, mac, v6 ? wire::ether_type::ipv6 : wire::ether_type::ipv4);
    }
    void push_link(const place& at, packet& p, const mac_address& mac, wire::ether_type type)
    {
        if (at.link == link_type::ethernet && at.vlan == 0) wire::push_ethernet(p, mac, peer_mac, type);
        if (at.link == link_type::ethernet && at.vlan != 0) wire::push_tagged(p, mac, peer_mac, at.vlan, type);
        waiting_.push_back({at.by, flat(p)});
    }
    static void push_ip(packet& p, const address& from, const address& to, ip_protocol protocol, std::uint8_t ttl,
                        std::uint32_t flags)
    {
        if (from.is_v6()) {
            const flow_key flow({from, 0}, {to, 0}, protocol);
            return wire::push_ipv6(p, {protocol, ttl, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        }
        wire::push_ipv4(p, wire::ipv4_words{protocol, ttl, 0, flags, from.to_v4().to_uint(), to.to_v4().to_uint()});
    }
    packet text(std::size_t most) { return packet(slice::copy_of(octets(random_() % most, std::byte{'t'}))); }
    std::uint16_t port()
    {
        constexpr std::array<std::uint16_t, 10> some{7, 7, 80, 80, 53, 1000, 1001, 20'000, 20'001, 40'000};
        return random_() % 16 == 0 ? static_cast<std::uint16_t>(random_()) : some[random_() % some.size()];
    }
    std::uint8_t ttl()
    {
        constexpr std::array<std::uint8_t, 4> some{64, 64, 255, 1};
        return some[random_() % some.size()];
    }

    void make()
    {
        const place& at = any_of(places_);
        const bool v6 = random_() % 2 == 0;
        const address from = any_of(at.senders, v6), to = any_of(destinations_, v6);
        switch (random_() % 16) {
        case 0: return make_neighbor(at, from, to);
        case 1: return make_group(at, from);
        case 2: return make_error(at, from, to);
        case 3: return make_redirect(at, from, to);
        case 4:
        case 5: return make_fragments(at, from, to);
        default: break;
        }
        packet p;
        const ip_protocol protocol = make_body(p, from, to, 300);
        push_ip(p, from, to, protocol, ttl(), random_() % 2 == 0 ? std::uint32_t{wire::ipv4_dont_fragment} : 7U << 16);
        deliver(at, std::move(p), v6, to);
    }

    ip_protocol make_body(packet& p, const address& from, const address& to, std::size_t most)
    {
        p = text(most);
        const bool v6 = from.is_v6();
        switch (random_() % 8) {
        case 0: {
            const auto echo = static_cast<std::uint32_t>(random_() % 4) << 16;
            if (v6) {
                wire::push_icmpv6(p, wire::icmpv6_type::echo_request, 0, echo, flow_key({from, 0}, {to, 0}, ip_protocol::icmpv6));
            } else {
                wire::push_icmpv4(p, wire::icmpv4_type::echo_request, 0, echo);
            }
            return v6 ? ip_protocol::icmpv6 : ip_protocol::icmp;
        }
        case 1: return static_cast<ip_protocol>(random_());
        case 2:
        case 3:
        case 4: {
            wire::tcp_fields f;
            f.source_port = port();
            f.destination_port = port();
            f.sequence = static_cast<std::uint32_t>(random_());
            f.acknowledgement = static_cast<std::uint32_t>(random_());
            f.flags = static_cast<std::uint8_t>(random_() % 4 == 0 ? random_() : std::uint64_t{wire::tcp_syn});
            f.window = static_cast<std::uint16_t>(random_());
            if (random_() % 2 == 0) f.options.max_segment = 1000;
            if (random_() % 2 == 0) p = packet();
            wire::push_tcp(p, f, from, to);
            return ip_protocol::tcp;
        }
        default: wire::push_udp(p, port(), port(), from, to); return ip_protocol::udp;
        }
    }

    /// A datagram in fragments of which one may be missing, twice there, or misplaced.
    void make_fragments(const place& at, const address& from, const address& to)
    {
        packet whole;
        const ip_protocol protocol = make_body(whole, from, to, 3000);
        const octets body = flat(whole);
        const auto id = static_cast<std::uint32_t>(random_());
        const std::size_t each = 8 * (1 + random_() % 180);
        for (std::size_t offset = 0; offset < body.size() && offset / each < 16; offset += each) {
            if (random_() % 16 == 0) continue;
            const std::size_t size = std::min(each, body.size() - offset);
            const std::size_t place_at = random_() % 32 == 0 ? random_() % 4096 / 8 * 8 : offset;
            const bool more = offset + size < body.size();
            packet p(slice::copy_of(const_bytes(body).subspan(offset, size)));
            if (from.is_v6()) {
                const auto o = static_cast<std::uint16_t>(place_at | (more ? 1U : 0U));
                const std::array<std::uint8_t, 8> header{static_cast<std::uint8_t>(protocol),
                                                         0,
                                                         static_cast<std::uint8_t>(o >> 8),
                                                         static_cast<std::uint8_t>(o),
                                                         0,
                                                         0,
                                                         0,
                                                         static_cast<std::uint8_t>(id)};
                p.push_front(header);
                push_ip(p, from, to, ip_protocol{44}, 64, 0);
            } else {
                const auto where =
                    static_cast<std::uint32_t>(place_at / 8) | (more ? std::uint32_t{wire::ipv4_more_fragments} : 0U);
                push_ip(p, from, to, protocol, 64, id << 16 | where);
            }
            deliver(at, std::move(p), from.is_v6(), to);
        }
        if (waiting_.empty()) make_neighbor(at, from, to);
    }

    // -- ICMP -----------------------------------------------------------------------------------------------------------------
    void push_icmp(packet& p, const address& from, const address& to, unsigned type, std::uint8_t code, std::uint32_t rest,
                   std::uint8_t hops)
    {
        const bool v6 = from.is_v6();
        if (v6) {
            wire::push_icmpv6(p, static_cast<wire::icmpv6_type>(type), code, rest,
                              flow_key({from, 0}, {to, 0}, ip_protocol::icmpv6));
        } else {
            wire::push_icmpv4(p, static_cast<wire::icmpv4_type>(type), code, rest);
        }
        push_ip(p, from, to, v6 ? ip_protocol::icmpv6 : ip_protocol::icmp, hops, std::uint32_t{wire::ipv4_dont_fragment});
    }
    /// About a packet that the host has sent; the addresses of its header are those of an honest error, or any.
    void make_error(const place& at, address from, address to)
    {
        if (quotes_.empty()) return make_neighbor(at, from, to);
        octets quote = any_of(quotes_);
        const bool v6 = std::to_integer<unsigned>(quote[0]) >> 4 == 6;
        if (const auto own = source_in(quote); random_() % 8 != 0 && own) to = *own;
        if (to.is_v6() != v6) return make_neighbor(at, from, to);
        if (from.is_v6() != v6) from = any_of(at.senders, v6);
        if (random_() % 2 == 0) quote.resize(std::min<std::size_t>(quote.size(), v6 ? 100 : 28 + random_() % 64));
        packet p{slice::copy_of(quote)};
        constexpr std::array<unsigned, 4> v4_types{3, 3, 11, 12}, v6_types{1, 2, 3, 4};
        const unsigned type = (v6 ? v6_types : v4_types)[random_() % 4];
        push_icmp(p, from, to, type, static_cast<std::uint8_t>(random_() % 6), static_cast<std::uint32_t>(random_() % 2000), 64);
        deliver(at, std::move(p), v6, to);
    }
    static std::optional<address> source_in(const octets& ip)
    {
        if (std::to_integer<unsigned>(ip[0]) >> 4 == 4 && ip.size() >= 20) return address_v4(wire::load_32(ip.data() + 12));
        if (std::to_integer<unsigned>(ip[0]) >> 4 != 6 || ip.size() < 40) return std::nullopt;
        address_v6::bytes_type o;
        for (std::size_t i = 0; i < o.size(); ++i) o[i] = std::to_integer<std::uint8_t>(ip[8 + i]);
        return address_v6(o);
    }
    /// From a router of the link, about a packet that the host has sent (or none), to a better next hop.
    void make_redirect(const place& at, const address& from, const address& to)
    {
        const bool v6 = from.is_v6();
        const address better = any_of(at.senders, v6), about = any_of(destinations_, v6);
        packet p;
        if (v6) {
            const bool on_link = random_() % 2 == 0;
            p = wire::make_redirect({on_link ? about.to_v6() : better.to_v6(), about.to_v6(),
                                     random_() % 2 == 0 ? std::optional(peer_mac) : std::nullopt});
            push_icmp(p, from, to, 137, 0, 0, 255);
        } else {
            packet quote = text(9);
            wire::push_udp(quote, 7, 1000, to, about);
            push_ip(quote, to, about, ip_protocol::udp, 64, 0);
            p = std::move(quote);
            push_icmp(p, from, to, 5, 1, better.to_v4().to_uint(), 64);
        }
        deliver(at, std::move(p), v6, to);
    }

    // -- IGMP, MLD ------------------------------------------------------------------------------------------------------------
    /// A datagram to a group, a query of any version, or a report of another member.
    void make_group(const place& at, const address& from)
    {
        const bool v6 = from.is_v6();
        const address group =
            v6 ? ip_of(random_() % 2 == 0 ? "ff0e::1" : "ff0e::2") : ip_of(random_() % 2 == 0 ? "233.252.0.1" : "233.252.0.2");
        packet p = text(20);
        if (random_() % 2 == 0) {
            wire::push_udp(p, 1000, 7, from, group);
            push_ip(p, from, group, ip_protocol::udp, 1, 0);
            return deliver(at, std::move(p), v6, group);
        }
        const bool general = random_() % 2 == 0;
        const address to = general ? ip_of(v6 ? "ff02::1" : "224.0.0.1") : group;
        v6 ? make_mld(p, from, general, group, to) : make_igmp(p, from, general, group, to);
        deliver(at, std::move(p), v6, to);
    }
    void append_query_tail(octets& o, bool v6)
    {
        if (random_() % 3 == 0) return; // version 1 or 2; MLDv1
        const bool sources = random_() % 2 == 0;
        for (const unsigned octet : {2U, 20U, 0U, sources ? 1U : 0U}) o.push_back(static_cast<std::byte>(octet));
        if (!sources) return;
        const address a = v6 ? address(v6_peer) : ip_of("192.0.2.1");
        if (v6) {
            for (const auto b : a.to_v6().to_bytes()) o.push_back(static_cast<std::byte>(b));
        } else {
            for (const auto b : a.to_v4().to_bytes()) o.push_back(static_cast<std::byte>(b));
        }
    }
    void make_igmp(packet& p, const address& from, bool general, const address& group, const address& to)
    {
        constexpr std::array<unsigned, 4> types{0x11, 0x11, 0x16, 0x12};
        octets o{static_cast<std::byte>(types[random_() % 4]), static_cast<std::byte>(random_() % 3 * 10), {}, {}};
        for (const auto b : (general ? address_v4() : group.to_v4()).to_bytes()) o.push_back(static_cast<std::byte>(b));
        append_query_tail(o, false);
        wire::store_16(o.data() + 2, static_cast<std::uint16_t>(~ones_sum(o)));
        p = packet(slice::copy_of(o));
        push_ip(p, from, to, ip_protocol{2}, 1, 0);
    }
    void make_mld(packet& p, const address&, bool general, const address& group, const address& to)
    {
        octets o;
        for (const auto b : (general ? address_v6() : group.to_v6()).to_bytes()) o.push_back(static_cast<std::byte>(b));
        append_query_tail(o, true);
        p = packet(slice::copy_of(o));
        const flow_key flow({v6_router, 0}, {to, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(p, wire::icmpv6_type::listener_query, 0, static_cast<std::uint32_t>(random_() % 3) << 25, flow);
        p.push_front(wire::mld_hop_by_hop_header);
        push_ip(p, v6_router, to, ip_protocol{0}, 1, 0);
    }

    // -- neighbours -----------------------------------------------------------------------------------------------------------
    void make_neighbor(const place& at, const address& from, const address& to)
    {
        const auto operation = random_() % 4 == 0 ? wire::arp_operation::reply : wire::arp_operation::request;
        if (from.is_v4() && to.is_v4()) {
            packet p = wire::make_arp({operation, peer_mac, from.to_v4(), {}, to.to_v4()});
            return push_link(at, p, random_() % 2 == 0 ? at.host_mac : mac_address::broadcast(), wire::ether_type::arp);
        }
        const address_v6 six = from.is_v6() ? from.to_v6() : v6_peer, target = to.is_v6() ? to.to_v6() : v6_host;
        if (random_() % 4 != 0) return advertise(at, six, target);
        packet p = wire::make_neighbor_solicitation({target, peer_mac, 0});
        push_icmp(p, six, target, 135, 0, 0, 255);
        deliver(at, std::move(p), true, target);
    }
    void advertise(const place& at, const address_v6& target, const address_v6& to)
    {
        const wire::neighbor_advertisement a{target, random_() % 2 == 0, !to.is_multicast(), true, peer_mac};
        packet p = wire::make_neighbor_advertisement(a);
        push_icmp(p, target, to, 136, 0, rest_of(a), 255);
        deliver(at, std::move(p), true, to);
    }
    void answer_arp(const place& at, packet& p)
    {
        const octets o = flat(p);
        const auto asked = wire::parse_arp(o);
        if (!asked || asked->operation != wire::arp_operation::request || random_() % 4 == 0) return;
        if (asked->target_ip == asked->sender_ip) return; // an announcement
        packet reply =
            wire::make_arp({wire::arp_operation::reply, peer_mac, asked->target_ip, asked->sender_mac, asked->sender_ip});
        push_link(at, reply, at.host_mac, wire::ether_type::arp);
    }
    bool answer_solicitation(const place& at, const packet& p)
    {
        const octets o = flat(p);
        if (o.size() < 64 || o[0] != std::byte{0x60} || o[6] != std::byte{58} || o[40] != std::byte{135}) return false;
        address_v6::bytes_type target;
        for (std::size_t i = 0; i < target.size(); ++i) target[i] = std::to_integer<std::uint8_t>(o[48 + i]);
        const address to = *source_in(o);
        if (!to.is_unspecified() && random_() % 4 != 0) advertise(at, address_v6(target), to.to_v6());
        return true;
    }

    /// What the receiver of a packet would say to it, with small mistakes.
    void answer(const place& at, octets o)
    {
        const bool v6 = std::to_integer<unsigned>(o[0]) >> 4 == 6;
        const std::size_t header = v6 ? 40 : 20, half = v6 ? 16 : 4;
        if (o.size() < header + 8 || (!v6 && o[0] != std::byte{0x45})) return;
        const address to = *source_in(o);
        if (to.is_unspecified()) return;
        std::swap_ranges(o.begin() + static_cast<std::ptrdiff_t>(header - 2 * half),
                         o.begin() + static_cast<std::ptrdiff_t>(header - half),
                         o.begin() + static_cast<std::ptrdiff_t>(header - half));
        o[v6 ? 7 : 8] = std::byte{64};
        std::byte* const t = o.data() + header;
        const unsigned protocol = std::to_integer<unsigned>(o[v6 ? 6 : 9]);
        if (protocol == 6 || protocol == 17) std::swap_ranges(t, t + 2, t + 2);
        if (protocol == 1 && t[0] == std::byte{8}) t[0] = std::byte{0};
        if (protocol == 58 && t[0] == std::byte{128}) t[0] = std::byte{129};
        if (protocol == 6 && o.size() >= header + 20) answer_segment(t, o.size() - header);
        packet p(slice::copy_of(o));
        if (!update_checksums(p, link_type::ip)) return;
        deliver(at, std::move(p), v6, to);
    }
    void answer_segment(std::byte* t, std::size_t size)
    {
        const unsigned flags = std::to_integer<unsigned>(t[13]);
        const std::size_t header = 4 * (std::to_integer<std::size_t>(t[12]) >> 4);
        const std::uint32_t length = static_cast<std::uint32_t>(size - std::min(size, header)) +
                                     ((flags & wire::tcp_syn) != 0 ? 1U : 0U) + ((flags & wire::tcp_fin) != 0 ? 1U : 0U);
        const std::uint32_t seq = wire::load_32(t + 4), ack = wire::load_32(t + 8);
        wire::store_32(t + 4, random_() % 8 == 0 ? ack + static_cast<std::uint32_t>(random_() % 70'000) : ack);
        wire::store_32(t + 8, random_() % 8 == 0 ? static_cast<std::uint32_t>(random_()) : seq + length);
        unsigned out = wire::tcp_ack;
        if ((flags & wire::tcp_syn) != 0 && (flags & wire::tcp_ack) == 0) out |= wire::tcp_syn;
        if (random_() % 4 == 0) out |= static_cast<unsigned>(random_()) & 0x3fU;
        t[13] = static_cast<std::byte>(out);
    }

    std::mt19937_64& random_;
    std::vector<place> places_;
    std::vector<address> destinations_;
    std::vector<arriving> waiting_; ///< made, not yet delivered
    std::vector<octets> quotes_;    ///< packets that the host has sent, from their IP header on
};

} // namespace tapio::test
