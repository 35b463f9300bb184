// A host with DHCPv6 clients on two Ethernets, and on each a router and a DHCPv6 server that answers rightly, wrongly, late,
// twice or not at all, whose answers are mutated, while links go down, other nodes claim addresses, and the user gives and takes
// away. Whatever happens: what an interface has by DHCPv6 is what its lease says, and outlives it in nothing; only answers of the
// exchange that goes on change it; the user's addresses and routes stay; all messages leave from the link-local address to all
// servers; little is sent.
#include "frames.hpp"
#include "run_fuzzer.hpp"
#include "wire/dhcpv6.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"
#include "wire/ndp.hpp"
#include "wire/router_advertisement.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <vector>

namespace {

using namespace tapio::test;
using namespace std::chrono_literals;
using wire::dhcpv6_message;
using wire::dhcpv6_status;
using wire::dhcpv6_type;

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

address_v6 v6(std::initializer_list<unsigned char> first, unsigned char last)
{
    address_v6::bytes_type o{};
    std::copy(first.begin(), first.end(), o.begin());
    o[15] = last;
    return address_v6(o);
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
        if (host_.add_address(1, users(), 64, now_)) fail("the user's address");
        if (host_.add_route({v6({0x20, 1, 0x0d, 0xb8, 0xee}, 0), 40, address(v6({0xfe, 0x80}, 7)), 1, 0}))
            fail("the user's route");
    }

    void step()
    {
        now_ += below(8) == 0 ? duration(std::chrono::seconds(below(2000) >> below(10)))
                              : duration(std::chrono::milliseconds(below(2000)));
        settle(); // what is due now is not the doing of an answer
        const auto by = static_cast<interface_id>(1 + below(interfaces));
        switch (below(64)) {
        case 0: (void)host_.set_link(by, below(3) != 0, 1500, now_); break;
        case 1:
            if (below(8) == 0) (void)host_.release_lease(by, now_), ++released_;
            break;
        case 2: (void)configure(by); break;
        case 3:
            if (const auto own = leased(by); !own.empty()) claim(by, own[below(own.size())].to_v6());
            break;
        case 4:
            if (const auto own = leased(by); !own.empty() && below(16) == 0)
                (void)host_.remove_address(own[0], now_), ++released_;
            break;
        case 5: advertise(by); break;
        default: speak(by);
        }
        settle();
        check();
    }

    /// No server answers any more, and nobody claims anything: the leases end.
    void end()
    {
        for (interface_id n = 1; n <= interfaces; ++n) (void)host_.set_link(n, true, 1500, now_);
        quiet_ = true;
        const auto ends = [this](interface_id n) {
            const auto lease = host_.configuration(n).lease_v6;
            bool any = false;
            if (lease)
                for (const auto* all : {&lease->addresses, &lease->prefixes})
                    for (const auto& r : *all) any = any || r.valid_until != never;
            return any;
        };
        for (const time_point last = now_ + 24h * 365 * 140; now_ < last && (ends(1) || ends(2));) {
            settle();
            const time_point next = host_.next_deadline();
            now_ = next <= now_ ? now_ + 1ms : std::min(next, last);
        }
        check();
        if (ends(1) || ends(2)) fail("a lease that does not end");
    }

