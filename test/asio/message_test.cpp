// async_receive_message and its metadata (destination, interface, errors, as recvmsg); stacks with a single thread.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <string>

namespace message_test {
namespace {

namespace asio = tapio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;
using namespace std::chrono_literals;

const auto left_address = asio::ip::make_address("192.0.2.1"), right_address = asio::ip::make_address("192.0.2.2");
const auto group = asio::ip::make_address_v4("239.0.1.1");

struct messages : testing::Test
{
    messages()
    {
        left.add_address(left_address, 24);
        right.add_address(right_address, 24);
    }
    udp::socket bound(tapio::stack& s) { return udp::socket(s, udp::endpoint(udp::v4(), 7)); }

    asio::io_context io{1};
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe();
    tapio::stack left{io, std::move(wire.first)}, right{io, std::move(wire.second)};
    std::string memory = std::string(20, '.');
    udp::endpoint from;
    tapio::ip::packet_info info;
};

TEST_F(messages, an_answer_leaves_from_the_address_that_was_asked)
{
    right.add_address(asio::ip::make_address("192.0.2.22"), 24);
    udp::socket server = bound(right), client = bound(left);
    client.send_to(asio::buffer("who", 3), {asio::ip::make_address("192.0.2.22"), 7});
    EXPECT_EQ(tapio::ip::receive_message(server, asio::buffer(memory), from, info), 3U);
    EXPECT_EQ(info.address, asio::ip::make_address("192.0.2.22"));
    EXPECT_EQ(info.interface, 1U);
    EXPECT_EQ(info.ttl, 64);
    EXPECT_EQ(tapio::ip::send_message(server, asio::buffer("me", 2), from, info), 2U);
    EXPECT_EQ(client.receive_from(asio::buffer(memory), from), 2U);
    EXPECT_EQ(from.address(), asio::ip::make_address("192.0.2.22"));
}

TEST_F(messages, asynchronously_and_cancelled)
{
    udp::socket server = bound(right), client = bound(left);
    std::string got;
    asio::cancellation_signal stop; // must outlive the operation
    tapio::ip::async_receive_message(server, asio::buffer(memory), from, info, [&](error_code ec, std::size_t n) {
        got += ec ? ec.message() : memory.substr(0, n);
        tapio::ip::async_receive_message(server, asio::buffer(memory), from, info,
                                         asio::bind_cancellation_slot(stop.slot(), [&](error_code e, std::size_t) {
                                             got += e == asio::error::operation_aborted ? " aborted" : e.message();
                                             left.shutdown(), right.shutdown();
                                         }));
        stop.emit(asio::cancellation_type::total);
    });
    client.send_to(asio::buffer("once", 4), {right_address, 7});
    io.run_for(5s);
    EXPECT_EQ(got, "once aborted");
}

TEST_F(messages, groups_over_a_wire)
{
    udp::socket a = bound(right), sender = bound(left);
    a.set_option(asio::ip::multicast::join_group(group));
    sender.send_to(asio::buffer("all", 3), {group, 7});
    EXPECT_EQ(tapio::ip::receive_message(a, asio::buffer(memory), from, info), 3U);
    EXPECT_EQ(info.address, asio::ip::address(group));
    EXPECT_EQ(info.ttl, 1);
}

TEST_F(messages, errors_are_queued)
{
    udp::socket s = bound(left);
    s.set_option(boost::asio::detail::socket_option::boolean<IPPROTO_IP, IP_RECVERR>(true));
    s.send_to(asio::buffer("anybody", 7), {right_address, 9});
    s.wait(udp::socket::wait_error);
    udp::endpoint to;
    tapio::ip::error_message m;
    error_code ec;
    EXPECT_EQ(tapio::ip::receive_error(s, asio::buffer(memory), to, m, ec), 7U);
    EXPECT_EQ(memory.substr(0, 7), "anybody");
    EXPECT_EQ(to, udp::endpoint(right_address, 9));
    EXPECT_EQ(m.error, asio::error::connection_refused);
    EXPECT_EQ(m.offender, right_address);
    EXPECT_EQ(tapio::ip::receive_error(s, asio::buffer(memory), to, m, ec), 0U);
    EXPECT_EQ(ec, asio::error::would_block);
}

TEST_F(messages, a_closed_socket_and_a_stream)
{
    udp::socket s = bound(left);
    s.close();
    error_code ec;
    EXPECT_EQ(tapio::ip::receive_message(s, asio::buffer(memory), from, info, 0, ec), 0U);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
    EXPECT_THROW(tapio::ip::send_message(s, asio::buffer(memory), from, info), boost::system::system_error);
}

} // namespace
} // namespace message_test
