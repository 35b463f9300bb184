// Raw sockets, as described in Linux's raw(7).
#include "raw_host.hpp"
#include "support/told_owner.hpp"

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

} // namespace
} // namespace tapio::core
