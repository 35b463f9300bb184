// A pcapng capture of a stack in virtual time has timestamps in virtual time, and comments on packets that the wire dropped or
// delayed. User-defined device decorators.
#include "support/pcapng_reader.hpp"

#include <tapio/device/capture.hpp>
#include <tapio/device/decorator.hpp>
#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using tapio::ip::udp;
using namespace std::chrono_literals;

TEST(capture, in_virtual_time_is_as_long_as_the_world_and_marks_what_the_wire_dropped)
{
    const std::string path = testing::TempDir() + "tapio_world_" + std::to_string(::getpid()) + ".pcapng";
    asio::io_context io;
    tapio::virtual_time time(io);
    const auto writer = std::make_shared<tapio::pcapng_writer>(path);
    {
        auto [l, r] = tapio::make_pipe();
        l = tapio::impaired(std::move(l), {.outgoing = {.drop = 0.5, .delay = 25ms}, .seed = 3, .capture = writer});
        tapio::stack left(io, std::move(l), {.time = &time}), right(io, tapio::capture(std::move(r), writer), {.time = &time});
        left.add_address(asio::ip::make_address("192.0.2.1"), 24);
        right.add_address(asio::ip::make_address("192.0.2.2"), 24);
        udp::socket from(left, {udp::v4(), 0}), to(right, {udp::v4(), 9});
        time.run_for(1s);
        for (int i = 0; i <= 58; ++i) {
            from.send_to(asio::buffer("virtual", 7), {asio::ip::make_address("192.0.2.2"), 9});
            time.run_for(25ms);
        }
    }
    std::size_t sent = 0, dropped = 0, received = 0;
    std::chrono::nanoseconds first{}, last{};
    for (const auto& p : tapio::test::packets_of(tapio::test::read_pcapng(path))) {
        if (p.octets.find("virtual") == std::string::npos) continue;
        if (p.interface == 1) { // the receiving end
            ++received;
            continue;
        }
        (sent++ == 0 ? first : last) = p.time;
        dropped += p.comment == "dropped" ? 1 : 0;
        EXPECT_TRUE(p.comment == "dropped" || p.comment == "delayed by 25 ms") << p.comment;
    }
    EXPECT_GE(first, tapio::virtual_time::beginning.time_since_epoch());
    EXPECT_LE(last - first, 1450ms);
    EXPECT_GE(last - first, 1400ms); // the first packets wait for address resolution
    EXPECT_GT(dropped, 10U);
    EXPECT_EQ(received, sent - dropped);
    std::remove(path.c_str());
}

/// A user-defined decorator that counts packets.
struct counting final : tapio::device_decorator
{
    counting(std::unique_ptr<tapio::device> inner, int& c) : device_decorator(std::move(inner)), count(c) {}
    ~counting() override { stop(); }
    bool transmit(tapio::packet& p) override
    {
        ++count;
        return device_decorator::transmit(p);
    }
    int& count;
};

TEST(decorator, of_the_user_can_replace_a_device_and_the_connection_goes_on)
{
    using tapio::ip::tcp;
    asio::io_context io;
    tapio::virtual_time time(io);
    auto [l, r] = tapio::make_pipe();
    tapio::stack left(io, std::move(l), {.time = &time}), right(io, std::move(r), {.time = &time});
    left.add_address(asio::ip::make_address("192.0.2.1"), 24);
    right.add_address(asio::ip::make_address("192.0.2.2"), 24);
    tcp::acceptor acceptor(right, {tcp::v4(), 80});
    tcp::socket client(left), server(right);
    client.connect({asio::ip::make_address("192.0.2.2"), 80});
    acceptor.accept(server);
    int sent = 0;
    auto [l2, r2] = tapio::make_pipe({.mtu = 1400});
    left.replace_device(1, std::make_unique<counting>(std::move(l2), sent));
    right.replace_device(1, std::move(r2));
    EXPECT_EQ(left.interface_status().mtu, 1400U);
    asio::write(client, asio::buffer(std::string(20'000, 'x')));
    std::string got(20'000, 0);
    asio::read(server, asio::buffer(got));
    EXPECT_EQ(got, std::string(20'000, 'x'));
    EXPECT_GE(sent, 15);
    right.replace_device(1, tapio::make_pipe().first);
    time.run_for(1ms);
    EXPECT_EQ(left.interface_status().state, tapio::interface_state::down);
}

} // namespace
