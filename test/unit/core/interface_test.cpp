// Interface state (link, administrative state, MTU, addresses, routes) and its effect on sockets, as on Linux; connections whose
// route moves to another device.
#include "core/host.hpp"
#include "support/two_hosts.hpp"
#include "wire/ipv4.hpp"

#include <boost/asio/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::make_address;
namespace error = boost::asio::error;

device_info plain(const char* name)
{
    device_info d;
    d.name = name;
    return d;
}
device_info offloading(const char* name)
{
    device_info d = plain(name);
    d.offload.checksum = d.offload.tso_v4 = true;
    return d;
}

struct kept_states : trace
{
    void interface_changed(std::uint32_t interface, const interface_status& s, time_point) override
    {
        told.push_back(std::to_string(interface) + ' ' + core::name(s.state) + ' ' + std::to_string(s.mtu));
    }
    std::vector<std::string> told;
};

/// Two hosts on two Ethernets: `a` has 192.0.2.1 and 198.51.100.1; `b` has 192.0.2.2, 198.51.100.2 and 203.0.113.1, which `a` can
/// reach over either Ethernet.
struct two_links : testing::Test
{
    explicit two_links(const device_info& first = plain("eth0"), const device_info& second = plain("eth1"))
    {
        a.add_interface(first);
        a.add_interface(second);
        b.add_interface(plain("eth0"));
        b.add_interface(plain("eth1"));
        EXPECT_FALSE(a.add_address(1, make_address("192.0.2.1"), 24, now));
        EXPECT_FALSE(a.add_address(2, make_address("198.51.100.1"), 24, now));
        EXPECT_FALSE(b.add_address(1, make_address("192.0.2.2"), 24, now));
        EXPECT_FALSE(b.add_address(2, make_address("198.51.100.2"), 24, now));
        EXPECT_FALSE(b.add_address(1, far.address, 32, now));
        EXPECT_FALSE(a.add_route(far.address, 32, gateway(1), 1));
        settle();
    }

    static address gateway(unsigned link) { return make_address(link == 1 ? "192.0.2.2" : "198.51.100.2"); }
    void move_route(unsigned from, unsigned to)
    {
        EXPECT_FALSE(a.add_route(far.address, 32, gateway(to), to));
        EXPECT_FALSE(a.remove_route(far.address, 32, gateway(from), from));
    }

    /// Delivers a packet of a's to `b`. Its offload state is passed on only if the device of that interface offloads, so that `b`
    /// drops a packet whose checksum `a` should have completed.
    void deliver(unsigned link, packet&& p)
    {
        const offload_info o = p.offload;
        if (p.size() > 1000) ++full[link];
        largest[link] = std::max(largest[link], p.size());
        if (o.checksum == offload_info::checksum_state::partial) ++partial[link];
        std::vector<std::byte> octets(p.size());
        p.copy_to(octets);
        packet arrived(slice::copy_of(octets));
        if (a.net().interface(link).info().offload.checksum) arrived.offload = o;
        b.receive(link, std::move(arrived), now);
    }
    void settle()
    {
        for (bool more = true; more;) {
            more = false;
            a.advance(now);
            b.advance(now);
            packet p;
            for (const unsigned link : {1U, 2U}) {
                while (a.next_packet(link, p, now)) deliver(link, std::move(p)), more = true;
                while (b.next_packet(link, p, now)) a.receive(link, std::move(p), now), more = true;
            }
        }
    }
    void pass(duration d)
    {
        for (const time_point end = now + d; now < end;) {
            now = std::min(end, std::max(now + 1us, std::min(a.next_deadline(), b.next_deadline())));
            settle();
        }
    }
    tcp_id listen(host& h, const endpoint& at)
    {
        const tcp_id l = *h.tcp().open(family::v4);
        EXPECT_FALSE(h.tcp().bind(l, at));
        EXPECT_FALSE(h.tcp().listen(l, 10, now));
        return l;
    }
    void connect()
    {
        const tcp_id l = listen(b, far);
        client = *a.tcp().open(family::v4);
        EXPECT_EQ(a.tcp().connect(client, far, now), error::in_progress);
        settle();
        endpoint peer;
        server = *b.tcp().accept(l, peer, now);
    }
    std::size_t write(std::size_t n)
    {
        const std::string text(n, 'x');
        const const_bytes piece = std::as_bytes(std::span(text));
        const auto sent = a.tcp().send(client, std::span(&piece, 1), now);
        return sent ? *sent : 0;
    }
    /// Reads everything b's socket has received. @return octets
    std::size_t read()
    {
        std::vector<slice> all;
        (void)b.tcp().receive(server, all, 100'000'000, now);
        std::size_t n = 0;
        for (const slice& s : all) n += s.size();
        settle();
        return n;
    }
    error_code send_datagram(socket_id u, const endpoint& to)
    {
        const std::byte octet{};
        const const_bytes one(&octet, 1);
        const auto sent = a.udp().send(u, std::span(&one, 1), &to, now);
        return sent ? error_code() : sent.error();
    }
    error_code new_connect()
    {
        const tcp_id id = *a.tcp().open(family::v4);
        const error_code ec = a.tcp().connect(id, far, now);
        a.tcp().close(id, now);
        return ec == error::in_progress ? error_code() : ec;
    }

