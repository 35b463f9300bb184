// tapio::tcp_info(socket), and Linux's struct tcp_info by the option TCP_INFO.
#include "support/value_option.hpp"

#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <netinet/tcp.h>
#include <string>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;

class info_of_a_socket : public testing::Test
{
protected:
    info_of_a_socket() : left(io, nullptr, {.time = &time}), right(io, nullptr, {.time = &time})
    {
        auto [l, r] = tapio::make_pipe({.mtu = 1500});
        left.add_device(std::move(l));
        right.add_device(std::move(r));
        left.add_address(asio::ip::make_address("192.0.2.1"), 24);
        right.add_address(asio::ip::make_address("192.0.2.2"), 24);
        acceptor.emplace(right, tcp::endpoint(asio::ip::make_address("192.0.2.2"), 7));
        client.emplace(left);
        client->connect({asio::ip::make_address("192.0.2.2"), 7});
        server.emplace(acceptor->accept());
    }

    asio::io_context io{1};
    tapio::virtual_time time{io};
    tapio::stack left, right;
    std::optional<tcp::acceptor> acceptor;
    std::optional<tcp::socket> client, server;
};

TEST_F(info_of_a_socket, says_what_was_sent_and_received)
{
    const std::string text(3000, 'x');
    asio::write(*client, asio::buffer(text));
    std::string got(text.size(), ' ');
    asio::read(*server, asio::buffer(got));
    tapio::steady_timer pause(left, 1s);
    pause.wait();
    const auto out = tapio::tcp_info(*client);
    EXPECT_EQ(out.state, tapio::core::tcp_state::established);
    EXPECT_EQ(out.congestion_control, "cubic");
    EXPECT_EQ(out.bytes_sent, 3000U);
    EXPECT_EQ(out.bytes_acked, 3000U);
    EXPECT_EQ(out.data_segments_sent, 3U);
    EXPECT_EQ(out.delivered, 4U);
    EXPECT_FALSE(out.passive);
    const auto in = tapio::tcp_info(*server);
    EXPECT_EQ(in.bytes_received, 3000U);
    EXPECT_EQ(in.data_segments_received, 3U);
    EXPECT_TRUE(in.passive);
    EXPECT_EQ(tapio::tcp_info(*acceptor).state, tapio::core::tcp_state::listen);
}

TEST_F(info_of_a_socket, says_why_there_is_none)
{
    error_code ec;
    tcp::socket closed(left);
    (void)tapio::tcp_info(closed, ec);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
    EXPECT_THROW((void)tapio::tcp_info(closed), boost::system::system_error);
    tapio::ip::udp::socket datagrams(left, tapio::ip::udp::v4());
    (void)tapio::tcp_info(datagrams, ec);
    EXPECT_EQ(ec, asio::error::operation_not_supported);
}

/// TCP_INFO read into a buffer of this size.
template <std::size_t Size>
using raw_info = tapio::test::value_option<IPPROTO_TCP, TCP_INFO, std::array<std::byte, Size>>;

TEST_F(info_of_a_socket, fills_linux_s_struct_as_far_as_its_reader_knows_it)
{
    raw_info<sizeof(::tcp_info)> old;
    client->get_option(old);
    EXPECT_EQ(old.filled(), sizeof(::tcp_info));
    ::tcp_info known{};
    std::memcpy(&known, old.value().data(), sizeof known);
    EXPECT_EQ(known.tcpi_state, TCP_ESTABLISHED);
    EXPECT_EQ(known.tcpi_pmtu, 1500U);
    EXPECT_EQ(known.tcpi_advmss, 1460U);
    raw_info<1000> longer;
    client->get_option(longer);
    EXPECT_EQ(longer.filled(), 248U);
}

} // namespace
