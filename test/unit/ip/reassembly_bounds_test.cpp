// Reassembly at its bounds: what is evicted, memory, floods, and the work per fragment.
#include "fragments.hpp"
#include "ip/reassembly.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <random>
#include <vector>

namespace tapio::core::ip {
namespace {

using namespace std::chrono_literals;

class reassembly_bounds : public testing::Test
{
protected:
    reassembly::result add(const fragment_of& f)
    {
        rx_packet p = make(f);
        const auto r = all->add(p, now);
        EXPECT_LE(all->memory(), options.memory);
        EXPECT_LE(all->size(), options.datagrams);
        return r;
    }
    void start() { all.emplace(options, counters); }
    /// The first of three fragments of a datagram of `host` is there.
    bool is_there(std::uint32_t host, std::uint32_t id = 7)
    {
        add({.offset = 8, .size = 8, .more = true, .id = id, .host = host});
        return add({.offset = 16, .size = 8, .id = id, .host = host}).whole.has_value();
    }

    ip_counters counters;
    reassembly_options options;
    std::optional<reassembly> all;
    time_point now{1h};
};

TEST_F(reassembly_bounds, a_small_fragment_does_not_keep_a_large_block)
{
    start();
    const octets o = octets_of({.offset = 8, .size = 8, .more = true}, payload(8, 8));
    block large(65'536);
    std::copy(o.begin(), o.end(), large.data());
    rx_packet p = received(packet(large.share(0, o.size())));
    EXPECT_FALSE(all->add(p, now).dropped);
    EXPECT_TRUE(large.unique()) << "it was copied";
    EXPECT_LT(all->memory(), 1'500U);
}

TEST_F(reassembly_bounds, memory_counts_whole_blocks)
{
    start();
    const octets o = octets_of({.offset = 8, .size = 1'400, .more = true}, payload(8, 1'400));
    block b(2'048);
    std::copy(o.begin(), o.end(), b.data());
    rx_packet p = received(packet(b.share(0, o.size())));
    EXPECT_FALSE(all->add(p, now).dropped);
    EXPECT_FALSE(b.unique());
    EXPECT_GE(all->memory(), 2'048U);
}

// The receive queue of a socket counts octets
TEST_F(reassembly_bounds, a_datagram_of_tiny_fragments_does_not_keep_their_blocks)
{
    start();
    std::optional<rx_packet> whole;
    for (std::uint32_t i = 0; i < 100; ++i) whole = add({.offset = 8 * i, .size = 8, .more = i < 99}).whole;
    ASSERT_TRUE(whole);
    EXPECT_EQ(flat(whole->transport_part()), payload(0, 800));
    std::size_t held = 0;
    for (const slice& s : whole->transport_part().take_payload()) held += s.held();
    EXPECT_LE(held, 2'048U);
}

TEST_F(reassembly_bounds, a_fragment_that_never_fits_is_refused)
{
    options.memory = 1'000;
    start();
    EXPECT_EQ(add({.offset = 8, .size = 1'400, .more = true}).dropped, drop_reason::ip_fragment_table_full);
    EXPECT_EQ(all->memory(), 0U);
    options.memory = 1 << 20;
    options.datagrams = 0;
    start();
    EXPECT_EQ(add({.offset = 8, .size = 8, .more = true}).dropped, drop_reason::ip_fragment_table_full);
}

TEST_F(reassembly_bounds, beyond_its_number_of_datagrams_a_source_loses_its_oldest)
{
    options.source_datagrams = 3;
    start();
    add({.size = 8, .more = true, .host = 2});
    for (std::uint32_t id = 1; id <= 4; ++id) add({.size = 8, .more = true, .id = id});
    ASSERT_EQ(all->lost().size(), 1U);
    EXPECT_EQ(all->lost()[0].why, drop_reason::ip_fragment_table_full);
    EXPECT_EQ(counters.reasm_fails, 1U);
    EXPECT_TRUE(is_there(1, 2) && is_there(1, 3) && is_there(1, 4) && is_there(2));
    EXPECT_FALSE(is_there(1, 1));
}

TEST_F(reassembly_bounds, beyond_its_memory_a_source_loses_its_oldest)
{
    options.source_memory = 40'000;
    start();
    add({.size = 8, .more = true, .host = 2});
    for (std::uint32_t id = 1; id <= 100; ++id) {
        add({.size = 1'400, .more = true, .id = id});
        EXPECT_LE(all->memory(), options.source_memory + 2'000);
    }
    EXPECT_GE(all->size(), 12U);
    EXPECT_TRUE(is_there(2));
}

TEST_F(reassembly_bounds, one_datagram_that_outgrows_its_source_is_given_up)
{
    options.source_memory = 20'000;
    start();
    std::optional<drop_reason> why;
    for (std::uint32_t i = 0; !why; ++i) why = add({.offset = 16 * i, .size = 8, .more = true}).dropped;
    EXPECT_EQ(why, drop_reason::ip_fragment_table_full);
    EXPECT_EQ(all->memory(), 0U);
    EXPECT_EQ(all->lost().size(), 1U);
}

TEST_F(reassembly_bounds, addresses_of_one_prefix_are_one_source)
{
    options.source_datagrams = 4;
    start();
    for (std::uint64_t host = 1; host <= 10; ++host) {
        packet p(slice::copy_of(payload(0, 8)));
        wire::ipv6_fragment_header h{};
        h.next_header = 253;
        h.offset_more = 1;
        p.push_front(h);
        wire::push_ipv6(p, {static_cast<ip_protocol>(44)}, {0x2001'0db8'0000'0001U, host}, v6_destination);
        rx_packet in = received(packet(slice::copy_of(flat(p))));
        EXPECT_FALSE(all->add(in, now).dropped);
    }
    EXPECT_EQ(all->size(), 4U);
}

// Of four flooders each fills its share; the honest datagrams are older than all of theirs that are left
TEST_F(reassembly_bounds, sources_that_hold_much_are_evicted_first)
{
    start();
    constexpr std::uint32_t honest = 100, flooders = 4;
    for (std::uint32_t host = 1; host <= honest; ++host) add({.size = 1'400, .more = true, .host = host});
    for (std::uint32_t id = 0; id < 20'000; ++id)
        add({.size = id % 2 == 0 ? 8U : 1'400U, .more = true, .id = id, .host = 1'000 + id % flooders});
    for (std::uint32_t id = 0; id < 5'000; ++id) // one datagram in many small fragments
        add({.offset = 16 * (id % 1'000) + 8, .size = 8, .more = true, .id = id / 1'000, .host = 2'000});
    for (std::uint32_t host = 1; host <= honest; ++host) {
        add({.offset = 1'400, .size = 1'400, .more = true, .host = host});
        EXPECT_TRUE(add({.offset = 2'800, .size = 5, .host = host}).whole) << host;
    }
}

// A source with the most memory, but in one datagram of usual fragments, is not evicted for many sources with little
TEST_F(reassembly_bounds, one_large_datagram_survives_random_sources)
{
    start();
    std::uint32_t at = 0;
    for (; at < 60'000; at += 1'000) add({.offset = at, .size = 1'000, .more = true});
    for (std::uint32_t i = 0; i < 2'000; ++i) add({.size = 8, .more = true, .host = 1'000 + i});
    EXPECT_TRUE(add({.offset = at, .size = 5}).whole);
}

/// First fragments from random sources: patched copies of one packet.
class flood
{
public:
    flood(family f, std::uint32_t size, unsigned seed)
        : v6_(f == family::v6), template_(octets_of({.family = f, .size = size, .more = true}, payload(0, size))), random_(seed)
    {
    }
    rx_packet next()
    {
        std::byte* const at = template_.data();
        const auto host = static_cast<std::uint32_t>(random_());
        if (v6_) {
            wire::store_32(at + 8 + 4, host);
        } else {
            wire::store_32(at + 12, host);
            wire::store_16(at + 10, 0);
            wire::store_16(at + 10, static_cast<std::uint16_t>(~ones_sum(const_bytes(template_).first(20))));
        }
        return received(packet(slice::copy_of(template_)));
    }

private:
    bool v6_;
    octets template_;
    std::mt19937 random_;
};

/// Sources that send a datagram in three fragments, again and again. Between the fragments of a datagram, up to 400 fragments of
/// the flood arrive.
struct honest_sources
{
    struct source
    {
        std::uint32_t id = 0, sent = 0;
        std::uint64_t next = 0; ///< number of flood packets
    };

    void run(reassembly& all, std::uint64_t flooded, time_point now)
    {
        for (std::uint32_t i = 0; i < sources.size(); ++i) {
            source& s = sources[i];
            if (flooded < s.next) continue;
            fragment_of f{.family = i % 2 == 0 ? family::v4 : family::v6, .offset = s.sent * 1'480, .size = 1'480};
            f.more = s.sent < 2;
            f.id = s.id;
            f.host = 0x10'0000 + i;
            rx_packet p = make(f, content);
            if (all.add(p, now).whole) ++completed;
            s.next = flooded + random() % 400;
            if (++s.sent < 3) continue;
            s = {s.id + 1, 0, flooded + 20'000 + random() % 10'000};
            ++sent;
        }
    }

    std::mt19937 random{1}; // NOLINT: the same each time
    std::vector<source> sources = std::vector<source>(40);
    octets content = octets(1'480);
    unsigned sent = 0, completed = 0;
};

TEST_F(reassembly_bounds, honest_sources_get_through_a_flood_from_random_sources)
{
    for (const std::uint32_t size : {16U, 1'480U}) {
        start();
        honest_sources honest;
        flood four(family::v4, size, 1), six(family::v6, size, 2);
        std::size_t most = 0;
        for (std::uint64_t flooded = 0; flooded < 500'000; ++flooded) {
            rx_packet p = flooded % 2 == 0 ? four.next() : six.next();
            all->add(p, now);
            most = std::max(most, all->memory());
            if (flooded % 16 == 0) honest.run(*all, flooded, now);
            now += 10us;
            all->advance(now, [](auto&&) {});
        }
        EXPECT_LE(most, options.memory);
        EXPECT_GE(most, options.memory / 2) << "it was a flood";
        EXPECT_GE(honest.sent, 700U);
        EXPECT_GE(honest.completed, honest.sent * 9 / 10) << honest.completed << " of " << honest.sent;
    }
}

// -- work per fragment ----------------------------------------------------------------------------------------------------

double processor_time() ///< CPU time of this thread, s
{
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template <class F>
double best_of_three(F&& f)
{
    double best = 1e9;
    for (int i = 0; i < 3; ++i) best = std::min(best, f());
    return best;
}

/// The table is full, with `datagrams` of different sources, and each fragment evicts one. @return s per fragment
double time_with_datagrams(std::uint32_t datagrams)
{
    constexpr std::uint32_t measured = 5'000;
    ip_counters counters;
    reassembly all({.memory = std::size_t{1} << 30, .datagrams = datagrams}, counters);
    std::vector<rx_packet> packets;
    for (std::uint32_t i = 0; i < datagrams + measured; ++i) packets.push_back(make({.size = 8, .more = true, .host = i * 7919}));
    double began = 0;
    for (std::uint32_t i = 0; i < packets.size(); ++i) {
        if (i == datagrams) began = processor_time();
        all.add(packets[i], {});
    }
    return (processor_time() - began) / measured;
}

// A step per datagram in the table would take 256 times as long
TEST(reassembly_work, does_not_grow_with_the_number_of_datagrams)
{
    const double few = best_of_three([] { return time_with_datagrams(100); });
    const double many = best_of_three([] { return time_with_datagrams(25'600); });
    EXPECT_LT(many, 25 * few);
}

/// Fragments of one datagram, the last first, with gaps. @return s per fragment
double time_with_fragments(std::uint32_t fragments)
{
    ip_counters counters;
    reassembly all({.memory = std::size_t{1} << 30, .source_memory = std::size_t{1} << 30, .fragments = 10'000}, counters);
    std::vector<rx_packet> packets;
    for (std::uint32_t i = 0; i < 4'000; ++i) {
        const std::uint32_t nth = fragments - 1 - i % fragments;
        packets.push_back(make({.offset = 16 * nth + 8, .size = 8, .more = true, .id = i / fragments}));
    }
    const double began = processor_time();
    for (rx_packet& p : packets) all.add(p, {});
    return (processor_time() - began) / static_cast<double>(packets.size());
}

// FragmentSmack (CVE-2018-5391); a step per fragment of the datagram would take 500 times as long
TEST(reassembly_work, does_not_grow_with_the_number_of_fragments)
{
    const double few = best_of_three([] { return time_with_fragments(8); });
    const double many = best_of_three([] { return time_with_fragments(4'000); });
    EXPECT_LT(many, 25 * few);
}

} // namespace
} // namespace tapio::core::ip
