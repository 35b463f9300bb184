// Interfaces that configure themselves: stack::configure, async_configure, async_wait_configuration, with a DHCP server that is a
// program on another stack, in virtual time.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::ip::make_address;
using asio::ip::make_address_v4;
using boost::system::error_code;
using tapio::interface_configuration;
using tapio::ip::udp;
using namespace std::chrono_literals;

using told = void(error_code, interface_configuration);

/// Answers each DHCPDISCOVER and DHCPREQUEST. Knows the layout of messages for itself.
class lease_server
{
public:
    explicit lease_server(tapio::stack& on) : socket_(on, {udp::v4(), 67})
    {
        socket_.set_option(asio::socket_base::broadcast(true));
        receive();
    }

    bool silent = false;
    std::uint32_t lease = 3600; ///< s
    unsigned char last_octet = 2;
    std::vector<int> heard; ///< message types
    void close() { socket_.close(); }

private:
    void receive()
    {
        socket_.async_receive_from(asio::buffer(in_), from_, [this](error_code ec, std::size_t size) {
            if (ec) return;
            if (size > 243) answer();
            receive();
        });
    }
    void answer()
    {
        const int type = in_[242]; // tapio's clients send it first
        heard.push_back(type);
        if (silent || (type != 1 && type != 3)) return;
        std::vector<unsigned char> out(in_.begin(), in_.begin() + 240);
        out[0] = 2;
        const std::array<unsigned char, 4> yours{192, 0, 2, last_octet};
        std::copy(yours.begin(), yours.end(), out.begin() + 16);
        const auto option = [&out](unsigned char code, std::vector<unsigned char> value) {
            out.push_back(code);
            out.push_back(static_cast<unsigned char>(value.size()));
            out.insert(out.end(), value.begin(), value.end());
        };
        option(53, {static_cast<unsigned char>(type == 1 ? 2 : 5)});
        option(54, {192, 0, 2, 254});
        option(51, {static_cast<unsigned char>(lease >> 24), static_cast<unsigned char>(lease >> 16),
                    static_cast<unsigned char>(lease >> 8), static_cast<unsigned char>(lease)});
        option(1, {255, 255, 255, 0});
        option(3, {192, 0, 2, 254});
        option(6, {192, 0, 2, 53, 192, 0, 2, 54});
        out.push_back(255);
        const bool has_address = in_[12] != 0;
        const udp::endpoint to(has_address ? from_.address() : asio::ip::address(asio::ip::address_v4::broadcast()), 68);
        socket_.send_to(asio::buffer(out), to);
    }

    std::array<unsigned char, 2000> in_{};
    udp::endpoint from_;
    udp::socket socket_;
};

struct configuring : testing::Test
{
    configuring() : time(io, 1)
    {
        auto [l, r] = tapio::make_pipe();
        client.emplace(io, std::move(l), tapio::stack_options{.time = &time});
        other.emplace(io, std::move(r), tapio::stack_options{.time = &time});
        other->add_address(make_address("192.0.2.254"), 24);
        server.emplace(*other);
    }
    ~configuring() override
    {
        server->close();
        client.reset();
        other.reset();
        io.restart();
        io.poll();
    }
    void run(tapio::core::duration d) { time.run_for(d); }
    static tapio::configure_options only_v4()
    {
        tapio::configure_options o;
        o.slaac = false;
        return o;
    }
    auto note(const std::string& name)
    {
        return [this, name](error_code ec, const interface_configuration& c) {
            said.push_back(name + ' ' + (ec ? ec.message() : c.addresses.empty() ? "none" : c.addresses[0].address.to_string()));
        };
    }

    asio::io_context io{1};
    tapio::virtual_time time;
    std::optional<tapio::stack> client, other;
    std::optional<lease_server> server;
    std::vector<std::string> said;
};

TEST_F(configuring, completes_with_the_lease)
{
    std::optional<interface_configuration> found;
    client->async_configure(1, only_v4(), [&](error_code ec, interface_configuration c) {
        EXPECT_FALSE(ec);
        found = std::move(c);
    });
    run(10s);
    ASSERT_TRUE(found && found->lease);
    EXPECT_EQ(found->lease->address, make_address_v4("192.0.2.2"));
    EXPECT_EQ(found->dhcpv4, tapio::dhcpv4_state::bound);
    EXPECT_EQ(found->addresses.at(0).origin, tapio::address_origin::dhcpv4);
    EXPECT_EQ(found->dns_servers, (std::vector{make_address("192.0.2.53"), make_address("192.0.2.54")}));
    EXPECT_EQ(client->interfaces()[1].addresses.at(0).origin, tapio::address_origin::dhcpv4);
    EXPECT_EQ(client->configuration().version, found->version);
}

