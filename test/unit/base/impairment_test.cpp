// // The impairment model of a wire: drop, duplication, corruption, reordering, delay and jitter, rate and queue, stalls.
#include <tapio/core/impairment.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <string>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

packet packet_of(const std::string& text) { return packet(slice::copy_of(std::as_bytes(std::span(text)))); }

std::string text_of(const packet& p)
{
    std::string text(p.size(), '\0');
    p.copy_to(std::as_writable_bytes(std::span(text)));
    return text;
}

constexpr time_point start{1h};
constexpr int many = 20'000;

struct bad_wire
{
    explicit bad_wire(const impairment_options& options, std::uint64_t seed = 1) : model(options, seed) {}

    std::vector<impairment::arrival> send(const std::string& text, time_point now = start, std::size_t link_header = 0)
    {
        std::vector<impairment::arrival> out;
        model.send(packet_of(text), link_header, now, out);
        return out;
    }

    impairment model;
};

TEST(impairment, a_perfect_wire_delivers_at_once)
{
    bad_wire wire({});
    const auto arrivals = wire.send("x");
    ASSERT_EQ(arrivals.size(), 1U);
    EXPECT_EQ(arrivals[0].at, start);
    EXPECT_EQ(text_of(arrivals[0].packet), "x");
}

TEST(impairment, happens_as_often_as_it_was_told)
{
    bad_wire wire({.drop = 0.05, .duplicate = 0.02, .reorder = 0.05, .corrupt = 0.01});
    std::size_t arrived = 0;
    for (int i = 0; i < many; ++i) arrived += wire.send("packet").size();
    const auto& c = wire.model.counters();
    EXPECT_EQ(c.packets, many);
    EXPECT_EQ(arrived, many - c.dropped + c.duplicated);
    EXPECT_NEAR(static_cast<double>(c.dropped), 0.05 * many, 0.01 * many);
    EXPECT_NEAR(static_cast<double>(c.duplicated), 0.02 * many, 0.01 * many);
    EXPECT_NEAR(static_cast<double>(c.reordered), 0.05 * many, 0.01 * many);
    EXPECT_NEAR(static_cast<double>(c.corrupted), 0.01 * many, 0.005 * many);
}

TEST(impairment, the_same_seed_gives_the_same_fate_and_another_another)
{
    const impairment_options options{.drop = 0.3, .corrupt = 0.3, .jitter = 1ms};
    bad_wire a(options, 7), b(options, 7), c(options, 8);
    int differences = 0;
    for (int i = 0; i < 1000; ++i) {
        const auto x = a.send("packet"), y = b.send("packet"), z = c.send("packet");
        ASSERT_EQ(x.size(), y.size());
        differences += x.size() != z.size();
        if (!x.empty()) {
            EXPECT_EQ(x[0].at, y[0].at);
            EXPECT_EQ(text_of(x[0].packet), text_of(y[0].packet));
        }
    }
    EXPECT_GT(differences, 100);
}

TEST(impairment, corruption_flips_one_bit_behind_the_link_header)
{
    bad_wire wire({.corrupt = 1});
    const std::string sent = "headerbody";
    std::string hit(sent.size(), '\0');
    for (int i = 0; i < 1000; ++i) {
        const std::string got = text_of(wire.send(sent, start, 6).at(0).packet);
        int flipped = 0;
        for (std::size_t k = 0; k < sent.size(); ++k) {
            const auto difference = static_cast<unsigned char>(sent[k] ^ got[k]);
            flipped += std::popcount(difference);
            hit[k] = static_cast<char>(hit[k] | difference);
        }
        ASSERT_EQ(flipped, 1);
    }
    EXPECT_EQ(hit, std::string(6, '\0') + std::string(4, '\xff')) << "every bit of the body is hit, none of the link header";
}

TEST(impairment, an_empty_packet_cannot_be_corrupted)
{
    bad_wire wire({.corrupt = 1});
    EXPECT_EQ(text_of(wire.send("header", start, 6).at(0).packet), "header");
    EXPECT_EQ(wire.model.counters().corrupted, 0U);
}

