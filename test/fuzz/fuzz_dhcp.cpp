// A host with DHCP clients on two Ethernets, and on each a DHCP server that answers rightly, wrongly, late, twice or not at all,
// whose answers are mutated, while links go down, other stations claim addresses, and the user gives and takes away. Whatever
// happens: each interface has at most one leased address, which is that of the lease and outlives it in nothing, and which a
// message has granted that this file, too, reads as the answer to the interface's last one; the user's addresses and routes stay;
// no message leaves from an address that is not the host's; little is sent.
#include "frames.hpp"
#include "run_fuzzer.hpp"
#include "wire/dhcpv4.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace tapio::test;
using namespace std::chrono_literals;
using wire::dhcpv4_message;
using wire::dhcpv4_type;

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "wrong: %s\n", what);
    std::exit(1);
}

constexpr interface_id interfaces = 2;
const mac_address server_mac{{2, 0, 0, 0, 1, 1}}, other_mac{{2, 0, 0, 0, 2, 1}};

std::array<std::byte, 32> host_seed(std::uint64_t seed)
{
    std::array<std::byte, 32> s{};
    for (unsigned n = 0; n < 8; ++n) s[n] = static_cast<std::byte>(seed >> 8 * n);
    return s;
}

class fuzzer
{
public:
    explicit fuzzer(std::uint64_t seed) : random_(seed), host_(host_options(), host_seed(seed))
    {
        for (interface_id n = 1; n <= interfaces; ++n) {
            device_info eth;
            eth.name = "eth" + std::to_string(n);
            eth.mac = {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(n)}};
            host_.add_interface(eth);
            configure(n);
        }
        if (host_.add_address(1, users(), 24, now_)) fail("the user's address");
        if (host_.add_route({address_v4(0xc612'0000U), 16, address(address_v4(0xcb00'7101U)), 1, 0})) fail("the user's route");
    }

    void step()
    {
        now_ += below(8) == 0 ? duration(std::chrono::seconds(below(2000) >> below(10)))
                              : duration(std::chrono::milliseconds(below(2000)));
        const auto by = static_cast<interface_id>(1 + below(interfaces));
        switch (below(64)) {
        case 0: (void)host_.set_link(by, below(3) != 0, 1500, now_); break;
        case 1:
            if (below(8) == 0) (void)host_.release_lease(by, now_), ++released_;
            break;
        case 2: (void)configure(by); break;
        case 3: claim(by); break;
        case 4:
            if (const auto own = leased(by); own && below(16) == 0)
                (void)host_.remove_address(*own, now_), ++released_; // the user may do that
            break;
        default: speak(by);
        }
        settle();
        check();
    }

    /// No server answers any more, and nobody claims anything: the leases expire.
    void end()
    {
        for (interface_id n = 1; n <= interfaces; ++n) (void)host_.set_link(n, true, 1500, now_);
        quiet_ = true;
        for (const time_point end = now_ + 24h * 365 * 140; now_ < end;) {
            settle();
            const time_point next = host_.next_deadline();
            const auto ends = [this](interface_id n) { // the user may have taken the address
                const auto lease = host_.configuration(n).lease;
                return lease && lease->expires != never;
            };
            bool any = false;
            for (interface_id n = 1; n <= interfaces; ++n) {
                if (ends(n))
                    any = true;
                else
                    (void)host_.set_link(n, false, 1500, now_); // else it would ask for a new lease each minute, for a century
            }
            if (!any) break;
            now_ = next <= now_ ? now_ + 1ms : std::min(next, end);
        }
        check();
        for (interface_id n = 1; n <= interfaces; ++n)
            if (host_.configuration(n).lease && host_.configuration(n).lease->expires != never) fail("a lease that does not end");
    }

    bool report(std::uint64_t steps, std::uint64_t seed) const
    {
        const auto as = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
        const drop_counters& d = host_.counters().drops;
        std::printf("%llu steps, seed %llu: %llu messages sent, %llu answers, %llu leases, %llu declined, %llu released, %llu "
                    "malformed, %llu unexpected, %llu other drops\n",
                    as(steps), as(seed), as(sent_), as(answers_), as(leases_), as(declined_), as(released_),
                    as(d[drop_reason::dhcp_malformed]), as(d[drop_reason::dhcp_unexpected]),
                    as(d[drop_reason::ipv4_bad_checksum] + d[drop_reason::udp_bad_checksum]));
        if (steps < 10'000) return true;
        return leases_ > steps / 1000 && declined_ > 10 && d[drop_reason::dhcp_malformed] > 100 &&
               d[drop_reason::dhcp_unexpected] > 100;
    }

private:
    static address_v4 users() { return address_v4(0xcb00'7109U); } // 203.0.113.9

    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    std::uint32_t some_number() { return static_cast<std::uint32_t>(random_() >> 32 >> below(32)); }

    bool configure(interface_id by)
    {
        configure_options o;
        o.slaac = false;
        o.detect_conflicts = below(4) != 0;
        o.rapid_commit = below(2) == 0;
        if (below(4) == 0) o.requested_address = address_v4(0xc000'0200U + static_cast<std::uint32_t>(below(256)));
        return !host_.configure(by, o, now_);
    }

    std::optional<address> leased(interface_id by) const
    {
        std::optional<address> out;
        for (const auto& a : host_.net().interface(by).addresses) {
            if (a.origin != address_origin::dhcpv4) continue;
            if (out) fail("two leased addresses");
            out = a.address;
        }
        return out;
    }

    void check()
    {
        for (interface_id n = 1; n <= interfaces; ++n) {
            const auto own = leased(n);
            const auto lease = host_.configuration(n).lease;
            if (own && (!lease || address(lease->address) != *own)) fail("an address without its lease");
            if (own && !granted_[n].contains(own->to_v4())) fail("an address that nobody has granted");
            if (lease && lease->expires <= now_) fail("a lease after its end");
            if (host_.net().interface(n).addresses.size() > 2) fail("too many addresses");
        }
        if (host_.net().addresses().interface_of(address(users())) != std::optional<interface_id>(1))
            fail("the user's address is gone");
        if (host_.net().list_routes().size() > 2 + 2 * (1 + 2 * dhcpv4_message::most_routes)) fail("routes without bound");
        const auto minutes = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::minutes>(now_ - begin_).count());
        if (sent_ > 1000 + 40 * minutes + 3 * answers_ + 10 * released_) fail("more messages than a network can bear");
    }

    void note_leases()
    {
        for (interface_id n = 1; n <= interfaces; ++n)
            if (const auto own = leased(n)) had_[*own] = now_;
    }

    void settle()
    {
        note_leases();
        for (bool any = true; any;) {
            host_.advance(now_);
            any = host_.dispatch_events(now_);
            for (interface_id n = 1; n <= interfaces; ++n)
                for (packet p; host_.next_packet(n, p, now_); any = true) hear(n, std::move(p));
        }
    }

    void hear(interface_id by, packet frame)
    {
        ip::rx_packet p(std::move(frame), by);
        ip::parse(p, link_type::ethernet);
        if (p.kind == ip::packet_kind::arp) return hear_arp(by, *wire::parse_arp(p.network_header()));
        if (p.kind != ip::packet_kind::ipv4 || p.protocol() != ip_protocol::udp) return;
        if (p.flaw) fail("a packet with a flaw");
        const address from = p.flow.source_address();
        packet payload = p.contents;
        payload.consume(p.payload_at);
        const auto m = wire::parse_dhcpv4(flat(payload));
        if (!m || m->from_server) fail("a message that is none");
        ++sent_;
        if (m->type == dhcpv4_type::decline) ++declined_;
        const bool nameless = from.is_unspecified() && p.flow.destination_address() == address(address_v4::broadcast());
        const bool releases = m->type == dhcpv4_type::release; // the address is gone when the packet is
        // A message may have waited for the server's link-layer address until after the lease.
        const bool was_ours = had_.contains(from) && now_ - had_.at(from) <= 5s;
        if (!nameless && !releases && !was_ours && !host_.net().addresses().is_ours(from))
            fail("a message from an address that is not ours");
        if (m->ciaddr.is_unspecified() == (m->type == dhcpv4_type::release)) {
            if (releases) fail("a release of nothing");
        }
        last_[by] = *m;
        if (!quiet_ && below(2) == 0) speak(by);
    }

    /// A probed address is taken now and then.
    void hear_arp(interface_id by, const wire::arp_packet& said)
    {
        const bool probes = said.sender_ip.is_unspecified();
        if (quiet_ || said.operation != wire::arp_operation::request || (probes && below(8) != 0)) return;
        if (said.target_ip == users() || said.sender_ip == said.target_ip) return;
        say_arp(by, wire::arp_operation::reply, said.target_ip, said.sender_ip);
    }
    void claim(interface_id by)
    {
        if (const auto own = leased(by)) say_arp(by, wire::arp_operation::request, own->to_v4(), own->to_v4());
    }
    void say_arp(interface_id by, wire::arp_operation op, const address_v4& sender, const address_v4& target)
    {
        packet p = wire::make_arp({op, other_mac, sender, host_.net().interface(by).info().mac, target});
        wire::push_ethernet(p, mac_address::broadcast(), other_mac, wire::ether_type::arp);
        host_.receive(by, std::move(p), now_);
    }

    address_v4 some_address()
    {
        if (below(4) == 0) return address_v4(some_number());
        return address_v4((below(2) == 0 ? 0xc000'0200U : 0xc633'6400U) + static_cast<std::uint32_t>(below(256)));
    }

    /// An answer to the last message, right or wrong.
    void speak(interface_id by)
    {
        const dhcpv4_message& to = last_[by];
        dhcpv4_message m;
        m.from_server = true;
        m.xid = to.xid;
        m.chaddr = to.chaddr;
        m.client_id = to.client_id;
        m.type = to.type == dhcpv4_type::discover ? dhcpv4_type::offer : dhcpv4_type::ack;
        m.yiaddr = to.requested_address.value_or(to.ciaddr.is_unspecified() ? some_address() : to.ciaddr);
        m.server_id = to.server_id.value_or(address_v4(0xc000'02feU));
        m.lease_time = 30 + some_number();
        m.prefix_length = static_cast<std::uint8_t>(8 + below(25));
        m.routers = {address_v4(0xc000'02feU)};
        if (below(8) == 0) m.type = static_cast<dhcpv4_type>(1 + below(8));
        if (below(8) == 0) m.yiaddr = some_address();
        if (below(8) == 0) m.renewal_time = some_number(), m.rebinding_time = some_number();
        if (below(8) == 0) m.lease_time = wire::infinite_lease;
        if (below(8) == 0) m.mtu = static_cast<std::uint16_t>(some_number());
        if (below(4) == 0) m.rapid_commit = true, m.type = dhcpv4_type::ack;
        for (auto n = below(4) == 0 ? below(40) : 0; n > 0; --n) {
            const auto length = static_cast<unsigned>(below(33));
            const address_v4 network(length == 0 ? 0 : some_address().to_uint() & ~std::uint32_t{0} << (32 - length));
            m.classless_routes.push_back({network, length, below(3) == 0 ? address_v4() : some_address()});
        }
        octets o = wire::make_dhcpv4(m);
        for (auto n = below(4) == 0 ? 1 + below(6) : 0; n > 0; --n) o[below(o.size())] = static_cast<std::byte>(below(256));
        if (below(16) == 0) o.resize(below(o.size()));
        send(by, o, to.ciaddr.is_unspecified() || below(4) == 0 ? address_v4::broadcast() : to.ciaddr);
    }
    void send(interface_id by, const octets& o, const address_v4& to)
    {
        packet p(slice::copy_of(o));
        const address_v4 from(0xc000'02feU);
        wire::push_udp(p, wire::dhcpv4_server_port, wire::dhcpv4_client_port, from, to);
        wire::ipv4_fields f;
        f.source = from;
        f.destination = to;
        f.protocol = ip_protocol::udp;
        wire::push_ipv4(p, f);
        wire::push_ethernet(p, to == address_v4::broadcast() ? mac_address::broadcast() : host_.net().interface(by).info().mac,
                            server_mac, wire::ether_type::ipv4);
        const bool had = leased(by).has_value();
        if (is_ack(o, by)) granted_[by].insert(address_v4(wire::load_32(o.data() + 16)));
        host_.receive(by, std::move(p), now_);
        ++answers_;
        host_.advance(now_);
        note_leases(); // what is sent by now may leave after the lease, which the message may end
        host_.dispatch_events(now_);
        if (!had && leased(by)) ++leases_;
    }

    /// RFC 2131 §2 and §3.1 read anew: a DHCPACK to the last message.
    bool is_ack(const octets& o, interface_id by) const
    {
        constexpr std::size_t sname = 44, file = 108, cookie = 236, options = 240;
        if (o.size() < options || o[0] != std::byte{2} || wire::load_32(o.data() + 4) != last_[by].xid) return false;
        const auto& mac = host_.net().interface(by).info().mac.octets;
        const bool is_ours = std::equal(mac.begin(), mac.end(), o.begin() + 28, [](auto a, auto b) { return std::byte{a} == b; });
        if (!is_ours || wire::load_32(o.data() + cookie) != 0x6382'5363) return false;
        const auto all = const_bytes(o);
        return says_ack(all.subspan(options)) || says_ack(all.subspan(sname, file - sname)) ||
               says_ack(all.subspan(file, cookie - file)); // as option 52 may say
    }
    static bool says_ack(const_bytes options)
    {
        for (std::size_t at = 0; at < options.size();) {
            const auto code = std::to_integer<unsigned>(options[at++]);
            if (code == 0) continue;
            if (code == 255 || at == options.size()) return false;
            const auto size = std::to_integer<std::size_t>(options[at++]);
            if (options.size() - at < size) return false;
            if (code == 53 && size == 1 && options[at] == std::byte{5}) return true;
            at += size;
        }
        return false;
    }

    std::mt19937_64 random_;
    time_point now_{1h}, begin_ = now_;
    host host_;
    std::array<dhcpv4_message, interfaces + 1> last_;
    bool quiet_ = false;
    std::array<std::set<address_v4>, interfaces + 1> granted_;
    std::map<address, time_point> had_; ///< leased addresses, and when the host had them last
    std::uint64_t sent_ = 0, answers_ = 0, leases_ = 0, declined_ = 0, released_ = 0;
};

} // namespace

int main(int argc, char** argv) { return tapio::test::run_fuzzer<fuzzer>(argc, argv); }
