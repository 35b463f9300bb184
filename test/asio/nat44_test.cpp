// tapio::nat44: what it adds to core::nat44, which test/unit/ip tests.
#include <tapio/nat44.hpp>

#include <boost/system/system_error.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace {

using tapio::nat44;
using tapio::core::address_v4;

const address_v4 first = boost::asio::ip::make_address_v4("192.0.2.1"), second = boost::asio::ip::make_address_v4("192.0.2.2");

nat44::options with_forward()
{
    nat44::options o;
    o.outside = 1;
    o.outside_addresses = {first};
    o.forwards = {{.protocol = 6, .outside_port = 443, .inside = {boost::asio::ip::make_address("198.18.0.10"), 8443}}};
    return o;
}

TEST(nat44, has_its_forwards_from_the_beginning)
{
    for (const auto& nat : {std::make_unique<nat44>(with_forward()), std::make_unique<nat44>(with_forward(), 7)}) {
        const auto list = nat->mappings();
        ASSERT_EQ(list.size(), 1U);
        EXPECT_TRUE(list[0].forward);
        EXPECT_EQ(list[0].outside.address, first);
        EXPECT_EQ(list[0].outside.port, 443);
        EXPECT_EQ(list[0].expires, tapio::core::never);
        EXPECT_EQ(nat->counters().mappings, 0U);
        EXPECT_TRUE(nat->needs_whole_datagrams());
        EXPECT_EQ(nat->next_deadline(), tapio::core::never);
    }
}

TEST(nat44, refuses_options_by_name)
{
    nat44::options o = with_forward();
    o.first_port = 0;
    try {
        nat44 nat(o);
        FAIL();
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), boost::system::errc::invalid_argument);
        EXPECT_NE(std::string(e.what()).find("first_port"), std::string::npos);
    }
}

// Finds data races in a build with the thread sanitizer.
TEST(nat44, may_be_asked_and_changed_on_any_thread)
{
    nat44 nat(with_forward());
    const auto change = [&nat] {
        for (int i = 0; i < 1000; ++i) {
            nat.set_outside_addresses({i % 2 == 0 ? second : first});
            nat.advance(tapio::core::time_point(std::chrono::seconds(i)));
        }
    };
    std::thread other(change);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(nat.mappings().size(), 1U);
    other.join();
    EXPECT_EQ(nat.mappings()[0].outside.address, first);
}

} // namespace
