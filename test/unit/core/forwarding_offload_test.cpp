// Forwarding of super-segments, between devices with and without offload.
#include "router.hpp"

#include <tapio/core/checksum.hpp>

namespace tapio::core::forwarding_offload_test {
namespace {

constexpr std::size_t mss = 1000, segments = 5;

/// A TCP segment of 5 x 1000 octets with GSO, and what it looks like in pieces.
class forwarding_offload : public router, public testing::WithParamInterface<bool>
{
protected:
    bool four() const { return GetParam(); }
    address from() const { return boost::asio::ip::make_address(four() ? "198.18.0.9" : "2001:db8:0:1::9"); }
    address to() const { return boost::asio::ip::make_address(four() ? "198.18.1.9" : "2001:db8:0:2::9"); }
    std::size_t headers() const { return (four() ? 20 : 40) + 32; }

    packet large(std::size_t payload = mss * segments) const
    {
        octets data(payload);
        for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 >> 3);
        packet p(slice::copy_of(data));
        octets tcp(32, std::byte{1}); // options: twelve NOPs
        wire::store_16(tcp.data(), 1000);
        wire::store_16(tcp.data() + 2, 2000);
        boost::endian::store_big_u32(reinterpret_cast<unsigned char*>(tcp.data() + 4), 7'000'000);
        tcp[12] = std::byte{0x80};
        tcp[13] = std::byte{0x18}; // PSH, ACK
        const flow_key flow({from(), 1000}, {to(), 2000}, ip_protocol::tcp);
        wire::store_16(tcp.data() + 16, flow.pseudo_header(32 + payload).folded());
        wire::store_16(tcp.data() + 18, 0);
        std::copy(tcp.begin(), tcp.end(), p.push_front(tcp.size()));
        push_ip(p, from(), to(), ip_protocol::tcp, 64, true);
        p.offload.checksum = offload_info::checksum_state::partial;
        p.offload.gso = four() ? offload_info::gso_type::tcp_v4 : offload_info::gso_type::tcp_v6;
        p.offload.gso_size = mss;
        p.offload.header_length = static_cast<std::uint16_t>(headers());
        p.offload.checksum_start = static_cast<std::uint16_t>(headers() - 32);
        p.offload.checksum_offset = 16;
        return p;
    }
    static device_info device(link_type link, bool offload, std::size_t mtu = 1500)
    {
        device_info d;
        d.name = "tap";
        d.link = link;
        d.mtu = mtu;
        if (offload) d.offload = {.checksum = true, .tso_v4 = true, .tso_v6 = true, .uso = true};
        return d;
    }
    octets payload_of(const packet& p) const
    {
        const octets all = flat(p);
        return octets(all.begin() + static_cast<std::ptrdiff_t>(headers()), all.end());
    }
};
INSTANTIATE_TEST_SUITE_P(families, forwarding_offload, testing::Bool(), [](const auto& p) { return p.param ? "v4" : "v6"; });

TEST_P(forwarding_offload, stays_whole_if_the_far_device_can_cut)
{
    start(device(link_type::ip, true), device(link_type::ip, true));
    const packet sent_in = large();
    in(1, packet(slice::copy_of(flat(sent_in))));
    sent(1), sent(2); // as one segment without offload it is too long
    packet p = sent_in;
    in(1, std::move(p));
    const packet out = one(2);
    EXPECT_EQ(out.size(), sent_in.size());
    EXPECT_EQ(payload_of(out), payload_of(sent_in));
    EXPECT_EQ(out.offload.gso_size, mss);
    EXPECT_EQ(out.offload.checksum, offload_info::checksum_state::partial);
    EXPECT_EQ(out.offload.header_length, headers());
    EXPECT_EQ(out.offload.checksum_start, headers() - 32);
    packet whole = out;
    complete_checksums(whole);
    EXPECT_TRUE(sums_right(whole));
}

TEST_P(forwarding_offload, is_cut_if_the_far_device_cannot)
{
    start(device(link_type::ip, true), device(link_type::ip, false));
    in(1, large());
    const auto out = sent(2);
    ASSERT_EQ(out.size(), segments);
    octets joined;
    for (const packet& p : out) {
        EXPECT_EQ(p.size(), headers() + mss);
        EXPECT_TRUE(sums_right(p));
        const octets all = flat(p);
        EXPECT_EQ(std::to_integer<int>(all[four() ? 8 : 7]), 63);
        EXPECT_EQ(wire::load_32(all.data() + headers() - 28), 7'000'000 + joined.size());
        const octets part = payload_of(p);
        joined.insert(joined.end(), part.begin(), part.end());
    }
    EXPECT_EQ(joined, payload_of(large()));
}

TEST_P(forwarding_offload, crosses_from_one_kind_of_link_to_another)
{
    start(device(link_type::ip, true), device(link_type::ethernet, false));
    const mac_address theirs{{2, 0, 0, 0, 0, 9}};
    in(1, large());
    EXPECT_EQ(sent(2).size(), 1U) << "a question for the neighbour";
    const mac_address ours = h->net().interface(2).info().mac;
    if (four()) {
        packet reply = wire::make_arp({wire::arp_operation::reply, theirs, to().to_v4(), ours, at("198.18.1.1")});
        wire::push_ethernet(reply, ours, theirs, wire::ether_type::arp);
        in(2, reply);
    } else {
        const wire::neighbor_advertisement a{to().to_v6(), false, true, true, theirs};
        packet reply = wire::make_neighbor_advertisement(a);
        const flow_key flow({to(), 0}, {at6("2001:db8:0:2::1"), 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(reply, wire::icmpv6_type::neighbor_advertisement, 0, wire::rest_of(a), flow);
        wire::push_ipv6(reply, {ip_protocol::icmpv6, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        wire::push_ethernet(reply, ours, theirs, wire::ether_type::ipv6);
        in(2, reply);
    }
    auto out = sent(2);
    ASSERT_EQ(out.size(), segments);
    for (packet& p : out) {
        p.consume(14);
        EXPECT_TRUE(sums_right(p));
    }
}

TEST_P(forwarding_offload, its_pieces_are_measured_by_the_mtu)
{
    start(device(link_type::ip, true), device(link_type::ip, true, 1280));
    packet p = large();
    p.offload.gso_size = 1400;
    in(1, std::move(p));
    EXPECT_TRUE(sent(2).empty());
    const error e = error_sent(1);
    EXPECT_EQ(std::pair(e.type, e.code), four() ? std::pair(3, 4) : std::pair(2, 0));
    EXPECT_EQ(e.rest, 1280U);
    in(1, large());
    EXPECT_EQ(sent(2).size(), 1U);
}

TEST_P(forwarding_offload, joined_in_software_it_is_forwarded_all_the_same)
{
    // A hook translates the destination, as NAT does: the segments were for us, so that they were joined, and are not any more.
    struct translate : packet_hook
    {
        address before, after;
        hook_verdict input(hooked_packet& p, time_point) override
        {
            if (p.destination().address == before) p.set_destination({after, 2000});
            return hook_verdict::accept;
        }
    };
    start(device(link_type::ip, false), device(link_type::ip, false));
    const auto h2 = std::make_shared<translate>();
    h2->before = boost::asio::ip::make_address(four() ? "198.18.0.1" : "2001:db8:0:1::1");
    h2->after = to();
    h->add_hook(h2);
    std::vector<packet> batch;
    for (std::size_t i = 0; i < segments; ++i) {
        packet p(slice::copy_of(octets(mss, static_cast<std::byte>(i))));
        octets tcp(20);
        wire::store_16(tcp.data(), 1000);
        wire::store_16(tcp.data() + 2, 443);
        boost::endian::store_big_u32(reinterpret_cast<unsigned char*>(tcp.data() + 4), static_cast<std::uint32_t>(i * mss));
        tcp[12] = std::byte{0x50};
        tcp[13] = std::byte{0x10};
        std::copy(tcp.begin(), tcp.end(), p.push_front(tcp.size()));
        push_ip(p, from(), h2->before, ip_protocol::tcp, 64, true);
        EXPECT_TRUE(update_checksums(p, link_type::ip));
        batch.push_back(std::move(p));
    }
    h->receive(1, batch, now);
    h->advance(now);
    const auto out = sent(2);
    ASSERT_EQ(out.size(), segments);
    for (std::size_t i = 0; i < out.size(); ++i) {
        EXPECT_TRUE(sums_right(out[i]));
        const octets all = flat(out[i]);
        EXPECT_EQ(all.back(), static_cast<std::byte>(i));
        EXPECT_EQ(wire::load_16(all.data() + (four() ? 20 : 40) + 2), 2000) << "the translated port";
    }
}

TEST_P(forwarding_offload, datagrams_that_came_as_one_packet_leave_apart)
{
    start(device(link_type::ip, true), device(link_type::ip, false));
    packet p(slice::copy_of(octets(2500, std::byte{'d'})));
    wire::push_udp(p, 1000, 2000, from(), to(), true);
    p.offload.gso = offload_info::gso_type::udp;
    p.offload.gso_size = 1000;
    const std::size_t ip_header = four() ? 20 : 40;
    push_ip(p, from(), to(), ip_protocol::udp, 64, true);
    p.offload.checksum_start = static_cast<std::uint16_t>(ip_header);
    p.offload.header_length = static_cast<std::uint16_t>(ip_header + 8);
    in(1, p);
    const auto out = sent(2);
    ASSERT_EQ(out.size(), 3U);
    for (const packet& piece : out) {
        EXPECT_TRUE(sums_right(piece));
        const std::size_t expected = &piece == &out.back() ? 500 : 1000;
        EXPECT_EQ(piece.size(), ip_header + 8 + expected);
        EXPECT_EQ(wire::load_16(flat(piece).data() + ip_header + 4), expected + 8);
    }
}

TEST_F(router, a_verified_checksum_is_a_complete_one_when_it_leaves)
{
    packet p = udp({"198.18.0.9", "198.18.1.9"});
    p.offload.checksum = offload_info::checksum_state::verified;
    in(1, std::move(p));
    EXPECT_EQ(one(2).offload.checksum, offload_info::checksum_state::complete);
}

} // namespace
} // namespace tapio::core::forwarding_offload_test
