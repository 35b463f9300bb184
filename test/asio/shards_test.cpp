// Two shards, each with a device queue and a thread: distribution of connections, closing of listeners, draining.
#include <tapio/device/device.hpp>
#include <tapio/shards.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;
using namespace std::string_literals;

/// Packets on their way to a stack, which receives them in a handler on its executor.
class inbox : public std::enable_shared_from_this<inbox>
{
public:
    void open(asio::any_io_executor executor, tapio::device_receiver& receiver)
    {
        const std::lock_guard lock(mutex_);
        // outstanding work, as a device waiting for input
        executor_ = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        receiver_ = &receiver;
        if (!waiting_.empty()) take_later();
    }
    /// No packet is delivered any more after it has returned.
    void close()
    {
        const std::lock_guard none_under_way(delivering_);
        const std::lock_guard lock(mutex_);
        receiver_ = nullptr;
        executor_ = {};
    }
    void push(tapio::packet&& p)
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(p));
        if (waiting_.size() == 1 && receiver_ != nullptr) take_later();
    }

private:
    void take_later()
    {
        asio::post(executor_, [self = shared_from_this()] { self->take(); });
    }
    void take()
    {
        const std::lock_guard under_way(delivering_);
        std::vector<tapio::packet> batch;
        tapio::device_receiver* to = nullptr;
        {
            const std::lock_guard lock(mutex_);
            batch.swap(waiting_);
            to = receiver_;
        }
        if (to == nullptr) return;
        for (tapio::packet& p : batch) to->receive(std::move(p));
        to->end_batch();
    }

    std::mutex delivering_; // held while the receiver is called
    std::mutex mutex_;      // protects the other members
    std::vector<tapio::packet> waiting_;
    asio::any_io_executor executor_;
    tapio::device_receiver* receiver_ = nullptr;
};

/// One end of a wire between threads. With two other ends, the parity of the sender's TCP port chooses between them.
class wire_end final : public tapio::device
{
public:
    wire_end(std::shared_ptr<inbox> own, std::vector<std::shared_ptr<inbox>> others)
        : own_(std::move(own)), others_(std::move(others))
    {
    }
    ~wire_end() override { own_->close(); }

    tapio::device_info info() const override
    {
        tapio::device_info i;
        i.name = "wire";
        i.link = tapio::core::link_type::ip;
        return i;
    }
    void start(asio::any_io_executor executor, tapio::device_receiver& receiver) override
    {
        own_->open(std::move(executor), receiver);
    }
    bool transmit(tapio::packet& p) override
    {
        constexpr std::size_t low_octet_of_port = 21; // after an IPv4 header without options
        const bool odd = p.pull(low_octet_of_port + 1) && (p.front()[low_octet_of_port] & std::byte{1}) != std::byte{0};
        others_[odd ? others_.size() - 1 : 0]->push(std::move(p));
        return true;
    }
    void stop() override { own_->close(); }

private:
    const std::shared_ptr<inbox> own_;
    const std::vector<std::shared_ptr<inbox>> others_;
};

/// A connection accepted by the server; used only on the thread of its shard.
struct session : std::enable_shared_from_this<session>
{
    explicit session(tcp::socket s) : socket(std::move(s)) {}

    void echo()
    {
        socket.async_read_some(asio::buffer(octets), [self = shared_from_this()](error_code ec, std::size_t n) {
            if (!ec) self->answer(n);
        });
    }
    void answer(std::size_t n)
    {
        asio::async_write(socket, asio::buffer(octets, n), [self = shared_from_this()](error_code ec, std::size_t) {
            if (!ec) self->echo();
        });
    }
    void say(std::string what)
    {
        text = std::move(what);
        asio::async_write(socket, asio::buffer(text), [self = shared_from_this()](error_code, std::size_t) { self->wait(); });
    }
    /// Reads until the connection ends, which keeps the session alive.
    void wait()
    {
        socket.async_read_some(asio::buffer(octets), [self = shared_from_this()](error_code ec, std::size_t) {
            if (!ec) self->wait();
        });
    }

    tcp::socket socket;
    std::array<char, 100> octets{};
    std::string text;
};

struct two_shards : testing::Test
{
    two_shards()
    {
        const auto even = std::make_shared<inbox>(), odd = std::make_shared<inbox>(), peers = std::make_shared<inbox>();
        std::vector<std::unique_ptr<tapio::device>> queues;
        for (const auto& q : {even, odd}) queues.push_back(std::make_unique<wire_end>(q, std::vector{peers}));
        host.emplace(std::move(queues));
        host->add_address(server.address(), 24);
        client.emplace(std::make_unique<wire_end>(peers, std::vector{even, odd}));
        client->add_address(from, 24);
    }
    ~two_shards() override { end(); }

