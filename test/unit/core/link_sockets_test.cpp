// Raw Ethernet sockets of a host, as packet(7) describes AF_PACKET with SOCK_RAW.
#include "raw_host.hpp"
#include "support/told_owner.hpp"
#include "wire/tcp.hpp"

#include <tapio/core/link_endpoint.hpp>

#include <memory>

namespace tapio::core::link_sockets_test {
namespace {

constexpr int arp_type = 0x0806, ipv4 = 0x0800, all_types = 3, experimental = 0x88b5; // the last: IEEE 802, for local experiments

class link_sockets_of_a_host : public raw_host
{
protected:
    socket_id open(int type = all_types, std::optional<interface_id> on = 1)
    {
        const socket_id id = *h->link().open(family::v4, type);
        EXPECT_FALSE(h->link().bind(id, to_endpoint({on})));
        return id;
    }
    /// A frame with an Ethernet header.
    static octets frame(int type, const std::string& data, const mac_address& to = our_mac, const mac_address& from = their_mac)
    {
        packet p(slice::copy_of(bytes_of(data)));
        wire::push_ethernet(p, to, from, static_cast<wire::ether_type>(type));
        return flat(p);
    }
    static octets tagged(std::uint16_t vlan, int type, const std::string& data)
    {
        packet p(slice::copy_of(bytes_of(data)));
        wire::push_tagged(p, our_mac, their_mac, vlan, static_cast<wire::ether_type>(type));
        return flat(p);
    }
    /// @return the octets; of an error its text
    octets receive(socket_id id, std::size_t room = 70'000)
    {
        octets memory(room);
        const std::array<mutable_bytes, 1> into{memory};
        const auto got = h->link().receive(id, into, {}, &about, now);
        failed = got ? error_code() : got.error();
        memory.resize(got ? *got : 0);
        from = to_link_endpoint(about.sender);
        return memory;
    }
    bool nothing(socket_id id) { return receive(id).empty() && failed == errno_code(EAGAIN); }
    std::size_t count(socket_id id)
    {
        std::size_t n = 0;
        while (receive(id), !failed) ++n;
        return n;
    }
    error_code send(socket_id id, const octets& data, const std::optional<link_endpoint>& to = {})
    {
        const std::array<const_bytes, 1> list{data};
        const endpoint coded = to ? to_endpoint(*to) : endpoint();
        const auto sent = h->link().send(id, list, to ? &coded : nullptr, now);
        return sent ? error_code() : sent.error();
    }
    std::optional<octets> leaves(interface_id by = 1)
    {
        packet p;
        h->advance(now);
        if (!h->next_packet(by, p, now)) return std::nullopt;
        return flat(p);
    }

    received_message about;
    link_endpoint from;
    error_code failed;
};

TEST_F(link_sockets_of_a_host, each_gets_a_copy_of_the_whole_frame)
{
    const socket_id everything = open(), one_type = open(experimental), other_type = open(arp_type);
    told_owner owner;
    h->link().set_owner(one_type, &owner);
    const octets came = frame(experimental, "hello");
    raw(came);
    EXPECT_EQ(receive(everything), came);
    EXPECT_EQ(from, (link_endpoint{1, experimental, their_mac, frame_kind::to_us}));
    EXPECT_EQ(about.interface, 1U);
    EXPECT_EQ(about.received, now);
    EXPECT_EQ(receive(one_type), came);
    EXPECT_TRUE(nothing(other_type));
    h->dispatch_events(now);
    EXPECT_TRUE(any(owner.told & readiness::readable));
    EXPECT_EQ(drops(drop_reason::ethernet_unknown_type), 1U) << "the stack has no use for it, as before";
}

TEST_F(link_sockets_of_a_host, see_padding_that_the_stack_cuts)
{
    const socket_id s = open(ipv4);
    octets padded = frame(ipv4, std::string(60, '\0')); // no valid packet; it is shown nevertheless
    raw(padded);
    EXPECT_EQ(receive(s), padded);
    auto f = header(wire::ip_protocol::udp);
    packet p = udp(f, 7, 9, "x");
    f.total_length = static_cast<std::uint16_t>(p.size() + 20);
    wire::push_ipv4(p, f);
    wire::push_ethernet(p, our_mac, their_mac, wire::ether_type::ipv4);
    octets short_one = flat(p);
    short_one.resize(60);
    raw(short_one);
    EXPECT_EQ(receive(s).size(), 60U);
}

TEST_F(link_sockets_of_a_host, tell_the_kind_of_frame)
{
    const socket_id s = open();
    raw(frame(experimental, "x", mac_address::broadcast()));
    (void)receive(s);
    EXPECT_EQ(from.kind, frame_kind::broadcast);
    raw(frame(experimental, "x", {{1, 0, 0x5e, 0, 0, 9}}));
    (void)receive(s);
    EXPECT_EQ(from.kind, frame_kind::multicast);
    raw(frame(experimental, "x", {{2, 0, 0, 0, 0, 9}}));
    EXPECT_TRUE(nothing(s)) << "to another station";
}

TEST_F(link_sockets_of_a_host, in_promiscuous_mode_frames_to_others_are_seen_and_still_count_as_misdirected)
{
    const socket_id curious = open(), other = open();
    EXPECT_FALSE(h->link().set_promiscuous(curious, true));
    EXPECT_TRUE(h->link().is_promiscuous(curious));
    const octets came = frame(ipv4, "x", {{2, 0, 0, 0, 0, 9}});
    raw(came);
    EXPECT_EQ(receive(curious), came);
    EXPECT_EQ(from.kind, frame_kind::other_host);
    EXPECT_TRUE(nothing(other)) << "it is an option of one socket";
    EXPECT_EQ(drops(drop_reason::ethernet_other_host), 1U);
    EXPECT_FALSE(h->link().set_promiscuous(curious, false));
    raw(came);
    EXPECT_TRUE(nothing(curious));
    EXPECT_EQ(drops(drop_reason::ethernet_other_host), 2U);
    EXPECT_FALSE(h->link().set_promiscuous(curious, false)) << "as on Linux";
}

TEST_F(link_sockets_of_a_host, type_zero_receives_nothing_until_it_is_bound_to_another)
{
    const socket_id s = open(0);
    EXPECT_FALSE(h->net().is_tapped());
    raw(frame(experimental, "x"));
    EXPECT_TRUE(nothing(s));
    EXPECT_FALSE(h->link().bind(s, to_endpoint({1, experimental})));
    EXPECT_TRUE(h->net().is_tapped());
    raw(frame(experimental, "x"));
    EXPECT_EQ(count(s), 1U);
    EXPECT_FALSE(h->link().bind(s, to_endpoint({1, 0})));
    raw(frame(experimental, "x"));
    EXPECT_EQ(count(s), 1U) << "type 0 in bind() means: as before";
    h->link().close(s, now);
    EXPECT_FALSE(h->net().is_tapped()) << "without a socket the interfaces are not tapped";
}

TEST_F(link_sockets_of_a_host, an_ieee_802_3_frame_has_the_type_that_linux_gives_it)
{
    const socket_id s = open();
    raw(frame(4, "\x42\x42\x03 spanning tree"));
    (void)receive(s);
    EXPECT_EQ(from.ether_type, 4) << "802.2 LLC";
    raw(frame(4, "\xff\xff ipx"));
    (void)receive(s);
    EXPECT_EQ(from.ether_type, 1) << "802.3 without LLC";
}

TEST_F(link_sockets_of_a_host, broken_frames)
{
    const socket_id s = open();
    for (std::size_t size = 0; size < 14; ++size) raw(octets(size));
    EXPECT_TRUE(nothing(s)) << "no whole Ethernet header";
    raw(octets(14));
    raw(frame(0x8100, "")); // without the rest of its tag
    raw(frame(experimental, "", our_mac, {{3, 0, 0, 0, 0, 0}}));
    EXPECT_EQ(count(s), 2U) << "the first one is to 00:00:00:00:00:00";
}

TEST_F(link_sockets_of_a_host, a_frame_is_sent_as_it_is)
{
    const socket_id s = open(experimental);
    const octets out = frame(experimental, "hello", their_mac, {{2, 0xaa, 0, 0, 0, 7}});
    EXPECT_FALSE(send(s, out));
    EXPECT_EQ(leaves(), out);
    EXPECT_FALSE(send(s, out, link_endpoint{1}));
    EXPECT_EQ(leaves(), out);
}

TEST_F(link_sockets_of_a_host, sending_fails_as_on_linux)
{
    const socket_id unbound = open(all_types, std::nullopt), s = open();
    const octets good = frame(experimental, "x");
    EXPECT_EQ(send(unbound, good), errno_code(ENXIO));
    EXPECT_EQ(send(unbound, good, link_endpoint{}), errno_code(ENXIO));
    EXPECT_EQ(send(unbound, good, link_endpoint{7}), errno_code(ENXIO));
    EXPECT_EQ(send(s, octets(13)), errno_code(EINVAL));
    EXPECT_FALSE(send(s, octets(14)));
    EXPECT_FALSE(send(s, frame(experimental, std::string(1500, 'x'))));
    EXPECT_EQ(send(s, frame(experimental, std::string(1501, 'x'))), errno_code(EMSGSIZE));
    EXPECT_FALSE(send(s, tagged(5, experimental, std::string(1500, 'x')))) << "a tag is no part of the MTU";
    EXPECT_EQ(send(s, tagged(5, experimental, std::string(1501, 'x'))), errno_code(EMSGSIZE));
    drain();
    h->set_enabled(1, false, now);
    (void)receive(s);
    EXPECT_EQ(failed, errno_code(ENETDOWN));
    EXPECT_EQ(send(s, good), errno_code(ENETDOWN));
    h->set_enabled(1, true, now);
    h->lost(1, errno_code(EIO), now);
    (void)receive(s);
    EXPECT_EQ(send(s, good), errno_code(ENXIO));
    EXPECT_EQ(h->link().bind(s, to_endpoint({1})), errno_code(ENODEV));
    EXPECT_EQ(h->link().bind(s, to_endpoint({7})), errno_code(ENODEV));
}

TEST_F(link_sockets_of_a_host, a_link_without_carrier_loses_frames_without_an_error)
{
    const socket_id s = open();
    const auto before = drops(drop_reason::interface_down);
    h->set_link(1, false, 1500, now);
    EXPECT_FALSE(send(s, frame(experimental, "x")));
    EXPECT_EQ(drops(drop_reason::interface_down), before + 1);
    EXPECT_FALSE(leaves());
    EXPECT_TRUE(nothing(s)) << "not even an error";
}

TEST_F(link_sockets_of_a_host, a_full_transmit_queue_is_an_error)
{
    const socket_id s = open(experimental);
    const octets out = frame(experimental, std::string(1000, 'x'));
    std::size_t queued = 0;
    error_code ec;
    while (!(ec = send(s, out)) && queued < 100'000) ++queued;
    EXPECT_EQ(ec, errno_code(ENOBUFS));
    EXPECT_EQ(drops(drop_reason::transmit_queue_full), 1U);
    std::size_t left = 0;
    while (leaves()) ++left;
    EXPECT_EQ(left, queued);
}

TEST_F(link_sockets_of_a_host, sent_frames_are_seen_by_sockets_of_all_types_other_than_the_sender)
{
    const socket_id sender = open(), all = open(), typed = open(experimental), deaf = open();
    EXPECT_FALSE(h->link().ignore_outgoing(deaf, true));
    const octets out = frame(experimental, "x", their_mac, our_mac);
    EXPECT_FALSE(send(sender, out));
    EXPECT_TRUE(nothing(all)) << "not before it leaves";
    EXPECT_EQ(leaves(), out);
    EXPECT_EQ(receive(all), out);
    EXPECT_EQ(from, (link_endpoint{1, experimental, our_mac, frame_kind::outgoing}));
    for (const socket_id other : {sender, typed, deaf}) EXPECT_TRUE(nothing(other));
    introduce(); // the stack's own frames
    (void)receive(sender);
    EXPECT_EQ(from.kind, frame_kind::broadcast);
    (void)receive(sender);
    EXPECT_EQ(from.kind, frame_kind::outgoing);
    EXPECT_EQ(from.ether_type, arp_type);
}

TEST_F(link_sockets_of_a_host, a_sender_is_known_among_frames_that_were_discarded)
{
    const socket_id one = open(), two = open();
    const octets a = frame(experimental, "a", their_mac, our_mac), b = frame(experimental, "b", their_mac, our_mac);
    EXPECT_FALSE(send(one, a));
    h->set_link(1, false, 1500, now); // discards it
    h->set_link(1, true, 1500, now);
    drain();
    (void)count(one), (void)count(two);
    for (int n = 0; n < 100; ++n) {
        EXPECT_FALSE(send(one, a));
        EXPECT_FALSE(send(two, b));
    }
    while (leaves()) {}
    for (int n = 0; n < 100; ++n) {
        EXPECT_EQ(receive(two), a);
        EXPECT_EQ(receive(one), b);
    }
    EXPECT_TRUE(nothing(one));
    EXPECT_TRUE(nothing(two));
}

/// A frame may have the memory of one that was discarded.
TEST_F(link_sockets_of_a_host, a_frame_that_went_with_its_device_is_not_taken_for_a_later_one)
{
    const socket_id hears = open(), other = open(experimental);
    const octets a = frame(experimental, "a", their_mac, our_mac), b = frame(experimental, "b", their_mac, our_mac);
    const device_info same = h->net().interface(1).info();
    for (int n = 0; n < 10; ++n) {
        EXPECT_FALSE(send(hears, a));
        h->replace_device(1, same, now); // discards it, and the interface stays up
        EXPECT_FALSE(send(other, b));
        while (leaves()) {}
        bool heard = false; // it also hears the ARP announcement of the new device
        for (octets one = receive(hears); !failed; one = receive(hears)) heard = heard || one == b;
        EXPECT_TRUE(heard) << n;
    }
}

TEST_F(link_sockets_of_a_host, the_queue_is_bounded_and_counts_what_it_drops)
{
    const socket_id s = open(experimental), other = open(experimental);
    EXPECT_FALSE(h->link().set_option(s, socket_option::receive_buffer_size, 4000, now));
    for (int n = 0; n < 10; ++n) raw(frame(experimental, std::string(1000, 'x')));
    const auto told = *h->link().take_statistics(s);
    EXPECT_EQ(told.packets, 10U);
    EXPECT_EQ(told.drops, 7U);
    EXPECT_EQ(*h->link().drops(s), 7U);
    EXPECT_EQ(h->link().take_statistics(s)->packets, 0U) << "reading resets it";
    EXPECT_EQ(count(s), 3U);
    EXPECT_EQ(count(other), 10U) << "each has a queue of its own";
    EXPECT_EQ(drops(drop_reason::udp_queue_full), 0U);
}

TEST_F(link_sockets_of_a_host, an_interface_that_goes_down_ends_a_receive_and_the_socket_goes_on_later)
{
    const socket_id bound = open(), everywhere = open(all_types, std::nullopt);
    told_owner owner;
    h->link().set_owner(bound, &owner);
    h->set_link(1, false, 1500, now);
    h->dispatch_events(now);
    EXPECT_FALSE(any(owner.told & readiness::error)) << "a lost carrier is no reason";
    h->set_link(1, true, 1500, now);
    h->set_enabled(1, false, now);
    h->dispatch_events(now);
    EXPECT_TRUE(any(owner.told & readiness::error));
    raw(frame(experimental, "x"));
    (void)receive(bound);
    EXPECT_EQ(failed, errno_code(ENETDOWN));
    EXPECT_TRUE(nothing(bound)) << "once, and a disabled interface receives nothing";
    EXPECT_FALSE(h->link().bind(bound, to_endpoint({1})));
    (void)receive(bound);
    EXPECT_EQ(failed, errno_code(ENETDOWN)) << "binding to it says so again";
    h->set_enabled(1, true, now);
    drain();
    (void)count(everywhere), (void)count(bound);
    raw(frame(experimental, "x"));
    EXPECT_EQ(count(bound), 1U);
    EXPECT_EQ(count(everywhere), 1U);
    h->lost(1, errno_code(ENODEV), now);
    (void)receive(bound);
    EXPECT_EQ(failed, errno_code(ENETDOWN));
    EXPECT_TRUE(nothing(everywhere));
}

TEST_F(link_sockets_of_a_host, names)
{
    const socket_id s = open(arp_type);
    EXPECT_EQ(to_link_endpoint(*h->link().local_endpoint(s)), (link_endpoint{1, arp_type, our_mac}));
    EXPECT_EQ(to_link_endpoint(*h->link().local_endpoint(open(arp_type, std::nullopt))), (link_endpoint{std::nullopt, arp_type}));
    EXPECT_EQ(h->link().remote_endpoint(s).error(), errno_code(EOPNOTSUPP));
    EXPECT_EQ(h->link().connect(s, to_endpoint({1}), now), errno_code(EOPNOTSUPP));
    EXPECT_EQ(h->link().shutdown(s, shutdown_type::both, now), errno_code(EOPNOTSUPP));
    EXPECT_EQ(h->link().listen(s, 1, now), errno_code(EOPNOTSUPP));
    h->link().close(s, now);
    EXPECT_EQ(h->link().local_endpoint(s).error(), errno_code(EBADF));
    EXPECT_EQ(h->link().take_statistics(s).error(), errno_code(EBADF));
}

TEST_F(link_sockets_of_a_host, a_tagged_frame_is_seen_with_its_tag_and_without_it_on_its_vlan)
{
    const interface_id vlan = *h->add_vlan(1, 5);
    const socket_id on_carrier = open(), on_vlan = open(all_types, vlan), by_type = open(experimental, std::nullopt);
    raw(tagged(5, experimental, "x"));
    EXPECT_EQ(receive(on_carrier), tagged(5, experimental, "x"));
    EXPECT_EQ(from.ether_type, 0x8100);
    EXPECT_EQ(receive(on_vlan), frame(experimental, "x"));
    EXPECT_EQ(from, (link_endpoint{vlan, experimental, their_mac}));
    EXPECT_EQ(receive(by_type), frame(experimental, "x"));
    EXPECT_TRUE(nothing(by_type));
    raw(tagged(6, experimental, "x"));
    EXPECT_EQ(count(on_carrier), 1U);
    EXPECT_TRUE(nothing(on_vlan));

    EXPECT_FALSE(send(on_vlan, frame(experimental, "out", their_mac, our_mac)));
    const auto out = leaves();
    ASSERT_TRUE(out);
    EXPECT_EQ(out->size(), 14U + 4 + 3);
    EXPECT_EQ(wire::parse_ethernet(*out)->vlan, 5);
    EXPECT_EQ(receive(on_carrier), *out);
    EXPECT_TRUE(nothing(on_vlan)) << "its own";
}

TEST_F(link_sockets_of_a_host, filters_decide_what_is_received_and_how_much_of_it)
{
    const socket_id s = open();
    // ldh [12]; jeq #0x88b5; ret #16; ret #0
    const std::array<bpf_instruction, 4> program{
        {{0x28, 0, 0, 12}, {0x15, 0, 1, experimental}, {0x06, 0, 0, 16}, {0x06, 0, 0, 0}}};
    EXPECT_FALSE(h->link().attach_filter(s, std::make_unique<packet_filter>(*bpf_program::make(program))));
    raw(frame(experimental, "hello"));
    raw(frame(0x88b6, "hello"));
    EXPECT_EQ(receive(s), frame(experimental, "he"));
    EXPECT_EQ(about.full_size, 16U);
    EXPECT_TRUE(nothing(s));
    EXPECT_EQ(h->link().take_statistics(s)->packets, 1U) << "as on Linux: a refused frame is none of the socket's";
    EXPECT_EQ(*h->link().drops(s), 1U);
    std::size_t seen = 0;
    const auto predicate = [&](std::span<const std::byte> f) { return seen = f.size(), false; };
    EXPECT_FALSE(h->link().attach_filter(s, std::make_unique<packet_filter>(packet_predicate(predicate))));
    raw(frame(experimental, "hello"));
    EXPECT_EQ(seen, 19U);
    EXPECT_TRUE(nothing(s));
    EXPECT_FALSE(h->link().attach_filter(s, nullptr));
    EXPECT_EQ(h->link().attach_filter(s, nullptr), errno_code(ENOENT));
    raw(frame(experimental, "hello"));
    EXPECT_EQ(count(s), 1U);
}

TEST_F(link_sockets_of_a_host, see_the_segments_of_a_batch_before_they_are_joined)
{
    const socket_id s = open(ipv4);
    std::vector<packet> batch;
    const std::uint32_t sequence[] = {1, 101, 201};
    for (const std::uint32_t from_octet : sequence) {
        packet p(slice::copy_of(octets(100)));
        wire::tcp_header t{};
        t.source_port = 5000;
        t.destination_port = 80;
        t.sequence = from_octet;
        t.offset = 0x50;
        t.flags = 0x10;
        p.push_front(t);
        auto f = header(wire::ip_protocol::tcp);
        wire::push_ipv4(p, f);
        wire::push_ethernet(p, our_mac, their_mac, wire::ether_type::ipv4);
        batch.emplace_back(slice::copy_of(flat(p)));
    }
    h->receive(1, batch, now);
    EXPECT_EQ(count(s), 3U);
    EXPECT_EQ(receive(s).size(), 0U);
}

TEST_F(link_sockets_of_a_host, on_the_loopback_a_frame_is_the_bare_packet_and_is_seen_twice)
{
    const socket_id s = open(all_types, network::loopback), u = *h->udp().open(family::v4);
    const std::array<const_bytes, 1> data{bytes_of("x")};
    const endpoint self{address_v4::loopback(), 9};
    ASSERT_TRUE(h->udp().send(u, data, &self, now));
    h->advance(now);
    EXPECT_EQ(receive(s).size(), 29U);
    EXPECT_EQ(from, (link_endpoint{0, ipv4, {}, frame_kind::outgoing}));
    const octets back = receive(s);
    EXPECT_EQ(from, (link_endpoint{0, ipv4, {}, frame_kind::to_us}));
    (void)count(s);
    const socket_id sender = open(experimental, network::loopback);
    EXPECT_FALSE(send(sender, back)) << "a packet that a user makes is received as any other";
    h->advance(now);
    EXPECT_GE(count(s), 2U);
    EXPECT_EQ(send(sender, octets()), errno_code(EINVAL));
}

TEST_F(link_sockets_of_a_host, a_tun_has_bare_packets_of_both_families)
{
    device_info tun;
    tun.name = "tun0";
    tun.link = link_type::ip;
    const interface_id on = h->add_interface(tun);
    const socket_id s = open(all_types, on);
    octets six(40);
    six[0] = std::byte{0x60};
    h->receive(on, packet(slice::copy_of(six)), now);
    EXPECT_EQ(receive(s), six);
    EXPECT_EQ(from, (link_endpoint{on, 0x86dd, {}, frame_kind::to_us}));
    EXPECT_FALSE(send(s, six));
    EXPECT_EQ(leaves(on), six);
    EXPECT_EQ(send(s, octets(1501)), errno_code(EMSGSIZE));
}

TEST_F(link_sockets_of_a_host, a_flood_for_many_sockets_stays_within_their_buffers)
{
    std::vector<socket_id> all;
    for (int n = 0; n < 50; ++n) all.push_back(open(n % 2 == 0 ? all_types : experimental));
    const octets came = frame(experimental, std::string(1000, 'x'));
    for (int n = 0; n < 5000; ++n) h->receive(1, packet(slice::copy_of(came)), now);
    for (const socket_id id : all) {
        const auto told = *h->link().take_statistics(id);
        EXPECT_EQ(told.packets, 5000U);
        EXPECT_EQ(count(id) + told.drops, 5000U);
        EXPECT_GT(told.drops, 0U);
    }
}

} // namespace
} // namespace tapio::core::link_sockets_test
