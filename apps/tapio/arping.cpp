// arping: who has an IPv4 address on the link, with the output, the options and the exit status of iputils' arping.
#include "tapio/format.hpp"
#include "tapio/network.hpp"
#include "tapio/octet_reader.hpp"
#include "tapio/ping_statistics.hpp"

#include <tapio/link/raw_protocol.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using asio::ip::address_v4;
using boost::system::error_code;
using tapio::link::frame_kind;
using tapio::link::mac_address;
using tapio::link::raw_protocol;
using clock_type = std::chrono::steady_clock;

constexpr std::uint16_t arp_type = 0x0806;
constexpr std::uint16_t ethernet = 1, ipv4 = 0x0800; // hardware and protocol type (RFC 826)
constexpr std::uint16_t request = 1, reply = 2;      // operations
constexpr unsigned device = 1;                       // the interface of a tool's host; 0 is its loopback

/// An ARP packet about IPv4 on an Ethernet (RFC 826).
struct arp_packet
{
    std::uint16_t operation = 0;
    mac_address sender_mac, target_mac;
    address_v4 sender, target;
};

std::optional<arp_packet> parse_arp(std::span<const std::byte> frame)
{
    octet_reader r(frame);
    r.skip(12); // Ethernet addresses
    const bool arp = r.u16() == arp_type && r.u16() == ethernet && r.u16() == ipv4 && r.u8() == 6 && r.u8() == 4;
    arp_packet p;
    p.operation = r.u16();
    p.sender_mac.octets = r.take<6>();
    p.sender = address_v4(r.u32());
    p.target_mac.octets = r.take<6>();
    p.target = address_v4(r.u32());
    if (!arp || r.truncated()) return std::nullopt;
    return p;
}

/// The frame from `p.sender_mac` to `to`.
std::vector<std::uint8_t> make_frame(const arp_packet& p, const mac_address& to)
{
    std::vector<std::uint8_t> f;
    const auto add = [&f](const auto& octets) { f.insert(f.end(), octets.begin(), octets.end()); };
    const auto number = [&f](unsigned n) {
        f.push_back(static_cast<std::uint8_t>(n >> 8)), f.push_back(static_cast<std::uint8_t>(n));
    };
    add(to.octets), add(p.sender_mac.octets);
    for (const unsigned n : {unsigned{arp_type}, unsigned{ethernet}, unsigned{ipv4}, 0x0604U, unsigned{p.operation}}) number(n);
    add(p.sender_mac.octets), add(p.sender.to_bytes());
    add(p.target_mac.octets), add(p.target.to_bytes());
    return f;
}

std::string upper_case(const mac_address& mac)
{
    std::string text = tapio::core::to_string(mac);
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

struct arping_options
{
    std::string destination, interface, source;
    std::uint64_t count = 0;             ///< 0: without end
    std::chrono::nanoseconds deadline{}; ///< 0: none
    std::chrono::nanoseconds interval = std::chrono::seconds(1);
    bool first_only = false, quiet = false, broadcast = false, duplicate = false, unsolicited = false, answer = false;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                                   //
            ("destination", po::value(&destination)->required(), "IPv4 address or name (also without the option's name)") //
            ("count,c", number(count, 0, INT64_MAX), "stop after so many probes; 0: at Ctrl-C")                           //
            ("deadline,w", seconds_option(deadline), "end after so many seconds")                                         //
            ("interval,i", seconds_option(interval), "seconds from one probe to the next [1]")                            //
            ("interface,I", po::value(&interface), "name of the interface [the device]")                                  //
            ("source,s", po::value(&source), "IPv4 address that asks [the interface's; with -D 0.0.0.0]")                 //
            ("first,f", po::bool_switch(&first_only), "end at the first reply")                                           //
            ("quiet,q", po::bool_switch(&quiet), "print nothing")                                                         //
            ("broadcast,b", po::bool_switch(&broadcast), "broadcast every probe, also after a reply")                     //
            ("duplicate,D", po::bool_switch(&duplicate), "is the address in use? Exit status 1: it is")                   //
            ("unsolicited,U", po::bool_switch(&unsolicited), "announce the address by requests, to update neighbours")    //
            ("answer,A", po::bool_switch(&answer), "the same by replies");
    }
    void check() const
    {
        if (unsolicited + answer + duplicate > 1) throw usage_error("-D, -U and -A exclude each other");
        if (!source.empty()) (void)source_address();
    }
    bool announces() const { return unsolicited || answer; }
    address_v4 source_address() const
    {
        error_code error;
        const auto a = asio::ip::make_address_v4(source, error);
        if (error) throw usage_error("-s " + source + ": no IPv4 address");
        return a;
    }
};

