/// @file
/// GoogleMock classes for the interfaces that users implement or subscribe to: device, device_receiver, trace.
#pragma once

#include <tapio/core/trace.hpp>
#include <tapio/device/device.hpp>

#include <gmock/gmock.h>

#include <span>

namespace tapio::test {

class mock_trace : public core::trace
{
public:
    MOCK_METHOD(void, received, (std::uint32_t interface, const core::packet&, core::time_point), (override));
    MOCK_METHOD(void, sent, (std::uint32_t interface, const core::packet&, core::time_point), (override));
    MOCK_METHOD(void, dropped, (std::uint32_t interface, core::drop_reason, const core::packet&, core::time_point), (override));
    MOCK_METHOD(void, tcp_state_changed,
                (const core::endpoint& local, const core::endpoint& remote, core::tcp_state from, core::tcp_state to,
                 core::time_point),
                (override));
    MOCK_METHOD(void, tcp_retransmitted,
                (const core::endpoint& local, const core::endpoint& remote, std::uint32_t sequence, std::uint32_t octets,
                 core::time_point),
                (override));
    MOCK_METHOD(void, interface_changed, (std::uint32_t interface, const core::interface_status& status, core::time_point),
                (override));
};

class mock_device : public device
{
public:
    MOCK_METHOD(device_info, info, (), (const, override));
    MOCK_METHOD(void, start, (boost::asio::any_io_executor, device_receiver&), (override));
    MOCK_METHOD(bool, transmit, (packet&), (override));
    MOCK_METHOD(bool, flush, (), (override));
    MOCK_METHOD(void, stop, (), (override));
};

class mock_device_receiver : public device_receiver
{
public:
    virtual ~mock_device_receiver() = default;
    MOCK_METHOD(void, receive, (packet &&), (override));
    MOCK_METHOD(void, end_batch, (bool goes_on), (override));
    MOCK_METHOD(core::time_point, now, (), (const, override));
    MOCK_METHOD(void, writable, (), (override));
    MOCK_METHOD(void, changed, (), (override));
    MOCK_METHOD(void, failed, (boost::system::error_code), (override));
};

} // namespace tapio::test