    time_point now{1s};
    const endpoint far{make_address("203.0.113.1"), 80};
    host a{{}, seed(1)}, b{{}, seed(2)};
    tcp_id client, server;
    std::array<std::size_t, 3> full{}, partial{}, largest{}; ///< indexed by interface
};

using interface_state_of = two_links;

TEST_F(interface_state_of, device_and_user_decide_together)
{
    kept_states t;
    a.set_trace(&t);
    const auto state = [&] { return a.net().interface(1).status().state; };
    EXPECT_EQ(state(), interface_state::up);
    EXPECT_FALSE(a.set_link(1, true, 1500, now)) << "no change";
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    EXPECT_EQ(state(), interface_state::down);
    EXPECT_FALSE(a.set_enabled(1, false, now)) << "already down: no change of state";
    EXPECT_FALSE(a.set_link(1, true, 1500, now));
    EXPECT_EQ(state(), interface_state::down);
    EXPECT_FALSE(a.net().interface(1).status().enabled);
    EXPECT_TRUE(a.set_enabled(1, true, now));
    EXPECT_EQ(state(), interface_state::up);
    now += 1s;
    EXPECT_TRUE(a.lost(1, errno_code(ENODEV), now));
    EXPECT_EQ(state(), interface_state::not_present);
    EXPECT_EQ(a.net().interface(1).status().why, errno_code(ENODEV));
    EXPECT_EQ(a.net().interface(1).status().last_change, now);
    device_info other = plain("eth7");
    other.mtu = 9000;
    EXPECT_TRUE(a.replace_device(1, other, now));
    EXPECT_EQ(a.net().interface(1).status().name, "eth7");
    EXPECT_FALSE(a.net().interface(1).status().why);
    EXPECT_FALSE(a.set_link(1, true, 1400, now));
    EXPECT_THAT(t.told, testing::ElementsAre("1 down 1500", "1 up 1500", "1 notPresent 1500", "1 up 9000", "1 up 1400"));
    EXPECT_EQ(a.net().interface(1).counters().state_changes, 4U);
    a.set_trace(nullptr);
}

TEST_F(interface_state_of, down_fails_connects_and_datagrams_at_once)
{
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    EXPECT_EQ(new_connect(), error::network_down);
    const socket_id u = *a.udp().open(family::v4);
    EXPECT_EQ(send_datagram(u, far), error::network_down);
    EXPECT_EQ(send_datagram(u, {make_address("192.0.2.77"), 9}), error::network_down);
    EXPECT_EQ(send_datagram(u, {make_address("198.51.100.2"), 9}), error_code()) << "the other interface is up";
    EXPECT_EQ(send_datagram(u, {make_address("100.64.0.1"), 9}), error::network_unreachable) << "no route";
    EXPECT_EQ(send_datagram(u, {make_address("192.0.2.1"), 9}), error_code())
        << "a local address stays reachable while its interface is down, as on Linux";
    EXPECT_TRUE(a.set_link(1, true, 1500, now));
    EXPECT_EQ(new_connect(), error_code());
}

