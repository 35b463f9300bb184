// slice_list, compared with a string of the octets that it should contain.
#include <tapio/core/slice_list.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

namespace tapio::core {
namespace {

slice slice_with(const std::string& text) { return slice::copy_of(std::as_bytes(std::span(text))); }

std::string octets_of(const slice_list& list)
{
    std::string out;
    for (const slice& s : list) out.append(reinterpret_cast<const char*>(s.data()), s.size());
    return out;
}

slice_list list_of(std::size_t slices)
{
    slice_list out;
    for (std::size_t i = 0; i < slices; ++i) out.push_back(slice_with(std::to_string(100 + i)));
    return out;
}

TEST(slice_list, few_or_many_it_can_be_copied_moved_and_moved_into)
{
    for (const std::size_t from : {0U, 1U, 2U, 3U, 9U}) {
        const slice_list all = list_of(from);
        const std::string octets = octets_of(all);
        ASSERT_EQ(all.size(), from);
        for (const std::size_t into : {0U, 1U, 2U, 3U, 9U}) {
            slice_list copied = list_of(into);
            copied = all;
            EXPECT_EQ(octets_of(copied), octets);
            slice_list moved = list_of(into);
            moved = std::move(copied);
            EXPECT_EQ(octets_of(moved), octets);
            EXPECT_TRUE(copied.empty()); // NOLINT(bugprone-use-after-move): a moved-from list is empty
            copied.push_back(slice_with("again"));
            EXPECT_EQ(octets_of(copied), "again");
            const slice_list& same = moved;
            moved = same;
            EXPECT_EQ(octets_of(moved), octets);
            EXPECT_EQ(octets_of(slice_list(std::move(moved))), octets);
        }
    }
}

TEST(slice_list, cut_at_either_end_it_keeps_the_octets_between)
{
    std::mt19937 random(7);
    const auto up_to = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n)(random); };
    for (int round = 0; round < 2000; ++round) {
        slice_list list = list_of(up_to(5));
        std::string expected = octets_of(list);
        for (int step = 0; step < 8; ++step) {
            switch (up_to(2)) {
            case 0: {
                const std::size_t n = up_to(expected.size() + 2);
                list.remove_prefix(n);
                expected.erase(0, n);
                break;
            }
            case 1: {
                const std::size_t n = up_to(expected.size() + 2);
                list.truncate(n);
                expected.resize(std::min(n, expected.size()));
                break;
            }
            default: list.push_back(slice_with("new")); expected += "new";
            }
            ASSERT_EQ(octets_of(list), expected);
            ASSERT_EQ(list.empty(), expected.empty());
        }
    }
}

TEST(slice, given_itself_is_as_it_was)
{
    slice s = slice_with("text");
    slice& same = s;
    s = same;
    EXPECT_EQ(s.size(), 4U);
    s = std::move(same);
    EXPECT_EQ(s.size(), 4U);
}

} // namespace
} // namespace tapio::core