TEST(impairment, a_damaged_copy_leaves_the_sender_s_octets_alone)
{
    bad_wire wire({.corrupt = 1});
    const packet kept = packet_of("payload");
    std::vector<impairment::arrival> out;
    wire.model.send(packet(kept), 0, start, out);
    EXPECT_NE(text_of(out.at(0).packet), "payload");
    EXPECT_EQ(text_of(kept), "payload");
}

TEST(impairment, delay_and_jitter)
{
    bad_wire wire({.delay = 10ms, .jitter = 5ms});
    auto earliest = never, latest = start;
    for (int i = 0; i < 1000; ++i) {
        const auto at = wire.send("x").at(0).at;
        earliest = std::min(earliest, at);
        latest = std::max(latest, at);
    }
    EXPECT_GE(earliest, start + 10ms);
    EXPECT_LT(earliest, start + 11ms);
    EXPECT_LT(latest, start + 15ms);
    EXPECT_GT(latest, start + 14ms);
}

TEST(impairment, reordered_packets_are_overtaken)
{
    bad_wire wire({.reorder = 1, .reorder_delay = 3ms});
    EXPECT_EQ(wire.send("x").at(0).at, start + 3ms);
}

TEST(impairment, a_rate_spaces_packets_out)
{
    bad_wire wire({.rate = 8'000'000}); // one octet per microsecond
    const std::string kilobyte(1000, 'x');
    EXPECT_EQ(wire.send(kilobyte).at(0).at, start + 1ms);
    EXPECT_EQ(wire.send(kilobyte).at(0).at, start + 2ms);
    EXPECT_EQ(wire.send(kilobyte, start + 10ms).at(0).at, start + 11ms) << "idle time is not saved up for a burst";
}

TEST(impairment, a_stall_holds_what_arrives_at_the_end_of_a_period_until_the_next)
{
    bad_wire wire({.stall = 100ms, .stall_every = 1s});
    EXPECT_EQ(wire.send("x", start).at(0).at, start);
    EXPECT_EQ(wire.send("x", start + 899ms).at(0).at, start + 899ms);
    for (const auto late : {900ms, 950ms, 999ms}) EXPECT_EQ(wire.send("x", start + late).at(0).at, start + 1s) << late.count();
    EXPECT_EQ(wire.send("x", start + 1s).at(0).at, start + 1s);
    EXPECT_EQ(wire.send("x", start + 1950ms).at(0).at, start + 2s) << "once in each period";
}

TEST(impairment, a_stall_counts_from_when_a_packet_would_have_arrived)
{
    bad_wire wire({.delay = 50ms, .stall = 100ms, .stall_every = 1s});
    EXPECT_EQ(wire.send("x", start + 840ms).at(0).at, start + 890ms);
    EXPECT_EQ(wire.send("x", start + 860ms).at(0).at, start + 1s);
    EXPECT_EQ(wire.send("x", start + 960ms).at(0).at, start + 1010ms)
        << "arrives while the stall is over, although sent during it";
}

TEST(impairment, without_a_period_there_is_no_stall)
{
    bad_wire wire({.stall = 100ms});
    for (const auto at : {0ms, 950ms, 999ms}) EXPECT_EQ(wire.send("x", start + at).at(0).at, start + at);
}

TEST(impairment, a_full_queue_drops_the_newest)
{
    bad_wire wire({.rate = 8'000'000, .queue_limit = 2500});
    const std::string kilobyte(1000, 'x');
    for (int i = 0; i < 3; ++i) EXPECT_EQ(wire.send(kilobyte).size(), 1U);
    EXPECT_EQ(wire.send(kilobyte).size(), 0U);
    EXPECT_EQ(wire.model.counters().queue_dropped, 1U);
    EXPECT_EQ(wire.send(kilobyte, start + 1ms).size(), 1U) << "one packet has left the queue";
}

} // namespace
} // namespace tapio::core
