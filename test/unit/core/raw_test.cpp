// Raw sockets, as described in Linux's raw(7).
#include "raw_host.hpp"
#include "support/told_owner.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"

namespace tapio::core {
namespace {

constexpr int some_protocol = 253; // RFC 3692: reserved for experiments

class raw_sockets_of_a_host : public raw_host
{
protected:
    raw_sockets_of_a_host() { introduce(); }

    socket_id open(int protocol = some_protocol) { return *h->raw().open(family::v4, protocol); }
    void from_peer(const std::string& data, int protocol = some_protocol)
    {
        ip(packet(slice::copy_of(bytes_of(data))), header(static_cast<ip_protocol>(protocol)));
    }
    /// The payload after the IP header.
    std::string receive(socket_id id)
    {
        octets memory(100);
        const std::array<mutable_bytes, 1> into{memory};
        const auto got = h->raw().receive(id, into, {}, &about, now);
        if (!got) return got.error() == errno_code(EAGAIN) ? "nothing" : got.error().message();
        return std::string(reinterpret_cast<const char*>(memory.data()), *got).substr(sizeof(wire::ipv4_header));
    }
    error_code send(socket_id id, const std::string& data, const std::optional<endpoint>& to, const send_hints& hints = {})
    {
        const std::array<const_bytes, 1> list{bytes_of(data)};
        const auto sent = h->raw().send(id, list, to ? &*to : nullptr, now, hints);
        return sent ? error_code{} : sent.error();
    }
    std::string sent()
    {
        const auto f = next();
        if (!f || !f->ip || static_cast<int>(f->ip->protocol) != some_protocol) return "nothing";
        return std::string(reinterpret_cast<const char*>(f->payload.data()), f->payload.size());
    }