TEST_F(configuring, in_a_coroutine_and_then_there_is_a_network)
{
    std::string got;
    asio::co_spawn(
        *client,
        [&]() -> asio::awaitable<void> {
            const auto found = co_await client->async_configure(1, only_v4(), asio::use_awaitable);
            udp::socket s(*client, udp::v4());
            co_await s.async_send_to(asio::buffer("x", 1), {make_address("192.0.2.254"), 7}, asio::use_awaitable);
            got = found.addresses.at(0).address.to_string() + '/' + std::to_string(found.addresses[0].prefix_length);
        },
        asio::detached);
    udp::socket seven(*other, {udp::v4(), 7});
    run(10s);
    EXPECT_EQ(got, "192.0.2.2/24");
    EXPECT_EQ(seven.available(), 1U);
}

TEST_F(configuring, with_a_future_and_a_deferred_operation)
{
    auto deferred = client->async_configure(1, only_v4(), asio::deferred);
    run(10s);
    EXPECT_TRUE(server->heard.empty()) << "not before it is called";
    std::move(deferred)(note("deferred"));
    run(10s);
    EXPECT_EQ(said, std::vector<std::string>{"deferred 192.0.2.2"});
    auto future = client->async_wait_configuration(1, 0, asio::use_future);
    run(1s);
    EXPECT_TRUE(future.get().lease);
}

TEST_F(configuring, has_a_timeout_after_which_it_goes_on)
{
    server->silent = true;
    auto o = only_v4();
    o.timeout = 20s;
    client->async_configure(1, o, note("a"));
    run(19s);
    EXPECT_TRUE(said.empty());
    run(2s);
    EXPECT_EQ(said, std::vector<std::string>{"a Connection timed out"});
    server->silent = false;
    run(30s);
    EXPECT_TRUE(client->configuration().lease);
}

TEST_F(configuring, is_cancelled_by_its_slot_and_goes_on)
{
    asio::cancellation_signal signal;
    client->async_configure(1, only_v4(), asio::bind_cancellation_slot(signal.slot(), note("a")));
    run(1s);
    signal.emit(asio::cancellation_type::total);
    run(10s);
    EXPECT_EQ(said, std::vector<std::string>{"a Operation canceled"});
    EXPECT_TRUE(client->configuration().lease);
    client->async_wait_configuration(1, client->configuration().version, asio::bind_cancellation_slot(signal.slot(), note("b")));
    signal.emit(asio::cancellation_type::terminal);
    run(1ms);
    EXPECT_EQ(said.back(), "b Operation canceled");
}

TEST_F(configuring, is_aborted_by_shutdown_and_refused_afterwards)
{
    client->async_configure(1, only_v4(), note("a"));
    client->async_wait_configuration(1, client->configuration().version, note("b"));
    client->shutdown();
    client->async_configure(1, only_v4(), note("c"));
    run(1ms);
    EXPECT_EQ(said, (std::vector<std::string>{"a Operation canceled", "b Operation canceled", "c Operation canceled"}));
}

TEST_F(configuring, tells_what_cannot_be)
{
    client->async_configure(7, only_v4(), note("interface"));
    auto bad = only_v4();
    bad.hostname = "a b";
    client->async_configure(1, bad, note("name"));
    client->async_wait_configuration(7, 0, note("wait"));
    client->configure(1, only_v4());
    client->async_configure(1, only_v4(), note("again"));
    run(1ms);
    EXPECT_EQ(said, (std::vector<std::string>{"interface No such device", "name Invalid argument", "wait No such device",
                                              "again Operation already in progress"}));
    EXPECT_THROW(client->configure(1), boost::system::system_error);
    EXPECT_THROW((void)client->configuration(7), boost::system::system_error);
}

