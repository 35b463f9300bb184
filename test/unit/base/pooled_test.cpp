// // pooled: freed objects of a class are kept per thread for reuse.
#include "base/pooled.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

namespace tapio::core::pooled_test {
namespace {

struct thing : pooled<thing, 2>
{
    explicit thing(int n = 0) : number(n) {}
    virtual ~thing() = default;

    int number;
    std::array<int, 100> rest{};
};

struct larger_thing : thing
{
    std::array<int, 100> more{};
};

TEST(pooled, the_memory_that_was_left_last_is_taken_first)
{
    auto a = std::make_unique<thing>(1);
    auto b = std::make_unique<thing>(2);
    const thing* const place_of_a = a.get();
    const thing* const place_of_b = b.get();
    b.reset();
    a.reset();
    const auto c = std::make_unique<thing>(3), d = std::make_unique<thing>(4);
    EXPECT_EQ(c.get(), place_of_a);
    EXPECT_EQ(d.get(), place_of_b);
    EXPECT_EQ(c->number, 3);
    EXPECT_EQ(d->number, 4);
}

TEST(pooled, of_another_size_it_comes_from_the_heap_and_goes_back_to_it)
{
    std::unique_ptr<thing> small = std::make_unique<thing>();
    const thing* const place = small.get();
    small.reset();
    std::unique_ptr<thing> large = std::make_unique<larger_thing>();
    EXPECT_NE(large.get(), place);
    large.reset();
    EXPECT_EQ(std::make_unique<thing>().get(), place);
}

TEST(pooled, more_than_it_keeps_and_on_another_thread)
{
    std::vector<std::unique_ptr<thing>> many;
    for (int i = 0; i < 10; ++i) many.push_back(std::make_unique<thing>(i));
    std::thread([&] { many.clear(); }).join(); // memory kept by that thread is freed at its end, or LeakSanitizer reports it
    for (int i = 0; i < 10; ++i) many.push_back(std::make_unique<thing>(i));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(many[static_cast<std::size_t>(i)]->number, i);
}

} // namespace
} // namespace tapio::core::pooled_test
