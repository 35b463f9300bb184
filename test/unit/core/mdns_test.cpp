// Multicast DNS of hosts: sockets, groups, interfaces, sources that are not believed, and which names are asked for by it.
#include "client/dns_client.hpp"
#include "core/mdns_node.hpp"
#include "core/name_client.hpp"
#include "support/two_hosts.hpp"
#include "wire/mdns.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;
using dns::record_type;

/// Host a asks, host b is "printer". Both have both families.
struct mdns : testing::Test, two_hosts, client::dns_sink
{
    explicit mdns(const host_options& o = {}) : two_hosts(o)
    {
        EXPECT_FALSE(a.add_address(1, ip("2001:db8::1"), 64, now));
        EXPECT_FALSE(b.add_address(1, ip("2001:db8::2"), 64, now));
        use(mdns_use::local_names);
        pass(5s);
    }

    static address ip(const char* text) { return boost::asio::ip::make_address(text); }
    static dns::name n(const std::string& text) { return dns::name::parse(text).value(); }
    void resolved(client::lookup_id l, client::dns_result&& r, time_point) override { results[l] = std::move(r); }

    void use(mdns_use how, std::vector<endpoint> servers = {})
    {
        dns_options o;
        o.servers = std::move(servers);
        o.mdns = how;
        a.set_dns(o, now);
    }
    void publish(host& h, const std::string& name)
    {
        ASSERT_FALSE(h.publish({name, {}}, now));
        pass(5s);
        ASSERT_TRUE(h.published().published);
    }
    void run()
    {
        do {
            for (bool more = true; more;) {
                more = false;
                packet p;
                a.advance(now);
                b.advance(now);
                while (a.next_packet(1, p, now)) b.receive(1, std::move(note(p, from_a)), now), more = true;
                while (b.next_packet(1, p, now)) a.receive(1, std::move(note(p, from_b)), now), more = true;
            }
        } while (a.dispatch_events(now) || b.dispatch_events(now));
    }
    void pass(duration d)
    {
        const time_point end = now + d;
        for (run(); std::min(a.next_deadline(), b.next_deadline()) <= end; run())
            now = std::max(now + 1us, std::min(a.next_deadline(), b.next_deadline()));
        now = end;
    }
    client::lookup_id ask(const std::string& name, std::vector<record_type> types = {record_type::a})
    {
        const auto l = a.names().look_up(name, std::move(types), *this, now);
        run();
        return l;
    }
    /// Without link-local addresses.
    std::string found(client::lookup_id l) const
    {
        if (!results.contains(l)) return "nothing yet";
        std::string out;
        for (const dns::answer& each : results.at(l).answers)
            for (const dns::record& r : each.records) {
                if (const auto* v4 = std::get_if<address_v4>(&r.data)) out += v4->to_string() + ' ';
                if (const auto* v6 = std::get_if<address_v6>(&r.data); v6 && !needs_zone(*v6)) out += v6->to_string() + ' ';
                if (const auto* to = std::get_if<dns::name>(&r.data)) out += to->to_string() + ' ';
            }
        return out.empty() ? "none" : out;
    }

    /// A socket of b's that sends to anybody.
    socket_id station(const char* own, std::uint16_t port)
    {
        const socket_id id = *b.udp().open(family_of(ip(own)));
        (void)b.udp().set_option(id, socket_option::reuse_address, 1, now);
        (void)b.udp().set_option(id, socket_option::multicast_hops, 255, now);
        EXPECT_FALSE(b.udp().bind(id, {ip(own), port}));
        return id;
    }
    void say(socket_id from, const char* to, const wire::mdns_message& m)
    {
        const auto o = wire::make_mdns(m, wire::longest_mdns_message);
        const std::array<const_bytes, 1> list{o};
        const endpoint there_too{in_zone(ip(to), 2), 5353};
        send_hints hints;
        hints.info = packet_info{1, std::nullopt};
        EXPECT_TRUE(b.udp().send(from, list, &there_too, now, hints));
        run();
    }
    static wire::mdns_message forged(const std::string& name, const char* v4 = "192.0.2.66")
    {
        wire::mdns_message m;
        m.response = true;
        m.answers = {{{n(name), record_type::a, 120, ip(v4).to_v4()}, true}};
        return m;
    }
    bool has_answer(socket_id at)
    {
        std::array<std::byte, 9000> memory;
        const std::array<mutable_bytes, 1> into{memory};
        return b.udp().receive(at, into, {}, nullptr, now).has_value();
    }

