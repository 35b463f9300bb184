// Source filters of sockets (RFC 3678): what each socket receives, and what IGMPv3 and MLDv2 report of all of them.
#include "raw_host.hpp"

#include <boost/endian/conversion.hpp>

#include <sstream>

namespace tapio::core {
namespace {

using ip::filter_mode;
using wire::ip_protocol;

class source_filters : public raw_host
{
protected:
    source_filters() { introduce(); }

    socket_id bound(family f = family::v4)
    {
        const socket_id id = *h->udp().open(f);
        EXPECT_FALSE(h->udp().set_option(id, socket_option::reuse_address, 1, now));
        EXPECT_FALSE(h->udp().bind(id, {f == family::v4 ? address(address_v4::any()) : address(address_v6::any()), 7}));
        return id;
    }
    error_code change(socket_id id, source_change what, const address& source, const address& of)
    {
        return h->udp().change_source(id, what, {of, source, 1});
    }
    error_code join(socket_id id, const address& source) { return change(id, source_change::join, source, group); }
    error_code leave(socket_id id, const address& source) { return change(id, source_change::leave, source, group); }
    error_code block(socket_id id, const address& source) { return change(id, source_change::block, source, group); }
    error_code unblock(socket_id id, const address& source) { return change(id, source_change::unblock, source, group); }

    /// The records of all reports until the host has nothing left to repeat: "allow 239.0.1.1 {198.18.0.1}", each once.
    std::string reported()
    {
        std::string all;
        for (int i = 0; i < 100; ++i, now += 100ms) {
            packet p;
            h->advance(now);
            while (h->next_packet(1, p, now))
                if (const std::string records = records_of(flat(p)); all.find(records) == std::string::npos) all += records;
        }
        return all;
    }
    static std::string records_of(const octets& frame)
    {
        const auto octet = [&](std::size_t at) { return std::to_integer<unsigned>(frame.at(at)); };
        const bool v4 = octet(12) == 8;
        const std::size_t message = 14 + (v4 ? octet(14) % 16 * 4 : 48); // IPv6: with the hop-by-hop options
        if (octet(message) != (v4 ? 0x22 : 143)) return "";
        constexpr std::array<const char*, 7> names{"", "is_include", "is_exclude", "to_include", "to_exclude", "allow", "block"};
        std::ostringstream out;
        std::size_t next = message + 8;
        const auto take_address = [&]() -> address {
            const auto* const from = reinterpret_cast<const unsigned char*>(frame.data() + next);
            next += v4 ? 4 : 16;
            if (v4) return address_v4(boost::endian::load_big_u32(from));
            address_v6::bytes_type o;
            std::copy_n(from, o.size(), o.begin());
            return address_v6(o);
        };
        for (unsigned left = octet(message + 7); left > 0; --left) {
            const unsigned type = octet(next), sources = octet(next + 3);
            next += 4;
            out << names.at(type) << ' ' << take_address() << " {";
            for (unsigned i = 0; i < sources; ++i) out << (i == 0 ? "" : " ") << take_address();
            out << "}\n";
        }
        return out.str();
    }

    void from(const address_v4& source, const std::string& data)
    {
        wire::ipv4_fields f = header(ip_protocol::udp);
        f.source = source;
        f.destination = group;
        ip(udp(f, 5000, 7, data), f, mac_address{{1, 0, 0x5e, 0, 1, 1}});
    }
    std::string receive(socket_id id)
    {
        octets memory(100);
        const std::array<mutable_bytes, 1> into{memory};
        const auto got = h->udp().receive(id, into, {}, nullptr, now);
        return got ? std::string(reinterpret_cast<const char*>(memory.data()), *got) : "nothing";
    }

