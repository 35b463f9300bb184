// Merging of source filters (RFC 3376 §3.2, RFC 3810 §4.2): the examples of the RFC, and random changes compared with a model.
#include "base/split_mix.hpp"
#include "ip/source_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace tapio::core::ip {
namespace {

using set = std::set<unsigned>;
constexpr auto include = filter_mode::include, exclude = filter_mode::exclude;

address source(unsigned n) { return address_v4(0xc000'0200U + n); }

source_filter filter(filter_mode mode, const set& some)
{
    std::vector<address> sources;
    for (const unsigned n : some) sources.push_back(source(n));
    return make_filter(mode, sources);
}

TEST(source_filter, is_sorted_and_has_no_source_twice)
{
    const address some[] = {source(3), source(1), source(3), source(2)};
    EXPECT_EQ(make_filter(include, some).sources, (std::vector<address>{source(1), source(2), source(3)}));
}

struct merging : testing::TestWithParam<std::tuple<std::vector<std::pair<filter_mode, set>>, filter_mode, set>>
{
};

TEST_P(merging, follows_the_rfc)
{
    const auto& [sockets, mode, sources] = GetParam();
    group_filters all;
    subscriber_id who = 0;
    for (const auto& [m, s] : sockets) all.set(++who, filter(m, s));
    EXPECT_EQ(all.merged(), filter(mode, sources));
}

using sockets = std::vector<std::pair<filter_mode, set>>;

INSTANTIATE_TEST_SUITE_P(
    rfc_3376, merging,
    testing::Values(
        std::tuple(sockets{{exclude, {1, 2, 3, 4}}, {exclude, {2, 3, 4, 5}}, {include, {4, 5, 6}}}, exclude, set{2, 3}),
        std::tuple(sockets{{include, {1, 2, 3}}, {include, {2, 3, 4}}, {include, {5, 6}}}, include, set{1, 2, 3, 4, 5, 6}),
        std::tuple(sockets{{exclude, {1}}, {exclude, {}}}, exclude, set{}),
        std::tuple(sockets{{exclude, {1}}, {include, {1}}}, exclude, set{}),
        std::tuple(sockets{{exclude, {1}}, {include, {2}}}, exclude, set{1}),
        std::tuple(sockets{{include, {}}}, include, set{})));

/// The rules of RFC 3376 §3.2 word by word.
struct model
{
    std::map<subscriber_id, std::pair<filter_mode, set>> filters;

    std::pair<filter_mode, set> merged() const
    {
        set included, excluded;
        bool any = false;
        for (const auto& [who, f] : filters) {
            if (f.first == include) {
                included.insert(f.second.begin(), f.second.end());
            } else if (!std::exchange(any, true)) {
                excluded = f.second;
            } else {
                std::erase_if(excluded, [&f = f](unsigned n) { return !f.second.contains(n); });
            }
        }
        if (!any) return {include, included};
        std::erase_if(excluded, [&](unsigned n) { return included.contains(n); });
        return {exclude, excluded};
    }
    /// Whether some socket wants the source.
    bool accepts(unsigned n) const
    {
        return std::any_of(filters.begin(), filters.end(),
                           [&](const auto& f) { return f.second.second.contains(n) == (f.second.first == include); });
    }
};

TEST(merging, agrees_with_the_model_over_100000_random_changes)
{
    constexpr unsigned subscribers = 5, sources = 8;
    group_filters all;
    model m;
    std::uint64_t state = 3;
    std::size_t excluding = 0, nothing = 0;
    for (unsigned i = 0; i < 100'000; ++i) {
        const std::uint64_t r = split_mix(state);
        const subscriber_id who = r % subscribers;
        const filter_mode mode = (r >> 8) % 3 == 0 ? exclude : include;
        set some;
        for (unsigned n = 0; n < sources; ++n)
            if ((r >> (16 + 2 * n) & 3) == 0) some.insert(n);
        if ((r >> 40) % 3 == 0) some.clear();
        all.set(who, filter(mode, some));
        m.filters[who] = {mode, some};
        const auto [expected, listed] = m.merged();
        ASSERT_EQ(all.merged(), filter(expected, listed)) << i;
        for (unsigned n = 0; n <= sources; ++n) {
            ASSERT_EQ(all.accepts(source(n)), m.accepts(n)) << i;
            ASSERT_EQ(all.merged().accepts(source(n)), m.accepts(n)) << i;
        }
        ASSERT_EQ(all.empty(), all.merged().is_nothing()) << i;
        const bool member = mode == exclude || !some.empty();
        ASSERT_EQ(all.find(who) != nullptr, member) << i;
        ASSERT_TRUE(!member || *all.find(who) == filter(mode, some)) << i;
        excluding += expected == exclude && !listed.empty();
        nothing += all.empty();
    }
    EXPECT_GT(excluding, 1000U); // the changes reach the interesting states
    EXPECT_GT(nothing, 100U);
}

} // namespace
} // namespace tapio::core::ip
