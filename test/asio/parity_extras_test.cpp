// Behaviour of Linux sockets that the parity suite cannot compare, because the kernel sockets would block, need another network,
// or have no such call in Asio.
#include "support/value_option.hpp"

#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <netinet/tcp.h>
#include <string>
#include <sys/time.h>
#include <unistd.h>
#include <vector>

namespace parity_extras_test {
namespace {

namespace asio = tapio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;
using namespace std::chrono_literals;
template <int Level, int Name>
using integer = boost::asio::detail::socket_option::integer<Level, Name>;

const auto left_address = asio::ip::make_address("192.0.2.1"), right_address = asio::ip::make_address("192.0.2.2");

/// Two hosts connected by a wire in virtual time.
struct extras : testing::Test
{
    explicit extras(tapio::stack_options options = {}) : options_(options)
    {
        options_.time = &time;
        left.emplace(io, std::move(wire.first), options_);
        right.emplace(io, std::move(wire.second), options_);
        left->add_address(left_address, 24);
        right->add_address(right_address, 24);
    }
    tapio::stack_options options_;
    asio::io_context io;
    tapio::virtual_time time{io};
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe();
    std::optional<tapio::stack> left, right;
    error_code ec;
    char octet = 0;

    std::pair<tcp::socket, tcp::socket> connect()
    {
        tcp::acceptor a(*right, tcp::endpoint(tcp::v4(), 80));
        tcp::socket c(*left);
        c.connect({right_address, 80});
        tcp::socket s = a.accept();
        return {std::move(c), std::move(s)};
    }
};

/// SO_RCVTIMEO or SO_SNDTIMEO as an option.
template <int Name>
auto timeout(std::chrono::milliseconds t)
{
    return tapio::test::value_option<SOL_SOCKET, Name, ::timeval>({t.count() / 1000, t.count() % 1000 * 1000});
}

TEST_F(extras, a_receive_timeout_ends_a_synchronous_read)
{
    auto [client, server] = connect();
    client.set_option(timeout<SO_RCVTIMEO>(1500ms));
    const auto begun = time.now();
    EXPECT_EQ(client.read_some(asio::buffer(&octet, 1), ec), 0U);
    EXPECT_EQ(ec, asio::error::would_block);
    EXPECT_EQ(time.now() - begun, 1500ms);
    server.write_some(asio::buffer("x", 1));
    EXPECT_EQ(client.read_some(asio::buffer(&octet, 1), ec), 1U);
}

TEST_F(extras, a_receive_timeout_ends_accept_and_receive_from)
{
    tcp::acceptor a(*right, tcp::endpoint(tcp::v4(), 80));
    a.set_option(timeout<SO_RCVTIMEO>(10ms));
    a.accept(ec);
    EXPECT_EQ(ec, asio::error::would_block);
    udp::socket u(*right, udp::endpoint(udp::v4(), 7));
    u.set_option(timeout<SO_RCVTIMEO>(10ms));
    udp::endpoint from;
    u.receive_from(asio::buffer(&octet, 1), from, 0, ec);
    EXPECT_EQ(ec, asio::error::would_block);
}

TEST_F(extras, a_send_timeout_ends_a_write_and_a_connect)
{
    auto [client, server] = connect();
    client.set_option(timeout<SO_SNDTIMEO>(200ms));
    const std::vector<char> much(1'000'000);
    for (int i = 0; i < 100 && !ec; ++i) client.write_some(asio::buffer(much), ec);
    EXPECT_EQ(ec, asio::error::would_block);
    tcp::socket c(*left, tcp::v4());
    c.set_option(timeout<SO_SNDTIMEO>(100ms));
    c.connect({asio::ip::make_address("192.0.2.77"), 80}, ec); // no host answers ARP
    EXPECT_EQ(ec, asio::error::in_progress);
}

TEST_F(extras, messages_tell_when_they_came)
{
    udp::socket a(*left, udp::endpoint(udp::v4(), 7)), b(*right, udp::endpoint(udp::v4(), 7));
    tapio::ip::packet_info first, second;
    udp::endpoint from;
    a.send_to(asio::buffer("1", 1), {right_address, 7});
    time.run_for(2s);
    a.send_to(asio::buffer("2", 1), {right_address, 7});
    time.run_for(1s);
    ASSERT_EQ(tapio::ip::receive_message(b, asio::buffer(&octet, 1), from, first), 1U);
    ASSERT_EQ(tapio::ip::receive_message(b, asio::buffer(&octet, 1), from, second), 1U);
    EXPECT_EQ(second.received - first.received, 2s);
}

TEST_F(extras, messages_of_a_stream_tell_what_is_unread)
{
    auto [client, server] = connect();
    client.write_some(asio::buffer("abcdef", 6));
    server.wait(tcp::socket::wait_read);
    tapio::ip::packet_info info;
    tcp::endpoint from;
    EXPECT_EQ(tapio::ip::receive_message(server, asio::buffer(&octet, 1), from, info), 1U);
    EXPECT_EQ(info.unread, 5U);
    EXPECT_NE(info.received.time_since_epoch().count(), 0);
    client.close();
    std::string rest(10, '.');
    EXPECT_EQ(tapio::ip::receive_message(server, asio::buffer(rest), from, info), 5U);
    tapio::ip::receive_message(server, asio::buffer(rest), from, info, 0, ec);
    EXPECT_EQ(ec, asio::error::eof);
}

TEST_F(extras, a_socket_bound_to_a_device_hears_icmp_errors)
{
    udp::socket s(*left, udp::v4());
    s.set_option(integer<SOL_SOCKET, SO_BINDTOIFINDEX>(2));
    s.connect({right_address, 9});
    s.send(asio::buffer("x", 1));
    s.wait(udp::socket::wait_error);
    s.send(asio::buffer("x", 1), 0, ec);
    EXPECT_EQ(ec, asio::error::connection_refused);
    udp::socket e(*left, udp::v4());
    e.set_option(integer<SOL_SOCKET, SO_BINDTOIFINDEX>(2));
    e.set_option(integer<IPPROTO_IP, IP_RECVERR>(1));
    e.connect({right_address, 9});
    e.send(asio::buffer("x", 1));
    e.wait(udp::socket::wait_error);
    tapio::ip::error_message why;
    udp::endpoint sent_to;
    EXPECT_EQ(tapio::ip::receive_error(e, asio::buffer(&octet, 1), sent_to, why, ec), 1U);
    EXPECT_EQ(why.offender, right_address);
}

TEST_F(extras, what_needs_a_gateway_is_unreachable_with_do_not_route)
{
    left->add_route(asio::ip::make_address("198.51.100.0"), 24, right_address);
    const auto beyond = asio::ip::make_address("198.51.100.1");
    udp::socket u(*left, udp::v4());
    EXPECT_EQ(u.send_to(asio::buffer("x", 1), {beyond, 9}), 1U);
    u.send_to(asio::buffer("x", 1), {beyond, 9}, asio::socket_base::message_do_not_route, ec);
    EXPECT_EQ(ec, asio::error::network_unreachable);
    u.set_option(asio::socket_base::do_not_route(true));
    u.send_to(asio::buffer("x", 1), {beyond, 9}, 0, ec);
    EXPECT_EQ(ec, asio::error::network_unreachable);
    tcp::socket t(*left, tcp::v4());
    t.set_option(asio::socket_base::do_not_route(true));
    t.connect({beyond, 9}, ec);
    EXPECT_EQ(ec, asio::error::network_unreachable);
}

TEST_F(extras, a_port_in_time_wait_is_used_again_after_a_second)
{
    tcp::acceptor a(*right, tcp::endpoint(tcp::v4(), 80));
    const auto once = [&] {
        tcp::socket c(*left, tcp::v4());
        c.set_option(integer<IPPROTO_IP, 51>(40000 << 16 | 40000)); // IP_LOCAL_PORT_RANGE: a single port
        c.connect({right_address, 80}, ec);
        if (ec) return;
        tcp::socket s = a.accept();
        c.shutdown(tcp::socket::shutdown_send); // closes first, and so gets TIME-WAIT
        s.read_some(asio::buffer(&octet, 1), ec);
        s.close();
        c.read_some(asio::buffer(&octet, 1), ec);
        ec = {};
        c.close();
        time.run_for(10ms);
    };
    once();
    EXPECT_FALSE(ec);
    once();
    EXPECT_EQ(ec, boost::system::errc::address_not_available);
    time.run_for(1s);
    once();
    EXPECT_FALSE(ec);
}

struct trusting : extras
{
    trusting() : extras(without_cookies()) {}
    static tapio::stack_options without_cookies()
    {
        tapio::stack_options o;
        o.tcp_fast_open_without_cookie = true;
        return o;
    }
};

TEST_F(trusting, the_first_syn_carries_data)
{
    tcp::acceptor a(*right, tcp::v4());
    a.set_option(integer<IPPROTO_TCP, TCP_FASTOPEN>(5));
    a.bind({tcp::v4(), 80});
    a.listen();
    tcp::socket c(*left, tcp::v4());
    c.set_option(integer<IPPROTO_TCP, TCP_FASTOPEN_CONNECT>(1));
    c.connect({right_address, 80});
    c.write_some(asio::buffer("early", 5));
    tcp::socket s = a.accept();
    std::string got(5, '.');
    EXPECT_EQ(s.read_some(asio::buffer(got)), 5U);
    EXPECT_EQ(got, "early");
    EXPECT_EQ(right->counters().tcp.fast_opens_passive, 1U);
}

struct files : extras
{
    files()
    {
        char name[] = "/tmp/tapio_send_file_XXXXXX";
        file = ::mkstemp(name);
        ::unlink(name);
        for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = static_cast<char>(i * 2654435761U >> 24);
        EXPECT_EQ(::write(file, contents.data(), contents.size()), static_cast<ssize_t>(contents.size()));
    }
    ~files() override { ::close(file); }
    int file = -1;
    std::string contents = std::string(1'000'001, '.');
};

TEST_F(files, a_part_of_a_file_arrives)
{
    auto [client, server] = connect();
    std::string got(700'000, '.');
    std::size_t sent = 0, came = 0;
    tapio::ip::async_send_file(client, file, 123'457, got.size(), [&](error_code e, std::size_t n) { ec = e, sent = n; });
    boost::asio::async_read(server, asio::buffer(got), [&](error_code, std::size_t n) { came = n; });
    time.run_for(10s);
    EXPECT_FALSE(ec);
    EXPECT_EQ(sent, got.size());
    EXPECT_EQ(came, got.size());
    EXPECT_EQ(got, contents.substr(123'457, got.size()));
}

TEST_F(files, the_file_ends_it)
{
    auto [client, server] = connect();
    EXPECT_EQ(tapio::ip::send_file(client, file, contents.size() - 10, SIZE_MAX), 10U);
    EXPECT_EQ(tapio::ip::send_file(client, file, contents.size(), SIZE_MAX), 0U);
    std::string got(10, '.');
    EXPECT_EQ(boost::asio::read(server, asio::buffer(got)), 10U);
    EXPECT_EQ(got, contents.substr(contents.size() - 10));
}

TEST_F(files, what_is_no_file_is_an_error)
{
    auto [client, server] = connect();
    EXPECT_EQ(tapio::ip::send_file(client, -1, 0, 1, ec), 0U);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
    error_code told;
    tapio::ip::async_send_file(client, -1, 0, 1, [&](error_code e, std::size_t) { told = e; });
    time.run_for(1ms);
    EXPECT_EQ(told, asio::error::bad_descriptor);
}

TEST(handles, released_ones_do_not_abort_the_end_of_the_process)
{
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(
        {
            asio::io_context io;
            tcp::socket s(io, tcp::v4());
            (void)s.release();
            std::exit(0);
        },
        testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace parity_extras_test
