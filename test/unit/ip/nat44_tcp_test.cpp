// NAPT of TCP (RFC 5382, RFC 7857): states, their timeouts, simultaneous open, refused SYNs.
#include "ip/nat44_tcp.hpp"
#include "nat44_router.hpp"

namespace tapio::core::ip::nat44_tcp_test {
namespace {

constexpr std::uint8_t syn = wire::tcp_syn, ack = wire::tcp_ack, fin = wire::tcp_fin, rst = wire::tcp_rst;

class nat44_tcp_connection : public ::testing::Test
{
protected:
    void out(std::uint8_t flags, const endpoint& to = server)
    {
        const endpoint m = r.mapped(tcp(alice, to, flags));
        EXPECT_NE(m, endpoint());
        mapped = m;
    }
    void in(std::uint8_t flags, const endpoint& from = server) { EXPECT_EQ(r.delivered(tcp(from, mapped, flags)), alice); }
    bool is_mapped() const { return r.nat.counters().mappings != 0; }

    void establish()
    {
        out(syn);
        in(syn | ack);
        out(ack);
    }
    /// The mapping is there for exactly so long if nothing else comes from inside.
    void expect_to_last(duration d)
    {
        r.pass(d - 1ns);
        EXPECT_TRUE(is_mapped());
        r.pass(1ns);
        EXPECT_FALSE(is_mapped());
        EXPECT_EQ(r.nat.counters().sessions, 0U);
    }

    nat44_router r;
    endpoint mapped;
};

TEST_F(nat44_tcp_connection, opening_lasts_four_minutes)
{
    out(syn);
    expect_to_last(4min);
}

TEST_F(nat44_tcp_connection, opening_without_the_last_acknowledgement_lasts_four_minutes)
{
    out(syn);
    in(syn | ack);
    expect_to_last(4min);
}

TEST_F(nat44_tcp_connection, established_lasts_two_hours_and_four_minutes)
{
    establish();
    r.pass(1h);
    in(ack); // does not refresh
    r.pass(1h);
    out(ack);
    expect_to_last(2h + 4min);
}

TEST_F(nat44_tcp_connection, opened_by_the_peer_is_established_too)
{
    out(syn, other_server); // opens the mapping
    out(syn, server);       // and the filter, as TCP hole punching does
    in(syn);
    out(syn | ack);
    in(ack);
    r.pass(5min);
    EXPECT_TRUE(is_mapped());
    expect_to_last(2h - 1min);
}

TEST_F(nat44_tcp_connection, simultaneous_open_works)
{
    out(syn);
    in(syn); // RFC 5382 REQ-2
    out(syn | ack);
    in(syn | ack);
    expect_to_last(2h + 4min);
}

TEST_F(nat44_tcp_connection, fins_of_both_sides_leave_four_minutes)
{
    establish();
    out(fin | ack);
    r.pass(1h);
    in(ack); // half closed: still open
    EXPECT_TRUE(is_mapped());
    in(fin | ack);
    r.pass(1min);
    out(ack);
    expect_to_last(4min);
}

TEST_F(nat44_tcp_connection, reset_leaves_four_minutes)
{
    establish();
    in(rst);
    expect_to_last(4min);
    establish();
    out(rst | ack);
    in(ack); // was under way
    expect_to_last(4min);
}

TEST_F(nat44_tcp_connection, forged_reset_that_the_inside_host_ignores_changes_nothing)
{
    establish();
    in(rst);
    out(ack); // RFC 5961 §3: a challenge
    expect_to_last(2h + 4min);
}

TEST_F(nat44_tcp_connection, ports_that_are_used_again_start_anew)
{
    establish();
    out(fin | ack);
    in(fin | ack);
    out(ack);
    establish();
    expect_to_last(2h + 4min);
}

TEST_F(nat44_tcp_connection, end_of_one_connection_does_not_end_another_of_the_same_port)
{
    establish();
    out(syn, other_server);
    in(syn | ack, other_server);
    out(ack, other_server);
    in(rst, other_server);
    r.pass(1h);
    in(ack);
    EXPECT_EQ(r.from_outside(tcp(other_server, mapped, ack)).fate, fate::dropped)
        << "its session is over, and so is its admission";
    EXPECT_EQ(r.nat.counters().sessions, 1U);
    expect_to_last(1h + 4min);
}

TEST_F(nat44_tcp_connection, syn_that_the_filter_refuses_is_dropped_silently)
{
    establish();
    EXPECT_EQ(r.from_outside(tcp(other_server, mapped, syn)).fate, fate::dropped) << "RFC 5382 REQ-4";
    EXPECT_EQ(r.nat.counters().filtered, 1U);
    in(syn, {server.address, 12345}); // address-dependent
    EXPECT_EQ(r.nat.counters().sessions, 1U) << "packets from outside create nothing";
}

TEST_F(nat44_tcp_connection, forgotten_connection_is_taken_up_by_a_segment_from_inside)
{
    out(ack);
    in(ack);
    expect_to_last(2h + 4min);
    out(ack);
    in(rst); // the usual answer, because the port is another one
    expect_to_last(4min);
}

TEST_F(nat44_tcp_connection, reset_from_inside_opens_nothing)
{
    EXPECT_EQ(r.from_inside(tcp(alice, server, rst)).fate, fate::dropped);
    EXPECT_EQ(r.from_inside(tcp(alice, {server.address, 0}, syn)).fate, fate::dropped);
    EXPECT_EQ(r.nat.counters().unsupported, 2U);
    EXPECT_FALSE(is_mapped());
}

TEST_F(nat44_tcp_connection, expired_connection_is_not_continued_although_advance_was_not_called)
{
    for (unsigned char n = 20; n < 60; ++n) // a packet evicts the oldest of them, not alice's
        r.mapped(tcp(ep("198.18.0." + std::to_string(n), 1), server, syn));
    establish();
    r.now += 2h + 4min;
    out(syn);
    r.pass(4min);
    EXPECT_FALSE(is_mapped());
}

TEST_F(nat44_tcp_connection, super_segment_is_translated_as_one)
{
    packet p = tcp(alice, server, ack, true);
    p.append(slice::copy_of(octets(20000)));
    const auto total = static_cast<std::uint16_t>(p.size());
    std::array<std::byte, 2> length;
    wire::store_16(length.data(), total);
    overwrite(p, 2, length);
    update_checksums(p, link_type::ip);
    p.offload.checksum = offload_info::checksum_state::verified; // as after receive offload
    p.offload.gso = offload_info::gso_type::tcp_v4;
    p.offload.gso_size = 1460;
    const outcome o = r.from_inside(p);
    ASSERT_EQ(o.fate, fate::sent);
    EXPECT_EQ(o.contents.offload.gso_size, 1460);
    EXPECT_EQ(source_of(o.contents).address, outside.address);
    packet summed = o.contents;
    update_checksums(summed, link_type::ip);
    EXPECT_EQ(flat(summed), flat(o.contents));
}

} // namespace
} // namespace tapio::core::ip::nat44_tcp_test
