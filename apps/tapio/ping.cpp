// ping: echo requests, with the output, the options and the exit status of iputils' ping.
#include "tapio/format.hpp"
#include "tapio/icmp_probe.hpp"
#include "tapio/network.hpp"
#include "tapio/ping_statistics.hpp"
#include "tapio/socket_option.hpp"

#include <tapio/ip/icmp.hpp>
#include <tapio/ip/message.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>
#include <random>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::icmp;
using clock_type = std::chrono::steady_clock;

struct ping_options
{
    std::string destination, mtu_discovery;
    std::uint64_t count = 0; ///< 0: without end
    std::chrono::nanoseconds interval = std::chrono::seconds(1);
    std::chrono::nanoseconds patience{}; ///< 0: not given
    std::chrono::nanoseconds deadline{}; ///< 0: none
    unsigned size = 56;                  ///< octets of data
    unsigned ttl = 0;                    ///< 0: the stack's
    bool quiet = false, timestamps = false, numeric = false;
    family_options family;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                              //
            ("destination", po::value(&destination)->required(), "address or name (also without the option's name)") //
            ("count,c", number(count, 0, INT64_MAX), "stop after so many requests; 0: at Ctrl-C")                    //
            ("interval,i", seconds_option(interval), "seconds from one request to the next [1]")                     //
            ("size,s", number(size, 0, 65507), "octets of data in a request")                                        //
            ("timeout,W", seconds_option(patience), "seconds to wait for the last reply [10, or two round trips]")   //
            ("deadline,w", seconds_option(deadline), "end after so many seconds")                                    //
            ("ttl,t", number(ttl, 0, 255), "time to live, or hop limit; 0: the stack's")                             //
            ("quiet,q", po::bool_switch(&quiet), "only the summary")                                                 //
            ("timestamp,D", po::bool_switch(&timestamps), "print the time of day before each line")                  //
            ("numeric,n", po::bool_switch(&numeric), "print numbers (names are never looked up)")                    //
            ("mtu-discovery,M", po::value(&mtu_discovery), "do: never fragment; want: fragment here; dont: anywhere");
        family.add_to(d);
    }

    int discovery() const
    {
        if (mtu_discovery == "do") return IP_PMTUDISC_DO;
        if (mtu_discovery == "want") return IP_PMTUDISC_WANT;
        if (mtu_discovery == "dont") return IP_PMTUDISC_DONT;
        throw usage_error("-M " + mtu_discovery + ": there is do, want and dont");
    }
};

class pinger
{
public:
    pinger(network& net, const tool& t, const ping_options& options)
        : net_(net), options_(options), json_(t.json), timer_(net.io()), id_(static_cast<std::uint16_t>(std::random_device{}()))
    {
    }

    asio::awaitable<void> run()
    {
        to_ = co_await resolve(net_.stack(), options_.destination, options_.family.choice(), wrong_usage);
        open();
        if (!json_) {
            const std::size_t headers = v4() ? 28 : 48;
            say("PING " + options_.destination + " (" + to_.to_string() + ") " + std::to_string(options_.size) + '(' +
                std::to_string(options_.size + headers) + ") bytes of data.");
        }
        asio::co_spawn(socket_->get_executor(), receive(), asio::detached);
        begin_ = last_ = clock_type::now();
        co_await send_all();
        co_await wait_for_the_rest();
        socket_->close();
    }

    /// Ends run() soon.
    void stop()
    {
        stopped_ = true;
        timer_.cancel();
    }

    int report() const
    {
        const auto elapsed = last_ - begin_;
        if (json_) {
            print_json(elapsed);
        } else {
            std::fputs(("\n--- " + options_.destination + " ping statistics ---\n" + statistics_.text(elapsed)).c_str(), stdout);
        }
        if (statistics_.received() == 0) return failure;
        const bool incomplete = options_.deadline.count() > 0 && options_.count > 0 && statistics_.received() < options_.count;
        return incomplete ? failure : success;
    }

private:
    bool v4() const { return to_.is_v4(); }

    void open()
    {
        socket_.emplace(net_.stack(), v4() ? icmp::v4() : icmp::v6());
        if (options_.ttl > 0) socket_->set_option(hop_limit(v4(), static_cast<int>(options_.ttl)));
        if (!options_.mtu_discovery.empty()) socket_->set_option(mtu_discovery(v4(), options_.discovery()));
    }

    bool finished() const
    {
        return stopped_ || (options_.count > 0 && statistics_.transmitted() >= options_.count) || past_deadline();
    }
    bool past_deadline() const { return options_.deadline.count() > 0 && clock_type::now() >= begin_ + options_.deadline; }

    asio::awaitable<void> send_all()
    {
        auto next = begin_;
        while (!finished()) {
            send_one();
            next = std::max(next + options_.interval, clock_type::now());
            if (finished()) break;
            co_await sleep_until(options_.deadline.count() > 0 ? std::min(next, begin_ + options_.deadline) : next);
        }
    }

    void send_one()
    {
        const auto sequence = static_cast<std::uint16_t>(statistics_.transmitted() + 1);
        const auto request = make_echo_request(v4(), id_, sequence, options_.size);
        last_ = clock_type::now();
        statistics_.sent(sequence, last_);
        error_code error;
        socket_->send_to(asio::buffer(request), icmp::endpoint(to_, 0), 0, error);
        if (!error) return;
        statistics_.error();
        const bool too_long = error == asio::error::message_size;
        if (!options_.quiet && !json_) print("tapio ping: local error: " + (too_long ? "message too long" : error.message()));
    }