class arpinger
{
public:
    arpinger(network& net, const tool& t, const arping_options& options)
        : net_(net), options_(options), silent_(t.json || options.quiet), json_(t.json), timer_(net.io())
    {
    }

    asio::awaitable<void> run()
    {
        choose_interface();
        to_ = (co_await resolve(net_.stack(), options_.destination, family_choice::v4, wrong_usage)).to_v4();
        choose_source();
        socket_.emplace(net_.stack(), raw_protocol(arp_type));
        socket_->bind({device});
        if (!silent_) say("ARPING " + to_.to_string() + " from " + source_.to_string() + ' ' + name_);
        asio::co_spawn(socket_->get_executor(), receive(), asio::detached);
        begin_ = clock_type::now();
        for (auto next = begin_; !finished();) {
            send_one();
            next = std::max(next + options_.interval, clock_type::now());
            co_await sleep_until(next);
        }
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
        if (json_) {
            print_json();
        } else if (!silent_) {
            std::string also;
            if (requests_ > 0) also = std::to_string(requests_) + " request(s)";
            if (broadcasts_in_ > 0) also += (also.empty() ? "" : ", ") + std::to_string(broadcasts_in_) + " broadcast(s)";
            say("Sent " + std::to_string(sent_) + " probes (" + std::to_string(broadcasts_) + " broadcast(s))\nReceived " +
                std::to_string(received_) + " response(s)" + (also.empty() ? "" : " (" + also + ')'));
        }
        if (options_.duplicate) return received_ > 0 ? failure : success;
        if (options_.announces()) return success;
        if (options_.deadline.count() > 0 && options_.count == 0) return received_ > 0 ? success : failure;
        return received_ > 0 && received_ == sent_ ? success : failure;
    }

private:
    void choose_interface()
    {
        const auto all = net_.stack().interfaces();
        name_ = all.at(device).status.name;
        if (!options_.interface.empty() && options_.interface != name_)
            throw tool_error("Device " + options_.interface + " not available.", wrong_usage);
        mac_ = net_.stack().mac(device);
        if (mac_.is_unspecified()) throw tool_error("Interface \"" + name_ + "\" is not ARPable", wrong_usage);
        for (const auto& a : all.at(device).addresses)
            if (a.address.is_v4() && own_.is_unspecified()) own_ = a.address.to_v4();
    }

    void choose_source()
    {
        if (!options_.source.empty()) {
            source_ = options_.source_address();
        } else if (options_.announces()) {
            source_ = to_;
        } else if (!options_.duplicate) {
            source_ = own_;
        }
    }

    bool all_answered() const { return options_.count > 0 && sent_ >= options_.count && received_ >= sent_; }
    bool finished() const
    {
        if (stopped_ || (options_.count > 0 && sent_ >= options_.count)) return true;
        if (received_ > 0 && (options_.first_only || options_.duplicate)) return true;
        return options_.deadline.count() > 0 && clock_type::now() >= begin_ + options_.deadline;
    }

    void send_one()
    {
        arp_packet p;
        p.operation = options_.answer ? reply : request;
        p.sender_mac = mac_;
        p.sender = source_;
        p.target = to_;
        if (options_.answer) p.target_mac = mac_;
        const mac_address next_hop = found_ && !options_.broadcast ? *found_ : mac_address::broadcast();
        error_code error;
        sent_at_ = clock_type::now();
        socket_->send(asio::buffer(make_frame(p, next_hop)), 0, error);
        if (error) throw boost::system::system_error(error, "arping");
        ++sent_;
        if (next_hop.is_broadcast()) ++broadcasts_;
    }

