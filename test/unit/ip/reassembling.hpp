/// @file
/// A test of reassembly for both families: fragments of one datagram.
#pragma once

#include "fragments.hpp"
#include "ip/reassembly.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <optional>

namespace tapio::core::ip {

using namespace std::chrono_literals;
using reason = drop_reason;

class reassembling : public testing::TestWithParam<family>
{
protected:
    bool v6() const { return GetParam() == family::v6; }
    fragment_of fragment(std::uint32_t offset, std::uint32_t size, bool more = true)
    {
        return {.family = GetParam(), .offset = offset, .size = size, .more = more};
    }
    reassembly::result add(rx_packet&& p) { return all.add(p, now); }
    reassembly::result add(const fragment_of& f) { return add(make(f)); }
    std::optional<reason> dropped(const fragment_of& f) { return add(f).dropped; }
    /// Adds fragments that are kept.
    void keep(std::initializer_list<fragment_of> list)
    {
        for (const fragment_of& f : list) {
            const auto r = add(f);
            EXPECT_FALSE(r.whole || r.dropped) << f.offset;
        }
    }
    void expect_whole(const reassembly::result& r, std::size_t size)
    {
        ASSERT_TRUE(r.whole);
        EXPECT_FALSE(r.dropped);
        const rx_packet& p = *r.whole;
        EXPECT_FALSE(p.flaw);
        EXPECT_FALSE(p.fragment);
        packet content = p.transport_part();
        EXPECT_EQ(flat(content), payload(0, size));
    }
    /// The datagram is discarded: no later fragment helps, until its time has run out.
    void expect_discarded()
    {
        EXPECT_EQ(dropped(fragment(0, 8)), reason::ip_fragment_discarded);
        EXPECT_EQ(dropped(fragment(8, 8, false)), reason::ip_fragment_discarded);
        EXPECT_EQ(all.size(), 1U);
        now += v6() ? 60s : 30s;
        all.advance(now, [](auto&&) { FAIL() << "what was discarded does not expire again"; });
        EXPECT_EQ(all.memory(), 0U);
        keep({fragment(0, 8)});
        expect_whole(add(fragment(8, 8, false)), 16);
    }

    ip_counters counters;
    reassembly_options options;
    reassembly all{options, counters};
    time_point now{1h};
};

} // namespace tapio::core::ip