TEST_F(interface_state_of, down_binds_a_socket_of_that_device_too)
{
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    const socket_id u = *a.udp().open(family::v4);
    EXPECT_FALSE(a.udp().set_option(u, socket_option::bound_interface, 2, now));
    EXPECT_EQ(send_datagram(u, {make_address("198.51.100.2"), 9}), error::network_down);
}

TEST_F(interface_state_of, while_down_a_worse_route_is_used)
{
    EXPECT_FALSE(a.add_route(make_address("0.0.0.0"), 0, gateway(2), 2));
    connect();
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    EXPECT_EQ(new_connect(), error_code());
    write(1000);
    pass(50ms);
    EXPECT_EQ(read(), 1000U) << "sent on the other interface, from the same source address";
    EXPECT_EQ(full[2], 1U);
    EXPECT_TRUE(a.set_link(1, true, 1500, now));
    write(1400);
    pass(50ms);
    EXPECT_EQ(read(), 1400U);
    EXPECT_EQ(full[1], 1U) << "the better route is used again";
}

TEST_F(interface_state_of, what_waits_to_leave_a_link_that_goes_down_is_dropped_and_counted)
{
    connect(); // resolves the neighbour
    const socket_id u = *a.udp().open(family::v4);
    EXPECT_EQ(send_datagram(u, {make_address("192.0.2.2"), 9}), error_code());  // waits in the transmit queue
    EXPECT_EQ(send_datagram(u, {make_address("192.0.2.77"), 9}), error_code()); // waits for address resolution
    const auto before = a.net().interface(1).counters().out_discards;
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    EXPECT_FALSE(a.has_next_packet(1));
    EXPECT_EQ(a.net().interface(1).counters().out_discards, before + 3);
    EXPECT_EQ(a.counters().drops[drop_reason::interface_down], 3U) << "two datagrams and an ARP request";
}

TEST_F(interface_state_of, coming_up_announces_the_addresses)
{
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    EXPECT_FALSE(a.has_next_packet(1));
    EXPECT_TRUE(a.set_link(1, true, 1500, now));
    packet p;
    ASSERT_TRUE(a.next_packet(1, p, now));
    p.pull(p.size());
    const auto frame = wire::parse_ethernet(p.front());
    EXPECT_EQ(frame->type, wire::ether_type::arp);
    EXPECT_EQ(frame->destination, mac_address::broadcast());
}

TEST_F(interface_state_of, taken_down_by_the_user_hears_nothing)
{
    connect();
    EXPECT_TRUE(a.set_enabled(1, false, now));
    const auto before = a.net().interface(1).counters().in_discards;
    packet p(slice::copy_of(std::vector<std::byte>(60)));
    a.receive(1, std::move(p), now);
    EXPECT_EQ(a.net().interface(1).counters().in_discards, before + 1);
    EXPECT_EQ(a.counters().drops[drop_reason::interface_down], 1U);
}

TEST_F(interface_state_of, a_connection_outlives_an_outage)
{
    connect();
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    EXPECT_EQ(write(1000), 1000U) << "data is accepted while the link is down, as on Linux";
    pass(3s);
    EXPECT_EQ(read(), 0U);
    EXPECT_TRUE(a.set_link(1, true, 1500, now));
    pass(5s);
    EXPECT_EQ(read(), 1000U);
    EXPECT_EQ(a.tcp().take_error(client), error_code());
}