    asio::awaitable<void> sleep_until(clock_type::time_point when)
    {
        if (options_.deadline.count() > 0) when = std::min(when, begin_ + options_.deadline);
        timer_.expires_at(when);
        co_await timer_.async_wait(as_tuple(use_awaitable));
    }

    asio::awaitable<void> receive()
    {
        std::vector<std::byte> frame(2000);
        raw_protocol::endpoint from;
        for (;;) {
            const auto [error, n] = co_await socket_->async_receive_from(asio::buffer(frame), from, as_tuple(use_awaitable));
            if (error) co_return stop();
            const auto p = parse_arp(std::span(frame).first(n));
            if (p && is_answer(*p)) heard(*p, from.kind());
        }
    }

    /// As iputils: the sender is who was asked for, and speaks to us; while a duplicate is looked for, it need not.
    bool is_answer(const arp_packet& p) const
    {
        if (p.sender != to_ || (p.operation != request && p.operation != reply) || p.sender_mac == mac_) return false;
        if (options_.duplicate) return source_.is_unspecified() || p.target == source_;
        return p.target == source_ && p.target_mac == mac_;
    }

    void heard(const arp_packet& p, frame_kind kind)
    {
        const auto rtt = clock_type::now() - sent_at_;
        ++received_;
        if (kind != frame_kind::to_us) ++broadcasts_in_;
        if (p.operation == request) ++requests_;
        rtt_.add(rtt);
        found_ = p.sender_mac;
        if (!silent_)
            say(std::string(kind == frame_kind::to_us ? "Unicast" : "Broadcast") +
                (p.operation == request ? " request" : " reply") + " from " + p.sender.to_string() + " [" +
                upper_case(p.sender_mac) + "]  " + format_ms(rtt) + "ms");
        if (all_answered() || options_.first_only || options_.duplicate) stop();
    }

    void print_json() const
    {
        say("{\"destination\": \"" + to_.to_string() + "\", \"source\": \"" + source_.to_string() + "\", \"interface\": \"" +
            name_ + "\", \"sent\": " + std::to_string(sent_) + ", \"broadcasts\": " + std::to_string(broadcasts_) +
            ", \"received\": " + std::to_string(received_) + ", \"mac\": " +
            (found_ ? '"' + tapio::core::to_string(*found_) + '"' : "null") + ", \"rtt_min_ms\": " + format_ms(rtt_.min()) +
            ", \"rtt_avg_ms\": " + format_ms(rtt_.mean()) + ", \"rtt_max_ms\": " + format_ms(rtt_.max()) + '}');
    }

    network& net_;
    const arping_options& options_;
    const bool silent_, json_;
    asio::steady_timer timer_;
    std::string name_;
    mac_address mac_;
    address_v4 to_, source_, own_;
    std::optional<raw_protocol::socket> socket_;
    std::optional<mac_address> found_; ///< of the last reply
    clock_type::time_point begin_{}, sent_at_{};
    std::uint64_t sent_ = 0, broadcasts_ = 0, received_ = 0, requests_ = 0, broadcasts_in_ = 0;
    rtt_statistics rtt_;
    bool stopped_ = false;
};

int run_arping(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    arping_options options;
    options.add_to(t.options);
    t.positional.add("destination", 1);
    t.failure_status = 2;
    return t.run(argc, argv, [&] {
        options.check();
        network net(t);
        arpinger one(net, t, options);
        net.run(one.run(), [&] { one.stop(); });
        return one.report();
    });
}

} // namespace

const command arping{
    "arping", "ARP requests: who has an address on this link", "[options] DESTINATION",
    "  tapio arping --memory -c 3 198.18.0.2\n"
    "  tapio arping --tap tap0 --address 198.18.0.2/24 -f 198.18.0.1\n"
    "  tapio arping --tap tap0 --address 198.18.0.2/24 -D -c 2 198.18.0.77\n"
    "Exit status: 0 every probe was answered (with -w and without -c: one was), 1 not; with -D: 0 nobody has the\n"
    "address, 1 somebody has; 2 another error.\n\n",
    run_arping};

} // namespace apps::tools
