// Every documented way of naming tapio in a program written for Boost.Asio (tapio.hpp).
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <type_traits>

namespace alias {

namespace asio = tapio;
using no_delay = asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_NODELAY>;

TEST(naming, by_an_alias_of_the_namespace)
{
    static_assert(std::is_same_v<asio::ip::tcp::socket, tapio::ip::tcp::socket>);
    static_assert(std::is_same_v<asio::ip::tcp::endpoint, asio::ip::basic_endpoint<tapio::ip::tcp>>);
    static_assert(std::is_same_v<no_delay, boost::asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_NODELAY>>);
    static_assert(std::is_same_v<asio::ip::multicast::hops, boost::asio::ip::multicast::hops>);
    static_assert(std::is_same_v<asio::generic::seq_packet_protocol, boost::asio::generic::seq_packet_protocol>);
    asio::io_context io;
    asio::ip::tcp::socket s(io, asio::ip::tcp::v4());
    s.set_option(no_delay(true));
    no_delay got;
    s.get_option(got);
    EXPECT_TRUE(got.value());
}

TEST(naming, default_completion_tokens_through_the_alias)
{
    using token = asio::use_awaitable_t<>;
    using socket = token::as_default_on_t<asio::ip::tcp::socket>;
    using timer = token::as_default_on_t<asio::steady_timer>;
    using acceptor = token::as_default_on_t<asio::ip::tcp::acceptor>;
    using resolver = token::as_default_on_t<asio::ip::tcp::resolver>;
    static_assert(std::is_same_v<socket::protocol_type, tapio::ip::tcp>);
    static_assert(std::is_same_v<acceptor::protocol_type, tapio::ip::tcp>);
    static_assert(std::is_same_v<resolver::protocol_type, tapio::ip::tcp>);
    static_assert(std::is_same_v<timer::clock_type, tapio::steady_clock>);
    asio::io_context io;
    socket s(io);
    EXPECT_FALSE(s.is_open());
}

} // namespace alias

namespace directive_of_ip {

using namespace tapio::ip;
using namespace boost::asio;

TEST(naming, by_a_directive_for_ip_beside_one_for_boost_asio)
{
    static_assert(std::is_same_v<tcp, tapio::ip::tcp>);
    static_assert(std::is_same_v<udp, tapio::ip::udp>);
    static_assert(std::is_same_v<icmp, tapio::ip::icmp>);
    static_assert(std::is_same_v<address, boost::asio::ip::address>);
    io_context io;
    udp::socket s(io, udp::v4());
    s.set_option(multicast::enable_loopback(false));
    EXPECT_EQ(make_address("192.0.2.1").to_string(), "192.0.2.1");
}

} // namespace directive_of_ip

namespace declarations {

using boost::asio::io_context;
using tapio::steady_timer;
using tapio::ip::tcp;
using namespace boost::asio::ip::multicast;

TEST(naming, by_using_declarations)
{
    static_assert(std::is_same_v<tcp::resolver::protocol_type, tapio::ip::tcp>);
    io_context io;
    steady_timer t(io);
    EXPECT_EQ(t.cancel(), 0U);
}

} // namespace declarations