    const endpoint peer{theirs, 0};
    received_message about;
};

TEST_F(raw_sockets_of_a_host, are_opened_for_a_protocol)
{
    for (const int none : {-1, 0, 256}) EXPECT_EQ(h->raw().open(family::v4, none).error(), errno_code(EPROTONOSUPPORT));
    EXPECT_EQ(*h->raw().get_option(open(), socket_option::protocol), some_protocol);
}

TEST_F(raw_sockets_of_a_host, each_gets_a_copy_of_its_protocol_with_the_ip_header)
{
    const socket_id one = open(), two = open(), other = open(254);
    told_owner owner;
    h->raw().set_owner(two, &owner);
    from_peer("to all");
    EXPECT_EQ(receive(one), "to all");
    EXPECT_EQ(about.sender, (endpoint{theirs, 0}));
    EXPECT_EQ(about.full_size, sizeof(wire::ipv4_header) + 6);
    EXPECT_EQ(about.interface, 1U);
    EXPECT_EQ(about.destination, ours);
    EXPECT_EQ(receive(two), "to all");
    EXPECT_EQ(receive(other), "nothing");
    EXPECT_TRUE(h->dispatch_events(now));
    EXPECT_EQ(owner.told, readiness::readable);
    EXPECT_TRUE(silent()) << "no protocol unreachable: a raw socket received the packet";
}

TEST_F(raw_sockets_of_a_host, that_are_closed_leave_the_protocol_unknown)
{
    const socket_id s = open();
    h->raw().close(s, now);
    from_peer("to nobody");
    EXPECT_EQ(drops(drop_reason::ipv4_unknown_protocol), 1U);
    EXPECT_EQ(receive(s), errno_code(EBADF).message());
}

TEST_F(raw_sockets_of_a_host, hear_the_address_that_they_are_bound_to_and_bind_again)
{
    ASSERT_FALSE(h->add_address(1, at("192.0.2.7"), 24, now));
    drain();
    const socket_id s = open();
    EXPECT_FALSE(h->raw().bind(s, {at("192.0.2.7"), 99}));
    from_peer("to another");
    EXPECT_EQ(receive(s), "nothing");
    EXPECT_FALSE(h->raw().bind(s, {ours, 99}));
    from_peer("to this");
    EXPECT_EQ(receive(s), "to this");
    EXPECT_EQ(*h->raw().local_endpoint(s), (endpoint{ours, some_protocol})) << "the port of a raw endpoint is the protocol";
    EXPECT_EQ(h->raw().bind(s, {at("203.0.113.1"), 0}), errno_code(EADDRNOTAVAIL));
}

TEST_F(raw_sockets_of_a_host, that_are_connected_hear_the_peer_alone)
{
    const socket_id s = open();
    ASSERT_FALSE(h->raw().connect(s, {at("192.0.2.3"), 0}, now));
    from_peer("from another");
    EXPECT_EQ(receive(s), "nothing");
    ASSERT_FALSE(h->raw().connect(s, peer, now));
    from_peer("from the peer");
    EXPECT_EQ(receive(s), "from the peer");
    drain(); // the protocol unreachable sent for the first packet
    EXPECT_FALSE(send(s, "back", std::nullopt));
    EXPECT_EQ(sent(), "back");
}

TEST_F(raw_sockets_of_a_host, what_is_sent_follows_the_ip_header)
{
    const socket_id s = open();
    EXPECT_FALSE(send(s, "payload", peer));
    EXPECT_EQ(sent(), "payload");
    EXPECT_EQ(send(s, "x", std::nullopt), errno_code(EDESTADDRREQ));
    EXPECT_EQ(send(s, std::string(65516, 'x'), peer), errno_code(EMSGSIZE));
    EXPECT_FALSE(send(s, std::string(1480, 'x'), peer));
}

TEST_F(raw_sockets_of_a_host, with_more_pieces_become_one)
{
    const socket_id s = open();
    send_hints more;
    more.more = true;
    EXPECT_FALSE(send(s, "one ", peer, more));
    EXPECT_TRUE(silent());
    EXPECT_FALSE(send(s, "packet", peer));
    EXPECT_EQ(sent(), "one packet");
}

TEST_F(raw_sockets_of_a_host, may_send_when_they_have_been_shut_down)
{
    const socket_id s = open();
    ASSERT_FALSE(h->raw().connect(s, peer, now));
    EXPECT_FALSE(h->raw().shutdown(s, shutdown_type::both, now));
    EXPECT_TRUE(h->raw().is_receive_shut(s));
    EXPECT_FALSE(send(s, "still", std::nullopt));
    EXPECT_EQ(sent(), "still");
}

TEST_F(raw_sockets_of_a_host, have_no_options_of_udp)
{
    const socket_id s = open();
    for (const auto option : {socket_option::segment_size, socket_option::datagram_cork}) {
        EXPECT_EQ(h->raw().set_option(s, option, 1, now), errno_code(ENOPROTOOPT));
        EXPECT_EQ(h->raw().get_option(s, option).error(), errno_code(ENOPROTOOPT));
    }
    EXPECT_EQ(*h->raw().get_option(s, socket_option::reuse_address), 1);
}

TEST_F(raw_sockets_of_a_host, with_the_header_included_the_stack_completes_it)
{
    const socket_id s = open();
    EXPECT_EQ(*h->raw().get_option(s, socket_option::header_included), 0);
    EXPECT_FALSE(h->raw().set_option(s, socket_option::header_included, 1, now));
    EXPECT_EQ(*h->raw().get_option(open(255), socket_option::header_included), 1) << "IPPROTO_RAW";
    packet p(slice::copy_of(bytes_of("data")));
    wire::ipv4_fields f;
    f.protocol = static_cast<ip_protocol>(some_protocol);
    f.destination = at("203.0.113.9"); // the route follows the endpoint, not the header
    f.ttl = 3;
    wire::push_ipv4(p, f);
    octets written = flat(p);
    written[2] = written[10] = std::byte{0x77}; // total length, checksum
    const auto text = [](const octets& o) { return std::string(reinterpret_cast<const char*>(o.data()), o.size()); };
    EXPECT_FALSE(send(s, text(written), peer));
    const auto out = next();
    ASSERT_TRUE(out && out->ip) << "length and checksum are right";
    EXPECT_EQ(out->ip->source, ours) << "it was 0.0.0.0";
    EXPECT_EQ(out->ip->destination, f.destination);
    EXPECT_EQ(out->ip->ttl, 3);
    EXPECT_NE(out->ip->identification, 0);
    EXPECT_EQ(out->link.destination, their_mac);

    f.source = at("198.51.100.1");
    f.identification = 77;
    packet spoofed(slice::copy_of(bytes_of("data")));
    wire::push_ipv4(spoofed, f);
    EXPECT_FALSE(send(s, text(flat(spoofed)), peer));
    const auto as_written = next();
    ASSERT_TRUE(as_written && as_written->ip);
    EXPECT_EQ(as_written->ip->source, f.source);
    EXPECT_EQ(as_written->ip->identification, 77);

    EXPECT_EQ(send(s, std::string(19, 'E'), peer), errno_code(EINVAL));
    EXPECT_EQ(send(s, std::string(20, 'F'), peer), errno_code(EINVAL)) << "options beyond the packet";
    EXPECT_EQ(send(s, std::string(1501, 'E'), peer), errno_code(EMSGSIZE)) << "never fragmented";
    EXPECT_TRUE(silent());
}

TEST_F(raw_sockets_of_a_host, of_ipv6_an_included_header_is_sent_as_it_is)
{
    const socket_id s = *h->raw().open(family::v6, some_protocol);
    EXPECT_FALSE(h->raw().set_option(s, socket_option::header_included, 1, now));
    std::string m(44, 'x');
    m[0] = 0x60;
    const std::array<const_bytes, 1> list{bytes_of(m)};
    const endpoint self{address_v6::loopback(), 0};
    EXPECT_EQ(*h->raw().send(s, list, &self, now), 44U);
    packet p;
    const std::array<const_bytes, 1> shorter{bytes_of(m).first(39)};
    EXPECT_EQ(h->raw().send(s, shorter, &self, now).error(), errno_code(EINVAL));
}

// -- IPv6 (RFC 3542 §3) -----------------------------------------------------------------------------------------------------

class raw_sockets_of_v6 : public raw_host
{
protected:
    raw_sockets_of_v6()
    {
        EXPECT_FALSE(h->add_address(1, ours6, 64, now));
        for (int i = 0; i < 30; ++i, now += 100ms) drain(); // duplicate address detection
    }
    void from_peer(packet p, ip_protocol protocol)
    {
        const flow_key flow({theirs6, 0}, {ours6, 0}, protocol);
        wire::push_ipv6(p, {protocol, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(p), wire::ether_type::ipv6);
    }
    void icmp_from_peer(unsigned type, const std::string& data)
    {
        packet p(slice::copy_of(bytes_of(data)));
        wire::push_icmpv6(p, wire::icmpv6_type{static_cast<std::uint8_t>(type)}, 0, 0,
                          flow_key({theirs6, 0}, {ours6, 0}, ip_protocol::icmpv6));
        from_peer(std::move(p), ip_protocol::icmpv6);
    }
    std::string receive(socket_id id)
    {
        octets memory(2000);
        const std::array<mutable_bytes, 1> into{memory};
        const auto got = h->raw().receive(id, into, {}, nullptr, now);
        return got ? std::string(reinterpret_cast<const char*>(memory.data()), *got) : "nothing";
    }
    std::size_t count(socket_id id)
    {
        std::size_t n = 0;
        while (receive(id) != "nothing") ++n;
        return n;
    }
    error_code send_to_self(socket_id id, const std::string& data)
    {
        const std::array<const_bytes, 1> list{bytes_of(data)};
        const endpoint self{ours6, 0};
        const auto sent = h->raw().send(id, list, &self, now);
        for (int i = 0; i < 3; ++i) h->advance(now);
        return sent ? error_code() : sent.error();
    }
    socket_id open(int protocol, int checksum_at = -1)
    {
        const socket_id id = *h->raw().open(family::v6, protocol);
        EXPECT_FALSE(h->raw().set_option(id, socket_option::checksum_offset, checksum_at, now));
        return id;
    }

    const address_v6 ours6 = at6("2001:db8::1"), theirs6 = at6("2001:db8::2");
};

TEST_F(raw_sockets_of_v6, fill_in_and_check_the_checksum_that_they_have_named) // §3.1
{
    const socket_id writes = open(some_protocol, 2), checks = open(some_protocol, 6), takes_all = open(some_protocol);
    const auto expect = [&](const std::string& data, std::size_t checked) {
        EXPECT_EQ(count(takes_all), 1U) << data;
        EXPECT_EQ(count(checks), checked) << data;
        EXPECT_EQ(count(writes), checked) << data;
    };
    EXPECT_FALSE(send_to_self(writes, "abXXcdef"));
    expect("even", 1);
    EXPECT_FALSE(send_to_self(writes, "abXXcdefg"));
    expect("odd", 1);
    EXPECT_FALSE(send_to_self(takes_all, "abXXcdef"));
    expect("wrong", 0);
    EXPECT_EQ(*h->raw().drops(checks), 1U);
    EXPECT_EQ(*h->raw().drops(takes_all), 0U);
    EXPECT_EQ(send_to_self(writes, "abX"), errno_code(EINVAL)) << "no room for it";
    EXPECT_EQ(h->raw().set_option(writes, socket_option::checksum_offset, 3, now), errno_code(EINVAL));
    EXPECT_EQ(*h->raw().get_option(writes, socket_option::checksum_offset), 2);
}

TEST_F(raw_sockets_of_v6, check_packets_in_several_pieces)
{
    const socket_id writes = open(some_protocol, 0), checks = open(some_protocol, 0);
    EXPECT_FALSE(send_to_self(writes, std::string(70'000 - 5000, 'x')));
    EXPECT_EQ(receive(checks).size(), 2000U);
    const flow_key flow({theirs6, 0}, {ours6, 0}, static_cast<ip_protocol>(some_protocol));
    const std::string front("\0\0front", 7), back("-and back");
    checksum_accumulator sum = flow.pseudo_header(front.size() + back.size());
    sum.add(bytes_of(front + back));
    std::string right = front;
    wire::store_16(reinterpret_cast<std::byte*>(right.data()), sum.checksum());
    for (const bool is_right : {true, false}) {
        packet p(slice::copy_of(bytes_of(is_right ? right : front)));
        p.append(slice::copy_of(bytes_of(back)));
        from_peer(std::move(p), static_cast<ip_protocol>(some_protocol));
        EXPECT_EQ(count(checks), is_right ? 1U : 0U);
    }
}

TEST_F(raw_sockets_of_v6, of_icmpv6_may_be_told_to_take_what_the_stack_drops)
{
    const socket_id checks = open(58, 2), takes_all = open(58);
    packet p(slice::copy_of(bytes_of(std::string("\xc8\0XXdata", 8))));
    from_peer(std::move(p), ip_protocol::icmpv6);
    EXPECT_EQ(count(takes_all), 1U);
    EXPECT_EQ(count(checks), 0U);
    EXPECT_EQ(h->counters().icmp6.in_errors, 1U);
}

TEST_F(raw_sockets_of_v6, receive_the_types_that_are_not_blocked) // §3.2
{
    const socket_id s = open(58, 2), all = open(58, 2);
    EXPECT_EQ(*h->raw().blocked(s), icmp_types{}) << "all pass at first";
    icmp_types blocked;
    blocked.fill(~std::uint32_t{0});
    blocked[4] &= ~(std::uint32_t{1} << 1);  // 129
    blocked[7] &= ~(std::uint32_t{1} << 31); // 255
    EXPECT_FALSE(h->raw().set_blocked(s, blocked));
    for (const unsigned type : {0U, 1U, 31U, 32U, 128U, 130U, 135U, 136U, 254U}) icmp_from_peer(type, "body of the message");
    EXPECT_EQ(count(s), 0U);
    EXPECT_EQ(count(all), 9U) << "Neighbour Discovery and MLD, too";
    icmp_from_peer(129, "reply"), icmp_from_peer(255, "last");
    EXPECT_EQ(count(s), 2U);
    const socket_id other = open(some_protocol);
    EXPECT_EQ(h->raw().set_blocked(other, blocked), errno_code(EOPNOTSUPP));
    EXPECT_EQ(h->raw().blocked(other).error(), errno_code(EOPNOTSUPP));
    h->raw().close(s, now);
    EXPECT_EQ(h->raw().set_blocked(s, blocked), errno_code(EBADF));
}

} // namespace
} // namespace tapio::core
