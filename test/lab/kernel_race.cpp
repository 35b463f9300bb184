// tapio against the Linux kernel over the same impaired wire, in real time: kernel to kernel, tapio to kernel, kernel to tapio.
// The wire is in this process, between TAPs in network namespaces; all three use the same model with the same seed.
//
//     kernel_race --rate 100 --rtt 20 --loss 1 --cc cubic --seconds 10 --seeds 5
//
// Prints the goodput of the three for each seed, then the medians and their ratios. Needs root and /dev/net/tun.
#include "support/kernel/kernel_host.hpp"

#include <tapio/device/impaired.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>
#include <boost/program_options.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <future>
#include <iostream>
#include <netinet/tcp.h>
#include <stdexcept>
#include <thread>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
namespace po = boost::program_options;
using tapio::test::kernel_host;

struct course
{
    double rate = 100;                     ///< Mbit/s
    double rtt = 20;                       ///< ms
    double loss = 1;                       ///< %
    double reorder = 0, reorder_delay = 0; ///< share in %, and delay in ms
    double stall = 0, stall_every = 0;     ///< duration and interval of stalls, ms
    std::string congestion_control = "cubic";
    double seconds = 10;
};

const auto our_address = asio::ip::make_address_v4("198.18.0.1"), their_address = asio::ip::make_address_v4("198.18.0.2");
constexpr std::uint16_t port = 5001;

/// TCP_CONGESTION, which both stacks have.
class congestion_option
{
public:
    explicit congestion_option(std::string name) : name_(std::move(name)) {}
    template <class P>
    int level(const P&) const
    {
        return IPPROTO_TCP;
    }
    template <class P>
    int name(const P&) const
    {
        return TCP_CONGESTION;
    }
    template <class P>
    const char* data(const P&) const
    {
        return name_.data();
    }
    template <class P>
    std::size_t size(const P&) const
    {
        return name_.size();
    }

private:
    std::string name_;
};

/// Passes packets between two devices.
class bridge
{
public:
    bridge(asio::io_context& io, std::unique_ptr<tapio::device> a, std::unique_ptr<tapio::device> b)
        : a_(*this, std::move(a)), b_(*this, std::move(b)), timer_(io)
    {
        a_.other = &b_;
        b_.other = &a_;
        a_.medium->start(io.get_executor(), a_);
        b_.medium->start(io.get_executor(), b_);
    }
    ~bridge() { a_.medium->stop(), b_.medium->stop(); }

private:
    struct side final : tapio::device_receiver
    {
        side(bridge& b, std::unique_ptr<tapio::device> m) : owner(b), medium(std::move(m)) {}
        void receive(tapio::packet&& p) override { batch.push_back(std::move(p)); }
        void end_batch(bool) override
        {
            for (tapio::packet& p : batch) (void)other->medium->transmit(p); // dropped if the device is full
            batch.clear();
            owner.arm();
        }
        tapio::core::time_point now() const override
        {
            return tapio::core::time_point(std::chrono::steady_clock::now().time_since_epoch());
        }
        void writable() override {}
        void failed(boost::system::error_code) override {}

        bridge& owner;
        std::unique_ptr<tapio::device> medium;
        side* other = nullptr;
        std::vector<tapio::packet> batch;
    };

    void arm()
    {
        const auto next = std::min(a_.medium->next_deadline(), b_.medium->next_deadline());
        if (next == tapio::core::never) return;
        timer_.expires_at(asio::steady_timer::time_point(next.time_since_epoch()));
        timer_.async_wait([this](boost::system::error_code ec) {
            if (ec) return;
            a_.medium->advance();
            b_.medium->advance();
            arm();
        });
    }

    side a_, b_;
    asio::steady_timer timer_;
};

std::unique_ptr<tapio::device> bad(std::unique_ptr<tapio::device> inner, const course& c, bool data_goes_out, std::uint64_t seed)
{
    tapio::impaired_options o;
    // The data gets the same random numbers in either direction: impaired() uses the complement of the seed for `incoming`.
    o.seed = data_goes_out ? seed : ~seed;
    o.outgoing.delay = o.incoming.delay = tapio::core::duration(static_cast<std::int64_t>(c.rtt * 1e6 / 2));
    auto& data = data_goes_out ? o.outgoing : o.incoming;
    data.rate = static_cast<std::uint64_t>(c.rate * 1e6);
    data.queue_limit = static_cast<std::size_t>(std::max(c.rate * 1e6 / 8 * c.rtt / 1e3, 15000.0)); // one bandwidth-delay product
    const auto milliseconds = [](double ms) { return tapio::core::duration(static_cast<std::int64_t>(ms * 1e6)); };
    data.drop = c.loss / 100;
    data.reorder = c.reorder / 100;
    data.reorder_delay = milliseconds(c.reorder_delay);
    data.stall = milliseconds(c.stall);
    data.stall_every = milliseconds(c.stall_every);
    return tapio::impaired(std::move(inner), o);
}

