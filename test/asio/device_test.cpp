// The calls that a stack makes on its device, and their order (the contract in device.hpp).
#include "support/mocks.hpp"

#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace {

namespace asio = boost::asio;
using tapio::ip::udp;
using tapio::test::mock_device;
using tapio::test::mock_trace;
using testing::_;
using testing::AnyNumber;
using testing::InSequence;
using testing::NiceMock;
using testing::Return;
using testing::SaveArg;

struct device_contract : testing::Test
{
    device_contract()
    {
        auto owned = std::make_unique<mock_device>();
        device = owned.get();
        tapio::device_info bare;
        bare.name = "mock0";
        bare.link = tapio::core::link_type::ip;
        EXPECT_CALL(*device, info()).WillRepeatedly(Return(bare));
        EXPECT_CALL(*device, start(_, _)).WillOnce([this](const asio::any_io_executor&, tapio::device_receiver& r) {
            receiver = &r;
        });
        stack.emplace(io, std::move(owned));
        stack->add_address(asio::ip::make_address("192.0.2.1"), 24);
        socket.emplace(*stack, udp::v4());
        testing::Mock::VerifyAndClearExpectations(device);
        EXPECT_CALL(*device, info()).WillRepeatedly(Return(bare));
    }
    void send() { socket->send_to(asio::buffer("x", 1), {asio::ip::make_address("192.0.2.2"), 7}); }
    static bool take(tapio::packet& p)
    {
        p = {};
        return true;
    }
    /// Calls the receiver as a device does: from a handler on the device's executor.
    void say(void (tapio::device_receiver::*what)())
    {
        asio::post(io, [this, what] { (receiver->*what)(); });
        io.restart();
        io.poll();
    }

    asio::io_context io;
    mock_device* device = nullptr;
    tapio::device_receiver* receiver = nullptr;
    std::optional<tapio::stack> stack;
    std::optional<udp::socket> socket;
};

TEST_F(device_contract, what_was_given_is_flushed_before_the_call_returns)
{
    {
        const InSequence order;
        EXPECT_CALL(*device, transmit(_)).WillOnce(take);
        EXPECT_CALL(*device, flush()).WillOnce(Return(true));
    }
    send();
    testing::Mock::VerifyAndClearExpectations(device);
    EXPECT_CALL(*device, info()).Times(AnyNumber());
    EXPECT_CALL(*device, stop());
    stack->shutdown();
}

TEST_F(device_contract, one_that_is_full_is_left_alone_until_it_is_writable)
{
    EXPECT_CALL(*device, flush()).WillRepeatedly(Return(true));
    EXPECT_CALL(*device, transmit(_)).WillOnce(Return(false));
    send();
    send(); // queued behind the refused packet
    testing::Mock::VerifyAndClearExpectations(device);
    EXPECT_CALL(*device, flush()).WillRepeatedly(Return(true));
    EXPECT_CALL(*device, transmit(_)).Times(2).WillRepeatedly(take);
    say(&tapio::device_receiver::writable);
    testing::Mock::VerifyAndClearExpectations(device);
    EXPECT_CALL(*device, info()).Times(AnyNumber());
    EXPECT_CALL(*device, stop());
    stack->shutdown();
}

TEST_F(device_contract, a_flush_that_could_not_end_is_tried_again_when_it_is_writable)
{
    EXPECT_CALL(*device, transmit(_)).WillOnce(take);
    EXPECT_CALL(*device, flush()).WillOnce(Return(false)).WillOnce(Return(true));
    send();
    say(&tapio::device_receiver::writable);
    testing::Mock::VerifyAndClearExpectations(device);
    EXPECT_CALL(*device, info()).Times(AnyNumber());
    EXPECT_CALL(*device, stop());
    stack->shutdown();
}

} // namespace
