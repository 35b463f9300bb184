// NAPT under random packets from both sides: the table stays within its bounds, nobody gets another's packets, and checksums stay
// valid. A model remembers which inside endpoint each outside endpoint belongs to.
#include "nat44_router.hpp"

#include <map>
#include <random>

namespace tapio::core::ip {
namespace {

/// An ICMP error about UDP or TCP is told apart by what it quotes.
bool is_error(const packet& p)
{
    const octets o = flat(p);
    return o[9] == std::byte{1} && (o[20] == std::byte{3} || o[20] == std::byte{11});
}
ip_protocol protocol_of(const packet& p) { return static_cast<ip_protocol>(flat(p)[9]); }

class nat44_hostile : public ::testing::TestWithParam<nat44_filtering>
{
protected:
    using owned = std::pair<ip_protocol, std::pair<address, std::uint16_t>>;

    static owned key(ip_protocol p, const endpoint& e) { return {p, {e.address, e.port}}; }

    nat44_options options() const
    {
        nat44_options o = nat44_router::defaults();
        o.outside_addresses.push_back(a4("192.0.2.2"));
        o.first_port = 20000, o.last_port = 20199;
        o.filtering = GetParam();
        o.max_mappings = 300, o.max_mappings_per_host = 40;
        o.max_sessions = 700, o.max_sessions_per_host = 90;
        o.udp_timeout = 5s, o.icmp_timeout = 1s, o.tcp_established_timeout = 20s, o.tcp_transitory_timeout = 4s;
        o.forwards = {{17, 20007, {ep("198.18.0.3").address, 53}, {}}, {6, 80, {ep("198.18.0.4").address, 80}, a4("192.0.2.2")}};
        return o;
    }

    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }
    endpoint someone_inside()
    {
        return {address(address_v4(a4("198.18.0.0").to_uint() + below(16))), static_cast<std::uint16_t>(19990 + below(60))};
    }
    endpoint someone_outside()
    {
        return {address(address_v4(a4("203.0.113.0").to_uint() + below(32))), static_cast<std::uint16_t>(below(8))};
    }
    endpoint something_mapped()
    {
        return {address(address_v4(a4("192.0.2.1").to_uint() + below(2))), static_cast<std::uint16_t>(19995 + below(210))};
    }

    packet any(const endpoint& from, const endpoint& to)
    {
        switch (below(8)) {
        case 0:
        case 1: return udp(from, to, below(4) == 0);
        case 2: return echo(from, to, below(2) == 0);
        case 3: return error(from, to, below(2) == 0 ? udp(to, from) : tcp(to, from), 28 + below(30));
        case 4:
            return error(from, to, below(2) == 0 ? udp(to, someone_outside()) : echo(to, from, below(2) == 0), 28 + below(30));
        default: return tcp(from, to, static_cast<std::uint8_t>(below(32) & ~4U) | (below(20) == 0 ? 4 : 0), below(4) == 0);
        }
    }
    /// Of any length, in one place damaged, or with any protocol.
    packet damaged(packet p)
    {
        octets o = flat(p);
        if (below(2) == 0) {
            o.resize(20 + below(static_cast<std::uint32_t>(o.size() - 19)));
            wire::store_16(o.data() + 2, static_cast<std::uint16_t>(o.size()));
        }
        if (o.size() > 20) o[20 + below(static_cast<std::uint32_t>(o.size() - 20))] = static_cast<std::byte>(below(256));
        if (below(8) == 0) o[9] = static_cast<std::byte>(below(256));
        wire::store_16(o.data() + 10, 0);
        wire::store_16(o.data() + 10, static_cast<std::uint16_t>(~ones_sum(const_bytes(o).first(20))));
        return packet(slice::copy_of(o));
    }

