// device_decorator: calls that a decorator does not override are passed on, in both directions.
#include "support/mocks.hpp"
#include "unit/device/recorder.hpp"

#include <tapio/core/checksum.hpp>
#include <tapio/device/decorator.hpp>
#include <tapio/device/pipe.hpp>

#include <boost/asio/io_context.hpp>

#include <gmock/gmock.h>

namespace tapio::test {
namespace {

using ::testing::_;
using ::testing::NiceMock;
using ::testing::Return;
using namespace std::chrono_literals;

/// Overrides nothing.
struct plain final : device_decorator
{
    using device_decorator::device_decorator;
    ~plain() override { stop(); }
};

class mock_whole_device : public mock_device
{
public:
    MOCK_METHOD(std::uint64_t, transmit_errors, (), (const, override));
    MOCK_METHOD(bool, in_memory, (), (const, override));
    MOCK_METHOD(void, deliver, (), (override));
    MOCK_METHOD(core::time_point, next_deadline, (), (const, override));
    MOCK_METHOD(void, advance, (), (override));
    MOCK_METHOD(int, poll_descriptor, (), (const, override));
    MOCK_METHOD(void, poll, (), (override));
};

struct decorated : ::testing::Test
{
    decorated()
    {
        auto owned = std::make_unique<NiceMock<mock_whole_device>>();
        inner = owned.get();
        ON_CALL(*inner, start(_, _)).WillByDefault([this](auto, device_receiver& r) { from_inside = &r; });
        outer = std::make_unique<plain>(std::move(owned));
        outer->start(io.get_executor(), receiver);
    }

    boost::asio::io_context io;
    recorder receiver;
    NiceMock<mock_whole_device>* inner = nullptr;
    device_receiver* from_inside = nullptr;
    std::unique_ptr<device> outer;
};

TEST_F(decorated, what_the_stack_asks_goes_in)
{
    device_info info;
    info.name = "tap7";
    info.queue_length = 17;
    EXPECT_CALL(*inner, info()).WillRepeatedly(Return(info));
    EXPECT_CALL(*inner, flush()).WillOnce(Return(false));
    EXPECT_CALL(*inner, transmit_errors()).WillOnce(Return(3));
    EXPECT_CALL(*inner, in_memory()).WillOnce(Return(true));
    EXPECT_CALL(*inner, next_deadline()).WillOnce(Return(core::time_point(1h)));
    EXPECT_CALL(*inner, poll_descriptor()).WillOnce(Return(5));
    EXPECT_CALL(*inner, deliver());
    EXPECT_CALL(*inner, advance());
    EXPECT_CALL(*inner, poll());
    EXPECT_EQ(outer->info().name, "tap7");
    EXPECT_EQ(outer->info().queue_length, 17U);
    EXPECT_FALSE(outer->flush());
    EXPECT_EQ(outer->transmit_errors(), 3U);
    EXPECT_TRUE(outer->in_memory());
    EXPECT_EQ(outer->next_deadline(), core::time_point(1h));
    EXPECT_EQ(outer->poll_descriptor(), 5);
    outer->deliver(), outer->advance(), outer->poll();
    EXPECT_CALL(*inner, stop()).Times(::testing::AtLeast(1));
    outer.reset();
}

TEST_F(decorated, several_packets_come_to_transmit_in_order_until_it_is_full)
{
    auto a = packet_of("a"), b = packet_of("b"), c = packet_of("c");
    packet* const all[] = {&a, &b, &c};
    std::string sent;
    EXPECT_CALL(*inner, transmit(_)).Times(2).WillRepeatedly([&](packet& p) {
        sent += text_of(p);
        return sent != "ab";
    });
    EXPECT_EQ(outer->transmit_several(all), 1U);
    EXPECT_EQ(sent, "ab");
}

TEST_F(decorated, what_the_medium_says_goes_out)
{
    from_inside->receive(packet_of("x"));
    from_inside->end_batch(true);
    from_inside->writable();
    from_inside->changed();
    from_inside->failed(make_error_code(boost::system::errc::no_such_device));
    EXPECT_EQ(receiver.heard, "x | writable changed failed");
    EXPECT_EQ(receiver.went_on, std::vector<bool>{true});
    EXPECT_EQ(from_inside->now(), receiver.time);
    const auto before = receiver.time_of_day();
    EXPECT_GE(from_inside->time_of_day(), before);
}

/// The example of the documentation: sets a DSCP in each packet sent.
struct marking final : device_decorator
{
    using device_decorator::device_decorator;
    ~marking() override { stop(); }
    bool transmit(packet& p) override
    {
        constexpr std::byte expedited[] = {std::byte{46 << 2}};
        core::overwrite(p, 1, expedited);
        core::update_checksums(p, info().link);
        return device_decorator::transmit(p);
    }
};

TEST(decorator, may_rewrite_what_passes)
{
    boost::asio::io_context io;
    recorder at_left, at_right;
    auto [left, right] = make_pipe({.link = core::link_type::ip});
    left = std::make_unique<plain>(std::make_unique<marking>(std::move(left)));
    left->start(io.get_executor(), at_left);
    right->start(io.get_executor(), at_right);
    // An IPv4 header without payload: 192.0.2.1 to 192.0.2.2, protocol 253 (RFC 3692)
    const std::string ip("\x45\0\0\x14\0\0\x40\0\x40\xfd\xb5\xe9\xc0\0\2\1\xc0\0\2\2", 20);
    std::string marked = ip;
    marked[1] = static_cast<char>(46 << 2);
    marked[11] = static_cast<char>(0xe9 - (46 << 2));
    transmit(*left, ip);
    left->deliver();
    EXPECT_EQ(at_right.heard, marked + " |");
}

} // namespace
} // namespace tapio::test