    std::map<client::lookup_id, client::dns_result> results;
    std::vector<std::vector<std::byte>> from_a, from_b; ///< packets

private:
    static packet& note(packet& p, std::vector<std::vector<std::byte>>& to)
    {
        std::vector<std::byte> octets(p.size());
        p.copy_to(octets);
        to.push_back(std::move(octets));
        return p;
    }
};

TEST_F(mdns, a_host_finds_another_by_its_name)
{
    publish(b, "printer");
    const auto l = ask("printer.local", {record_type::a, record_type::aaaa});
    EXPECT_EQ(found(l), "192.0.2.2 2001:db8::2 ");
    const auto link_local = results[l].answers[1].records.back();
    EXPECT_EQ(std::get<address_v6>(link_local.data).scope_id(), 2U) << "it can be connected to";
    const auto reverse = a.names().query(n("2.2.254.169.in-addr.arpa"), record_type::ptr, *this, now);
    pass(6s);
    EXPECT_EQ(found(reverse), "none") << "asked for, but nobody has it";
    EXPECT_TRUE(results[reverse].asked);
}

TEST_F(mdns, speaks_from_port_5353_to_both_groups_with_a_hop_limit_of_255)
{
    from_a.clear();
    (void)ask("printer.local");
    bool v4 = false, v6 = false;
    for (const auto& o : from_a) {
        constexpr std::size_t ip_at = 14; // behind the Ethernet header
        const auto octet = [&](std::size_t at) { return std::to_integer<unsigned>(o[ip_at + at]); };
        const auto port = [&](std::size_t at) { return wire::load_16(&o[ip_at + at]); };
        if (octet(0) >> 4 == 4 && octet(9) == 17) {
            v4 = true;
            EXPECT_EQ(octet(8), 255U);
            EXPECT_EQ(wire::load_32(&o[ip_at + 16]), 0xe00000fbU);
            EXPECT_EQ(port(20), 5353U);
            EXPECT_EQ(port(22), 5353U);
        }
        if (octet(0) >> 4 == 6 && octet(6) == 17) {
            v6 = true;
            EXPECT_EQ(octet(7), 255U);
            EXPECT_EQ(octet(24), 0xffU);
            EXPECT_EQ(octet(25), 2U);
            EXPECT_EQ(octet(39), 0xfbU);
            EXPECT_EQ(port(40), 5353U);
            EXPECT_EQ(port(42), 5353U);
        }
    }
    EXPECT_TRUE(v4 && v6);
}

TEST_F(mdns, one_family_is_enough)
{
    EXPECT_FALSE(a.remove_address(here.address, now));
    publish(b, "printer");
    EXPECT_EQ(found(ask("printer.local", {record_type::aaaa})), "2001:db8::2 ");
    EXPECT_FALSE(a.add_address(1, here.address, 24, now));
    EXPECT_FALSE(a.remove_address(ip("2001:db8::1"), now));
    pass(1min);
    EXPECT_FALSE(b.publish({"scanner", {}}, now));
    pass(5s);
    EXPECT_EQ(found(ask("scanner.local")), "192.0.2.2 ");
}

TEST_F(mdns, without_being_asked_to_names_below_local_go_to_servers)
{
    const socket_id server = station("192.0.2.2", 53);
    use(mdns_use::none, {{there.address, 53}});
    (void)ask("printer.local");
    EXPECT_TRUE(has_answer(server));
    use(mdns_use::local_names, {{there.address, 53}});
    (void)ask("printer.local");
    EXPECT_FALSE(has_answer(server)) << "RFC 6762 §3";
    (void)ask("printer.example");
    EXPECT_TRUE(has_answer(server));
    use(mdns_use::all_names, {{there.address, 53}});
    (void)ask("scanner.example");
    EXPECT_FALSE(has_answer(server));
    EXPECT_EQ(found(ask("localhost")), "127.0.0.1 ");
}

