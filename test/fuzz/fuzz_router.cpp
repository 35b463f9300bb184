// A router between an Ethernet, a VLAN on it, a second Ethernet and a bare IP device, with NAT44, hooks, proxy ARP and NDP, and
// any-IP on the VLAN, whose flows a user accepts, refuses or drops at random. Packets of all protocols, their answers, and
// mutations of them arrive. What must hold:
//
// - every checksum of what the router itself sends is right, and forwarding, hooks and NAT never break one that was right;
// - caches and tables keep their bounds, and the number of packets sent stays within a small multiple of those received;
// - when the users have closed everything and time has passed, nothing is left, and nothing is sent any more.
#include "core/host.hpp"
#include "run_fuzzer.hpp"
#include "traffic.hpp"
#include "watching_hooks.hpp"

#include <tapio/core/nat44.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <random>
#include <vector>

namespace {

using namespace tapio::test;
using namespace std::chrono_literals;

constexpr interface_id inside = 1, outside = 2, tunnel = 3, vlan = 4;

std::array<std::byte, 32> seed_of(std::uint64_t n)
{
    std::array<std::byte, 32> s{};
    for (unsigned i = 0; i < 8; ++i) s[i] = static_cast<std::byte>(n >> (8 * i));
    return s;
}

struct sink final : event_sink
{
    void ready(readiness, time_point) override { ++told; }
    std::uint64_t told = 0;
};

class fuzzer
{
public:
    explicit fuzzer(std::uint64_t seed)
        : random_(seed),
          host_(options(seed), seed_of(seed)),
          destinations_(some_destinations()),
          traffic_(random_, places(), destinations_),
          nat_(std::make_shared<nat44>(nat_options(), seed_of(seed + 1))),
          first_(std::make_shared<watch>(true)),
          last_(std::make_shared<watch>(false))
    {
        add_interfaces(seed % 2 == 0);
        forwarding_options f;
        f.reverse_path = static_cast<reverse_path_filter>(seed % 3);
        f.send_redirects = true;
        host_.set_forwarding(f);
        host_.add_hook(first_);
        host_.add_hook(nat_);
        host_.add_hook(std::make_shared<moody>(random_, destinations_));
        host_.add_hook(last_);
        (void)host_.proxy_neighbors(inside, true);
        (void)host_.accept_any_destination(vlan, true);
        forwarder_options o;
        o.most_pending = 64;
        o.most_per_source = 16;
        o.patience = 5s;
        (void)host_.tcp().forwarder().open(o, sink_);
        (void)host_.udp().forwarder().open(o, sink_);
        listener_ = *host_.tcp().open(family::v6);
        (void)host_.tcp().bind(listener_, {address_v6::any(), 80});
        (void)host_.tcp().listen(listener_, 16, now_);
    }

    void step()
    {
        std::vector<packet> batch;
        const arriving first = mutated();
        batch.emplace_back(slice::copy_of(first.frame));
        for (auto n = random_() % 4 == 0 ? random_() % 6 : 0; n > 0; --n)
            if (const arriving a = mutated(); a.by == first.by) batch.emplace_back(slice::copy_of(a.frame));
        received_ += batch.size();
        host_.receive(first.by, batch, now_, random_() % 2 == 0);
        settle();
        now_ += random_() % 8192 == 0 ? duration(30s) : duration(static_cast<std::int64_t>(random_() % 2'000'000));
        user_step();
        settle();
        if (random_() % 1024 == 0) check_bounds();
    }

    /// Closes everything, and lets hours pass.
    void end()
    {
        for (const tcp_id id : streams_) host_.tcp().close(id, now_);
        for (const socket_id id : datagrams_) host_.udp().close(id, now_);
        host_.tcp().close(listener_, now_);
        host_.tcp().forwarder().close();
        host_.udp().forwarder().close();
        std::uint64_t late = 0;
        const time_point ends = now_ + 5h;
        while (now_ < ends) {
            const std::uint64_t sent = sent_;
            settle();
            if (now_ > ends - 1h) late += sent_ - sent;
            const time_point next = host_.next_deadline();
            now_ = next <= now_ ? now_ + 1ms : std::min(next, ends);
        }
        if (host_.tcp().size() != 0) fail("connections are left");
        if (nat_->counters().mappings != 0 || nat_->counters().sessions != 0) fail("translations are left");
        for (const neighbor_info& n : host_.net().list_neighbors())
            if (n.state == neighbor_state::incomplete || n.waiting > 0) fail("a neighbour is being asked for");
        if (late > 0) fail("packets are sent although nothing happens");
    }