    void expect_bounds(const nat44_router& r, const nat44_options& o)
    {
        const nat44_counters c = r.nat.counters();
        EXPECT_LE(c.mappings, o.max_mappings);
        EXPECT_LE(c.sessions, o.max_sessions);
        EXPECT_GE(c.sessions, c.mappings) << "each has a session";
        std::map<owned, owned> inside, outward;
        std::map<address, std::size_t> mappings, sessions;
        std::size_t forwards = 0, all_sessions = 0;
        for (const nat44_mapping& m : r.nat.mappings()) {
            const auto protocol = static_cast<ip_protocol>(m.protocol);
            EXPECT_TRUE(inside.emplace(key(protocol, m.inside), key(protocol, m.outside)).second);
            EXPECT_TRUE(outward.emplace(key(protocol, m.outside), key(protocol, m.inside)).second) << "a port of two";
            forwards += m.forward ? 1 : 0;
            all_sessions += m.sessions;
            if (m.forward) continue;
            EXPECT_GE(m.outside.port, o.first_port);
            EXPECT_LE(m.outside.port, o.last_port);
            EXPECT_LE(++mappings[m.inside.address], o.max_mappings_per_host);
            EXPECT_LE(sessions[m.inside.address] += m.sessions, o.max_sessions_per_host);
        }
        EXPECT_EQ(forwards, 2U);
        EXPECT_EQ(all_sessions, c.sessions);
        EXPECT_EQ(inside.size(), c.mappings + forwards);
        EXPECT_EQ(c.created - c.expired, c.mappings);
    }

    /// What a packet that leaves by a mapping tells about it. The model knows an owner until another one is seen.
    void learn(ip_protocol protocol, const endpoint& outside, const endpoint& inside)
    {
        owners_[key(protocol, outside)] = inside;
    }
    /// After a hairpinned packet that the receiver's filter has refused: its sender may have a new mapping.
    void learn_from_list(const nat44_router& r, ip_protocol protocol, const endpoint& inside)
    {
        for (const nat44_mapping& m : r.nat.mappings())
            if (m.protocol == static_cast<std::uint8_t>(protocol) && m.inside == inside) learn(protocol, m.outside, inside);
    }

    void check_error(const outcome& result, bool from_inside)
    {
        const packet q = quoted(result.contents);
        EXPECT_EQ(ones_sum(const_bytes(flat(q)).first(20)), 0xffff) << "the quoted header";
        if (result.by == 1) {
            EXPECT_EQ(source_of(q).address, destination_of(result.contents).address);
        }
        if (from_inside) {
            EXPECT_EQ(destination_of(q).address, source_of(result.contents).address);
        }
    }

    void check(const outcome& result, const packet& p, bool from_inside)
    {
        const auto [from, to] = ends(p);
        const ip_protocol protocol = protocol_of(p);
        if (from_inside) {
            const endpoint source = source_of(result.contents);
            EXPECT_EQ(source.address.to_v4().to_uint() >> 2, outside.address.to_v4().to_uint() >> 2)
                << "no inside address leaves";
            learn(protocol, source, from);
        } else {
            EXPECT_EQ(source_of(result.contents), from);
        }
        if (result.by == 0) {
            EXPECT_EQ(destination_of(result.contents), to);
            return;
        }
        const auto owner = owners_.find(key(protocol, to));
        ASSERT_NE(owner, owners_.end());
        EXPECT_EQ(destination_of(result.contents), owner->second) << "the owner of the mapping gets it";
    }

