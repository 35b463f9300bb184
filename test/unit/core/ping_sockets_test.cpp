// ICMP datagram sockets, as Linux's with SOCK_DGRAM and IPPROTO_ICMP.
#include "raw_host.hpp"
#include "support/told_owner.hpp"
#include "wire/icmpv6.hpp"

namespace tapio::core::ping_sockets_test {
namespace {

class ping_sockets_of_a_host : public raw_host
{
protected:
    ping_sockets_of_a_host() { introduce(); }

    socket_id open(family f = family::v4) { return *h->ping().open(f, f == family::v4 ? 1 : 58); }
    socket_id bound(std::uint16_t identifier)
    {
        const socket_id id = open();
        EXPECT_FALSE(h->ping().bind(id, {address_v4::any(), identifier}));
        return id;
    }
    static octets request(std::uint16_t sequence, const std::string& data, unsigned type = 8, unsigned code = 0)
    {
        octets m;
        for (const unsigned o : {type, code, 0U, 0U, 0xeeU, 0xeeU, sequence / 256U, sequence % 256U})
            m.push_back(static_cast<std::byte>(o));
        for (const char c : data) m.push_back(static_cast<std::byte>(c));
        return m;
    }
    error_code send(socket_id id, const octets& m, const std::optional<endpoint>& to = {}, const send_hints& hints = {})
    {
        const std::array<const_bytes, 1> list{m};
        const auto sent = h->ping().send(id, list, to ? &*to : nullptr, now, hints);
        return sent ? error_code() : sent.error();
    }
    void reply(std::uint16_t identifier, std::uint16_t sequence, const std::string& data,
               wire::icmpv4_type type = wire::icmpv4_type::echo_reply)
    {
        const std::uint32_t rest = std::uint32_t{identifier} << 16 | sequence;
        octets payload;
        for (const char c : data) payload.push_back(static_cast<std::byte>(c));
        ip(icmp(type, 0, rest, payload), header(wire::ip_protocol::icmp));
    }
    std::string receive(socket_id id)
    {
        octets memory(2000);
        const std::array<mutable_bytes, 1> into{memory};
        const auto got = h->ping().receive(id, into, {}, &about, now);
        if (!got) return got.error() == errno_code(EAGAIN) ? "nothing" : got.error().message();
        EXPECT_EQ(memory[0], std::byte{0}) << "from the ICMP header on";
        return std::string(reinterpret_cast<const char*>(memory.data()), *got).substr(8);
    }
    std::uint16_t identifier_of(socket_id id) { return h->ping().local_endpoint(id)->port; }