    const address_v4 group = at("239.0.1.1"), one = at("192.0.2.11"), two = at("192.0.2.12");
};

TEST_F(source_filters, each_source_that_is_joined_or_left_is_reported)
{
    const socket_id s = bound();
    ASSERT_FALSE(join(s, one));
    EXPECT_EQ(reported(), "allow 239.0.1.1 {192.0.2.11}\n");
    ASSERT_FALSE(join(s, two));
    EXPECT_EQ(reported(), "allow 239.0.1.1 {192.0.2.12}\n");
    ASSERT_FALSE(leave(s, one));
    EXPECT_EQ(reported(), "block 239.0.1.1 {192.0.2.11}\n");
    ASSERT_FALSE(leave(s, two)) << "the last one leaves the group";
    EXPECT_EQ(reported(), "block 239.0.1.1 {192.0.2.12}\n");
    EXPECT_FALSE(h->net().interface(1).is_member(group));
    EXPECT_EQ(leave(s, two), errno_code(EINVAL));
}

TEST_F(source_filters, of_all_sockets_are_merged) // RFC 3376 §3.2
{
    const socket_id a = bound(), b = bound();
    ASSERT_FALSE(join(a, one));
    (void)reported();
    ASSERT_FALSE(h->udp().join_group(b, group, 1));
    EXPECT_EQ(reported(), "to_exclude 239.0.1.1 {}\n");
    ASSERT_FALSE(block(b, one));
    EXPECT_EQ(reported(), "") << "the other socket wants it";
    ASSERT_FALSE(block(b, two));
    EXPECT_EQ(reported(), "block 239.0.1.1 {192.0.2.12}\n");
    ASSERT_FALSE(leave(a, one));
    EXPECT_EQ(reported(), "block 239.0.1.1 {192.0.2.11}\n");
    ASSERT_FALSE(unblock(b, two));
    EXPECT_EQ(reported(), "allow 239.0.1.1 {192.0.2.12}\n");
    ASSERT_FALSE(h->udp().leave_group(b, group, 1));
    EXPECT_EQ(reported(), "to_include 239.0.1.1 {}\n");
}

TEST_F(source_filters, end_with_their_socket)
{
    const socket_id s = bound();
    ASSERT_FALSE(join(s, one));
    (void)reported();
    h->udp().close(s, now);
    EXPECT_EQ(reported(), "block 239.0.1.1 {192.0.2.11}\n");
    EXPECT_FALSE(h->net().interface(1).is_member(group));
}

TEST_F(source_filters, decide_what_each_socket_receives)
{
    const socket_id a = bound(), b = bound(), c = bound();
    ASSERT_FALSE(join(a, one));
    ASSERT_FALSE(h->udp().join_group(b, group, 1));
    ASSERT_FALSE(block(b, one));
    ASSERT_FALSE(h->udp().join_group(c, group, 1));
    from(one, "first");
    from(two, "second");
    EXPECT_EQ(receive(a), "first");
    EXPECT_EQ(receive(a), "nothing");
    EXPECT_EQ(receive(b), "second");
    EXPECT_EQ(receive(b), "nothing");
    EXPECT_EQ(receive(c), "first");
    EXPECT_EQ(receive(c), "second");
}

TEST_F(source_filters, apply_to_raw_sockets)
{
    const socket_id s = *h->raw().open(family::v4, static_cast<int>(ip_protocol::udp));
    ASSERT_FALSE(h->raw().change_source(s, source_change::join, {group, one, 1}));
    from(two, "no");
    EXPECT_EQ(h->raw().available(s).value(), 0U);
    from(one, "yes");
    EXPECT_GT(h->raw().available(s).value(), 0U);
}

TEST_F(source_filters, that_cannot_be)
{
    const socket_id s = bound();
    EXPECT_EQ(block(s, one), errno_code(EINVAL)) << "no member";
    EXPECT_EQ(change(s, source_change::join, one, address(theirs)), errno_code(EINVAL)) << "no group";
    EXPECT_EQ(h->udp().change_source(s, source_change::join, {group, one, 9}), errno_code(ENODEV));
    ASSERT_FALSE(join(s, one));
    EXPECT_EQ(join(s, one), errno_code(EADDRNOTAVAIL));
    EXPECT_EQ(leave(s, two), errno_code(EADDRNOTAVAIL));
    EXPECT_EQ(block(s, two), errno_code(EINVAL)) << "the filter has the other mode";
    for (unsigned i = 0; i < 9; ++i) EXPECT_FALSE(join(s, address_v4(0xc612'0000U + i)));
    EXPECT_EQ(join(s, two), errno_code(ENOBUFS));
}

TEST_F(source_filters, as_a_whole_are_set_and_read)
{
    const socket_id s = bound();
    const auto include = ip::make_filter(filter_mode::include, std::array<address, 2>{two, one});
    EXPECT_EQ(h->udp().set_filter(s, group, 1, include), errno_code(EINVAL)) << "no member";
    EXPECT_EQ(h->udp().filter_of(s, group, 1).error(), errno_code(EADDRNOTAVAIL));
    ASSERT_FALSE(h->udp().join_group(s, group, 1));
    (void)reported();
    ASSERT_FALSE(h->udp().set_filter(s, group, 1, include));
    EXPECT_EQ(h->udp().filter_of(s, group, 1).value(), include);
    EXPECT_EQ(reported(), "to_include 239.0.1.1 {192.0.2.11 192.0.2.12}\n");
    ASSERT_FALSE(h->udp().set_filter(s, group, 1, {filter_mode::exclude, {}}));
    EXPECT_EQ(reported(), "to_exclude 239.0.1.1 {}\n");
    ASSERT_FALSE(h->udp().set_filter(s, group, 1, {})) << "leaves the group";
    EXPECT_EQ(reported(), "to_include 239.0.1.1 {}\n");
    EXPECT_FALSE(h->net().interface(1).is_member(group));
}

TEST_F(source_filters, of_ipv6_are_reported_by_mld)
{
    const socket_id s = bound(family::v6);
    const address wide = at6("ff05::1:3"), source = at6("2001:db8::11");
    ASSERT_FALSE(change(s, source_change::join, source, wide));
    EXPECT_EQ(reported(), "allow ff05::1:3 {2001:db8::11}\n");
    ASSERT_FALSE(change(s, source_change::leave, source, wide));
    EXPECT_EQ(reported(), "block ff05::1:3 {2001:db8::11}\n");
    ASSERT_FALSE(h->udp().join_group(s, wide, 1));
    for (unsigned i = 0; i < 64; ++i)
        EXPECT_FALSE(change(s, source_change::block, at6(("2001:db8::" + std::to_string(i)).c_str()), wide));
    EXPECT_EQ(change(s, source_change::block, source, wide), errno_code(ENOBUFS));
}

/// The group of an address's neighbour solicitations is a member's as well: neither leaves it for the other.
TEST_F(source_filters, leave_the_groups_of_addresses_alone)
{
    const address ours6 = at6("2001:db8::1"), solicited = at6("ff02::1:ff00:1");
    ASSERT_FALSE(h->add_address(1, ours6, 64, now));
    const socket_id s = bound(family::v6);
    ASSERT_FALSE(change(s, source_change::join, at6("2001:db8::11"), solicited));
    (void)reported();
    h->udp().close(s, now);
    EXPECT_EQ(reported(), "") << "the host still wants all sources";
    EXPECT_TRUE(h->net().interface(1).is_member(solicited));
}

} // namespace
} // namespace tapio::core
