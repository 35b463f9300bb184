// Raw Ethernet sockets, filters and ICMP datagram sockets through Asio, over pipes: handlers, coroutines, cancellation, moves,
// interfaces that go away, threads.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <gtest/gtest.h>

#include <array>
#include <linux/filter.h>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::ping;
using tapio::ip::udp;
using tapio::link::frame_kind;
using tapio::link::mac_address;
using tapio::link::raw_protocol;
using namespace std::chrono_literals;
using endpoint = raw_protocol::endpoint;

constexpr std::uint16_t experimental = 0x88b5; // IEEE 802: for local experiments
constexpr mac_address left_mac{{2, 0, 0, 0, 0, 1}}, right_mac{{2, 0, 0, 0, 0, 2}};

std::string frame(const std::string& data, const mac_address& to = right_mac, const mac_address& from = left_mac)
{
    std::string f(to.octets.begin(), to.octets.end());
    f.append(from.octets.begin(), from.octets.end());
    return f + "\x88\xb5" + data;
}

struct ethernet : testing::Test
{
    ethernet()
    {
        left.add_address(asio::ip::make_address("192.0.2.1"), 24);
        right.add_address(asio::ip::make_address("192.0.2.2"), 24);
        left.add_address(asio::ip::make_address("2001:db8::1"), 64);
        right.add_address(asio::ip::make_address("2001:db8::2"), 64);
        time.run_for(5s); // duplicate address detection
    }
    static tapio::pipe_options wire_options()
    {
        tapio::pipe_options o;
        o.mac = {left_mac, right_mac};
        return o;
    }
    raw_protocol::socket bound(tapio::stack& s, const raw_protocol& p = raw_protocol(experimental))
    {
        raw_protocol::socket socket(s, p);
        socket.bind({1});
        return socket;
    }
    void run() { time.run_for(1s); }

    asio::io_context io{1};
    tapio::virtual_time time{io};
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe(wire_options());
    tapio::stack left{io, std::move(wire.first), {.time = &time}}, right{io, std::move(wire.second), {.time = &time}};
    std::string memory = std::string(2000, '.');
    endpoint from;
};

TEST_F(ethernet, frames_go_both_ways)
{
    auto a = bound(left), b = bound(right);
    EXPECT_EQ(a.send(asio::buffer(frame("hello"))), 19U);
    EXPECT_EQ(b.receive_from(asio::buffer(memory), from), 19U);
    EXPECT_EQ(memory.substr(0, 19), frame("hello"));
    EXPECT_EQ(from, endpoint(1U, experimental, left_mac));
    EXPECT_EQ(from.kind(), frame_kind::to_us);
    EXPECT_EQ(b.send_to(asio::buffer(frame("back", left_mac, right_mac)), endpoint(1U)), 18U);
    EXPECT_EQ(a.receive(asio::buffer(memory)), 18U);
    EXPECT_EQ(a.local_endpoint(), endpoint(1U, experimental, left_mac));
}

TEST_F(ethernet, a_coroutine_resolves_an_address_by_arp)
{
    std::string answer;
    asio::co_spawn(
        left,
        [&]() -> asio::awaitable<void> {
            raw_protocol::socket s(co_await asio::this_coro::executor, raw_protocol(0x0806));
            s.bind({1});
            std::string request(6, '\xff');
            request.append(left_mac.octets.begin(), left_mac.octets.end());
            request += std::string("\x08\x06\0\1\x08\0\6\4\0\1", 10);
            request.append(left_mac.octets.begin(), left_mac.octets.end());
            request += std::string("\xc0\0\2\1\0\0\0\0\0\0\xc0\0\2\2", 14);
            co_await s.async_send(asio::buffer(request), asio::use_awaitable);
            const std::size_t n = co_await s.async_receive_from(asio::buffer(memory), from, asio::use_awaitable);
            answer = memory.substr(0, n);
        },
        asio::detached);
    run();
    ASSERT_GE(answer.size(), 42U);
    EXPECT_EQ(answer.substr(22, 6), std::string(right_mac.octets.begin(), right_mac.octets.end()));
    EXPECT_EQ(from.address(), right_mac);
}