    const endpoint peer{theirs, 0};
    received_message about;
};

TEST_F(ping_sockets_of_a_host, are_opened_for_their_familys_protocol)
{
    EXPECT_EQ(h->ping().open(family::v4, 58).error(), errno_code(EPROTONOSUPPORT));
    EXPECT_EQ(h->ping().open(family::v6, 1).error(), errno_code(EPROTONOSUPPORT));
    EXPECT_EQ(*h->ping().get_option(open(), socket_option::protocol), 1);
    EXPECT_EQ(*h->ping().get_option(open(family::v6), socket_option::protocol), 58);
}

TEST_F(ping_sockets_of_a_host, identifier_and_checksum_are_the_stacks)
{
    const socket_id s = open();
    EXPECT_FALSE(send(s, request(7, "data"), peer));
    const auto f = next();
    ASSERT_TRUE(f && f->icmp) << "parse_icmpv4() verified the checksum";
    EXPECT_EQ(f->icmp->type, wire::icmpv4_type::echo_request);
    EXPECT_EQ(f->icmp->rest >> 16, identifier_of(s));
    EXPECT_NE(identifier_of(s), 0);
    EXPECT_EQ(f->icmp->rest & 0xffff, 7U);
    EXPECT_EQ(f->payload.size(), 4U);
    EXPECT_EQ(f->ip->destination, theirs);
}

TEST_F(ping_sockets_of_a_host, receive_replies_with_their_identifier_alone)
{
    const socket_id one = bound(10), two = bound(20);
    told_owner owner;
    h->ping().set_owner(two, &owner);
    reply(20, 1, "for two");
    EXPECT_EQ(receive(two), "for two");
    EXPECT_EQ(about.sender, peer);
    EXPECT_EQ(about.ttl, 64);
    EXPECT_EQ(receive(one), "nothing");
    h->dispatch_events(now);
    EXPECT_TRUE(any(owner.told & readiness::readable));
    reply(30, 1, "for nobody");
    reply(10, 1, "a request", wire::icmpv4_type::echo_request);
    EXPECT_EQ(receive(one), "nothing");
    EXPECT_EQ(receive(two), "nothing");
}

TEST_F(ping_sockets_of_a_host, a_reply_with_a_wrong_checksum_is_dropped)
{
    const socket_id s = bound(10);
    packet p = icmp(wire::icmpv4_type::echo_reply, 0, 10U << 16, octets(4));
    octets damaged = flat(p);
    damaged.back() = std::byte{1};
    ip(packet(slice::copy_of(damaged)), header(wire::ip_protocol::icmp));
    EXPECT_EQ(receive(s), "nothing");
    EXPECT_EQ(drops(drop_reason::icmp_bad_checksum), 1U);
    ip(packet(slice::copy_of(octets(7))), header(wire::ip_protocol::icmp));
    EXPECT_EQ(receive(s), "nothing");
}

TEST_F(ping_sockets_of_a_host, send_echo_requests_only)
{
    const socket_id s = open();
    for (const unsigned type : {0U, 3U, 5U, 11U, 13U, 128U})
        EXPECT_EQ(send(s, request(1, "", type), peer), errno_code(EINVAL)) << type;
    EXPECT_EQ(send(s, request(1, "", 8, 1), peer), errno_code(EINVAL));
    octets shorter = request(1, "");
    shorter.pop_back();
    EXPECT_EQ(send(s, shorter, peer), errno_code(EINVAL));
    EXPECT_EQ(send(s, octets(), peer), errno_code(EINVAL));
    EXPECT_EQ(send(s, octets(65536), peer), errno_code(EMSGSIZE));
    EXPECT_EQ(send(s, request(1, "")), errno_code(EDESTADDRREQ));
    send_hints urgent;
    urgent.out_of_band = true;
    EXPECT_EQ(send(s, request(1, ""), peer, urgent), errno_code(EOPNOTSUPP));
    EXPECT_EQ(send(s, request(1, ""), endpoint{at("192.0.2.255"), 0}), errno_code(EACCES));
    EXPECT_TRUE(silent());
}

TEST_F(ping_sockets_of_a_host, a_header_in_pieces_is_one)
{
    const socket_id s = bound(10);
    const octets m = request(1, "data");
    const const_bytes all(m);
    const std::array<const_bytes, 4> list{all.first(1), all.subspan(1, 6), const_bytes(), all.subspan(7)};
    EXPECT_EQ(*h->ping().send(s, list, &peer, now), m.size());
    EXPECT_EQ(next()->icmp->rest, 10U << 16 | 1);
}

TEST_F(ping_sockets_of_a_host, identifiers_are_local_ports)
{
    const socket_id one = bound(10), two = open();
    EXPECT_FALSE(h->ping().set_option(two, socket_option::reuse_address, 0, now));
    EXPECT_EQ(h->ping().bind(two, {address_v4::any(), 10}), errno_code(EADDRINUSE));
    EXPECT_EQ(h->ping().bind(one, {address_v4::any(), 11}), errno_code(EINVAL)) << "bound already";
    EXPECT_EQ(h->ping().bind(two, {at("203.0.113.1"), 10}), errno_code(EADDRNOTAVAIL));
    EXPECT_EQ(h->ping().bind(two, {at("224.0.0.1"), 11}), errno_code(EADDRNOTAVAIL));
    h->ping().close(one, now);
    EXPECT_FALSE(h->ping().bind(two, {ours, 10}));
    EXPECT_EQ(*h->ping().local_endpoint(two), (endpoint{ours, 10}));
    const socket_id shared = open(), sharing = open(); // SO_REUSEADDR is on at first
    EXPECT_FALSE(h->ping().bind(shared, {address_v4::any(), 12}));
    EXPECT_FALSE(h->ping().bind(sharing, {address_v4::any(), 12}));
    reply(12, 1, "x");
    EXPECT_EQ(receive(shared), "nothing");
    EXPECT_EQ(receive(sharing), "x") << "which bound it last";
}

TEST_F(ping_sockets_of_a_host, all_identifiers_can_be_in_use)
{
    std::vector<socket_id> all;
    for (unsigned n = 0; n < 65535; ++n) {
        all.push_back(open());
        ASSERT_FALSE(h->ping().bind(all.back(), {address_v4::any(), 0}));
    }
    EXPECT_EQ(send(open(), request(1, ""), peer), errno_code(EADDRINUSE));
    h->ping().close(all[777], now);
    EXPECT_FALSE(send(open(), request(1, ""), peer));
}

TEST_F(ping_sockets_of_a_host, a_connected_socket_needs_no_destination_and_hears_others)
{
    const socket_id s = bound(10);
    EXPECT_FALSE(h->ping().connect(s, peer, now));
    EXPECT_FALSE(send(s, request(1, "")));
    EXPECT_EQ(next()->ip->destination, theirs);
    auto f = header(wire::ip_protocol::icmp);
    f.source = at("192.0.2.9");
    ip(icmp(wire::icmpv4_type::echo_reply, 0, 10U << 16, {}), f);
    EXPECT_EQ(receive(s), "");
    EXPECT_EQ(about.sender.address, address(f.source));
}

TEST_F(ping_sockets_of_a_host, errors_about_requests_reach_the_error_queue)
{
    const socket_id s = bound(10), other = bound(20);
    EXPECT_FALSE(h->ping().set_option(s, socket_option::receive_errors, 1, now));
    EXPECT_FALSE(send(s, request(1, "data"), endpoint{theirs, 0}));
    packet quoted;
    h->advance(now);
    ASSERT_TRUE(h->next_packet(1, quoted, now));
    quoted.consume(14);
    ip(icmp(wire::icmpv4_type::time_exceeded, 0, 0, flat(quoted)), header(wire::ip_protocol::icmp));
    EXPECT_EQ(receive(s), errno_code(EHOSTUNREACH).message());
    const auto told = h->ping().take_error_message(s);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->peer, peer);
    EXPECT_EQ(told->type, 11);
    EXPECT_EQ(told->offender, address(theirs));
    EXPECT_EQ(told->payload.size(), 12U) << "the request from its ICMP header on";
    EXPECT_EQ(receive(other), "nothing");
    EXPECT_EQ(receive(s), "nothing");
}

TEST_F(ping_sockets_of_a_host, options_shape_the_packet)
{
    const socket_id s = bound(10);
    EXPECT_FALSE(h->ping().set_option(s, socket_option::ttl, 3, now));
    EXPECT_FALSE(h->ping().set_option(s, socket_option::tos, 8, now));
    EXPECT_FALSE(send(s, request(1, ""), peer));
    const auto f = next();
    EXPECT_EQ(f->ip->ttl, 3);
    EXPECT_EQ(f->ip->tos, 8);
    EXPECT_FALSE(h->ping().set_option(s, socket_option::mtu_discover, 2, now));
    EXPECT_EQ(send(s, request(1, std::string(1473, 'x')), peer), errno_code(EMSGSIZE));
    EXPECT_FALSE(send(s, request(1, std::string(1472, 'x')), peer));
}

TEST_F(ping_sockets_of_a_host, a_group_may_answer_several_times)
{
    const socket_id s = bound(10);
    EXPECT_FALSE(send(s, request(1, ""), endpoint{at("224.0.0.1"), 0}));
    EXPECT_EQ(next()->ip->ttl, 1);
    for (const char* const from : {"192.0.2.8", "192.0.2.9"}) {
        auto f = header(wire::ip_protocol::icmp);
        f.source = at(from);
        ip(icmp(wire::icmpv4_type::echo_reply, 0, 10U << 16 | 1, {}), f);
        EXPECT_EQ(receive(s), "");
        EXPECT_EQ(about.sender.address, address(f.source));
    }
}

TEST_F(ping_sockets_of_a_host, over_ipv6_the_loopback_answers)
{
    const socket_id s = open(family::v6);
    const endpoint self{address_v6::loopback(), 0};
    EXPECT_EQ(send(s, request(1, "data", 8), self), errno_code(EINVAL)) << "of IPv4";
    EXPECT_FALSE(send(s, request(1, "data", 128), self));
    h->advance(now);
    octets memory(100);
    const std::array<mutable_bytes, 1> into{memory};
    ASSERT_EQ(*h->ping().receive(s, into, {}, &about, now), 12U);
    EXPECT_EQ(memory[0], std::byte{129});
    EXPECT_EQ(about.sender, self);
    EXPECT_EQ(send(s, request(1, "data", 128), peer), errno_code(EINVAL)) << "an IPv4 address";
    EXPECT_EQ(h->ping().connect(s, peer, now), errno_code(EAFNOSUPPORT));
}

TEST_F(ping_sockets_of_a_host, a_filter_sees_the_message)
{
    const socket_id s = bound(10);
    std::size_t seen = 0;
    const packet_predicate longer = [&](std::span<const std::byte> m) { return seen = m.size(), m.size() > 8; };
    EXPECT_FALSE(h->ping().attach_filter(s, std::make_unique<packet_filter>(longer)));
    reply(10, 1, "");
    EXPECT_EQ(seen, 8U);
    EXPECT_EQ(receive(s), "nothing");
    reply(10, 2, "x");
    EXPECT_EQ(receive(s), "x");
}

} // namespace
} // namespace tapio::core::ping_sockets_test
