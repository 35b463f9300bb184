// Invalid options are rejected with a message that names them; a wire with the smallest MTU of IPv4 works.
#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using testing::HasSubstr;
using namespace std::chrono_literals;

/// The message of the exception thrown by `f`; "" if none.
std::string refusal(const std::function<void()>& f)
{
    try {
        f();
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), asio::error::invalid_argument);
        return e.what();
    }
    return "";
}

std::string refusal(const tapio::stack_options& options)
{
    return refusal([&] {
        asio::io_context io;
        tapio::stack stack(io, nullptr, options);
    });
}

TEST(options, a_device_that_is_null_is_refused)
{
    asio::io_context io;
    tapio::stack stack(io);
    EXPECT_THAT(refusal([&] { stack.add_device(nullptr); }), HasSubstr("add_device: null"));
}

TEST(options, of_a_stack_that_cannot_work_are_refused_by_name)
{
    EXPECT_THAT(refusal({.tcp_receive_buffer = 100}), HasSubstr("tcp_receive_buffer: 100, at least 2304"));
    EXPECT_THAT(refusal({.tcp_send_buffer = 256}), HasSubstr("tcp_send_buffer: 256, at least 4608"));
    EXPECT_THAT(refusal({.tcp_receive_buffer_limit = 0}), HasSubstr("tcp_receive_buffer_limit"));
    EXPECT_THAT(refusal({.tcp_send_buffer_limit = 0}), HasSubstr("tcp_send_buffer_limit"));
    EXPECT_THAT(refusal({.tcp_memory = 0}), HasSubstr("tcp_memory"));
    EXPECT_THAT(refusal({.tcp_congestion_control = "vegas"}), HasSubstr("tcp_congestion_control: \"vegas\""));
    EXPECT_THAT(refusal({.udp_receive_buffer = 1}), HasSubstr("udp_receive_buffer"));
    EXPECT_THAT(refusal({.tcp_min_rto = 0ms}), HasSubstr("tcp_min_rto"));
    EXPECT_THAT(refusal({.tcp_delayed_ack = -1ms}), HasSubstr("tcp_delayed_ack"));
    EXPECT_THAT(refusal({.tcp_time_wait = -1s}), HasSubstr("tcp_time_wait"));
    EXPECT_THAT(refusal({.tcp_orphan_timeout = -1s}), HasSubstr("tcp_orphan_timeout"));
    EXPECT_THAT(refusal({.shards = 0}), HasSubstr("shards"));
    EXPECT_THAT(refusal({.shards = 2, .shard = 2}), HasSubstr("shard: 2 of 2"));
    EXPECT_EQ(refusal(tapio::stack_options{}), "");
    EXPECT_EQ(refusal({.tcp_receive_buffer = 2304, .tcp_send_buffer = 4608, .tcp_congestion_control = "bbr"}), "");
}

TEST(options, of_a_bad_wire_are_refused_by_name)
{
    const auto of = [](const tapio::core::impairment_options& o) {
        return refusal([&] { (void)tapio::impaired(tapio::make_pipe().first, {.outgoing = {}, .incoming = o}); });
    };
    EXPECT_THAT(of({.drop = 2}), HasSubstr("incoming.drop: 2"));
    EXPECT_THAT(of({.duplicate = -0.1}), HasSubstr("duplicate"));
    EXPECT_THAT(of({.reorder = 1.01}), HasSubstr("reorder"));
    EXPECT_THAT(of({.corrupt = 200}), HasSubstr("corrupt"));
    EXPECT_THAT(of({.delay = -1ms}), HasSubstr("incoming.delay"));
    EXPECT_THAT(of({.jitter = -1ms}), HasSubstr("jitter"));
    EXPECT_THAT(of({.reorder_delay = -1ms}), HasSubstr("reorder_delay"));
    EXPECT_THAT(of({.reorder_steps = 0}), HasSubstr("reorder_steps"));
    EXPECT_THAT(of({.stall = -1ms}), HasSubstr("stall"));
    EXPECT_THAT(of({.stall = 2s, .stall_every = 1s}), HasSubstr("stall_every"));
    EXPECT_EQ(of({.drop = 1, .duplicate = 0.5, .delay = 1s}), "");
}

TEST(options, of_a_pipe_are_refused_by_name)
{
    const auto of = [](const tapio::pipe_options& o) { return refusal([&] { (void)tapio::make_pipe(o); }); };
    EXPECT_THAT(of({.mtu = 67}), HasSubstr("pipe_options::mtu: 67"));
    EXPECT_THAT(of({.mtu = 65536}), HasSubstr("pipe_options::mtu: 65536"));
    EXPECT_THAT(of({.queue_length = 0}), HasSubstr("pipe_options::queue_length"));
    EXPECT_EQ(of({.mtu = 68}), "");
}

/// A device with an MTU below the minimum of IPv4.
struct narrow_device : tapio::device
{
    tapio::device_info info() const override
    {
        tapio::device_info i;
        i.name = "thin0";
        i.mtu = 67;
        return i;
    }
    void start(asio::any_io_executor, tapio::device_receiver&) override {}
    void stop() override {}
    bool transmit(tapio::packet&) override { return true; }
};

TEST(options, a_device_that_is_too_narrow_is_refused_by_name)
{
    asio::io_context io;
    tapio::stack stack(io);
    EXPECT_THAT(refusal([&] { stack.add_device(std::make_unique<narrow_device>()); }), HasSubstr("thin0: MTU 67"));
}

class narrow_wire : public testing::TestWithParam<std::size_t>
{
};

TEST_P(narrow_wire, carries_a_stream_both_ways)
{
    asio::io_context io(1);
    tapio::virtual_time time(io);
    tapio::stack left(io, nullptr, {.time = &time}), right(io, nullptr, {.time = &time});
    auto [l, r] = tapio::make_pipe({.mtu = GetParam()});
    left.add_device(std::move(l));
    right.add_device(std::move(r));
    left.add_address(asio::ip::make_address("192.0.2.1"), 24);
    right.add_address(asio::ip::make_address("192.0.2.2"), 24);
    tcp::acceptor acceptor(right, {asio::ip::make_address("192.0.2.2"), 7});
    tcp::socket client(left);
    client.connect({asio::ip::make_address("192.0.2.2"), 7});
    tcp::socket server = acceptor.accept();
    const auto began = time.now();
    std::string text(20'000, ' '), there(text.size(), ' '), back(text.size(), ' ');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
    int done = 0;
    const auto count = [&](error_code ec, std::size_t) {
        EXPECT_FALSE(ec);
        ++done;
    };
    asio::async_write(client, asio::buffer(text), count);
    asio::async_write(server, asio::buffer(text), count);
    asio::async_read(server, asio::buffer(there), count);
    asio::async_read(client, asio::buffer(back), count);
    while (done < 4 && time.now() - began < 60s) io.run_one();
    EXPECT_EQ(done, 4);
    EXPECT_LT(time.now() - began, 1s) << "no retransmission timeouts";
    EXPECT_EQ(there, text);
    EXPECT_EQ(back, text);
    EXPECT_EQ(tapio::tcp_info(client).path_mtu, GetParam());
    EXPECT_EQ(left.counters().drops[tapio::core::drop_reason::too_big], 0U);
}

INSTANTIATE_TEST_SUITE_P(of_each_width, narrow_wire, testing::Values(68, 69, 79, 80, 81, 88, 100, 127, 128, 300, 576));

} // namespace