/// Writes as fast as possible until `stop`.
void send_all(asio::ip::tcp::socket& s, const std::atomic<bool>& stop)
{
    const std::vector<char> zeros(65536);
    boost::system::error_code ec;
    while (!ec && !stop) s.write_some(asio::buffer(zeros), ec);
}

template <class Socket>
void count_all(Socket& s, std::atomic<std::uint64_t>& received)
{
    std::vector<char> scratch(1 << 18);
    boost::system::error_code ec;
    while (!ec) received += s.read_some(asio::buffer(scratch), ec);
}

/// The kernel's ends: blocking calls in a thread inside that kernel's namespace.
void kernel_sends(const course& c, const asio::ip::address_v4& to, std::atomic<bool>& stop, std::atomic<int>& handle)
{
    asio::io_context io;
    asio::ip::tcp::socket s(io);
    for (boost::system::error_code ec = asio::error::try_again; ec && !stop;) {
        s.open(asio::ip::tcp::v4());
        // Before the handshake: if the system's default is BBR, it would start, and leave pacing enabled on the socket for good.
        s.set_option(congestion_option(c.congestion_control));
        s.connect({to, port}, ec);
        if (ec) s.close(), std::this_thread::sleep_for(20ms);
    }
    handle = s.native_handle();
    send_all(s, stop);
    s.set_option(asio::socket_base::linger(true, 0));
}

void kernel_receives(std::atomic<std::uint64_t>& received, std::promise<void>& listening)
{
    asio::io_context io;
    asio::ip::tcp::acceptor a(io, {asio::ip::tcp::v4(), port});
    listening.set_value();
    auto s = a.accept();
    count_all(s, received);
}

/// tapio's ends: asynchronous operations.
struct tapio_sender
{
    tapio_sender(tapio::stack& stack, const course& c) : s(stack), zeros(65536)
    {
        s.open(tapio::ip::tcp::v4());
        s.set_option(congestion_option(c.congestion_control));
        s.async_connect({their_address, port}, [this](boost::system::error_code ec) {
            if (!ec) write();
        });
    }
    void write()
    {
        s.async_write_some(asio::buffer(zeros), [this](boost::system::error_code ec, std::size_t) {
            if (!ec) write();
        });
    }
    tapio::ip::tcp::socket s;
    std::vector<char> zeros;
};

struct tapio_receiver
{
    tapio_receiver(tapio::stack& stack, std::atomic<std::uint64_t>& n)
        : a(stack, {tapio::ip::tcp::v4(), port}), s(stack), received(n), scratch(1 << 18)
    {
        a.async_accept(s, [this](boost::system::error_code ec) {
            if (!ec) read();
        });
    }
    void read()
    {
        s.async_read_some(asio::buffer(scratch), [this](boost::system::error_code ec, std::size_t n) {
            received += n;
            if (!ec) read();
        });
    }
    tapio::ip::tcp::acceptor a;
    tapio::ip::tcp::socket s;
    std::atomic<std::uint64_t>& received;
    std::vector<char> scratch;
};

enum class pairing
{
    kernel_to_kernel,
    tapio_to_kernel,
    kernel_to_tapio
};