    bool report(std::uint64_t steps, std::uint64_t seed) const
    {
        const auto as = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
        const drop_counters& d = host_.counters().drops;
        std::printf("%llu steps, seed %llu: %llu messages sent, %llu answers, %llu grants, %llu declined, %llu released, %llu "
                    "malformed, %llu unexpected\n",
                    as(steps), as(seed), as(sent_), as(answers_), as(grants_), as(declined_), as(released_),
                    as(d[drop_reason::dhcp_malformed]), as(d[drop_reason::dhcp_unexpected]));
        if (steps < 10'000) return true;
        return grants_ > steps / 1000 && declined_ > 10 && d[drop_reason::dhcp_malformed] > 100 &&
               d[drop_reason::dhcp_unexpected] > 100;
    }

private:
    static address_v6 users() { return v6({0x20, 1, 0x0d, 0xb8, 0xff}, 9); }

    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    std::uint32_t some_number() { return static_cast<std::uint32_t>(random_() >> 32 >> below(32)); }
    address_v6 some_address()
    {
        if (below(8) == 0) return v6({static_cast<unsigned char>(below(256)), static_cast<unsigned char>(below(256))}, 1);
        return v6({0x20, 1, 0x0d, 0xb8, static_cast<unsigned char>(below(2))}, static_cast<unsigned char>(1 + below(250)));
    }

    bool configure(interface_id by)
    {
        configure_options o;
        o.dhcpv4 = false;
        o.slaac = below(2) == 0;
        o.dhcpv6 = static_cast<dhcpv6_use>(below(4));
        o.delegate_prefix = below(2) == 0;
        o.rapid_commit = below(2) == 0;
        o.wanted_prefix_length = below(2) == 0 ? 56 : 0;
        return !host_.configure(by, o, now_);
    }

    std::vector<address> leased(interface_id by) const
    {
        std::vector<address> out;
        for (const auto& a : host_.net().interface(by).addresses)
            if (a.origin == address_origin::dhcpv6) out.push_back(a.address);
        return out;
    }

    void check()
    {
        std::size_t unreachable = 0, prefixes = 0;
        for (const route_info& r : host_.net().list_routes()) unreachable += r.kind == route_kind::unreachable;
        for (interface_id n = 1; n <= interfaces; ++n) {
            const auto lease = host_.configuration(n).lease_v6;
            for (const address& own : leased(n)) {
                const bool known = lease && std::any_of(lease->addresses.begin(), lease->addresses.end(),
                                                        [&](const auto& r) { return address(r.address) == own; });
                if (!known) fail("an address without its lease");
            }
            if (!lease) continue;
            prefixes += lease->prefixes.size();
            if (lease->addresses.size() > dhcpv6_message::most_resources) fail("too many addresses");
            if (lease->prefixes.size() > dhcpv6_message::most_resources) fail("too many prefixes");
            for (const auto* all : {&lease->addresses, &lease->prefixes})
                for (const auto& r : *all)
                    if (r.valid_until <= now_ || (r.preferred_until <= now_ && !r.deprecated)) fail("a lease after its end");
        }
        if (unreachable != prefixes) fail("unreachable routes that are not those of the prefixes");
        if (host_.net().addresses().interface_of(address(users())) != std::optional<interface_id>(1))
            fail("the user's address is gone");
        const auto minutes = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::minutes>(now_ - begin_).count());
        if (sent_ > 1000 + 40 * minutes + 3 * answers_ + 10 * released_) fail("more messages than a network can bear");
    }

    void settle()
    {
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
        if (p.kind != ip::packet_kind::ipv6) return;
        if (p.flaw) fail("a packet with a flaw");
        packet payload = p.contents;
        if (p.protocol() == ip_protocol::icmpv6) {
            payload.consume(p.transport_at);
            return hear_icmp(by, p, flat(payload));
        }
        if (p.protocol() != ip_protocol::udp) return;
        payload.consume(p.payload_at);
        const auto m = wire::parse_dhcpv6(flat(payload));
        if (!m || m->client_id.empty()) fail("a message that is none");
        if (m->type == dhcpv6_type::advertise || m->type == dhcpv6_type::reply) fail("a message of a server");
        if (!p.flow.source_address().to_v6().is_link_local()) fail("a message from an address that is not link-local");
        if (p.flow.destination_address() != address(boost::asio::ip::make_address_v6("ff02::1:2"))) fail("a unicast message");
        ++sent_;
        if (m->type == dhcpv6_type::decline) ++declined_;
        last_[by] = *m;
        if (!quiet_ && below(2) == 0) speak(by);
    }

