// UDP sockets of a host (RFC 768, RFC 1122 §4.1), with the semantics of Linux.
#include "raw_host.hpp"

#include <set>

namespace tapio::core::udp_test {
namespace {

using wire::ip_protocol;

class udp_host : public raw_host
{
protected:
    udp_host() { introduce(); }

    socket_id open() { return *h->udp().open(family::v4); }
    socket_id bound(const address& a, std::uint16_t port)
    {
        const socket_id id = open();
        EXPECT_FALSE(h->udp().bind(id, {a, port}));
        return id;
    }
    void from_peer(std::uint16_t port, std::uint16_t to, const std::string& data) { from_peer(ours, port, to, data); }
    void from_peer(const address_v4& destination, std::uint16_t port, std::uint16_t to, const std::string& data)
    {
        wire::ipv4_fields f = header(ip_protocol::udp);
        f.destination = destination;
        ip(udp(f, port, to, data), f, destination == ours ? our_mac : mac_address::broadcast());
    }
    std::string receive(socket_id id, std::size_t most = 2000, bool peek = false)
    {
        octets memory(most);
        const std::array<mutable_bytes, 1> into{memory};
        received_message about;
        const auto got = h->udp().receive(id, into, {peek}, &about, now);
        if (!got) return got.error() == errno_code(EAGAIN) ? "nothing" : got.error().message();
        sender = about.sender;
        full_size = about.full_size;
        return std::string(reinterpret_cast<const char*>(memory.data()), *got);
    }
    error_code send(socket_id id, const std::string& data, std::optional<endpoint> to = {})
    {
        const std::array<const_bytes, 1> list{bytes_of(data)};
        const auto sent = h->udp().send(id, list, to ? &*to : nullptr, now);
        return sent ? error_code{} : sent.error();
    }