    std::map<owned, endpoint> owners_; ///< by protocol and outside endpoint
    std::mt19937 random_{4711};
};

TEST_P(nat44_hostile, random_packets_keep_the_invariants)
{
    const nat44_options o = options();
    nat44_router r(o);
    for (const nat44_forward& f : o.forwards)
        learn(static_cast<ip_protocol>(f.protocol),
              {f.outside.is_unspecified() ? outside.address : address(f.outside), f.outside_port}, f.inside);
    unsigned in = 0, out = 0, hairpins = 0, errors = 0;
    for (unsigned n = 0; n < 300'000 && !HasFailure(); ++n) {
        r.now += std::chrono::milliseconds(below(4));
        if (below(50) == 0) r.nat.advance(r.now);
        const bool from_inside = below(2) == 0;
        const endpoint from = from_inside ? someone_inside() : someone_outside();
        const bool hairpin = from_inside && below(8) == 0;
        const endpoint to = !from_inside || hairpin ? something_mapped() : someone_outside();
        const packet p = any(from, to);
        const outcome result = from_inside ? r.from_inside(p) : r.from_outside(p);
        if (n % 1000 == 0) expect_bounds(r, o);
        if (from_inside && hairpin && result.fate == fate::dropped) learn_from_list(r, protocol_of(p), from);
        if (result.fate == fate::local) {
            EXPECT_EQ(flat(result.contents), flat(p)) << "for the router, unchanged";
        }
        if (result.fate != fate::sent) continue;
        ASSERT_TRUE(has_valid_checksums(result.contents)) << n;
        if (is_error(p)) {
            check_error(result, from_inside);
            ++errors;
        } else {
            check(result, p, from_inside);
            ++(!from_inside ? in : result.by == 1 ? hairpins : out);
        }
    }
    expect_bounds(r, o);
    // The test has tested something:
    EXPECT_GT(in, 1000U);
    EXPECT_GT(out, 10'000U);
    EXPECT_GT(hairpins, 50U);
    EXPECT_GT(errors, 100U);
    const nat44_counters c = r.nat.counters();
    EXPECT_GT(c.refused, 1000U);
    EXPECT_GT(c.expired, 1000U);
    r.pass(20s);
    EXPECT_EQ(r.nat.counters().mappings, 0U);
    EXPECT_EQ(r.nat.counters().sessions, 0U);
    EXPECT_EQ(r.nat.mappings().size(), 2U) << "the forwards";
}

TEST_P(nat44_hostile, damaged_packets_do_no_harm)
{
    const nat44_options o = options();
    nat44_router r(o);
    unsigned sent = 0;
    for (unsigned n = 0; n < 200'000; ++n) {
        r.now += std::chrono::milliseconds(below(4));
        const bool from_inside = below(2) == 0;
        const endpoint from = from_inside ? someone_inside() : someone_outside();
        const endpoint to = !from_inside || below(8) == 0 ? something_mapped() : someone_outside();
        const outcome result = r.receive(damaged(any(from, to)), from_inside ? 1 : 0);
        if (n % 5000 == 0) expect_bounds(r, o);
        if (result.fate != fate::sent) continue;
        ++sent;
        const octets header = flat(result.contents);
        ASSERT_EQ(ones_sum(const_bytes(header).first(20)), 0xffff);
        if (from_inside) {
            EXPECT_NE(source_of(result.contents).address, from.address);
        }
    }
    expect_bounds(r, o);
    EXPECT_GT(sent, 1000U);
    EXPECT_GT(r.nat.counters().unsupported, 1000U);
}

/// One inside host opens all it can; another one still gets its share, and mappings in use are not evicted.
TEST_P(nat44_hostile, greedy_host_does_not_harm_others)
{
    const nat44_options o = options();
    nat44_router r(o);
    const endpoint mapped = r.mapped(udp(alice, server));
    for (unsigned n = 0; n < 20'000; ++n)
        r.from_inside(
            tcp({bob.address, static_cast<std::uint16_t>(n)}, {server.address, static_cast<std::uint16_t>(1 + n / 40)}, 2));
    EXPECT_EQ(r.nat.counters().mappings, 1U + o.max_mappings_per_host);
    EXPECT_EQ(r.delivered(udp(server, mapped)), alice);
    EXPECT_NE(r.mapped(tcp(alice, server, wire::tcp_syn)), endpoint());
}

/// Spoofed packets from everywhere to every port of the outside address: nothing is created, nothing refreshed.
TEST_P(nat44_hostile, flood_from_outside_takes_no_memory)
{
    nat44_router r(options());
    r.mapped(udp(alice, server));
    r.mapped(tcp(alice, server, wire::tcp_syn));
    const nat44_counters before = r.nat.counters();
    for (unsigned n = 0; n < 100'000; ++n) {
        const endpoint from{address(address_v4(a4("198.51.100.0").to_uint() + below(256))),
                            static_cast<std::uint16_t>(below(65536))};
        r.from_outside(any(from, something_mapped()));
    }
    EXPECT_EQ(r.nat.counters().created, before.created);
    EXPECT_EQ(r.nat.counters().sessions, before.sessions);
    r.pass(5s);
    EXPECT_EQ(r.nat.counters().mappings, 0U);
}

INSTANTIATE_TEST_SUITE_P(filtering, nat44_hostile,
                         ::testing::Values(nat44_filtering::address_dependent, nat44_filtering::endpoint_independent));

} // namespace
} // namespace tapio::core::ip