TEST_F(configuring, waits_for_an_address_of_the_family_that_is_wanted)
{
    client->add_address(make_address("198.51.100.1"), 24);
    client->add_address(make_address("fe80::7"), 64);
    auto o = only_v4();
    o.wait_for = tapio::configure_options::waiting::v6;
    client->async_configure(1, o, note("v6"));
    run(20s);
    EXPECT_TRUE(client->configuration().lease);
    EXPECT_TRUE(said.empty());
    client->add_address(make_address("2001:db8::1"), 64);
    run(1ms);
    EXPECT_EQ(said.size(), 1U);
}

TEST_F(configuring, an_address_of_the_users_suffices)
{
    client->add_address(make_address("198.51.100.1"), 24);
    client->async_configure(1, only_v4(), note("a"));
    run(1ms);
    EXPECT_EQ(said, std::vector<std::string>{"a 198.51.100.1"});
}

TEST_F(configuring, changes_are_told_one_after_the_other_and_none_is_missed)
{
    server->lease = 60;
    std::vector<std::string> states;
    asio::co_spawn(
        *client,
        [&]() -> asio::awaitable<void> {
            for (auto c = client->configuration();;
                 c = co_await client->async_wait_configuration(1, c.version, asio::use_awaitable)) {
                const std::string state = tapio::core::name(c.dhcpv4);
                const std::string text = state + (c.lease ? " with " : " without ") + "an address";
                if (states.empty() || states.back() != text) states.push_back(text);
            }
        },
        asio::detached);
    client->configure(1, only_v4());
    run(20s);
    server->silent = true;
    run(60s);
    for (const char* text : {"init without an address", "probing without an address", "bound with an address",
                             "renewing with an address", "rebinding with an address", "selecting without an address"})
        EXPECT_NE(std::find(states.begin(), states.end(), text), states.end()) << text;
    EXPECT_FALSE(client->configuration().lease);
    client->shutdown();
    run(1ms);
}

TEST_F(configuring, gives_the_lease_back_at_shutdown_if_wanted)
{
    auto o = only_v4();
    o.release_on_shutdown = true;
    client->configure(1, o);
    run(10s);
    EXPECT_EQ(server->heard, (std::vector<int>{1, 3}));
    udp::socket s(*client, udp::v4()); // the server's link-layer address is known to those who speak to it
    s.send_to(asio::buffer("x", 1), {make_address("192.0.2.254"), 7});
    run(1s);
    client->shutdown();
    run(1s);
    EXPECT_EQ(server->heard, (std::vector<int>{1, 3, 7}));
}

TEST_F(configuring, gives_the_lease_back_when_the_user_says_so)
{
    client->configure(1, only_v4());
    run(10s);
    client->release_lease();
    run(1s);
    EXPECT_EQ(server->heard.back(), 7);
    EXPECT_TRUE(client->configuration().addresses.empty());
    EXPECT_THROW(client->release_lease(), boost::system::system_error);
    server->last_octet = 9;
    client->async_configure(1, only_v4(), note("again"));
    run(10s);
    EXPECT_EQ(said, std::vector<std::string>{"again 192.0.2.9"});
}

TEST_F(configuring, a_connection_outlives_the_renewals)
{
    server->lease = 60;
    client->configure(1, only_v4());
    run(10s);
    tapio::ip::tcp::acceptor acceptor(*other, {tapio::ip::tcp::v4(), 80});
    tapio::ip::tcp::socket there(*other), here(*client);
    acceptor.async_accept(there, [](error_code) {});
    here.async_connect({make_address("192.0.2.254"), 80}, [](error_code ec) { EXPECT_FALSE(ec); });
    run(600s);
    EXPECT_GT(server->heard.size(), 10U);
    std::string got(5, '?');
    asio::async_read(there, asio::buffer(got), [](error_code ec, std::size_t) { EXPECT_FALSE(ec); });
    asio::async_write(here, asio::buffer("hello", 5), [](error_code, std::size_t) {});
    run(1s);
    EXPECT_EQ(got, "hello");
}

TEST(configured_stacks, an_interface_that_is_no_ethernet_cannot_be)
{
    asio::io_context io;
    auto [l, r] = tapio::make_pipe({.link = tapio::core::link_type::ip});
    tapio::stack stack(io, std::move(l));
    try {
        stack.configure();
        FAIL() << "no exception";
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), boost::system::errc::operation_not_supported);
    }
}

} // namespace
