// Zero-copy send and receive of slices: what arrives, how long slices keep their memory alive, and how operations complete.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

namespace zero_copy_test {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::slice;
using tapio::ip::tcp;

const auto left_address = asio::ip::make_address("192.0.2.1"), right_address = asio::ip::make_address("192.0.2.2");

slice slice_of(const std::shared_ptr<const std::string>& text) { return slice::of(text, std::as_bytes(std::span(*text))); }

std::string text_of(const std::vector<slice>& slices)
{
    std::string out;
    for (const slice& s : slices) out.append(reinterpret_cast<const char*>(s.data()), s.size());
    return out;
}

/// Two stacks and a connection between them.
struct zero_copy : testing::Test
{
    zero_copy()
    {
        left.add_address(left_address, 24);
        right.add_address(right_address, 24);
        tcp::acceptor acceptor(right, {right_address, 7});
        acceptor.async_accept(server, [](error_code ec) { EXPECT_FALSE(ec); });
        client.async_connect({right_address, 7}, [](error_code ec) { EXPECT_FALSE(ec); });
        while (!(server.is_open() && client.is_open() && server.available() == 0 && connected())) io.poll_one();
        io.poll();
    }
    bool connected()
    {
        error_code ec;
        client.remote_endpoint(ec);
        return !ec;
    }