TEST_F(ethernet, all_frames_are_seen_both_ways_and_segments_one_by_one)
{
    raw_protocol::socket tap(right, raw_protocol::all()), other(right, raw_protocol::all());
    other.set_option(tapio::link::ignore_outgoing(true));
    asio::ip::address there = asio::ip::make_address("192.0.2.2");
    tapio::ip::tcp::acceptor acceptor(right, {there, 80});
    tapio::ip::tcp::socket client(left), server(right);
    client.connect({there, 80});
    acceptor.accept(server);
    asio::write(client, asio::buffer(std::string(100'000, 'x')));
    std::string got(100'000, ' ');
    asio::read(server, asio::buffer(got));
    tap.non_blocking(true), other.non_blocking(true);
    std::size_t in = 0, out = 0, longest = 0;
    error_code ec;
    for (std::size_t n; n = tap.receive_from(asio::buffer(memory), from, 0, ec), !ec;) {
        (from.kind() == frame_kind::outgoing ? out : in) += 1;
        longest = std::max(longest, n);
    }
    EXPECT_EQ(ec, asio::error::would_block);
    EXPECT_GT(in, 69U);
    EXPECT_GT(out, 3U);
    EXPECT_EQ(longest, 1514U);
    std::size_t others = 0;
    while (other.receive_from(asio::buffer(memory), from, 0, ec), !ec) ++others;
    EXPECT_EQ(others, in);
}

TEST_F(ethernet, promiscuous_mode_is_a_sockets_own)
{
    auto a = bound(left), curious = bound(right), other = bound(right);
    curious.set_option(tapio::link::promiscuous(true));
    tapio::link::promiscuous mode;
    curious.get_option(mode);
    EXPECT_TRUE(mode.value());
    a.send(asio::buffer(frame("x", {{2, 0, 0, 0, 0, 9}})));
    EXPECT_EQ(curious.receive_from(asio::buffer(memory), from), 15U);
    EXPECT_EQ(from.kind(), frame_kind::other_host);
    EXPECT_EQ(other.available(), 0U);
    EXPECT_EQ(right.counters().drops[tapio::core::drop_reason::ethernet_other_host], 1U);
    curious.set_option(tapio::link::promiscuous(false));
    a.send(asio::buffer(frame("x", {{2, 0, 0, 0, 0, 9}})));
    EXPECT_EQ(curious.available(), 0U);
}

TEST_F(ethernet, statistics_count_drops)
{
    auto a = bound(left), b = bound(right);
    b.set_option(asio::socket_base::receive_buffer_size(3000));
    for (int n = 0; n < 5; ++n) a.send(asio::buffer(frame(std::string(900, 'x'))));
    tapio::link::statistics told;
    b.get_option(told);
    EXPECT_EQ(told.packets(), 5U);
    EXPECT_EQ(told.drops(), 3U);
    b.get_option(told);
    EXPECT_EQ(told.packets(), 0U);
}

TEST_F(ethernet, cancellation_of_every_kind)
{
    auto s = bound(right);
    std::string got;
    const auto note = [&](error_code ec, std::size_t) {
        got += ec == asio::error::operation_aborted ? "aborted " : ec.message();
    };
    for (const auto kind :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal stop;
        s.async_receive_from(asio::buffer(memory), from, asio::bind_cancellation_slot(stop.slot(), note));
        run();
        stop.emit(kind);
        run();
    }
    s.async_receive(asio::buffer(memory), note);
    s.cancel();
    run();
    s.async_receive(asio::buffer(memory), note);
    s.close();
    run();
    EXPECT_EQ(got, "aborted aborted aborted aborted aborted ");
    s.async_receive(asio::buffer(memory), [&](error_code ec, std::size_t) { got = ec.message(); });
    run();
    EXPECT_EQ(got, error_code(asio::error::bad_descriptor).message());
}

TEST_F(ethernet, a_socket_that_is_closed_in_its_handler_leaves_the_others_alone)
{
    auto a = bound(left);
    std::optional<raw_protocol::socket> first(bound(right)), second(bound(right));
    std::string other_memory(100, '.');
    int calls = 0;
    first->async_receive(asio::buffer(memory), [&](error_code, std::size_t) { ++calls, first.reset(), second.reset(); });
    second->async_receive(asio::buffer(other_memory), [&](error_code ec, std::size_t n) {
        ++calls;
        EXPECT_TRUE(ec || n == 15);
    });
    for (int n = 0; n < 3; ++n) a.send(asio::buffer(frame("x")));
    run();
    EXPECT_EQ(calls, 2);
    a.send(asio::buffer(frame("x")));
    run();
}

TEST_F(ethernet, a_pending_receive_survives_a_move)
{
    auto a = bound(left), b = bound(right);
    std::size_t got = 0;
    b.async_receive(asio::buffer(memory), [&](error_code, std::size_t n) { got = n; });
    auto moved = std::move(b);
    a.send(asio::buffer(frame("x")));
    run();
    EXPECT_EQ(got, 15U);
    EXPECT_FALSE(b.is_open());
    EXPECT_EQ(moved.local_endpoint().interface(), 1U);
}

TEST_F(ethernet, an_interface_that_is_disabled_or_removed_ends_a_receive)
{
    auto s = bound(right);
    error_code ended;
    s.async_receive(asio::buffer(memory), [&](error_code ec, std::size_t) { ended = ec; });
    right.set_interface_up(1, false);
    run();
    EXPECT_EQ(ended, asio::error::network_down);
    EXPECT_THROW(s.send(asio::buffer(frame("x"))), boost::system::system_error);
    right.set_interface_up(1, true);
    s.async_receive(asio::buffer(memory), [&](error_code ec, std::size_t) { ended = ec; });
    bound(left).send(asio::buffer(frame("x")));
    run();
    EXPECT_FALSE(ended) << "it receives again";
    s.async_receive(asio::buffer(memory), [&](error_code ec, std::size_t) { ended = ec; });
    right.shutdown();
    run();
    EXPECT_EQ(ended, asio::error::operation_aborted);
}

TEST_F(ethernet, errors)
{
    raw_protocol::socket s(left, raw_protocol::all());
    error_code ec;
    s.bind({7U}, ec);
    EXPECT_EQ(ec, boost::system::errc::no_such_device);
    s.send(asio::buffer(frame("x")), 0, ec);
    EXPECT_EQ(ec.value(), ENXIO);
    s.connect({1U}, ec);
    EXPECT_EQ(ec, asio::error::operation_not_supported);
    s.set_option(asio::ip::unicast::hops(3), ec);
    EXPECT_EQ(ec, asio::error::no_protocol_option);
    asio::detail::socket_option::integer<SOL_SOCKET, SO_DOMAIN> domain;
    s.get_option(domain);
    EXPECT_EQ(domain.value(), AF_PACKET);
    tapio::generic::raw_protocol::socket generic(left);
    generic.open({AF_PACKET, 3}, ec);
    EXPECT_EQ(ec, asio::error::address_family_not_supported);
}

TEST_F(ethernet, filters_by_function_and_by_program)
{
    auto a = bound(left), b = bound(right);
    b.set_option(tapio::packet_filter([](std::span<const std::byte> f) { return f.back() == std::byte{'1'}; }));
    for (const char* const data : {"x0", "x1", "y1"}) a.send(asio::buffer(frame(data)));
    EXPECT_EQ(b.receive(asio::buffer(memory)), 16U);
    EXPECT_EQ(memory.substr(14, 2), "x1");
    EXPECT_EQ(b.receive(asio::buffer(memory)), 16U);
    // ldb [14]; jeq 'y'; ret #15; ret #0
    const std::array<tapio::bpf_instruction, 4> program{{{0x30, 0, 0, 14}, {0x15, 0, 1, 'y'}, {0x06, 0, 0, 15}, {0x06}}};
    b.set_option(tapio::bpf_filter(program));
    for (const char* const data : {"x0", "x1", "y1"}) a.send(asio::buffer(frame(data)));
    EXPECT_EQ(b.receive(asio::buffer(memory)), 15U);
    EXPECT_EQ(b.available(), 0U);
    b.set_option(tapio::no_filter());
    error_code ec;
    b.set_option(tapio::no_filter(), ec);
    EXPECT_EQ(ec.value(), ENOENT);
    b.set_option(tapio::bpf_filter(std::span(program).first(3)), ec);
    EXPECT_EQ(ec, asio::error::invalid_argument) << "a jump behind the end";
    b.set_option(tapio::packet_filter({}), ec);
    EXPECT_EQ(ec, asio::error::invalid_argument);
    tapio::ip::tcp::socket tcp(left, tapio::ip::tcp::v4());
    tcp.set_option(tapio::bpf_filter(program), ec);
    EXPECT_EQ(ec, asio::error::no_protocol_option);
}

struct attach // SO_ATTACH_FILTER as a program for Linux has it
{
    ::sock_fprog program;

    template <class P>
    int level(const P&) const
    {
        return SOL_SOCKET;
    }
    template <class P>
    int name(const P&) const
    {
        return SO_ATTACH_FILTER;
    }
    template <class P>
    const void* data(const P&) const
    {
        return &program;
    }
    template <class P>
    std::size_t size(const P&) const
    {
        return sizeof program;
    }
};

TEST_F(ethernet, linuxs_option_filters_udp_from_its_header_on)
{
    udp::socket server(right, {udp::v4(), 7}), client(left, {udp::v4(), 5000});
    std::array<::sock_filter, 4> code{{{0x28, 0, 0, 0}, {0x15, 0, 1, 5000}, {0x06, 0, 0, 10}, {0x06, 0, 0, 0}}}; // by source port
    server.set_option(attach{{static_cast<unsigned short>(code.size()), code.data()}});
    const udp::endpoint to(asio::ip::make_address("192.0.2.2"), 7);
    udp::socket(left, {udp::v4(), 5001}).send_to(asio::buffer("refused", 7), to);
    client.send_to(asio::buffer("accepted", 8), to);
    EXPECT_EQ(server.receive(asio::buffer(memory)), 2U) << "cut to ten octets, of which eight are the header";
    EXPECT_EQ(memory.substr(0, 2), "ac");
    EXPECT_EQ(server.available(), 0U);
    EXPECT_EQ(right.counters().drops[tapio::core::drop_reason::udp_filtered], 1U);
    code[2].k = 1;
    server.set_option(attach{{static_cast<unsigned short>(code.size()), code.data()}});
    client.send_to(asio::buffer("accepted", 8), to);
    EXPECT_EQ(server.receive(asio::buffer(memory)), 0U) << "the header stays";
}

TEST_F(ethernet, raw_ip_sockets_are_filtered_from_the_ip_header_on)
{
    using raw = tapio::generic::raw_protocol;
    raw::socket all(right, {AF_INET, IPPROTO_ICMP}), some(right, {AF_INET, IPPROTO_ICMP});
    some.set_option(
        tapio::packet_filter([](std::span<const std::byte> p) { return p[0] == std::byte{0x45} && p[20] == std::byte{0}; }));
    ping::socket asker(left, ping::v4());
    const std::array<unsigned char, 8> request{8};
    asker.send_to(asio::buffer(request), {asio::ip::make_address("192.0.2.2"), 0});
    EXPECT_EQ(all.receive(asio::buffer(memory)), 28U);
    EXPECT_EQ(some.available(), 0U);
}

TEST_F(ethernet, pings_of_both_families)
{
    for (const bool v4 : {true, false}) {
        const auto to = asio::ip::make_address(v4 ? "192.0.2.2" : "2001:db8::2");
        ping::socket one(left, v4 ? ping::v4() : ping::v6()), two(left, v4 ? ping::v4() : ping::v6());
        const std::array<unsigned char, 9> request{static_cast<unsigned char>(v4 ? 8 : 128), 0, 0, 0, 0, 0, 0, 1, 'x'};
        std::size_t got = 0;
        ping::endpoint sender;
        one.async_receive_from(asio::buffer(memory), sender, [&](error_code, std::size_t n) { got = n; });
        two.send_to(asio::buffer(request), {to, 0});
        run();
        EXPECT_EQ(got, 0U) << "the reply is the other's";
        one.send_to(asio::buffer(request), {to, 0});
        run();
        EXPECT_EQ(got, 9U);
        EXPECT_EQ(sender, ping::endpoint(to, 0));
        EXPECT_EQ(static_cast<unsigned char>(memory[0]), v4 ? 0 : 129);
        const auto id = static_cast<unsigned>(static_cast<unsigned char>(memory[4])) << 8 | static_cast<unsigned char>(memory[5]);
        EXPECT_EQ(id, one.local_endpoint().port());
        EXPECT_EQ(memory[8], 'x');
        one.connect({to, 0});
        EXPECT_EQ(one.send(asio::buffer(request)), 9U);
        EXPECT_EQ(one.receive(asio::buffer(memory)), 9U);
    }
}

TEST_F(ethernet, a_resolver_gives_endpoints_for_pings)
{
    ping::resolver resolver(left);
    const auto results = resolver.resolve("192.0.2.2", "");
    ASSERT_FALSE(results.empty());
    EXPECT_EQ(results.begin()->endpoint(), ping::endpoint(asio::ip::make_address("192.0.2.2"), 0));
}

TEST_F(ethernet, an_unreachable_host_fails_a_connected_ping_and_fills_the_error_queue)
{
    ping::socket s(left, ping::v4());
    s.set_option(asio::detail::socket_option::boolean<IPPROTO_IP, IP_RECVERR>(true));
    const std::array<unsigned char, 8> request{8};
    const ping::endpoint nobody(asio::ip::make_address("192.0.2.77"), 0);
    s.send_to(asio::buffer(request), nobody);
    error_code ec;
    s.async_receive(asio::buffer(memory), [&](error_code e, std::size_t) { ec = e; });
    time.run_for(10s);
    EXPECT_EQ(ec, asio::error::host_unreachable);
    ping::endpoint to;
    tapio::ip::error_message told;
    EXPECT_EQ(tapio::ip::receive_error(s, asio::buffer(memory), to, told, ec), 8U);
    EXPECT_EQ(to, nobody);
    EXPECT_EQ(told.offender, asio::ip::make_address("192.0.2.1"));
}

TEST(raw_ethernet, sockets_come_and_go_while_another_thread_runs_the_stack)
{
    asio::io_context io;
    auto [one, two] = tapio::make_pipe();
    tapio::stack left(std::move(one)), right(io, std::move(two));
    left.add_address(asio::ip::make_address("192.0.2.1"), 24);
    right.add_address(asio::ip::make_address("192.0.2.2"), 24);
    auto work = asio::make_work_guard(io);
    std::thread runner([&] { io.run(); });
    udp::socket echo(right, {udp::v4(), 7}), client(left, udp::v4());
    std::array<char, 100> data{}, answer{};
    std::size_t seen = 0;
    for (int n = 0; n < 200; ++n) {
        raw_protocol::socket tap(right, raw_protocol::all());
        udp::endpoint asker;
        client.send_to(asio::buffer(data), {asio::ip::make_address("192.0.2.2"), 7});
        echo.receive_from(asio::buffer(answer), asker);
        echo.send_to(asio::buffer(answer), asker);
        client.receive(asio::buffer(answer));
        seen += tap.available() != 0 ? 1 : 0;
    }
    EXPECT_EQ(seen, 200U);
    work.reset();
    io.stop();
    runner.join();
}

} // namespace
