// Malformed and mutated frames to a host with listeners and connections: it must not crash, must not grow without bound, and must
// still answer. Its own packets are mutated and sent back, so that frames have its addresses, ports and sequence numbers. It also
// has a VLAN, follows redirects, and joins groups with source filters that change. What it sends has right checksums, and when
// its user has closed everything, nothing is left and next to nothing is sent.
#include "core/host.hpp"
#include "traffic.hpp"
#include "wire/udp.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace {

using namespace tapio::test;
using namespace std::chrono_literals;

constexpr std::size_t corpus_size = 256;

struct fuzzer
{
    explicit fuzzer(std::uint64_t seed)
        : random(seed), options(options_for(seed)), h(options, host_seed(seed)), around(random, places(), destinations())
    {
        device_info eth;
        eth.name = "eth0";
        eth.mac = {{2, 0, 0, 0, 0, 2}};
        eth.offload.gso = true;
        h.add_interface(eth);
        (void)h.add_address(1, address_v4(0xc000'0202U), 24, now);
        (void)h.add_address(1, v6_host, 64, now);
        (void)h.autoconfigure(1, {}, now);
        (void)h.add_address(*h.add_vlan(1, 5), ip_of("203.0.113.1"), 24, now);
        (void)h.add_address(vlan, ip_of("2001:db8:0:3::1"), 64, now);
        (void)h.add_route(address_v4::any(), 0, ip_of("192.0.2.1"), 1);
        (void)h.add_route(address_v6::any(), 0, ip_of("2001:db8::1"), 1);
        listener = *h.tcp().open(family::v6); // for both families
        (void)h.tcp().bind(listener, {address_v6::any(), 80});
        (void)h.tcp().set_option(listener, socket_option::fast_open, 4, now);
        (void)h.tcp().listen(listener, 16, now);
        datagrams = *h.udp().open(family::v6);
        (void)h.udp().bind(datagrams, {address_v6::any(), 7});
        make_corpus();
    }

    static std::vector<place> places()
    {
        const mac_address own{{2, 0, 0, 0, 0, 2}};
        return {{1, link_type::ethernet, own, 0, {ip_of("192.0.2.1"), ip_of("192.0.2.3"), v6_peer, v6_router, ip_of("fe80::3")}},
                {1, link_type::ethernet, own, 5, {ip_of("203.0.113.9"), ip_of("2001:db8:0:3::9"), v6_router}}};
    }
    static std::vector<address> destinations()
    {
        std::vector<address> out;
        for (const char* t :
             {"192.0.2.2", "192.0.2.2", "192.0.2.1", "203.0.113.1", "198.18.7.7", "198.18.7.8", "2001:db8::2", "2001:db8::2",
              "2001:db8:0:3::1", "2001:db8:7::7", "2001:db8:7::8", "ff02::1", "ff02::1:ff00:2", "fe80::ff:fe00:2"})
            out.push_back(ip_of(t));
        return out;
    }

    /// With an even seed the host is one shard of two, and gets back the packets that it passes on.
    static host_options options_for(std::uint64_t seed)
    {
        host_options o;
        o.shards = seed % 2 == 0 ? 2 : 1;
        o.send_quantum = 5000;
        o.time_wait_limit = 20;
        return o;
    }

    static std::array<std::byte, 32> host_seed(std::uint64_t n)
    {
        std::array<std::byte, 32> s{};
        for (unsigned i = 0; i < 8; ++i) s[i] = static_cast<std::byte>(n >> (8 * i));
        return s;
    }

    void make_corpus()
    {
        const address a = address_v4(0xc000'0201U), b = address_v4(0xc000'0202U);
        corpus.push_back(framed(wire::make_arp({wire::arp_operation::request, {{2, 0, 0, 0, 0, 1}}, a.to_v4(), {}, b.to_v4()}),
                                wire::ether_type::arp));
        packet echo(slice::copy_of(octets(32, std::byte{'e'})));
        wire::push_icmpv4(echo, wire::icmpv4_type::echo_request, 0, 1);
        corpus.push_back(framed_ip(std::move(echo), wire::ip_protocol::icmp));
        packet datagram(slice::copy_of(octets(10, std::byte{'d'})));
        wire::push_udp(datagram, 1000, 7, a, b);
        corpus.push_back(framed_ip(std::move(datagram), wire::ip_protocol::udp));
        wire::tcp_fields f;
        f.source_port = 1000;
        f.destination_port = 80;
        f.flags = wire::tcp_syn;
        f.window = 65535;
        f.options.max_segment = 1460;
        f.options.sack_permitted = true;
        packet syn;
        wire::push_tcp(syn, f, a, b);
        corpus.push_back(framed_ip(std::move(syn), wire::ip_protocol::tcp));
        packet datagram6(slice::copy_of(octets(10, std::byte{'d'}))), syn6;
        wire::push_udp(datagram6, 1000, 7, v6_peer, v6_host);
        corpus.push_back(framed_ip6(std::move(datagram6), ip_protocol::udp));
        wire::push_tcp(syn6, f, v6_peer, v6_host);
        corpus.push_back(framed_ip6(std::move(syn6), ip_protocol::tcp));
        for (octets& frame : ipv6_frames()) corpus.push_back(std::move(frame));
        kept = corpus.size();
    }

    /// The peer's answer to a segment of the host, with random flags.
    octets answer(octets frame)
    {
        packet p(slice::copy_of(frame));
        p.consume(sizeof(wire::ethernet_header));
        const auto f = wire::parse_ipv4(p.front(), p.size());
        wire::ipv6_fields six;
        const bool v6 = !f && !wire::read_ipv6(p.front(), p.size(), six) && six.protocol == ip_protocol::tcp;
        if (!v6 && (!f || f->protocol != wire::ip_protocol::tcp)) return frame;
        p.consume(v6 ? six.header_length : f->header_length);
        auto t = wire::parse_tcp(p.front(), p.size());
        if (!t) return frame;
        const auto length = static_cast<std::uint32_t>(p.size() - t->header_length) + ((t->flags & wire::tcp_syn) != 0 ? 1U : 0U);
        wire::tcp_fields out;
        out.source_port = t->destination_port;
        out.destination_port = t->source_port;
        out.sequence = t->acknowledgement + static_cast<std::uint32_t>(random() % 8 == 0 ? random() % 70000 : 0);
        out.acknowledgement = t->sequence + length + static_cast<std::uint32_t>(random() % 8 == 0 ? random() : 0);
        out.flags = static_cast<std::uint8_t>(wire::tcp_ack | (random() % 3 == 0 ? random() : 0));
        out.window = static_cast<std::uint16_t>(random());
        packet reply(slice::copy_of(octets(random() % 100, std::byte{'r'})));
        if (v6) {
            wire::push_tcp(reply, out, v6_peer, v6_host);
            return framed_ip6(std::move(reply), ip_protocol::tcp);
        }
        wire::push_tcp(reply, out, f->destination, f->source);
        return framed_ip(std::move(reply), wire::ip_protocol::tcp);
    }

    octets next_frame()
    {
        octets f = random() % 2 == 0 ? around.next().frame : corpus[random() % corpus.size()];
        if (random() % 8 == 0) return f;
        switch (random() % 4) {
        case 0:
            for (std::size_t i = random() % 2 == 0 ? 0 : 12; i < f.size(); ++i) f[i] = static_cast<std::byte>(random());
            break;
        case 1: return answer(std::move(f));
        default:
            for (auto n = random() % 4; n > 0 && !f.empty(); --n) f[random() % f.size()] = static_cast<std::byte>(random());
            break;
        }
        if (random() % 8 == 0) f.resize(random() % (f.size() + 32));
        if (random() % 2 == 0) mend(f);
        return f;
    }

    /// Joins a group, leaves it, or changes the filter of its sources.
    void change_filters()
    {
        const bool v6 = random() % 2 == 0;
        const address group =
            v6 ? ip_of(random() % 2 == 0 ? "ff0e::1" : "ff0e::2") : ip_of(random() % 2 == 0 ? "233.252.0.1" : "233.252.0.2");
        const std::vector<address> all{ip_of("192.0.2.1"), ip_of("192.0.2.3"), ip_of("203.0.113.9"), v6_peer,
                                       ip_of("2001:db8:0:3::9")};
        const address source = all[v6 ? 3 + random() % 2 : random() % 3];
        const interface_id by = random() % 2 == 0 ? 1U : vlan;
        const std::array<address, 2> two{source, all[v6 ? 3 : 0]};
        const auto mode = random() % 2 == 0 ? ip::filter_mode::include : ip::filter_mode::exclude;
        udp_sockets& u = h.udp();
        switch (random() % 8) {
        case 0: (void)u.join_group(datagrams, group, by); break;
        case 1: (void)u.leave_group(datagrams, group, by); break;
        case 2:
        case 3: (void)u.set_filter(datagrams, group, by, ip::make_filter(mode, two)); break;
        default: (void)u.change_source(datagrams, static_cast<source_change>(random() % 4), {group, source, by}); break;
        }
    }
    /// Sends to destinations beyond the router, for which redirects come.
    void send_beyond()
    {
        const std::array<std::byte, 20> some{};
        const std::array<const_bytes, 1> out{const_bytes(some)};
        const endpoint to{destinations()[random() % destinations().size()], 7};
        (void)h.udp().send(datagrams, out, &to, now);
    }

    void user_step()
    {
        if (random() % 64 == 0) change_filters();
        if (random() % 16 == 0) send_beyond();
        endpoint peer;
        while (const auto c = h.tcp().accept(listener, peer, now)) {
            if (connections.size() < 32) {
                connections.push_back(*c);
            } else {
                h.tcp().close(*c, now);
            }
        }
        if (!connections.empty() && random() % 16 == 0) {
            const auto i = random() % connections.size();
            std::array<std::byte, 100> some{};
            const std::array<const_bytes, 1> out{const_bytes(some)};
            const std::array<mutable_bytes, 1> in{mutable_bytes(some)};
            (void)h.tcp().send(connections[i], out, now);
            (void)h.tcp().receive(connections[i], in, {}, now);
            if (random() % 8 == 0) {
                h.tcp().close(connections[i], now);
                connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
        std::array<std::byte, 64> some{};
        const std::array<mutable_bytes, 1> in{mutable_bytes(some)};
        while (h.udp().receive(datagrams, in, {}, nullptr, now)) {}
    }

    void step()
    {
        std::vector<packet> batch; // the coalescer may join some of them
        for (auto n = random() % 3 == 0 ? random() % 8 : 0; n > 0; --n) {
            const octets f = next_frame();
            batch.emplace_back(slice::copy_of(f));
            if (random() % 2 == 0) batch.emplace_back(slice::copy_of(successor(f)));
        }
        batch.emplace_back(slice::copy_of(next_frame()));
        h.receive(1, batch, now, random() % 2 == 0);
        now += duration(static_cast<std::int64_t>(random() % 2'000'000));
        user_step();
        h.advance(now);
        take_output();
        while (auto m = h.next_misdirected()) h.receive_misdirected(std::move(*m), now); // as if the other shard had passed it on
        h.advance(now);
        h.dispatch_events(now);
    }

    void take_output()
    {
        for (const interface_id by : {interface_id{1}, vlan})
            for (packet p; h.next_packet(by, p, now);) {
                ++answers;
                check_checksums(p);
                around.saw(1, p);
                if (corpus.size() < corpus_size) {
                    corpus.push_back(flat(p));
                } else {
                    corpus[kept + random() % (corpus_size - kept)] = flat(p);
                }
            }
    }

    static void check_checksums(packet p)
    {
        complete_checksums(p);
        packet summed(slice::copy_of(flat(p)));
        if (!update_checksums(summed, link_type::ethernet) || flat(summed) == flat(p)) return; // ARP has no checksum
        std::printf("FAILED: a packet leaves with a wrong checksum\n");
        std::abort();
    }

    /// Closes everything, and lets hours pass. @return false: something is left, or is sent
    bool end()
    {
        for (const tcp_id id : connections) h.tcp().close(id, now);
        h.tcp().close(listener, now);
        h.udp().close(datagrams, now);
        const time_point ends = now + 3h;
        std::uint64_t late = 0;
        while (now < ends) {
            const std::uint64_t before = answers;
            h.advance(now);
            h.dispatch_events(now);
            take_output();
            while (h.next_misdirected()) {}
            if (now > ends - 1h) late += answers - before;
            const time_point next = h.next_deadline();
            now = next <= now ? now + 1ms : std::min(next, ends);
        }
        std::size_t waiting = 0;
        for (const neighbor_info& n : h.net().list_neighbors()) waiting += n.waiting;
        std::printf("afterwards %zu sockets, %zu packets waiting for neighbours, %llu late packets\n", h.tcp().size(), waiting,
                    static_cast<unsigned long long>(late));
        return h.tcp().size() == 0 && waiting == 0 && late < 20; // temporary addresses are made anew (RFC 8981)
    }

    static constexpr interface_id vlan = 2;
    std::mt19937_64 random;
    host_options options;
    time_point now{std::chrono::seconds(1)};
    host h;
    traffic around;
    tcp_id listener;
    socket_id datagrams;
    std::vector<tcp_id> connections;
    std::vector<octets> corpus;
    std::size_t kept = 0; ///< frames at the front of the corpus that stay
    std::uint64_t answers = 0;
};

} // namespace

int main(int argc, char** argv)
{
    const auto frames = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
    const auto seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    fuzzer f(seed);
    std::size_t most = 0;
    for (std::uint64_t i = 0; i < frames; ++i) {
        f.step();
        most = std::max(most, f.h.tcp().size());
    }
    std::uint64_t drops = 0;
    unsigned reasons = 0;
    for (const std::uint64_t n : f.h.counters().drops.by_reason) drops += n, reasons += n > 0 ? 1 : 0;
    std::printf(
        "%llu frames, seed %llu: %llu answers, %llu drops for %u reasons, %llu connections accepted, %zu sockets at most\n",
        static_cast<unsigned long long>(frames), static_cast<unsigned long long>(seed),
        static_cast<unsigned long long>(f.answers), static_cast<unsigned long long>(drops), reasons,
        static_cast<unsigned long long>(f.h.counters().tcp.passive_opens), most);
    // The frames must have reached many code paths, and the host must still answer.
    const host_counters& c = f.h.counters();
    const bool redirected = c.icmp.in_redirects > 0 && c.icmp6.in_redirects > 0;
    std::printf("%llu+%llu redirects, %llu+%llu datagrams reassembled\n", static_cast<unsigned long long>(c.icmp.in_redirects),
                static_cast<unsigned long long>(c.icmp6.in_redirects), static_cast<unsigned long long>(c.ip.reasm_oks),
                static_cast<unsigned long long>(c.ip6.reasm_oks));
    if (!f.end()) return 1;
    return redirected && f.answers > frames / 100 && reasons > 15 && f.h.counters().tcp.passive_opens > 10 ? 0 : 1;
}