    asio::io_context io{1};
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe();
    tapio::stack left{io, std::move(wire.first)}, right{io, std::move(wire.second)};
    tcp::socket client{left}, server{right};
    std::vector<slice> got;
};

TEST_F(zero_copy, what_is_handed_over_arrives_and_is_let_go_of_when_the_peer_has_it)
{
    auto text = std::make_shared<const std::string>(300'000, 'x');
    const std::weak_ptr<const std::string> alive = text;
    std::optional<std::size_t> sent;
    tapio::ip::async_send_slice(client, slice_of(text), [&](error_code ec, std::size_t n) {
        EXPECT_FALSE(ec);
        sent = n;
    });
    text.reset();
    EXPECT_FALSE(alive.expired()); // only the send buffer keeps it alive
    std::string all;
    while (all.size() < 300'000) {
        got.clear();
        ASSERT_GT(tapio::ip::receive_slices(server, got, 100'000), 0U);
        EXPECT_LE(text_of(got).size(), 100'000U);
        all += text_of(got);
    }
    io.restart();
    io.run_for(std::chrono::milliseconds(100)); // the last ACK may be delayed
    EXPECT_EQ(all, std::string(300'000, 'x'));
    EXPECT_EQ(sent, 300'000U);
    got.clear();
    EXPECT_TRUE(alive.expired());
}

TEST_F(zero_copy, what_was_received_stays_though_the_socket_is_gone)
{
    asio::write(client, asio::buffer(std::string(5'000, 'y')));
    while (text_of(got).size() < 5'000) tapio::ip::receive_slices(server, got, 5'000);
    server.close();
    client.close();
    EXPECT_EQ(text_of(got), std::string(5'000, 'y'));
}

TEST_F(zero_copy, slices_and_copies_mix_in_one_stream)
{
    asio::write(client, asio::buffer("one ", 4));
    EXPECT_EQ(tapio::ip::send_slice(client, slice_of(std::make_shared<const std::string>("two "))), 4U);
    asio::write(client, asio::buffer("three", 5));
    std::string begin(6, ' ');
    asio::read(server, asio::buffer(begin));
    EXPECT_EQ(begin, "one tw");
    while (text_of(got).size() < 3) tapio::ip::receive_slices(server, got, 3 - text_of(got).size());
    EXPECT_EQ(text_of(got), "o t");
    std::string rest(4, ' ');
    asio::read(server, asio::buffer(rest));
    EXPECT_EQ(rest, "hree");
}

TEST_F(zero_copy, one_slice_goes_to_many)
{
    const slice part = slice_of(std::make_shared<const std::string>("abcdef")).part(2, 3);
    tapio::ip::send_slice(client, part);
    tapio::ip::send_slice(client, part);
    while (text_of(got).size() < 6) tapio::ip::receive_slices(server, got, 6);
    EXPECT_EQ(text_of(got), "cdecde");
}

TEST_F(zero_copy, several_go_in_order)
{
    const auto part = [](const char* text) { return slice_of(std::make_shared<const std::string>(text)); };
    EXPECT_EQ(tapio::ip::send_slices(client, {part("one "), slice(), part("two ")}), 8U);
    std::optional<std::size_t> sent;
    tapio::ip::async_send_slices(client, {part("three "), part("four")}, [&](error_code ec, std::size_t n) {
        EXPECT_FALSE(ec);
        sent = n;
    });
    tapio::ip::async_send_slices(client, {}, [](error_code ec, std::size_t n) {
        EXPECT_FALSE(ec);
        EXPECT_EQ(n, 0U);
    });
    io.restart();
    io.poll();
    EXPECT_EQ(sent, 10U);
    while (text_of(got).size() < 18) tapio::ip::receive_slices(server, got, 18);
    EXPECT_EQ(text_of(got), "one two three four");
}

TEST_F(zero_copy, several_that_do_not_fit_wait_for_room)
{
    const auto text = std::make_shared<const std::string>(70'001, 'x');
    std::optional<std::size_t> sent;
    tapio::ip::async_send_slices(client, std::vector<slice>(200, slice_of(text)), [&](error_code ec, std::size_t n) {
        EXPECT_FALSE(ec);
        sent = n;
    });
    io.restart();
    io.poll();
    EXPECT_FALSE(sent);
    std::size_t received = 0;
    while (received < 200U * 70'001) {
        got.clear();
        received += tapio::ip::receive_slices(server, got, 1'000'000);
        io.restart();
        io.poll();
    }
    io.restart();
    io.run_for(std::chrono::milliseconds(100));
    EXPECT_EQ(sent, 200U * 70'001);
    got.clear();
    EXPECT_EQ(text.use_count(), 1);
}

TEST_F(zero_copy, a_relay_of_coroutines_ends_with_eof)
{
    std::string echoed;
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> { // the server echoes
            std::vector<slice> have;
            for (;;) {
                have.clear();
                const auto [ec, n] =
                    co_await tapio::ip::async_receive_slices(server, have, 65536, asio::as_tuple(asio::use_awaitable));
                if (ec) {
                    EXPECT_EQ(ec, asio::error::eof);
                    EXPECT_EQ(n, 0U);
                    break;
                }
                co_await tapio::ip::async_send_slices(server, std::move(have), asio::use_awaitable);
            }
            server.shutdown(tcp::socket::shutdown_send);
        },
        asio::detached);
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
            co_await asio::async_write(client, asio::buffer(std::string(2'000'000, 'z')), asio::use_awaitable);
            client.shutdown(tcp::socket::shutdown_send);
        },
        asio::detached);
    bool ended = false;
    asio::async_read(client, asio::dynamic_buffer(echoed), [&](error_code ec, std::size_t) {
        EXPECT_EQ(ec, asio::error::eof);
        ended = true;
    });
    io.restart();
    for (int i = 0; i < 100'000 && !ended; ++i) io.run_one_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(ended);
    EXPECT_EQ(echoed.size(), 2'000'000U);
}

TEST_F(zero_copy, cancelled_it_says_what_was_taken)
{
    asio::cancellation_signal stop_send, stop_receive; // must outlive the operations
    std::optional<std::size_t> sent, received;
    const auto big = std::make_shared<const std::string>(100'000'000, 'x'); // more than all buffers together
    tapio::ip::async_send_slice(client, slice_of(big),
                                asio::bind_cancellation_slot(stop_send.slot(), [&](error_code ec, std::size_t n) {
                                    EXPECT_EQ(ec, asio::error::operation_aborted);
                                    sent = n;
                                }));
    tapio::ip::async_receive_slices(client, got, 1,
                                    asio::bind_cancellation_slot(stop_receive.slot(), [&](error_code ec, std::size_t n) {
                                        EXPECT_EQ(ec, asio::error::operation_aborted);
                                        received = n;
                                    }));
    io.restart();
    io.poll();
    EXPECT_FALSE(sent || received);
    stop_send.emit(asio::cancellation_type::partial);
    stop_receive.emit(asio::cancellation_type::total);
    io.restart();
    io.poll();
    ASSERT_TRUE(sent && received);
    EXPECT_GT(*sent, 0U);
    EXPECT_LT(*sent, big->size());
    EXPECT_EQ(*received, 0U);
}

TEST_F(zero_copy, errors_are_those_of_the_plain_calls)
{
    error_code ec;
    server.non_blocking(true);
    EXPECT_EQ(tapio::ip::receive_slices(server, got, 10, ec), 0U);
    EXPECT_EQ(ec, asio::error::would_block);
    client.close();
    tapio::ip::send_slice(client, slice(), ec);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
    server.shutdown(tcp::socket::shutdown_send);
    tapio::ip::send_slice(server, slice_of(std::make_shared<const std::string>("late")), ec);
    EXPECT_EQ(ec, asio::error::broken_pipe);
    tapio::ip::udp::socket datagrams(left, tapio::ip::udp::v4());
    tapio::ip::receive_slices(datagrams, got, 10, ec);
    EXPECT_EQ(ec, asio::error::operation_not_supported);
    EXPECT_THROW(tapio::ip::send_slice(datagrams, slice()), boost::system::system_error);
}

} // namespace
} // namespace zero_copy_test
