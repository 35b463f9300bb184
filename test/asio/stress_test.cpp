// Many threads and sockets: connects, reads, writes, cancels, closes and moves at random. Each handler runs exactly once and
// never inside the initiating function.
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;

thread_local bool initiating = false;

struct tally
{
    std::atomic<std::uint64_t> begun{0}, ended{0}, destroyed_uncalled{0}, inside{0}, twice{0}, octets{0};
};

/// A completion handler that records its calls.
class counted
{
public:
    explicit counted(tally& t) : fate_(std::make_shared<fate>(t)) {}
    void operator()(error_code, std::size_t n = 0)
    {
        if (initiating) ++fate_->to.inside;
        if (fate_->called.exchange(true)) ++fate_->to.twice;
        ++fate_->to.ended;
        fate_->to.octets += n;
    }

private:
    struct fate
    {
        explicit fate(tally& t) : to(t) { ++to.begun; }
        ~fate()
        {
            if (!called) ++to.destroyed_uncalled;
        }
        tally& to;
        std::atomic<bool> called{false};
    };
    std::shared_ptr<fate> fate_;
};

struct begin_here
{
    begin_here() { initiating = true; }
    ~begin_here() { initiating = false; }
};

/// A client socket on a strand of its own that performs random operations.
class player : public std::enable_shared_from_this<player>
{
public:
    player(asio::io_context& io, const tcp::endpoint& at, tally& t, unsigned seed)
        : strand_(asio::make_strand(io)), at_(at), tally_(t), random_(seed), socket_(strand_)
    {
    }
    void go(std::atomic<bool>& stop)
    {
        asio::post(strand_, [self = shared_from_this(), &stop] {
            if (stop) return self->socket_.close();
            self->act();
            self->go(stop);
        });
    }

private:
    void act()
    {
        const begin_here here;
        error_code ec;
        switch (random_() % 14) {
        case 0: socket_.close(ec); break;
        case 1: socket_.cancel(ec); break;
        case 2: {
            asio::basic_stream_socket<tcp> moved(std::move(socket_));
            if (random_() % 2 == 0) socket_ = std::move(moved);
            break; // otherwise the moved socket is destroyed with its pending operations
        }
        case 3: socket_.shutdown(random_() % 2 == 0 ? tcp::socket::shutdown_send : tcp::socket::shutdown_both, ec); break;
        case 4: signal_.emit(asio::cancellation_type::all); break;
        case 5:
        case 6:
            if (!socket_.is_open()) socket_.async_connect(at_, counted(tally_));
            break;
        case 7: socket_.async_wait(tcp::socket::wait_read, counted(tally_)); break;
        case 8: socket_.set_option(asio::socket_base::linger(true, 0), ec); break;
        case 9: socket_.async_read_some(asio::buffer(*in_), asio::bind_cancellation_slot(signal_.slot(), counted(tally_))); break;
        case 10: socket_.async_read_some(asio::buffer(*in_), counted(tally_)); break;
        default: socket_.async_write_some(asio::buffer(*out_), counted(tally_)); break;
        }
    }

    asio::strand<asio::io_context::executor_type> strand_;
    tcp::endpoint at_;
    tally& tally_;
    std::mt19937 random_;
    asio::cancellation_signal signal_;
    std::shared_ptr<std::array<char, 4096>> in_ = std::make_shared<std::array<char, 4096>>(), out_ = in_;
    asio::basic_stream_socket<tcp> socket_;
};

/// Echoes all data until the connection ends.
class echoing : public std::enable_shared_from_this<echoing>
{
public:
    explicit echoing(tcp::socket s) : socket_(std::move(s)) {}
    void read()
    {
        socket_.async_read_some(asio::buffer(data_), [self = shared_from_this()](error_code ec, std::size_t n) {
            if (!ec)
                asio::async_write(self->socket_, asio::buffer(self->data_, n), [self](error_code failed, std::size_t) {
                    if (!failed) self->read();
                });
        });
    }

private:
    tcp::socket socket_;
    std::array<char, 4096> data_;
};

void accept_on(tcp::acceptor& a)
{
    a.async_accept(asio::make_strand(a.get_executor()), [&a](error_code ec, tcp::socket s) {
        if (!a.is_open()) return;
        if (!ec) std::make_shared<echoing>(std::move(s))->read();
        accept_on(a);
    });
}

/// Duration of the test in seconds: TAPIO_STRESS_SECONDS, 2 by default.
std::chrono::seconds length()
{
    const char* const wanted = std::getenv("TAPIO_STRESS_SECONDS");
    return std::chrono::seconds(wanted != nullptr ? std::atoi(wanted) : 2);
}

TEST(stress, four_threads_and_sixty_four_connections)
{
    tally t;
    {
        asio::io_context io;
        tapio::stack stack(io);
        tcp::acceptor acceptor(asio::make_strand(stack.get_executor()));
        acceptor.open(tcp::v4());
        acceptor.bind({tcp::v4(), 7});
        acceptor.listen();
        std::atomic<bool> stop{false};
        asio::post(acceptor.get_executor(), [&] { accept_on(acceptor); });
        std::vector<std::shared_ptr<player>> players;
        tapio::use_stack(io, stack);
        for (unsigned i = 0; i < 64; ++i) {
            players.push_back(std::make_shared<player>(io, tcp::endpoint(asio::ip::address_v4::loopback(), 7), t, i));
            players.back()->go(stop);
        }
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) threads.emplace_back([&io] { io.run(); });
        std::this_thread::sleep_for(length());
        stop = true;
        std::this_thread::sleep_for(200ms);
        asio::post(acceptor.get_executor(), [&] { acceptor.close(); });
        std::this_thread::sleep_for(200ms);
        stack.shutdown(); // pending operations still complete
        for (std::thread& thread : threads) thread.join();
    }
    EXPECT_GT(t.begun, 1000U);
    EXPECT_EQ(t.begun, t.ended + t.destroyed_uncalled);
    EXPECT_EQ(t.destroyed_uncalled, 0U) << "handlers were destroyed without being called";
    EXPECT_EQ(t.inside, 0U) << "handlers ran inside the initiating function";
    EXPECT_EQ(t.twice, 0U);
    EXPECT_GT(t.octets, 100'000U);
}

} // namespace