TEST_F(interface_state_of, a_connection_goes_on_over_another_device)
{
    connect();
    EXPECT_TRUE(a.lost(1, errno_code(EBADFD), now));
    write(1000);
    pass(1s);
    EXPECT_TRUE(a.replace_device(1, offloading("tap7"), now));
    pass(5s);
    EXPECT_EQ(read(), 1000U);
    write(100'000);
    pass(1s);
    EXPECT_EQ(read(), 100'000U);
    EXPECT_GT(largest[1], 2000U) << "TSO on the new device";
}

TEST_F(interface_state_of, a_connection_whose_link_stays_down_times_out)
{
    connect();
    EXPECT_FALSE(a.tcp().set_option(client, socket_option::user_timeout, 5000, now));
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    write(1000);
    pass(60s);
    EXPECT_EQ(a.tcp().take_error(client), error::timed_out) << "the error of Linux";
}

TEST_F(interface_state_of, a_connect_that_waits_for_its_answer_ends_with_network_down)
{
    EXPECT_TRUE(b.set_enabled(1, false, now));
    client = *a.tcp().open(family::v4);
    EXPECT_FALSE(a.tcp().set_option(client, socket_option::syn_count, 2, now));
    EXPECT_EQ(a.tcp().connect(client, far, now), error::in_progress);
    settle();
    EXPECT_TRUE(a.set_link(1, false, 1500, now));
    pass(30s);
    EXPECT_EQ(a.tcp().take_error(client), error::network_down)
        << "Linux reports network_unreachable, after as many retransmissions";
}

// -- addresses and routes: what the Linux kernel (6.18) does, seen in a network namespace ---------------------------------------

TEST_F(two_links, removed_address_silences_its_sockets_as_on_linux)
{
    connect();
    const address ours = make_address("192.0.2.1");
    const socket_id bound = *a.udp().open(family::v4), unbound = *a.udp().open(family::v4);
    EXPECT_FALSE(a.udp().bind(bound, {ours, 0}));
    const tcp_id listener = listen(a, {ours, 8080});
    EXPECT_FALSE(a.add_address(1, make_address("192.0.2.11"), 24, now));
    EXPECT_EQ(a.remove_address(make_address("192.0.2.99"), now), errno_code(EADDRNOTAVAIL));
    EXPECT_FALSE(a.remove_address(ours, now));
    EXPECT_EQ(send_datagram(bound, far), error::network_unreachable);
    EXPECT_EQ(send_datagram(unbound, far), error_code()) << "sent from the other address";
    EXPECT_EQ(new_connect(), error_code());
    const tcp_id id = *a.tcp().open(family::v4);
    EXPECT_EQ(a.tcp().bind(id, {ours, 0}), errno_code(EADDRNOTAVAIL));
    EXPECT_EQ(a.tcp().local_endpoint(client)->address, ours);
    EXPECT_FALSE(a.tcp().set_option(client, socket_option::user_timeout, 5000, now));
    EXPECT_EQ(write(1000), 1000U);
    pass(60s);
    EXPECT_EQ(read(), 0U);
    EXPECT_EQ(a.tcp().take_error(client), error::timed_out);
    EXPECT_EQ(a.tcp().take_error(listener), error_code());
}

TEST_F(two_links, address_that_comes_back_in_time_saves_its_connections)
{
    connect();
    EXPECT_FALSE(a.remove_address(make_address("192.0.2.1"), now));
    EXPECT_EQ(new_connect(), error::network_unreachable) << "removing the last address removed its routes";
    write(1000);
    pass(1s);
    EXPECT_EQ(read(), 0U);
    EXPECT_FALSE(a.add_address(1, make_address("192.0.2.1"), 24, now));
    EXPECT_FALSE(a.add_route(far.address, 32, gateway(1), 1));
    pass(5s);
    EXPECT_EQ(read(), 1000U);
}

TEST_F(two_links, removed_route_is_unreachable)
{
    connect();
    EXPECT_EQ(a.remove_route(far.address, 32, gateway(2), 2), errno_code(ESRCH));
    EXPECT_FALSE(a.remove_route(far.address, 32, gateway(1), 1));
    EXPECT_EQ(new_connect(), error::network_unreachable);
    const socket_id u = *a.udp().open(family::v4);
    EXPECT_EQ(send_datagram(u, far), error::network_unreachable);
    write(1000);
    pass(1s);
    EXPECT_FALSE(a.add_route(far.address, 32, gateway(2), 2));
    pass(5s);
    EXPECT_EQ(read(), 1000U) << "sent over the new route";
}

// -- MTU
// ----------------------------------------------------------------------------------------------------------------------------

TEST_F(two_links, changed_mtu_is_followed_both_ways)
{
    connect();
    EXPECT_FALSE(a.set_link(1, true, 1000, now));
    write(20'000);
    settle();
    EXPECT_EQ(read(), 20'000U);
    EXPECT_EQ(largest[1], 1000U + 14U);
    EXPECT_EQ(*a.tcp().get_option(client, socket_option::path_mtu), 1000);
    EXPECT_FALSE(a.set_link(1, true, 1500, now));
    write(20'000);
    settle();
    EXPECT_EQ(read(), 20'000U);
    EXPECT_EQ(largest[1], 1500U + 14U);
}

TEST_F(two_links, lowered_mtu_holds_for_what_was_sent_before)
{
    connect();
    write(5000);
    a.advance(now);
    packet lost;
    while (a.next_packet(1, lost, now)) {}
    EXPECT_FALSE(a.set_link(1, true, 1000, now));
    pass(5s);
    EXPECT_EQ(read(), 5000U);
    EXPECT_EQ(largest[1], 1000U + 14U) << "retransmitted in segments of the new MTU";
}

// -- the path of a socket
// ---------------------------------------------------------------------------------------------------------

struct changed_route : two_links
{
    changed_route() : two_links(offloading("eth0"), plain("eth1"))
    {
        connect();
        grow();
    }
    void grow()
    {
        for (int i = 0; i < 20; ++i) {
            write(200'000);
            settle();
            read();
            pass(50ms);
        }
        read();
        full = partial = largest = {};
    }
};

TEST_F(changed_route, to_a_device_without_offload_sums_are_complete)
{
    write(200'000);
    settle();
    EXPECT_EQ(read(), 200'000U);
    EXPECT_GT(largest[1], 2000U);
    EXPECT_GT(partial[1], 0U);
    move_route(1, 2);
    const auto bad = b.counters().drops[drop_reason::tcp_bad_checksum];
    write(500); // a single segment: segmentation does not complete its checksum
    settle();
    EXPECT_EQ(read(), 500U);
    write(200'000);
    pass(50ms);
    EXPECT_EQ(read(), 200'000U);
    EXPECT_EQ(b.counters().drops[drop_reason::tcp_bad_checksum], bad);
    EXPECT_EQ(partial[2], 0U);
    EXPECT_LE(largest[2], 1514U);
    EXPECT_GT(full[2], 100U);
}

TEST_F(changed_route, to_a_device_with_offload_segments_are_large)
{
    move_route(1, 2);
    write(200'000);
    settle();
    EXPECT_EQ(read(), 200'000U);
    move_route(2, 1);
    full = partial = largest = {};
    write(200'000);
    settle();
    EXPECT_EQ(read(), 200'000U);
    EXPECT_GT(largest[1], 2000U);
    EXPECT_GT(partial[1], 0U);
    EXPECT_EQ(full[2], 0U);
}

/// GSO segments already queued on the old interface still arrive; later ones use the new route.
TEST_F(changed_route, super_segments_already_queued_arrive)
{
    write(200'000);
    a.advance(now);
    ASSERT_TRUE(a.has_next_packet(1));
    move_route(1, 2);
    pass(1s);
    EXPECT_EQ(read(), 200'000U);
    EXPECT_EQ(b.counters().drops[drop_reason::tcp_bad_checksum], 0U);
    EXPECT_LE(largest[2], 1514U);
}

/// The interface gets a new device without offload: GSO segments queued for the old device are lost and retransmitted.
TEST_F(changed_route, queued_for_a_device_that_is_replaced_by_a_plain_one)
{
    write(200'000);
    a.advance(now);
    EXPECT_FALSE(a.replace_device(1, plain("eth9"), now)) << "the interface stays up";
    largest = {};
    pass(5s);
    EXPECT_EQ(read(), 200'000U);
    EXPECT_EQ(b.counters().drops[drop_reason::tcp_bad_checksum], 0U);
    EXPECT_LE(largest[1], 1514U);
    EXPECT_EQ(partial[1], 0U);
}

TEST_F(changed_route, blocked_at_a_full_queue_goes_on_by_the_other)
{
    const socket_id u = *a.udp().open(family::v4);
    while (a.net().interface(1).queue().has_room(true)) EXPECT_EQ(send_datagram(u, {make_address("192.0.2.2"), 9}), error_code());
    write(100'000);
    a.advance(now);
    EXPECT_FALSE(a.has_next_packet(2));
    move_route(1, 2);
    a.advance(now);
    EXPECT_TRUE(a.has_next_packet(2)) << "sent on the other interface, although the first device accepts nothing";
}

} // namespace
} // namespace tapio::core