    void end()
    {
        if (!host) return;
        host->stop();
        if (runner.joinable()) runner.join();
        host.reset();
    }
    tapio::shards::listener listen(std::function<void(session&)> then)
    {
        auto out = host->listen(server, [this, then](tcp::socket&& s) {
            {
                const std::lock_guard lock(mutex);
                threads.insert(std::this_thread::get_id());
            }
            then(*std::make_shared<session>(std::move(s)));
        });
        runner = std::thread([this] {
            host->run();
            returned.set_value();
        });
        return out;
    }
    tcp::socket connect(unsigned shard, error_code& ec)
    {
        tcp::socket s(*client, tcp::v4());
        s.bind({from, static_cast<std::uint16_t>(next_port + shard)});
        next_port += 2;
        s.connect(server, ec);
        return s;
    }
    tcp::socket connect(unsigned shard)
    {
        error_code ec;
        tcp::socket s = connect(shard, ec);
        EXPECT_FALSE(ec) << ec.message();
        return s;
    }
    static std::string says(tcp::socket& s, const std::string& what)
    {
        std::string got(what.size(), '.');
        asio::write(s, asio::buffer(what));
        asio::read(s, asio::buffer(got));
        return got;
    }
    /// Returns when each shard has run everything posted to it before.
    void wait_for_shards()
    {
        std::promise<void> done;
        host->collect<int>([](tapio::stack&) { return 0; }, [&](const std::vector<int>&) { done.set_value(); });
        done.get_future().wait();
    }
    error_code drain(tapio::core::duration timeout)
    {
        std::promise<error_code> done;
        host->drain(timeout, [&](error_code ec) { done.set_value(ec); });
        return done.get_future().get();
    }

    const asio::ip::address from = asio::ip::make_address("192.0.2.1");
    const tcp::endpoint server{asio::ip::make_address("192.0.2.2"), 80};
    std::optional<tapio::shards> host;
    std::optional<tapio::stack> client;
    std::uint16_t next_port = 40000;
    std::thread runner;
    std::promise<void> returned; ///< run() has returned
    std::mutex mutex;
    std::set<std::thread::id> threads; ///< threads that accepted connections
};

TEST_F(two_shards, each_connection_is_served_on_the_thread_of_its_shard)
{
    (void)listen([](session& s) { s.echo(); });
    tcp::socket even = connect(0), odd = connect(1);
    EXPECT_EQ(says(even, "even"), "even");
    EXPECT_EQ(says(odd, "odd"), "odd");
    const std::lock_guard lock(mutex);
    EXPECT_EQ(threads.size(), 2U);
}

TEST_F(two_shards, a_closed_listener_refuses_on_each_and_what_was_handed_over_stays)
{
    auto listener = listen([](session& s) { s.echo(); });
    tcp::socket even = connect(0), odd = connect(1);
    EXPECT_EQ(says(even, "a"), "a");
    EXPECT_EQ(says(odd, "b"), "b");
    listener.close();
    wait_for_shards();
    for (const unsigned shard : {0U, 1U}) {
        error_code ec;
        (void)connect(shard, ec);
        EXPECT_EQ(ec, asio::error::connection_refused) << shard;
    }
    EXPECT_EQ(says(even, "c"), "c");
    EXPECT_EQ(says(odd, "d"), "d");
}

TEST_F(two_shards, a_listener_is_closed_by_a_copy_and_twice_and_after_the_shards)
{
    auto listener = listen([](session& s) { s.echo(); });
    auto copy = listener;
    copy.close();
    listener.close();
    wait_for_shards();
    error_code ec;
    (void)connect(1, ec);
    EXPECT_EQ(ec, asio::error::connection_refused);
    end();
    copy.close();
    tapio::shards::listener().close();
}

TEST_F(two_shards, a_drain_delivers_what_each_has_written_and_run_returns)
{
    const std::string text(1'000'000, 'x');
    auto listener = listen([&](session& s) { s.say(text); });
    std::vector<tcp::socket> sockets;
    for (const unsigned shard : {0U, 1U, 0U, 1U}) sockets.push_back(connect(shard));
    for (tcp::socket& s : sockets) s.wait(tcp::socket::wait_read); // until the connection has been accepted
    listener.close();
    std::vector<std::future<std::string>> got;
    for (tcp::socket& s : sockets)
        got.push_back(std::async(std::launch::async, [&s] {
            std::string all;
            error_code ec;
            asio::read(s, asio::dynamic_buffer(all), ec);
            EXPECT_EQ(ec, asio::error::eof) << ec.message();
            return all;
        }));
    EXPECT_EQ(drain(1min), error_code());
    for (auto& g : got) EXPECT_EQ(g.get().size(), text.size());
    EXPECT_EQ(returned.get_future().wait_for(10s), std::future_status::ready) << "run() returns without stop()";
}

TEST_F(two_shards, a_drain_ends_listening)
{
    (void)listen([](session& s) { s.echo(); });
    EXPECT_EQ(drain(1min), error_code());
    EXPECT_EQ(returned.get_future().wait_for(10s), std::future_status::ready);
    EXPECT_TRUE(threads.empty());
}

TEST_F(two_shards, a_drain_times_out_where_one_peer_does_not_read)
{
    const std::string much(20'000'000, 'x');
    (void)listen([&](session& s) { s.say(s.socket.remote_endpoint().port() % 2 == 0 ? much : "little"s); });
    tcp::socket even = connect(0), odd = connect(1);
    even.wait(tcp::socket::wait_read), odd.wait(tcp::socket::wait_read);
    EXPECT_EQ(drain(50ms), asio::error::timed_out);
    EXPECT_EQ(returned.get_future().wait_for(10s), std::future_status::ready);
    std::string got;
    error_code ec;
    asio::read(odd, asio::dynamic_buffer(got), ec);
    EXPECT_EQ(ec, asio::error::eof) << "the other shard was drained in time";
    EXPECT_EQ(got, "little");
}

} // namespace