    /// After the last request: until all are answered, or the time for that is over.
    asio::awaitable<void> wait_for_the_rest()
    {
        sent_all_ = true;
        if (stopped_ || done()) co_return;
        const auto two_trips = std::max<std::chrono::nanoseconds>(2 * statistics_.rtt().max(), std::chrono::seconds(1));
        auto patience = options_.patience;
        if (patience.count() == 0) patience = statistics_.received() > 0 ? two_trips : std::chrono::seconds(10);
        auto end = clock_type::now() + patience;
        if (options_.deadline.count() > 0) end = std::min(end, begin_ + options_.deadline);
        while (!stopped_ && !done() && clock_type::now() < end) co_await sleep_until(end);
    }

    bool done() const { return statistics_.received() + statistics_.errors() >= statistics_.transmitted(); }

    asio::awaitable<void> sleep_until(clock_type::time_point when)
    {
        timer_.expires_at(when);
        co_await timer_.async_wait(as_tuple(use_awaitable));
    }

    asio::awaitable<void> receive()
    {
        std::vector<std::byte> datagram(65536);
        while (socket_->is_open()) {
            icmp::endpoint from;
            tapio::ip::packet_info info;
            const auto [error, n] =
                co_await tapio::ip::async_receive_message(*socket_, asio::buffer(datagram), from, info, as_tuple(use_awaitable));
            if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
            if (error) continue;
            const auto event = parse_icmp(v4(), std::span(datagram).first(n));
            if (!event || event->id != id_ || event->what == icmp_event::kind::other) continue;
            if (event->what == icmp_event::kind::echo_reply)
                reply(*event, from.address(), info);
            else if (event->destination == to_)
                refusal(*event, from.address());
        }
    }

    void reply(const icmp_event& e, const asio::ip::address& from, const tapio::ip::packet_info& info)
    {
        std::chrono::nanoseconds rtt{};
        const auto when = std::min<clock_type::time_point>(info.received, clock_type::now());
        const auto kind = statistics_.received(e.sequence, when, rtt);
        if (kind == ping_statistics::reply::unexpected) return;
        last_ = clock_type::now();
        if (!options_.quiet && !json_) {
            print(std::to_string(e.octets) + " bytes from " + from.to_string() + ": icmp_seq=" + std::to_string(e.sequence) +
                  " ttl=" + std::to_string(info.ttl) + " time=" + format_ms(rtt, rtt < std::chrono::milliseconds(1) ? 3 : 2) +
                  " ms" + (kind == ping_statistics::reply::duplicate ? " (DUP!)" : ""));
        }
        if (sent_all_ && done()) timer_.cancel();
    }

    /// A router, or the host itself, says that a request did not arrive.
    void refusal(const icmp_event& e, const asio::ip::address& from)
    {
        statistics_.error();
        last_ = clock_type::now();
        if (!options_.quiet && !json_) {
            print("From " + tapio::core::without_zone(from).to_string() + " icmp_seq=" + std::to_string(e.sequence) + ' ' +
                  describe_error(v4(), e.type, e.code, e.mtu));
        }
        if (sent_all_ && done()) timer_.cancel();
    }

    void print(const std::string& line) const
    {
        if (!options_.timestamps) return say(line);
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        say('[' + format_fixed(std::chrono::duration<double>(now).count(), 6) + "] " + line);
    }

    void print_json(std::chrono::nanoseconds elapsed) const
    {
        const auto& rtt = statistics_.rtt();
        say("{\"destination\": \"" + to_.to_string() + "\", \"transmitted\": " + std::to_string(statistics_.transmitted()) +
            ", \"received\": " + std::to_string(statistics_.received()) + ", \"duplicates\": " +
            std::to_string(statistics_.duplicates()) + ", \"errors\": " + std::to_string(statistics_.errors()) +
            ", \"loss_percent\": " + format_fixed(statistics_.loss_percent(), 4) + ", \"time_ms\": " + format_ms(elapsed, 0) +
            ", \"rtt_min_ms\": " + format_ms(rtt.min()) + ", \"rtt_avg_ms\": " + format_ms(rtt.mean()) +
            ", \"rtt_max_ms\": " + format_ms(rtt.max()) + ", \"rtt_mdev_ms\": " + format_ms(rtt.deviation()) + '}');
    }

    network& net_;
    const ping_options& options_;
    const bool json_;
    asio::steady_timer timer_;
    const std::uint16_t id_;
    asio::ip::address to_;
    std::optional<icmp::socket> socket_;
    ping_statistics statistics_;
    clock_type::time_point begin_{}, last_{};
    bool stopped_ = false, sent_all_ = false;
};

int run_ping(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    ping_options options;
    options.add_to(t.options);
    t.positional.add("destination", 1);
    t.failure_status = 2;
    return t.run(argc, argv, [&] {
        options.family.choice();
        if (!options.mtu_discovery.empty()) options.discovery();
        network net(t);
        pinger one(net, t, options);
        net.run(one.run(), [&] { one.stop(); });
        return one.report();
    });
}

} // namespace

const command ping{"ping", "echo requests: is a host there, and how far away", "[options] DESTINATION",
                   "  tapio ping --memory -c 3 198.18.0.2\n"
                   "  tapio ping --tap tap0 --address 198.18.0.2/24 198.18.0.1\n"
                   "  tapio ping --tap tap0 --address 2001:db8::2/64 -s 1400 -M do -i 0.2 2001:db8::1\n"
                   "Exit status: 0 a reply came, 1 none came, 2 another error.\n\n",
                   run_ping};

} // namespace apps::tools
