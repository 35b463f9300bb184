// Congestion control on a path that reorders: what SACK alone tells of counts.
#include "tcp/cubic.hpp"
#include "tcp/dctcp.hpp"
#include "tcp/new_reno.hpp"
#include "unit/tcp/congestion_path.hpp"

#include <gtest/gtest.h>

namespace tapio::core::tcp {
namespace {

using namespace std::chrono_literals;

// -- acknowledgements that only bring SACK blocks ---------------------------------------------------------------------------

template <class Algorithm>
class sack_blocks_alone : public testing::Test
{
};
using algorithms = testing::Types<new_reno, cubic, dctcp>;
TYPED_TEST_SUITE(sack_blocks_alone, algorithms);

TYPED_TEST(sack_blocks_alone, raise_nothing_where_nothing_was_reordered) // RFC 5681 §3.2
{
    TypeParam cc;
    path p(cc);
    p.by_sack = true;
    p.round();
    EXPECT_EQ(p.segments(), 10);
}

TYPED_TEST(sack_blocks_alone, raise_the_window_of_a_path_that_reorders)
{
    TypeParam cc;
    path p(cc);
    p.by_sack = p.reorders = true;
    p.round();
    EXPECT_NEAR(p.segments(), 20, 1) << "slow start";
    cc.loss_detected(40 * mss, p.now);
    cc.recovered(40 * mss, p.now);
    const double before = p.segments();
    for (int i = 0; i < 20; ++i) p.round();
    EXPECT_GT(p.segments(), before + 5) << "congestion avoidance";
}

TYPED_TEST(sack_blocks_alone, raise_nothing_in_a_recovery)
{
    TypeParam cc;
    path p(cc);
    p.by_sack = p.reorders = p.in_recovery = true;
    p.round();
    EXPECT_EQ(p.segments(), 10);
}

} // namespace
} // namespace tapio::core::tcp
