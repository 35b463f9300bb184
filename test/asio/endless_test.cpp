// Hosts in memory that reply to each other's replies forever: virtual time stops with an error; in real time other handlers still
// run.
#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>

namespace endless_test {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;
using testing::HasSubstr;
using namespace std::chrono_literals;

const auto left_address = asio::ip::make_address("192.0.2.1"), right_address = asio::ip::make_address("192.0.2.2");
const auto deadlock = make_error_code(boost::system::errc::resource_deadlock_would_occur);

/// The other end of a stack's wire: a device without a stack that answers every packet with an ICMP echo request from 192.0.2.2
/// to 192.0.2.1, to which the stack replies.
class asks_for_ever final : public tapio::device_receiver
{
public:
    asks_for_ever(asio::io_context& io, std::unique_ptr<tapio::device> medium, const tapio::virtual_time* time = nullptr)
        : time_(time), medium_(std::move(medium))
    {
        medium_->start(io.get_executor(), *this);
    }
    ~asks_for_ever() { medium_->stop(); }

    void ask()
    {
        static constexpr std::array<unsigned char, 28> request{0x45, 0, 0,   28, 0, 0, 0x40, 0, 64,   1,    0xb6, 0xdd, 192, 0,
                                                               2,    2, 192, 0,  2, 1, 8,    0, 0xf7, 0xfd, 0,    1,    0,   1};
        tapio::packet p(tapio::core::slice::copy_of(std::as_bytes(std::span(request))));
        medium_->transmit(p);
        ++asked;
    }
    void begin() { ask(), medium_->deliver(); }

    void receive(tapio::packet&&) override {}
    void end_batch(bool) override
    {
        ++answered;
        if (asked < most) ask();
    }
    tapio::core::time_point now() const override
    {
        return time_ != nullptr ? time_->now() : tapio::core::time_point(std::chrono::steady_clock::now().time_since_epoch());
    }
    void writable() override {}
    void failed(error_code) override {}

    std::uint64_t asked = 0, answered = 0, most = UINT64_MAX;

private:
    const tapio::virtual_time* time_;
    std::unique_ptr<tapio::device> medium_;
};

/// The message of the exception thrown by run().
std::string what_stops(tapio::virtual_time& time)
{
    try {
        time.run();
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), deadlock);
        return e.what();
    }
    ADD_FAILURE() << "run() did not throw";
    return {};
}

struct two_stacks
{
    two_stacks()
    {
        auto [l, r] = tapio::make_pipe();
        left.emplace(io, std::move(l), tapio::stack_options{.time = &time});
        right.emplace(io, std::move(r), tapio::stack_options{.time = &time});
        left->add_address(left_address, 24);
        right->add_address(right_address, 24);
        time.limit_packets_at_one_instant(10'000);
    }

    asio::io_context io;
    tapio::virtual_time time{io};
    std::optional<tapio::stack> left, right;
};

/// Echoes every datagram.
class echo
{
public:
    echo(tapio::stack& s, const udp::endpoint& at) : socket(s, at) { receive(); }
    void receive()
    {
        socket.async_receive_from(asio::buffer(&octet, 1), from, [this](error_code ec, std::size_t) {
            if (ec) return;
            socket.send_to(asio::buffer(&octet, 1), from);
            receive();
        });
    }

