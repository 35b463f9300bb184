// The parts of Asio's interface beside sockets: resolvers, iostreams, generic and raw sockets, all in one namespace.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <thread>

namespace surface_test {
namespace {

namespace asio = tapio; // as a program written for Boost.Asio would
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;
using namespace std::chrono_literals;

TEST(one_namespace, our_sockets_and_asios_everything_else)
{
    static_assert(std::is_same_v<asio::ip::tcp, tapio::ip::tcp>);
    static_assert(std::is_same_v<asio::io_context, boost::asio::io_context>);
    static_assert(std::is_same_v<asio::ip::address, boost::asio::ip::address>);
    static_assert(std::is_same_v<tcp::socket::protocol_type, tapio::ip::tcp>);
    static_assert(!std::is_same_v<asio::steady_timer, boost::asio::steady_timer>);
    static_assert(std::is_same_v<asio::steady_timer::clock_type, tapio::steady_clock>);
    static_assert(!std::is_same_v<asio::generic::stream_protocol, boost::asio::generic::stream_protocol>);
}

// If an Asio service were not replaced, these objects would use the kernel.
TEST(one_namespace, nothing_here_is_the_kernels)
{
    asio::io_context io;
    tcp::socket t(io, tcp::v4());
    udp::socket u(io, udp::v4());
    asio::generic::stream_protocol::socket g(io, asio::generic::stream_protocol(tcp::v4()));
    for (const int handle : {int(t.native_handle()), int(u.native_handle()), int(g.native_handle())}) {
        EXPECT_GE(handle, 0x4000'0000);
        EXPECT_EQ(::fcntl(handle, F_GETFD), -1);
    }
    tapio::stack stack(io);
    stack.add_host_name("nowhere.else", asio::ip::make_address("192.0.2.9"));
    EXPECT_EQ(tcp::resolver(stack).resolve("nowhere.else", "80").begin()->endpoint().address(),
              asio::ip::make_address("192.0.2.9"));
}

struct names : testing::Test
{
    std::string ask(const std::string& host, const std::string& service, tcp::resolver::flags flags = {})
    {
        tcp::resolver r(stack);
        error_code ec;
        std::ostringstream out;
        for (const auto& e : r.resolve(host, service, flags, ec)) out << e.endpoint() << ' ';
        return ec ? ec.message() : out.str();
    }

    asio::io_context io;
    tapio::stack stack{io};
};

TEST_F(names, numbers_names_and_services)
{
    stack.add_host_name("Server.Example", asio::ip::make_address("192.0.2.1"));
    stack.add_host_name("server.example", asio::ip::make_address("192.0.2.2"));
    EXPECT_EQ(ask("192.0.2.7", "80"), "192.0.2.7:80 ");
    EXPECT_EQ(ask("2001:db8::1", "80"), "[2001:db8::1]:80 ");
    EXPECT_EQ(ask("SERVER.example.", "443"), "192.0.2.1:443 192.0.2.2:443 ");
    EXPECT_EQ(ask("localhost", "0"), "127.0.0.1:0 [::1]:0 ");
    EXPECT_EQ(ask("", "80"), "[::1]:80 127.0.0.1:80 ");
    EXPECT_EQ(ask("", "80", tcp::resolver::passive), "0.0.0.0:80 [::]:80 ");
    EXPECT_EQ(ask("localhost", "", tcp::resolver::address_configured), "127.0.0.1:0 "); // no IPv6 but on the loopback
}

TEST_F(names, what_is_not_known)
{
    EXPECT_EQ(ask("unknown.example", "80"), error_code(asio::error::host_not_found).message());
    EXPECT_EQ(ask("localhost", "no such service"), error_code(asio::error::service_not_found).message());
    EXPECT_EQ(ask("localhost", "http", tcp::resolver::numeric_service), error_code(asio::error::host_not_found).message());
    EXPECT_EQ(ask("localhost", "80", tcp::resolver::numeric_host), error_code(asio::error::host_not_found).message());
    EXPECT_EQ(ask("", ""), error_code(asio::error::host_not_found).message());
}

TEST_F(names, asynchronously_and_backwards)
{
    stack.add_host_name("server", asio::ip::make_address("192.0.2.1"));
    tcp::resolver r(stack);
    std::string heard;
    bool inside = true;
    r.async_resolve("server", "80", [&](error_code ec, const tcp::resolver::results_type& found) {
        EXPECT_FALSE(ec || inside);
        heard += found.begin()->host_name() + ' ';
    });
    r.async_resolve("other", "80",
                    [&](error_code ec, const auto&) { heard += ec == asio::error::host_not_found ? "none " : "? "; });
    r.async_resolve(tcp::endpoint(asio::ip::make_address("192.0.2.1"), 9999),
                    [&](error_code, const auto& found) { heard += found.begin()->host_name() + ' '; });
    r.async_resolve(tcp::endpoint(asio::ip::make_address("192.0.2.3"), 9999), [&](error_code, const auto& found) {
        heard += found.begin()->host_name() + ':' + found.begin()->service_name();
    });
    inside = false;
    io.poll();
    EXPECT_EQ(heard, "server none server 192.0.2.3:9999");
}

TEST_F(names, a_range_to_connect_to)
{
    tcp::acceptor a(stack, {tcp::v4(), 7});
    tcp::socket s(stack);
    EXPECT_EQ(asio::connect(s, tcp::resolver(stack).resolve("localhost", "7")).port(), 7);
}

TEST(iostreams, a_line_there_and_back)
{
    asio::io_context io;
    tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    const std::string port = std::to_string(acceptor.local_endpoint().port());
    std::thread server([&] {
        tcp::iostream s;
        acceptor.accept(s.socket());
        std::string line;
        while (std::getline(s, line)) s << '<' << line << ">\n" << std::flush;
    });
    {
        tcp::iostream s("localhost", port);
        ASSERT_TRUE(s) << s.error().message();
        std::string answer;
        s << "hello " << 42 << std::endl;
        EXPECT_TRUE(std::getline(s, answer));
        EXPECT_EQ(answer, "<hello 42>");
        s << std::string(5000, 'x') << std::endl;
        EXPECT_TRUE(std::getline(s, answer));
        EXPECT_EQ(answer.size(), 5002U);
        tcp::iostream moved(std::move(s));
        moved << "moved" << std::endl;
        EXPECT_TRUE(std::getline(moved, answer));
        EXPECT_EQ(answer, "<moved>");
    }
    server.join();
}

TEST(iostreams, errors_and_deadlines)
{
    asio::io_context io;
    tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    tcp::iostream s(acceptor.local_endpoint());
    ASSERT_TRUE(s);
    const auto begin = std::chrono::steady_clock::now();
    s.expires_after(30ms);
    std::string line;
    EXPECT_FALSE(std::getline(s, line));
    EXPECT_EQ(s.error(), asio::error::timed_out);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
    const auto at = acceptor.local_endpoint();
    acceptor.close();
    tcp::iostream refused(at);
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error(), asio::error::connection_refused);
    tcp::iostream unknown("no.such.host", "80");
    EXPECT_EQ(unknown.error(), asio::error::host_not_found);
}

TEST(generic_sockets, one_type_for_all_protocols)
{
    asio::io_context io;
    tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    using generic = asio::generic::stream_protocol;
    generic::socket s(io);
    const tcp::endpoint at = acceptor.local_endpoint();
    s.connect(generic::endpoint(at));
    tcp::socket t = acceptor.accept();
    EXPECT_EQ(s.remote_endpoint(), generic::endpoint(at));
    asio::write(s, asio::buffer("x", 1));
    char c = 0;
    asio::read(t, asio::buffer(&c, 1));
    EXPECT_EQ(c, 'x');
    generic::socket from_tcp(std::move(t)); // converts by move
    asio::write(from_tcp, asio::buffer("y", 1));
    asio::read(s, asio::buffer(&c, 1));
    EXPECT_EQ(c, 'y');
    EXPECT_THROW(generic{udp::v4()}, std::bad_cast);
    asio::generic::datagram_protocol::socket d(io, asio::generic::datagram_protocol(udp::v4()));
    udp::socket u(io, {asio::ip::address_v4::loopback(), 0});
    d.send_to(asio::buffer("z", 1), asio::generic::datagram_protocol::endpoint(u.local_endpoint()));
    EXPECT_EQ(u.receive(asio::buffer(&c, 1)), 1U);
    EXPECT_EQ(c, 'z');
}

/// ICMP echo with a raw socket, as a ping program does it.
TEST(raw_sockets, icmp_echo_between_two_stacks)
{
    using asio::ip::icmp;
    boost::asio::io_context io;
    auto [l, r] = tapio::make_pipe();
    tapio::stack left(io, std::move(l)), right(io, std::move(r));
    left.add_address(asio::ip::make_address("192.0.2.1"), 24);
    right.add_address(asio::ip::make_address("192.0.2.2"), 24);
    icmp::socket s(left, icmp::v4());
    // an echo request with a valid checksum (RFC 792)
    const std::array<unsigned char, 12> request{8, 0, 0x19, 0x27, 0, 7, 0, 1, 'p', 'i', 'n', 'g'};
    const icmp::endpoint peer(asio::ip::make_address("192.0.2.2"), 0);
    EXPECT_EQ(s.send_to(asio::buffer(request), peer), request.size());
    std::array<unsigned char, 100> reply{};
    icmp::endpoint from;
    s.non_blocking(true);
    error_code ec;
    const std::size_t n = s.receive_from(asio::buffer(reply), from, 0, ec);
    ASSERT_FALSE(ec) << ec.message() << " (is the checksum wrong?)";
    EXPECT_EQ(from.address(), peer.address());
    ASSERT_EQ(n, 20U + request.size()); // including the IPv4 header
    EXPECT_EQ(reply[0], 0x45);
    EXPECT_EQ(reply[20], 0); // type: echo reply
    EXPECT_EQ(reply[27], 1);
    EXPECT_EQ(std::string(reply.begin() + 28, reply.begin() + 32), "ping");
}

TEST(raw_sockets, any_protocol_and_who_hears_it)
{
    boost::asio::io_context io;
    tapio::stack stack(io);
    using raw = asio::generic::raw_protocol;
    raw::socket s(stack, raw(AF_INET, 253)), other(stack, raw(AF_INET, 254)); // RFC 3692: reserved for experiments
    s.send_to(asio::buffer("hello", 5), raw::endpoint(udp::endpoint(asio::ip::address_v4::loopback(), 0)));
    std::array<char, 100> got{};
    EXPECT_EQ(s.receive(asio::buffer(got)), 25U);
    EXPECT_EQ(std::string(&got[20], 5), "hello");
    EXPECT_EQ(other.available(), 0U);
    EXPECT_EQ(stack.counters().ip.in_unknown_protos, 0U);
}

/// Raw sockets get a copy of the segments of a connection.
TEST(raw_sockets, hear_the_segments_of_a_connection)
{
    boost::asio::io_context io;
    tapio::stack stack(io);
    tcp::acceptor acceptor(stack, {asio::ip::address_v4::loopback(), 0});
    tcp::socket near(stack), far(stack);
    near.connect(acceptor.local_endpoint());
    acceptor.accept(far);
    using raw = asio::generic::raw_protocol;
    raw::socket s(stack, raw(AF_INET, 6));
    s.non_blocking(true);
    asio::write(near, asio::buffer("hello", 5));
    std::array<char, 100> got{};
    EXPECT_EQ(asio::read(far, asio::buffer(got, 5)), 5U);
    EXPECT_EQ(std::string(got.data(), 5), "hello");
    const std::size_t n = s.receive(asio::buffer(got));
    ASSERT_GT(n, 45U);
    EXPECT_EQ(std::string(&got[n - 5], 5), "hello");
    EXPECT_EQ(static_cast<unsigned char>(got[0]), 0x45) << "the packet includes its IP header";
    s.close();
    asio::write(near, asio::buffer("again", 5));
    EXPECT_EQ(asio::read(far, asio::buffer(got, 5)), 5U);
}

} // namespace
} // namespace surface_test