    /// An address that is new may be another node's.
    void hear_icmp(interface_id by, const ip::rx_packet& p, const octets& o)
    {
        const auto m = wire::parse_icmpv6(o);
        if (!m || m->type != wire::icmpv6_type::neighbor_solicitation || quiet_) return;
        const auto s = wire::parse_neighbor_solicitation(const_bytes(o).subspan(8));
        const bool probes = p.flow.source_address().is_unspecified();
        if (s && probes && s->target != users() && !s->target.is_link_local() && below(8) == 0) claim(by, s->target);
    }

    void icmp(interface_id by, wire::icmpv6_type type, std::uint32_t rest, packet body, const address_v6& from)
    {
        const flow_key flow({from, 0}, {v6({0xff, 2}, 1), 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(body, type, 0, rest, flow);
        wire::push_ipv6(body, {ip_protocol::icmpv6, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        wire::push_ethernet(body, mac_address{{0x33, 0x33, 0, 0, 0, 1}}, server_mac, wire::ether_type::ipv6);
        host_.receive(by, std::move(body), now_);
        host_.advance(now_);
    }
    void claim(interface_id by, const address_v6& a)
    {
        const wire::neighbor_advertisement n{a, false, false, true, other_mac};
        icmp(by, wire::icmpv6_type::neighbor_advertisement, wire::rest_of(n), wire::make_neighbor_advertisement(n), a);
    }
    void advertise(interface_id by)
    {
        wire::router_advertisement ra;
        ra.router_lifetime = 1800;
        ra.managed = below(2) == 0;
        ra.other = below(2) == 0;
        icmp(by, wire::icmpv6_type::router_advertisement, wire::rest_of(ra), wire::make_router_advertisement(ra),
             v6({0xfe, 0x80}, 7));
    }

    wire::dhcpv6_association grant(const wire::dhcpv6_association& asked, bool prefix)
    {
        wire::dhcpv6_association a;
        a.id = below(32) == 0 ? some_number() : asked.id;
        a.t1 = below(2) == 0 ? 0 : some_number();
        a.t2 = below(2) == 0 ? 0 : some_number();
        if (below(8) == 0) a.status = static_cast<dhcpv6_status>(below(8));
        for (auto n = below(8) == 0 ? below(20) : 1; n > 0; --n) {
            wire::dhcpv6_resource r;
            const bool same = !asked.resources.empty() && below(4) != 0;
            r.address = same ? asked.resources[0].address : some_address();
            r.valid_lifetime = below(8) == 0 ? some_number() : static_cast<std::uint32_t>(30 + below(100'000));
            r.preferred_lifetime = static_cast<std::uint32_t>(below(std::uint64_t{r.valid_lifetime} + 1));
            if (below(16) == 0) r.valid_lifetime = r.preferred_lifetime = 0xffff'ffff;
            if (below(16) == 0) r.valid_lifetime = r.preferred_lifetime = 0;
            if (below(32) == 0) r.status = static_cast<dhcpv6_status>(below(8));
            if (prefix) r.length = static_cast<std::uint8_t>(same ? asked.resources[0].length : below(8) == 0 ? below(129) : 56);
            a.resources.push_back(r);
        }
        return a;
    }

    /// An answer to the last message, right or wrong.
    void speak(interface_id by)
    {
        const dhcpv6_message& to = last_[by];
        dhcpv6_message m;
        m.xid = to.xid;
        m.client_id = to.client_id;
        m.server_id = to.server_id.empty() ? octets(4, std::byte{7}) : to.server_id;
        m.type = to.type == dhcpv6_type::solicit ? dhcpv6_type::advertise : dhcpv6_type::reply;
        for (const auto& a : to.addresses) m.addresses.push_back(grant(a, false));
        for (const auto& p : to.prefixes) m.prefixes.push_back(grant(p, true));
        m.dns_servers.assign(below(3), some_address());
        bool right = true; // as far as identifiers and the type go
        const auto spoil = [&](auto change) {
            if (below(16) == 0) change(), right = false;
        };
        spoil([&] { m.xid ^= std::uint32_t{1} << below(24); });
        spoil([&] { m.client_id.empty() ? m.client_id.resize(3) : void(m.client_id.back() ^= std::byte{1}); });
        spoil([&] { m.client_id.clear(); });
        spoil([&] { m.server_id.clear(); });
        if (below(16) == 0) m.type = static_cast<dhcpv6_type>(1 + below(11));
        if (below(16) == 0) m.status = static_cast<dhcpv6_status>(below(8));
        if (below(4) == 0) m.preference = static_cast<std::uint8_t>(below(2) == 0 ? 255 : below(256));
        if (below(4) == 0) m.rapid_commit = true, m.type = dhcpv6_type::reply;
        if (below(16) == 0) m.sol_max_rt = m.inf_max_rt = m.refresh_time = some_number();
        spoil([&] { m.type = dhcpv6_type::reconfigure; });
        octets o = wire::make_dhcpv6(m);
        const bool damaged = below(4) == 0;
        for (auto n = damaged ? 1 + below(6) : 0; n > 0; --n) o[below(o.size())] = static_cast<std::byte>(below(256));
        if (below(16) == 0) o.resize(below(o.size()));
        const auto before = host_.configuration(by).lease_v6;
        send(by, o);
        const auto after = host_.configuration(by).lease_v6;
        if (before == after) return;
        if (damaged ? !is_reply(o, by) : !right) fail("an answer was accepted that is none");
        ++grants_;
    }
    /// RFC 8415 §8, §16.10 and §21 read anew: a Reply to the last message, with the identifiers of both.
    bool is_reply(const octets& o, interface_id by) const
    {
        if (o.size() < 4 || wire::load_32(o.data()) != (std::uint32_t{7} << 24 | last_[by].xid)) return false;
        bool is_ours = false, has_server = false;
        for (std::size_t at = 4; o.size() - at >= 4;) {
            const unsigned code = wire::load_16(o.data() + at);
            const std::size_t size = wire::load_16(o.data() + at + 2);
            at += 4;
            if (o.size() - at < size) return false;
            const const_bytes data = const_bytes(o).subspan(at, size);
            const auto& own = last_[by].client_id;
            is_ours = is_ours || (code == 1 && std::equal(data.begin(), data.end(), own.begin(), own.end()));
            has_server = has_server || (code == 2 && size > 0);
            at += size;
        }
        return is_ours && has_server;
    }
    void send(interface_id by, const octets& o)
    {
        std::optional<address_v6> own;
        for (const auto& a : host_.net().interface(by).addresses)
            if (needs_zone(a.address)) own = address_v6(a.address.to_v6().to_bytes());
        if (!own) return;
        packet p(slice::copy_of(o));
        const address_v6 from = v6({0xfe, 0x80}, 7);
        wire::push_udp(p, wire::dhcpv6_server_port, wire::dhcpv6_client_port, address(from), address(*own));
        const flow_key flow({from, 0}, {*own, 0}, ip_protocol::udp);
        wire::push_ipv6(p, {ip_protocol::udp, 64, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        wire::push_ethernet(p, host_.net().interface(by).info().mac, server_mac, wire::ether_type::ipv6);
        host_.receive(by, std::move(p), now_);
        ++answers_;
        host_.dispatch_events(now_);
    }

    std::mt19937_64 random_;
    time_point now_{1h}, begin_ = now_;
    host host_;
    std::array<dhcpv6_message, interfaces + 1> last_;
    bool quiet_ = false;
    std::uint64_t sent_ = 0, answers_ = 0, grants_ = 0, declined_ = 0, released_ = 0;
};

} // namespace

int main(int argc, char** argv) { return tapio::test::run_fuzzer<fuzzer>(argc, argv); }