TEST_F(mdns, search_domains_below_local_are_not_used)
{
    const socket_id server = station("192.0.2.2", 53);
    dns_options o;
    o.servers = {{there.address, 53}};
    o.search = {"local"};
    o.mdns = mdns_use::local_names;
    a.set_dns(o, now);
    (void)ask("printer");
    std::array<std::byte, 2000> memory;
    const std::array<mutable_bytes, 1> into{memory};
    const auto got = b.udp().receive(server, into, {}, nullptr, now);
    ASSERT_TRUE(got);
    EXPECT_EQ(wire::parse_dns(const_bytes(memory).first(*got))->question->name, n("printer"));
}

TEST_F(mdns, a_response_by_unicast_counts_if_its_sender_is_on_the_link)
{
    EXPECT_FALSE(b.add_address(1, ip("203.0.113.1"), 24, now));
    EXPECT_FALSE(a.add_route(ip("0.0.0.0"), 0, there.address, 1));
    const auto l = ask("printer.local");
    say(station("203.0.113.1", 5353), "192.0.2.1", forged("printer.local"));
    EXPECT_EQ(found(l), "nothing yet");
    say(station("192.0.2.2", 5354), "192.0.2.1", forged("printer.local"));
    say(station("192.0.2.2", 5354), "224.0.0.251", forged("printer.local"));
    say(station("2001:db8::2", 5354), "ff02::fb", forged("printer.local"));
    EXPECT_EQ(found(l), "nothing yet") << "another port (RFC 6762 §6)";
    EXPECT_EQ(a.published().counters.off_link, 4U);
    say(station("192.0.2.2", 5353), "192.0.2.1", forged("printer.local", "192.0.2.2"));
    EXPECT_EQ(found(l), "192.0.2.2 ");
}

TEST_F(mdns, what_was_sent_to_the_group_is_from_the_link)
{
    EXPECT_FALSE(b.add_address(1, ip("203.0.113.1"), 24, now));
    const auto l = ask("printer.local");
    say(station("203.0.113.1", 5353), "224.0.0.251", forged("printer.local", "203.0.113.1"));
    EXPECT_EQ(found(l), "203.0.113.1 ") << "RFC 6762 §11: networks may overlap on a link";
    const auto six = ask("scanner.local");
    say(station("2001:db8::2", 5353), "ff02::fb", forged("scanner.local"));
    EXPECT_EQ(found(six), "192.0.2.66 ");
}

TEST_F(mdns, what_is_no_message_is_counted)
{
    const socket_id s = station("192.0.2.2", 5353);
    const auto o = octets("no message");
    const std::array<const_bytes, 1> list{o};
    const endpoint to{here.address, 5353};
    EXPECT_TRUE(b.udp().send(s, list, &to, now));
    run();
    EXPECT_EQ(a.published().counters.malformed, 1U);
}

TEST_F(mdns, a_legacy_resolver_of_the_link_is_answered)
{
    EXPECT_FALSE(a.publish({"asked", {}}, now));
    pass(5s);
    wire::mdns_message q;
    q.questions = {{n("asked.local"), record_type::a, false}};
    for (const char* own : {"192.0.2.2", "2001:db8::2"}) {
        const socket_id resolver = station(own, 40000);
        say(resolver, ip(own).is_v4() ? "224.0.0.251" : "ff02::fb", q);
        EXPECT_TRUE(has_answer(resolver)) << own;
    }
    EXPECT_FALSE(b.add_address(1, ip("203.0.113.1"), 24, now));
    EXPECT_FALSE(a.add_route(ip("0.0.0.0"), 0, there.address, 1));
    const socket_id elsewhere = station("203.0.113.1", 40001);
    say(elsewhere, "224.0.0.251", q);
    say(elsewhere, "192.0.2.1", q);
    EXPECT_FALSE(has_answer(elsewhere)) << "RFC 6762 §5.5 and §11: not to another network";
}

TEST_F(mdns, two_hosts_with_one_name_agree)
{
    EXPECT_FALSE(a.publish({"printer", {}}, now));
    EXPECT_FALSE(b.publish({"printer", {}}, now));
    pass(10s);
    const std::set<std::string> names{a.published().host_name, b.published().host_name};
    EXPECT_EQ(names, (std::set<std::string>{"printer.local", "printer-2.local"}));
    EXPECT_EQ(a.published().counters.conflicts + b.published().counters.conflicts, 1U);
}