    bool report(std::uint64_t steps, std::uint64_t seed) const
    {
        std::uint64_t drops = 0;
        unsigned reasons = 0;
        const host_counters& c = host_.counters();
        for (const std::uint64_t n : c.drops.by_reason) drops += n, reasons += n > 0 ? 1 : 0;
        const auto as = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
        std::printf("%llu steps, seed %llu: %llu packets in, %llu out (%llu own, %llu forwarded), %llu drops for %u reasons, "
                    "%llu mappings, %llu+%llu datagrams reassembled, %llu+%llu redirects sent, %llu+%llu flows offered, "
                    "%llu+%llu accepted, %zu sockets and %zu neighbours at most\n",
                    as(steps), as(seed), as(received_), as(sent_), as(last_->own), as(last_->forwarded), as(drops), reasons,
                    as(nat_->counters().created), as(c.ip.reasm_oks), as(c.ip6.reasm_oks), as(c.icmp.out_redirects),
                    as(c.icmp6.out_redirects), as(c.tcp.forwarder_requests), as(c.udp.forwarder_requests), as(accepted_streams_),
                    as(accepted_datagrams_), most_sockets_, most_neighbors_);
        if (steps < 10'000) return true;
        return reasons > 30 && c.ip.reasm_oks > 10 && c.ip6.reasm_oks > 10 && c.icmp.out_redirects > 0 &&
               c.icmp6.out_redirects > 0 && last_->own > steps / 20 && last_->forwarded > steps / 20 &&
               nat_->counters().created > 10 && c.drops[drop_reason::ethernet_unknown_vlan] > 0 && accepted_streams_ > 10 &&
               accepted_datagrams_ > 10;
    }

private:
    static host_options options(std::uint64_t seed)
    {
        host_options o;
        o.time_wait_limit = 20;
        o.awake_connections = 4;
        o.orphan_limit = 64;
        o.strong_host = seed % 5 == 0;
        o.tcp.keep_alive = true;
        o.tcp.keep_idle = 60s;
        o.tcp.keep_interval = 10s;
        return o;
    }
    static nat44_options nat_options()
    {
        nat44_options o;
        o.outside = outside;
        o.outside_addresses = {address_v4(0xc633'6401U), address_v4(0xc633'6402U)};
        o.last_port = 20'200;
        o.max_mappings = 64;
        o.max_mappings_per_host = 40;
        o.max_sessions = 128;
        o.max_sessions_per_host = 100;
        o.udp_timeout = 60s;
        o.forwards = {{6, 80, {ip_of("192.0.2.1"), 80}, {}}, {17, 53, {ip_of("192.0.2.1"), 7}, {}}};
        return o;
    }
    static std::vector<place> places()
    {
        const mac_address near{{2, 0, 0, 0, 0, 2}}, far{{2, 0, 0, 0, 0, 3}};
        const auto all = [](std::initializer_list<const char*> texts) {
            std::vector<address> out;
            for (const char* t : texts) out.push_back(ip_of(t));
            return out;
        };
        return {{inside, link_type::ethernet, near, 0, all({"192.0.2.1", "192.0.2.3", "198.18.2.9", "2001:db8::1", "fe80::1"})},
                {outside, link_type::ethernet, far, 0,
                 all({"198.51.100.254", "198.18.7.7", "198.18.7.8", "2001:db8:7::7", "fe80::1"})},
                {tunnel, link_type::ip, {}, 0, all({"198.18.1.9", "2001:db8:0:4::9"})},
                {inside, link_type::ethernet, near, 5,
                 all({"203.0.113.9", "203.0.113.10", "198.18.9.9", "2001:db8:0:3::9", "fe80::1"})}};
    }
    static std::vector<address> some_destinations()
    {
        std::vector<address> out;
        for (const char* t :
             {"192.0.2.2",       "192.0.2.1",       "192.0.2.77",      "198.51.100.1",    "198.51.100.2",    "198.51.100.254",
              "198.18.1.1",      "198.18.1.9",      "198.18.2.9",      "198.18.3.3",      "198.18.4.4",      "198.18.5.5",
              "198.18.7.7",      "198.18.7.8",      "203.0.113.1",     "203.0.113.9",     "233.252.0.1",     "255.255.255.255",
              "192.0.2.255",     "127.0.0.1",       "2001:db8::2",     "2001:db8::1",     "2001:db8::77",    "2001:db8:0:2::1",
              "2001:db8:0:3::1", "2001:db8:0:3::9", "2001:db8:0:4::1", "2001:db8:0:4::9", "2001:db8:5::5",   "2001:db8:6::6",
              "2001:db8:7::7",   "ff02::1",         "ff02::1:ff00:2",  "fe80::1",         "fe80::ff:fe00:2", "::1"})
            out.push_back(ip_of(t));
        return out;
    }

    void add_interfaces(bool offload)
    {
        device_info d;
        d.name = "near";
        d.mac = {{2, 0, 0, 0, 0, 2}};
        d.offload.gso = offload;
        host_.add_interface(d);
        d.name = "far";
        d.mac = {{2, 0, 0, 0, 0, 3}};
        d.mtu = 1280;
        host_.add_interface(d);
        d.name = "tunnel";
        d.link = link_type::ip;
        d.offload.checksum = d.offload.tso_v4 = d.offload.tso_v6 = offload;
        host_.add_interface(d);
        if (*host_.add_vlan(inside, 5) != vlan) fail("the interfaces' numbers");
        const auto own = [&](interface_id by, const char* a, unsigned prefix) {
            if (host_.add_address(by, ip_of(a), prefix, now_)) fail("an address");
        };
        own(inside, "192.0.2.2", 24), own(inside, "2001:db8::2", 64);
        own(outside, "198.51.100.1", 24), own(outside, "2001:db8:0:2::1", 64);
        own(tunnel, "198.18.1.1", 24), own(tunnel, "2001:db8:0:4::1", 64);
        own(vlan, "203.0.113.1", 24), own(vlan, "2001:db8:0:3::1", 64);
        const auto route = [&](const char* to, unsigned prefix, const char* by, interface_id via,
                               route_kind kind = route_kind::unicast) {
            const std::optional<address> gateway = by != nullptr ? std::optional(in_zone(ip_of(by), via + 1)) : std::nullopt;
            if (host_.add_route({ip_of(to), prefix, gateway, via, 0, kind})) fail("a route");
        };
        route("0.0.0.0", 0, "198.51.100.254", outside), route("::", 0, "fe80::1", outside);
        route("198.18.2.0", 24, "192.0.2.1", inside), route("2001:db8:5::", 48, "fe80::1", inside); // so that redirects are sent
        route("198.18.3.0", 24, nullptr, 0, route_kind::blackhole), route("198.18.4.0", 24, nullptr, 0, route_kind::unreachable);
        route("198.18.5.0", 24, nullptr, 0, route_kind::prohibit), route("2001:db8:6::", 48, nullptr, 0, route_kind::prohibit);
    }

    arriving mutated()
    {
        arriving a = traffic_.next();
        switch (random_() % 8) {
        case 0:
            for (auto n = 1 + random_() % 4; n > 0 && !a.frame.empty(); --n)
                a.frame[random_() % a.frame.size()] = static_cast<std::byte>(random_());
            break;
        case 1:
            for (auto n = 1 + random_() % 3; n > 0 && a.frame.size() > 20; --n) // in the headers
                a.frame[12 + random_() % std::min<std::size_t>(a.frame.size() - 12, 60)] = static_cast<std::byte>(random_());
            break;
        case 2: a.frame.resize(random_() % (a.frame.size() + 32)); break;
        default: return a;
        }
        if (random_() % 4 != 0) {
            packet p(slice::copy_of(a.frame));
            if (update_checksums(p, a.by == tunnel ? link_type::ip : link_type::ethernet)) a.frame = flat(p);
        }
        return a;
    }

    void settle()
    {
        host_.advance(now_);
        host_.dispatch_events(now_);
        for (const interface_id by : {inside, outside, tunnel, vlan})
            for (packet p; host_.next_packet(by, p, now_);) {
                ++sent_;
                check_frame(by, p);
                traffic_.saw(by == vlan ? inside : by, p);
            }
    }

    /// The IP header's checksum, and that of Neighbour Discovery, which passes no hook.
    static void check_frame(interface_id by, packet p)
    {
        complete_checksums(p);
        octets o = flat(p);
        std::size_t ip = 0;
        if (by != tunnel) {
            const auto e = wire::parse_ethernet(o);
            if (!e) fail("a frame that is none");
            if (e->type == wire::ether_type::arp) return;
            ip = e->header_length;
        }
        o.erase(o.begin(), o.begin() + static_cast<std::ptrdiff_t>(ip));
        const bool v4 = o.size() >= 20 && std::to_integer<unsigned>(o[0]) >> 4 == 4;
        if (v4) {
            const std::size_t header = (std::to_integer<std::size_t>(o[0]) & 15) * 4;
            if (header < 20 || o.size() < header || ones_sum(const_bytes(o).first(header)) != 0xffff)
                fail("an IPv4 header with a wrong checksum");
        }
        const bool discovery =
            !v4 && o.size() > 44 && o[6] == std::byte{58} && o[7] == std::byte{255} && std::to_integer<unsigned>(o[40]) >= 133;
        if (discovery && !checksums_right(packet(slice::copy_of(o)))) fail("Neighbour Discovery with a wrong checksum");
    }

    void check_bounds()
    {
        most_sockets_ = std::max(most_sockets_, host_.tcp().size());
        std::array<std::size_t, 5> of{};
        std::size_t waiting = 0;
        for (const neighbor_info& n : host_.net().list_neighbors()) ++of.at(n.interface), waiting += n.waiting;
        most_neighbors_ = std::max(most_neighbors_, *std::max_element(of.begin(), of.end()));
        if (most_neighbors_ > 1024 || waiting > 3 * 1024) fail("the neighbour cache's bound");
        if (nat_->counters().mappings > 64 || nat_->counters().sessions > 128) fail("the translator's bound");
        if (most_sockets_ > 200) fail("sockets without bound");
        if (sent_ > 4 * received_ + 10'000) fail("more packets sent than received ones explain");
    }

    // -- the users ------------------------------------------------------------------------------------------------------------
    struct pending
    {
        bool tcp;
        std::uint64_t id;
    };

    void user_step()
    {
        endpoint peer;
        while (const auto c = host_.tcp().accept(listener_, peer, now_)) keep(streams_, *c, host_.tcp());
        const bool tcp = random_() % 2 == 0;
        flow_forwarder& f = forwarder(tcp);
        if (random_() % 4 == 0)
            if (const auto flow = f.take()) {
                (void)f.first_payload(flow->id);
                undecided_.push_back({tcp, flow->id});
            }
        if (!undecided_.empty() && random_() % 4 == 0) decide();
        while (undecided_.size() > 100) undecided_.pop_front();
        use_stream();
        use_datagrams();
    }
    flow_forwarder& forwarder(bool tcp)
    {
        if (tcp) return host_.tcp().forwarder();
        return host_.udp().forwarder();
    }
    void decide()
    {
        std::swap(undecided_.front(), undecided_[random_() % undecided_.size()]);
        const pending p = undecided_.front();
        undecided_.pop_front();
        flow_forwarder& f = forwarder(p.tcp);
        switch (random_() % 4) {
        case 0: return f.drop(p.id);
        case 1: {
            const auto how = static_cast<refusal>(random_() % 6);
            std::optional<address> from;
            if (random_() % 2 == 0) from = ip_of(random_() % 2 == 0 ? "203.0.113.77" : "2001:db8:0:3::77");
            return f.refuse(p.id, how, from, now_);
        }
        default: break;
        }
        const auto made = f.accept(p.id, now_);
        if (!made) return;
        ++(p.tcp ? accepted_streams_ : accepted_datagrams_);
        p.tcp ? keep(streams_, *made, host_.tcp()) : keep(datagrams_, *made, host_.udp());
    }
    void keep(std::vector<socket_id>& all, socket_id id, socket_protocol& of)
    {
        all.push_back(id);
        if (all.size() <= 24) return;
        std::swap(all.front(), all[random_() % all.size()]);
        of.close(all.front(), now_);
        all.front() = all.back();
        all.pop_back();
    }
    void use_stream()
    {
        if (streams_.empty() || random_() % 4 != 0) return;
        const auto n = random_() % streams_.size();
        static std::array<std::byte, 4000> some{};
        const std::array<const_bytes, 1> out{const_bytes(some).first(random_() % 4000)};
        const std::array<mutable_bytes, 1> in{mutable_bytes(some)};
        (void)host_.tcp().send(streams_[n], out, now_);
        (void)host_.tcp().receive(streams_[n], in, {}, now_);
        if (random_() % 8 != 0) return;
        host_.tcp().close(streams_[n], now_);
        streams_[n] = streams_.back();
        streams_.pop_back();
    }
    void use_datagrams()
    {
        if (datagrams_.empty() || random_() % 4 != 0) return;
        const socket_id id = datagrams_[random_() % datagrams_.size()];
        static std::array<std::byte, 3000> some{};
        const std::array<const_bytes, 1> out{const_bytes(some).first(random_() % 3000)};
        const std::array<mutable_bytes, 1> in{mutable_bytes(some)};
        while (host_.udp().receive(id, in, {}, nullptr, now_)) {}
        (void)host_.udp().send(id, out, nullptr, now_);
    }

    std::mt19937_64 random_;
    time_point now_{1h};
    sink sink_;
    host host_;
    std::vector<address> destinations_;
    traffic traffic_;
    std::shared_ptr<nat44> nat_;
    std::shared_ptr<watch> first_, last_;
    tcp_id listener_;
    std::vector<socket_id> streams_, datagrams_;
    std::deque<pending> undecided_;
    std::uint64_t received_ = 0, sent_ = 0, accepted_streams_ = 0, accepted_datagrams_ = 0;
    std::size_t most_sockets_ = 0, most_neighbors_ = 0;
};

} // namespace

int main(int argc, char** argv) { return tapio::test::run_fuzzer<fuzzer>(argc, argv); }