    endpoint sender;
    std::size_t full_size = 0;
};

TEST_F(udp_host, a_datagram_comes_whole_with_its_sender)
{
    const socket_id s = bound(address_v4::any(), 7);
    from_peer(5000, 7, "hello");
    EXPECT_EQ(receive(s), "hello");
    EXPECT_EQ(sender, (endpoint{theirs, 5000}));
    EXPECT_EQ(receive(s), "nothing");
}

/// Input from a device with UDP segmentation offload: one header for several payloads.
TEST_F(udp_host, datagrams_that_came_as_one_are_several_again)
{
    const socket_id s = bound(address_v4::any(), 7);
    const wire::ipv4_fields f = header(ip_protocol::udp);
    packet p = udp(f, 5000, 7, "onetwothree");
    wire::push_ipv4(p, f);
    wire::push_ethernet(p, our_mac, their_mac, wire::ether_type::ipv4);
    p = packet(slice::copy_of(flat(p)));
    p.offload.gso = offload_info::gso_type::udp;
    p.offload.gso_size = 3;
    p.offload.checksum = offload_info::checksum_state::partial;
    const auto before = h->counters().udp.in_datagrams;
    h->receive(1, std::move(p), now);
    for (const char* const part : {"one", "two", "thr", "ee"}) EXPECT_EQ(receive(s), part);
    EXPECT_EQ(receive(s), "nothing");
    EXPECT_EQ(h->counters().udp.in_datagrams - before, 4U);
}

TEST_F(udp_host, what_is_sent_as_one_is_cut_where_the_device_does_not)
{
    const socket_id s = bound(ours, 7);
    ASSERT_FALSE(h->udp().set_option(s, socket_option::segment_size, 1000, now));
    EXPECT_EQ(h->udp().get_option(s, socket_option::segment_size), 1000);
    ASSERT_FALSE(send(s, std::string(2500, 'x'), endpoint{theirs, 9}));
    std::vector<std::size_t> sizes;
    while (const auto f = next()) sizes.push_back(f->payload.size() - sizeof(wire::udp_header));
    EXPECT_EQ(sizes, (std::vector<std::size_t>{1000, 1000, 500}));
    EXPECT_EQ(send(s, std::string(60'000, 'x'), endpoint{theirs, 9}), error_code());
    EXPECT_EQ(send(s, std::string(65'508, 'x'), endpoint{theirs, 9}), errno_code(EMSGSIZE));
    ASSERT_FALSE(h->udp().set_option(s, socket_option::segment_size, 10, now));
    EXPECT_EQ(send(s, std::string(1281, 'x'), endpoint{theirs, 9}), errno_code(EINVAL)) << "more than 128 segments";
    ASSERT_FALSE(h->udp().set_option(s, socket_option::segment_size, 1473, now));
    EXPECT_EQ(send(s, "x", endpoint{theirs, 9}), errno_code(EMSGSIZE)) << "a segment does not fit in the MTU";
    EXPECT_EQ(h->udp().set_option(s, socket_option::segment_size, 65'536, now), errno_code(EINVAL));
}

TEST_F(udp_host, an_empty_datagram_is_one)
{
    const socket_id s = bound(address_v4::any(), 7);
    from_peer(5000, 7, "");
    EXPECT_EQ(receive(s), "");
    EXPECT_EQ(receive(s), "nothing");
}

TEST_F(udp_host, what_does_not_fit_is_lost_and_told)
{
    const socket_id s = bound(address_v4::any(), 7);
    from_peer(5000, 7, "hello");
    from_peer(5000, 7, "next");
    EXPECT_EQ(receive(s, 2, true), "he"); // MSG_PEEK leaves the datagram in the queue
    EXPECT_EQ(receive(s, 2), "he");
    EXPECT_EQ(full_size, 5U);
    EXPECT_EQ(receive(s), "next");
}

TEST_F(udp_host, the_best_match_gets_it)
{
    const socket_id anywhere = bound(address_v4::any(), 7);
    ASSERT_FALSE(h->udp().set_option(anywhere, socket_option::reuse_address, 1, now));
    const auto reusing = [&](bool connected) {
        const socket_id id = open();
        EXPECT_FALSE(h->udp().set_option(id, socket_option::reuse_address, 1, now));
        EXPECT_FALSE(h->udp().bind(id, {ours, 7}));
        if (connected) {
            EXPECT_FALSE(h->udp().connect(id, {theirs, 5000}, now));
        }
        return id;
    };
    const socket_id here = reusing(false), to_peer = reusing(true);
    from_peer(5000, 7, "a");
    from_peer(5001, 7, "b");
    EXPECT_EQ(receive(to_peer), "a");
    EXPECT_EQ(receive(here), "b");
    EXPECT_EQ(receive(anywhere), "nothing");
}

TEST_F(udp_host, a_broadcast_reaches_all_who_are_bound_there)
{
    const auto reusing = [&] {
        const socket_id id = open();
        EXPECT_FALSE(h->udp().set_option(id, socket_option::reuse_address, 1, now));
        EXPECT_FALSE(h->udp().bind(id, {address_v4::any(), 7}));
        return id;
    };
    const socket_id one = reusing(), two = reusing();
    from_peer(at("192.0.2.255"), 5000, 7, "to all");
    EXPECT_EQ(receive(one), "to all");
    EXPECT_EQ(receive(two), "to all");
}

TEST_F(udp_host, a_slow_reader_loses_the_newest)
{
    options.udp_receive_buffer = 10 * (100 + udp::receive_queue::overhead);
    start(), introduce();
    const socket_id s = bound(address_v4::any(), 7);
    for (int i = 0; i < 15; ++i) from_peer(5000, 7, std::string(100, static_cast<char>('a' + i)));
    EXPECT_EQ(drops(drop_reason::udp_queue_full), 5U);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(receive(s)[0], 'a' + i);
    EXPECT_EQ(receive(s), "nothing");
}

TEST_F(udp_host, checksums_are_verified_and_zero_means_none)
{
    const socket_id s = bound(address_v4::any(), 7);
    const auto send_with_checksum = [&](std::optional<std::uint16_t> sum) {
        const wire::ipv4_fields f = header(ip_protocol::udp);
        octets o = flat(udp(f, 5000, 7, "data"));
        if (sum)
            o[6] = static_cast<std::byte>(*sum >> 8), o[7] = static_cast<std::byte>(*sum & 0xff);
        else
            o[7] ^= std::byte{1};
        ip(packet(slice::copy_of(o)), f);
    };
    send_with_checksum(std::nullopt);
    EXPECT_EQ(receive(s), "nothing");
    EXPECT_EQ(drops(drop_reason::udp_bad_checksum), 1U);
    send_with_checksum(0);
    EXPECT_EQ(receive(s), "data");
    EXPECT_TRUE(silent()); // no port unreachable: the addresses of a corrupted datagram cannot be trusted
}

TEST_F(udp_host, lengths_that_are_wrong_are_dropped)
{
    bound(address_v4::any(), 7);
    for (const unsigned length : {0U, 7U, 13U, 0xffffU}) {
        const wire::ipv4_fields f = header(ip_protocol::udp);
        octets o = flat(udp(f, 5000, 7, "data"));
        o[4] = static_cast<std::byte>(length >> 8), o[5] = static_cast<std::byte>(length & 0xff);
        o[6] = o[7] = std::byte{0};
        ip(packet(slice::copy_of(o)), f);
    }
    EXPECT_EQ(drops(drop_reason::udp_bad_length), 4U);
    EXPECT_TRUE(silent());
}

TEST_F(udp_host, only_the_peer_reaches_a_connected_socket)
{
    const socket_id s = open();
    ASSERT_FALSE(h->udp().connect(s, {theirs, 2000}, now));
    const auto local = *h->udp().local_endpoint(s);
    EXPECT_EQ(local.address, address(ours));
    EXPECT_NE(local.port, 0);
    from_peer(2001, local.port, "stranger");
    const auto e = next();
    ASSERT_TRUE(e && e->icmp); // a port unreachable: the datagram did not come from the connected peer
    from_peer(2000, local.port, "friend");
    EXPECT_EQ(receive(s), "friend");
}

TEST_F(udp_host, ports_are_one_users_each)
{
    bound(address_v4::any(), 7);
    EXPECT_EQ(h->udp().bind(open(), {ours, 7}), errno_code(EADDRINUSE));
    EXPECT_EQ(h->udp().bind(open(), {at("192.0.2.3"), 8}), errno_code(EADDRNOTAVAIL));
    const socket_id s = bound(ours, 9);
    EXPECT_EQ(h->udp().bind(s, {ours, 10}), errno_code(EINVAL));
    h->udp().close(s, now);
    bound(ours, 9);
    EXPECT_EQ(h->udp().send(s, {}, nullptr, now).error(), errno_code(EBADF)); // a stale handle
}

TEST_F(udp_host, ephemeral_ports_are_spread_and_run_out)
{
    std::set<std::uint16_t> ports;
    bool rising = true;
    std::uint16_t last = 0;
    for (int i = 0; i < 60999 - 32768 + 1; ++i) {
        const socket_id s = bound(address_v4::any(), 0);
        const std::uint16_t port = h->udp().local_endpoint(s)->port;
        EXPECT_GE(port, 32768);
        EXPECT_LE(port, 60999);
        if (i < 20) rising = rising && port > std::exchange(last, port);
        ports.insert(port);
    }
    EXPECT_EQ(ports.size(), 60999U - 32768 + 1);
    EXPECT_FALSE(rising); // RFC 6056: ports are not predictable
    EXPECT_EQ(h->udp().bind(open(), {address_v4::any(), 0}), errno_code(EADDRINUSE));
}

TEST_F(udp_host, sending_says_what_is_wrong)
{
    const socket_id s = open();
    EXPECT_EQ(send(s, "x"), errno_code(EDESTADDRREQ));
    EXPECT_EQ(send(s, "x", endpoint{address_v4::broadcast(), 9}), errno_code(EACCES));
    EXPECT_EQ(send(s, "x", endpoint{at("203.0.113.1"), 9}), errno_code(ENETUNREACH));
    EXPECT_EQ(send(s, "x", endpoint{theirs, 0}), errno_code(EINVAL));
    EXPECT_EQ(send(s, std::string(65508, 'x'), endpoint{theirs, 9}), errno_code(EMSGSIZE));
    EXPECT_FALSE(send(s, std::string(1472, 'x'), endpoint{theirs, 9}));
    const auto f = next();
    ASSERT_TRUE(f && f->ip);
    EXPECT_EQ(f->ip->total_length, 1500);
}

TEST_F(udp_host, shutdown_ends_both_directions)
{
    const socket_id s = open();
    EXPECT_EQ(h->udp().shutdown(s, shutdown_type::both, now), errno_code(ENOTCONN));
    ASSERT_FALSE(h->udp().connect(s, {theirs, 2000}, now));
    EXPECT_FALSE(h->udp().shutdown(s, shutdown_type::both, now));
    EXPECT_EQ(send(s, "x"), errno_code(EPIPE));
    EXPECT_EQ(receive(s), "nothing"); // not the end of the stream, as on Linux: only a blocking receive would return 0
    EXPECT_TRUE(h->udp().is_receive_shut(s));
}

TEST_F(udp_host, two_interfaces_and_the_source_fits_the_way)
{
    device_info second;
    second.link = link_type::ip;
    ASSERT_EQ(h->add_interface(second), 2U);
    ASSERT_FALSE(h->add_address(2, at("198.51.100.1"), 24, now));
    const socket_id s = open();
    EXPECT_FALSE(send(s, "there", endpoint{at("198.51.100.2"), 9}));
    packet p;
    ASSERT_TRUE(h->next_packet(2, p, now));
    p.pull(20);
    EXPECT_EQ(wire::parse_ipv4(p.front(), p.size())->source, at("198.51.100.1"));
    EXPECT_FALSE(send(s, "here", endpoint{theirs, 9}));
    EXPECT_EQ(next()->ip->source, ours);
}

TEST_F(udp_host, to_ourselves_it_never_leaves)
{
    const socket_id s = bound(address_v4::any(), 7);
    const socket_id c = open();
    EXPECT_FALSE(send(c, "a", endpoint{address_v4::loopback(), 7}));
    EXPECT_FALSE(send(c, "b", endpoint{ours, 7}));
    EXPECT_TRUE(silent());
    EXPECT_EQ(receive(s), "a");
    EXPECT_EQ(sender.address, address(address_v4::loopback()));
    EXPECT_EQ(receive(s), "b");
    EXPECT_EQ(sender.address, address(ours));
}

TEST_F(udp_host, with_reuse_port_senders_are_spread_and_each_keeps_its_socket)
{
    std::vector<socket_id> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(open());
        ASSERT_FALSE(h->udp().set_option(all.back(), socket_option::reuse_port, 1, now));
        ASSERT_FALSE(h->udp().bind(all.back(), {address_v4::any(), 7}));
    }
    const auto who = [&](std::uint16_t port) {
        from_peer(port, 7, "x");
        for (std::size_t i = 0; i < all.size(); ++i)
            if (receive(all[i]) == "x") return i;
        return std::size_t{99};
    };
    std::array<unsigned, 4> share{};
    for (std::uint16_t port = 1000; port < 2000; ++port) {
        const std::size_t first = who(port);
        ASSERT_LT(first, 4U);
        EXPECT_EQ(who(port), first);
        ++share[first];
    }
    for (const unsigned n : share) EXPECT_NEAR(n, 250, 60);
}

} // namespace
} // namespace tapio::core::udp_test