TEST_F(mdns, a_host_says_goodbye)
{
    publish(b, "printer");
    EXPECT_EQ(found(ask("printer.local")), "192.0.2.2 ");
    b.say_goodbye(now);
    pass(2s);
    const auto l = ask("printer.local");
    EXPECT_EQ(found(l), "nothing yet") << "it has been taken back";
    pass(10s);
    EXPECT_EQ(found(l), "none");
    EXPECT_FALSE(b.published().published);
    publish(b, "printer");
    EXPECT_EQ(found(ask("printer.local")), "192.0.2.2 ") << "it may come back";
}

TEST_F(mdns, new_addresses_are_announced_and_removed_ones_taken_back)
{
    publish(b, "printer");
    EXPECT_FALSE(b.add_address(1, ip("192.0.2.22"), 24, now));
    EXPECT_FALSE(b.add_address(1, ip("2001:db8::22"), 64, now));
    EXPECT_FALSE(b.remove_address(ip("2001:db8::2"), now));
    pass(10s);
    EXPECT_EQ(found(ask("printer.local", {record_type::a, record_type::aaaa})), "192.0.2.2 192.0.2.22 2001:db8::22 ");
}

TEST_F(mdns, an_interface_that_comes_back_probes_again)
{
    publish(b, "printer");
    EXPECT_TRUE(b.set_enabled(1, false, now));
    pass(1s);
    EXPECT_FALSE(b.published().published);
    from_b.clear();
    EXPECT_TRUE(b.set_enabled(1, true, now));
    pass(5s);
    EXPECT_TRUE(b.published().published);
    EXPECT_GE(from_b.size(), 10U) << "three probes and two announcements, by both families";
    from_b.clear();
    device_info another;
    another.name = "eth1";
    (void)a.replace_device(1, another, now);
    EXPECT_EQ(a.published().cache_records, 0U);
    (void)b.replace_device(1, another, now);
    pass(5s);
    EXPECT_TRUE(b.published().published);
    EXPECT_GE(from_b.size(), 10U) << "another device may be on another link";
}

TEST_F(mdns, the_port_may_be_shared_if_its_owner_wants_to)
{
    const socket_id users = *b.udp().open(family::v4);
    EXPECT_FALSE(b.udp().bind(users, {address_v4::any(), 5353}));
    EXPECT_EQ(b.publish({"printer", {}}, now), errno_code(EADDRINUSE));
    EXPECT_TRUE(b.published().host_name.empty());
    b.udp().close(users, now);
    const socket_id shared = *b.udp().open(family::v4);
    EXPECT_FALSE(b.udp().set_option(shared, socket_option::reuse_address, 1, now));
    EXPECT_FALSE(b.udp().bind(shared, {address_v4::any(), 5353}));
    publish(b, "printer");
    EXPECT_FALSE(b.publish({}, now));
    b.udp().close(shared, now);
    run();
    const socket_id again = *b.udp().open(family::v6);
    EXPECT_FALSE(b.udp().bind(again, {address_v6::any(), 5353})) << "unused, it is free";
}

TEST_F(mdns, what_cannot_be_published_is_an_error)
{
    EXPECT_EQ(b.publish({"a.b", {}}, now), errno_code(EINVAL));
    EXPECT_EQ(b.publish({"", {{"x", "_http._tcp", 80, {}}}}, now), errno_code(EINVAL));
    host_options two_shards;
    two_shards.shards = 2;
    host shard(two_shards, seed(3));
    EXPECT_EQ(shard.publish({"printer", {}}, now), errno_code(EOPNOTSUPP));
}

TEST_F(mdns, lookups_may_be_cancelled_when_it_is_no_longer_used)
{
    const auto l = ask("printer.local");
    use(mdns_use::none);
    a.names().cancel(l, now);
    pass(10s);
    EXPECT_EQ(found(l), "nothing yet");
    use(mdns_use::local_names);
    const auto pending = ask("printer.local");
    use(mdns_use::none);
    pass(10s);
    EXPECT_EQ(found(pending), "none") << "it ends by itself";
}

} // namespace
} // namespace tapio::core