/// @return goodput, bit/s, counted from the first octet
double race(pairing who, const course& c, std::uint64_t seed)
{
    asio::io_context io{1};
    kernel_host there("198.18.0.2");
    std::optional<kernel_host> here;
    std::optional<tapio::stack> stack;
    std::optional<bridge> between;
    std::atomic<std::uint64_t> received = 0;
    std::atomic<bool> stop = false;
    std::atomic<int> handle = -1;
    std::vector<std::thread> ends;
    std::promise<void> listening;
    std::optional<tapio_sender> sender;
    std::optional<tapio_receiver> receiver;

    auto wire = bad(std::move(there.tap), c, who != pairing::kernel_to_tapio, seed);
    if (who == pairing::kernel_to_kernel) {
        here.emplace("198.18.0.1");
        between.emplace(io, std::move(here->tap), std::move(wire));
    } else {
        stack.emplace(io, std::move(wire));
        stack->add_address(our_address, 24);
    }
    if (who != pairing::kernel_to_tapio) {
        ends.push_back(there.inside([&] { kernel_receives(received, listening); }));
        listening.get_future().wait();
    } else {
        receiver.emplace(*stack, received);
        ends.push_back(there.inside([&] { kernel_sends(c, our_address, stop, handle); }));
    }
    if (who == pairing::kernel_to_kernel) ends.push_back(here->inside([&] { kernel_sends(c, their_address, stop, handle); }));
    if (who == pairing::tapio_to_kernel) sender.emplace(*stack, c);

    const auto work = asio::make_work_guard(io);
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (received == 0 && std::chrono::steady_clock::now() < deadline) io.run_for(1ms);
    const auto start = std::chrono::steady_clock::now();
    io.run_for(std::chrono::nanoseconds(static_cast<std::int64_t>(c.seconds * 1e9)));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const double goodput = 8 * static_cast<double>(received) / took.count();

    stop = true; // if the kernel's sender blocks for buffer space, shutdown() wakes it
    if (handle >= 0) ::shutdown(handle, SHUT_RDWR);
    if (sender) sender->s.set_option(asio::socket_base::linger(true, 0)), sender->s.close();
    if (receiver) receiver->s.set_option(asio::socket_base::linger(true, 0)), receiver->s.close();
    std::atomic<bool> joined = false;
    std::thread joiner([&] {
        for (std::thread& t : ends) t.join();
        joined = true;
    });
    while (!joined) io.run_for(5ms);
    joiner.join();
    if (stack) stack->shutdown();
    return goodput;
}

double median(std::vector<double> v)
{
    std::sort(v.begin(), v.end());
    return v.size() % 2 != 0 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

} // namespace

int main(int argc, char** argv)
{
    course c;
    unsigned seeds = 5;
    po::options_description options("kernel_race: tapio against the kernel over the same bad wire");
    options.add_options()("help", "this");
    options.add_options()("rate", po::value(&c.rate), "Mbit/s");
    options.add_options()("rtt", po::value(&c.rtt), "ms");
    options.add_options()("loss", po::value(&c.loss), "% of packets");
    options.add_options()("reorder", po::value(&c.reorder), "% of packets delayed");
    options.add_options()("reorder-delay", po::value(&c.reorder_delay), "... by so many ms");
    options.add_options()("stall", po::value(&c.stall), "ms for which the wire stands still");
    options.add_options()("stall-every", po::value(&c.stall_every), "... each so many ms");
    options.add_options()("cc", po::value(&c.congestion_control), "congestion control of both");
    options.add_options()("seconds", po::value(&c.seconds), "of each run");
    options.add_options()("seeds", po::value(&seeds), "how many runs of each kind");
    try {
        po::variables_map given;
        po::store(po::parse_command_line(argc, argv, options), given);
        po::notify(given);
        if (given.contains("help")) return std::cout << options, 0;
        std::vector<double> kk, tk, kt;
        for (unsigned seed = 1; seed <= seeds; ++seed) {
            kk.push_back(race(pairing::kernel_to_kernel, c, seed));
            tk.push_back(race(pairing::tapio_to_kernel, c, seed));
            kt.push_back(race(pairing::kernel_to_tapio, c, seed));
            std::printf("seed %u: kernel-kernel %.3f  tapio-kernel %.3f  kernel-tapio %.3f Mbit/s\n", seed, kk.back() / 1e6,
                        tk.back() / 1e6, kt.back() / 1e6);
            std::fflush(stdout);
        }
        std::printf("%s %g Mbit/s %g ms %g %%", c.congestion_control.c_str(), c.rate, c.rtt, c.loss);
        if (c.reorder > 0) std::printf(", %g %% later by %g ms", c.reorder, c.reorder_delay);
        if (c.stall > 0) std::printf(", %g ms of stall each %g ms", c.stall, c.stall_every);
        std::printf(": medians %.3f %.3f %.3f Mbit/s, ratios %.2f %.2f\n", median(kk) / 1e6, median(tk) / 1e6, median(kt) / 1e6,
                    median(tk) / median(kk), median(kt) / median(kk));
    } catch (const std::exception& e) {
        std::cerr << "kernel_race: " << e.what() << '\n';
        return 2;
    }
}
