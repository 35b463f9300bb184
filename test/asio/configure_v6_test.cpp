// Interfaces that are configured by DHCPv6: stack::async_configure with a server that is a program on another stack, in virtual
// time.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::ip::make_address;
using asio::ip::make_address_v6;
using boost::system::error_code;
using tapio::interface_configuration;
using tapio::ip::udp;
using namespace std::chrono_literals;

/// Gives 2001:db8::77 and 2001:db8:7700::/56 in two messages. Knows the layout of messages for itself.
class prefix_server
{
public:
    explicit prefix_server(tapio::stack& on) : socket_(on, {udp::v6(), 547})
    {
        socket_.set_option(asio::ip::multicast::join_group(make_address_v6("ff02::1:2"), 2));
        receive();
    }

    std::uint32_t valid = 7200; ///< s
    bool silent = false;
    std::vector<int> heard; ///< message types
    void close() { socket_.close(); }

private:
    using octets = std::vector<unsigned char>;

    void receive()
    {
        socket_.async_receive_from(asio::buffer(in_), from_, [this](error_code ec, std::size_t size) {
            if (ec) return;
            heard.push_back(in_[0]);
            if (!silent) answer(size);
            receive();
        });
    }
    static void put(octets& to, unsigned code, const octets& value)
    {
        for (const std::size_t n : {std::size_t{code}, value.size()}) {
            to.push_back(static_cast<unsigned char>(n >> 8));
            to.push_back(static_cast<unsigned char>(n));
        }
        to.insert(to.end(), value.begin(), value.end());
    }
    static void number(octets& to, std::uint32_t n)
    {
        for (const unsigned shift : {24U, 16U, 8U, 0U}) to.push_back(static_cast<unsigned char>(n >> shift));
    }
    octets resource(const char* text, bool prefix) const
    {
        octets out;
        const auto address = make_address_v6(text).to_bytes();
        if (!prefix) out.assign(address.begin(), address.end());
        number(out, valid / 2), number(out, valid);
        if (prefix) out.push_back(56), out.insert(out.end(), address.begin(), address.end());
        return out;
    }
    void answer(std::size_t size)
    {
        octets out{7, in_[1], in_[2], in_[3]};
        put(out, 2, {0, 2, 0, 0, 9, 9});
        if (in_[0] == 1) put(out, 14, {});
        put(out, 23, octets(16, 0x20));
        for (std::size_t at = 4; at + 4 <= size;) {
            const unsigned code = in_[at] * 256U + in_[at + 1], length = in_[at + 2] * 256U + in_[at + 3];
            const octets value(in_.begin() + static_cast<std::ptrdiff_t>(at) + 4,
                               in_.begin() + static_cast<std::ptrdiff_t>(at + 4 + length));
            at += 4 + length;
            if (code == 1) put(out, 1, value);
            if (in_[0] == 8 || (code != 3 && code != 25)) continue;
            octets association(value.begin(), value.begin() + 4);
            number(association, 0), number(association, 0);
            put(association, code == 3 ? 5 : 26, code == 3 ? resource("2001:db8::77", false) : resource("2001:db8:7700::", true));
            put(out, code, association);
        }
        error_code gone; // of a client that has shut down
        socket_.send_to(asio::buffer(out), from_, 0, gone);
    }

    std::array<unsigned char, 2000> in_{};
    udp::endpoint from_;
    udp::socket socket_;
};

struct configuring_v6 : testing::Test
{
    configuring_v6() : time(io, 1)
    {
        auto [l, r] = tapio::make_pipe();
        client.emplace(io, std::move(l), tapio::stack_options{.time = &time});
        other.emplace(io, std::move(r), tapio::stack_options{.time = &time});
        other->add_address(make_address("2001:db8::254"), 64);
        server.emplace(*other);
        options.dhcpv4 = false;
        options.slaac = false;
        options.delegate_prefix = true;
    }
    ~configuring_v6() override
    {
        server->close();
        client.reset();
        other.reset();
        io.restart();
        io.poll();
    }
    void run(tapio::core::duration d) { time.run_for(d); }

    asio::io_context io{1};
    tapio::virtual_time time;
    std::optional<tapio::stack> client, other;
    std::optional<prefix_server> server;
    tapio::configure_options options;
};

TEST_F(configuring_v6, completes_with_the_lease_and_the_prefix)
{
    std::optional<interface_configuration> found;
    client->async_configure(1, options, [&](error_code ec, interface_configuration c) {
        EXPECT_FALSE(ec);
        found = std::move(c);
    });
    run(5s);
    ASSERT_TRUE(found && found->lease_v6);
    EXPECT_EQ(found->lease_v6->addresses.at(0).address, make_address_v6("2001:db8::77"));
    EXPECT_EQ(found->lease_v6->prefixes.at(0).address, make_address_v6("2001:db8:7700::"));
    EXPECT_EQ(found->dhcpv6, tapio::dhcpv6_state::bound);
    EXPECT_EQ(client->interfaces()[1].addresses.at(1).origin, tapio::address_origin::dhcpv6);
    EXPECT_EQ(server->heard, std::vector<int>{1});
}

TEST_F(configuring_v6, tells_of_a_prefix_that_comes_and_goes)
{
    server->valid = 60;
    std::vector<std::string> seen;
    asio::co_spawn(
        *client,
        [&]() -> asio::awaitable<void> {
            for (auto c = client->configuration();;
                 c = co_await client->async_wait_configuration(1, c.version, asio::use_awaitable)) {
                const std::string text =
                    c.lease_v6 && !c.lease_v6->prefixes.empty()
                        ? c.lease_v6->prefixes[0].address.to_string() + (c.lease_v6->prefixes[0].deprecated ? " deprecated" : "")
                        : "none";
                if (seen.empty() || seen.back() != text) seen.push_back(text);
            }
        },
        asio::detached);
    client->configure(1, options);
    run(100s);
    EXPECT_EQ(seen, (std::vector<std::string>{"none", "2001:db8:7700::"})) << "renewed";
    server->silent = true;
    run(100s);
    EXPECT_EQ(seen, (std::vector<std::string>{"none", "2001:db8:7700::", "2001:db8:7700:: deprecated", "none"}));
    client->shutdown();
    run(1ms);
}

TEST_F(configuring_v6, gives_everything_back_at_shutdown_if_wanted)
{
    options.release_on_shutdown = true;
    client->configure(1, options);
    run(5s);
    client->shutdown();
    run(1s);
    EXPECT_EQ(server->heard, (std::vector<int>{1, 8})) << "nobody has to be asked for a link-layer address first";
}

} // namespace