    udp::socket socket;
    udp::endpoint from;
    char octet = 'x';
};

TEST(endless, two_echoes_stop_virtual_time_with_an_error_that_names_both)
{
    two_stacks net;
    echo a(*net.left, {left_address, 7}), b(*net.right, {right_address, 7});
    a.socket.send_to(asio::buffer("x", 1), {right_address, 7});
    const std::string what = what_stops(net.time);
    EXPECT_THAT(what, HasSubstr("pipe0 (192.0.2.1)"));
    EXPECT_THAT(what, HasSubstr("pipe1 (192.0.2.2)"));
}

TEST(endless, runs_with_a_limit_throw_as_well)
{
    two_stacks net;
    echo a(*net.left, {left_address, 7}), b(*net.right, {right_address, 7});
    a.socket.send_to(asio::buffer("x", 1), {right_address, 7});
    EXPECT_THROW(net.time.run_for(1s), boost::system::system_error);
    a.socket.send_to(asio::buffer("x", 1), {right_address, 7});
    EXPECT_THROW(net.time.run_until([] { return false; }, 1s), boost::system::system_error);
}

TEST(endless, on_a_wire_with_a_delay_time_goes_on)
{
    asio::io_context io;
    tapio::virtual_time time(io);
    time.limit_packets_at_one_instant(100);
    auto [l, r] = tapio::make_pipe();
    const tapio::core::impairment_options slow{.delay = 1ms};
    tapio::stack left(io, tapio::impaired(std::move(l), {slow, slow}), {.time = &time}), right(io, std::move(r), {.time = &time});
    left.add_address(left_address, 24);
    right.add_address(right_address, 24);
    echo a(left, {left_address, 7}), b(right, {right_address, 7});
    a.socket.send_to(asio::buffer("x", 1), {right_address, 7});
    EXPECT_NO_THROW(time.run_for(10s));
}

TEST(endless, much_at_one_instant_is_no_endless_exchange)
{
    two_stacks net;
    net.time.limit_packets_at_one_instant(1'000'000);
    tcp::acceptor acceptor(*net.right, {tcp::v4(), 80});
    tcp::socket client(*net.left), server(*net.right);
    acceptor.async_accept(server, [](error_code) {});
    client.async_connect({right_address, 80}, [](error_code) {});
    net.time.run_for(1s);
    const std::string much(20'000'000, 'x');
    std::string got;
    bool done = false;
    asio::async_write(server, asio::buffer(much), [&](error_code, std::size_t) { server.close(); });
    asio::async_read(client, asio::dynamic_buffer(got), [&](error_code, std::size_t) { done = true; });
    const auto begin = net.time.now();
    EXPECT_TRUE(net.time.run_until([&] { return done; }, 1s));
    EXPECT_EQ(got.size(), much.size());
    EXPECT_LT(net.time.now() - begin, 1ms);
}

TEST(endless, a_peer_that_no_handler_takes_part_in_is_noticed)
{
    asio::io_context io;
    tapio::virtual_time time(io);
    time.limit_packets_at_one_instant(10'000);
    auto [l, r] = tapio::make_pipe({.link = tapio::core::link_type::ip});
    tapio::stack stack(io, std::move(l), {.time = &time});
    stack.add_address(left_address, 24);
    asks_for_ever peer(io, std::move(r), &time);
    peer.begin();
    EXPECT_THAT(what_stops(time), HasSubstr("pipe0 (192.0.2.1) and the other end of its wire"));
    EXPECT_GT(peer.answered, 9'000U);
    EXPECT_LT(peer.answered, 11'000U);
    peer.most = 0;
    EXPECT_NO_THROW(time.run()) << "the exchange has ended";
}

TEST(endless, a_synchronous_call_that_sets_it_off_fails_and_the_next_run_throws)
{
    asio::io_context io;
    tapio::virtual_time time(io);
    time.limit_packets_at_one_instant(10'000);
    auto [l, r] = tapio::make_pipe({.link = tapio::core::link_type::ip});
    tapio::stack stack(io, std::move(l), {.time = &time});
    stack.add_address(left_address, 24);
    asks_for_ever peer(io, std::move(r), &time);
    tcp::socket s(stack);
    error_code ec;
    s.connect({right_address, 80}, ec);
    EXPECT_EQ(ec, deadlock);
    EXPECT_THAT(what_stops(time), HasSubstr("pipe0 (192.0.2.1)"));
}

/// A handler posted at the start of an exchange of 100,000 packets each way must run long before the exchange ends.
void others_have_their_turn(asio::io_context& io)
{
    auto [l, r] = tapio::make_pipe({.link = tapio::core::link_type::ip});
    tapio::stack stack(io, std::move(l));
    stack.add_address(left_address, 24);
    asks_for_ever peer(io, std::move(r));
    peer.most = 100'000;
    std::uint64_t seen = 0;
    asio::post(io, [&] { peer.begin(); });
    asio::post(io, [&] { seen = peer.answered; });
    for (int i = 0; i < 100'000 && peer.answered < peer.most; ++i) io.poll_one();
    EXPECT_EQ(peer.answered, peer.most) << "the exchange continues in handlers";
    EXPECT_GT(seen, 0U);
    EXPECT_LT(seen, 30'000U);
}

TEST(endless, in_real_time_other_handlers_have_their_turn)
{
    asio::io_context io;
    others_have_their_turn(io);
}

TEST(endless, in_real_time_other_handlers_of_the_one_thread_have_their_turn)
{
    asio::io_context io{1};
    others_have_their_turn(io);
}

} // namespace
} // namespace endless_test
