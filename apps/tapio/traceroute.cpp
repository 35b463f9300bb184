// traceroute: the routers on the way to a host, by probes with a small TTL, with the options and the output of Linux's
// traceroute.
#include "tapio/format.hpp"
#include "tapio/icmp_probe.hpp"
#include "tapio/network.hpp"
#include "tapio/socket_option.hpp"

#include <tapio/ip/icmp.hpp>
#include <tapio/ip/message.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <random>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::icmp;
using tapio::ip::tcp;
using tapio::ip::udp;
using clock_type = std::chrono::steady_clock;

enum class method
{
    udp,
    icmp,
    tcp
};

struct trace_options
{
    std::string destination;
    bool by_icmp = false, by_tcp = false, numeric = false;
    unsigned first = 1, most = 30, queries = 3, at_once = 16;
    std::uint16_t port = 0; ///< 0: 33434 with UDP, 80 with TCP
    std::size_t length = 60;
    std::chrono::nanoseconds patience = std::chrono::seconds(5);
    family_options family;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                                      //
            ("destination", po::value(&destination)->required(), "address or name")                                          //
            ("icmp,I", po::bool_switch(&by_icmp), "probe by ICMP echo requests instead of UDP")                              //
            ("tcp,T", po::bool_switch(&by_tcp), "probe by TCP SYNs")                                                         //
            ("first,f", number(first, 1, 255), "TTL of the first probes")                                                    //
            ("max-hops,m", number(most, 1, 255), "largest TTL")                                                              //
            ("queries,q", number(queries, 1, 10), "probes for each hop")                                                     //
            ("sim-queries,N", number(at_once, 1, 256), "probes on their way at the same time")                               //
            ("wait,w", seconds_option(patience), "seconds to wait for an answer [5]")                                        //
            ("port,p", number(port, 0, 65535), "UDP: port of the first probe, then counting up [33434]; TCP: the port [80]") //
            ("length,l", number(length, 40, 1500), "octets of a UDP or ICMP probe, headers included; at least 60 with IPv6") //
            ("numeric,n", po::bool_switch(&numeric), "print numbers (names are never looked up)");
        family.add_to(d);
    }

    method by() const
    {
        if (by_icmp && by_tcp) throw usage_error("-I and -T exclude each other");
        return by_icmp ? method::icmp : by_tcp ? method::tcp : method::udp;
    }
    std::uint16_t first_port() const { return port != 0 ? port : by() == method::tcp ? 80 : 33434; }
};

struct probe
{
    unsigned ttl = 0;
    clock_type::time_point sent{};
    std::uint16_t key = 0; ///< UDP: destination port; ICMP: sequence number; TCP: source port
    bool finished = false; ///< answered, or given up
    bool final = false;    ///< the answer came from the destination, or says that there is no way on
    std::optional<asio::ip::address> from;
    std::chrono::nanoseconds rtt{};
    std::string mark; ///< "!H"
};

class tracer
{
public:
    tracer(network& net, const tool& t, const trace_options& o)
        : net_(net),
          options_(o),
          by_(o.by()),
          json_(t.json),
          changed_(net.io()),
          id_(static_cast<std::uint16_t>(std::random_device{}()))
    {
    }

    asio::awaitable<void> run()
    {
        to_ = co_await resolve(net_.stack(), options_.destination, options_.family.choice(), wrong_usage);
        co_await find_first_hop(net_, to_);
        icmp_.emplace(net_.stack(), v4() ? icmp::v4() : icmp::v6());
        if (by_ == method::udp) udp_.emplace(net_.stack(), udp::endpoint(v4() ? udp::v4() : udp::v6(), 0));
        asio::co_spawn(icmp_->get_executor(), receive(), asio::detached);
        if (!json_)
            say("traceroute to " + options_.destination + " (" + to_.to_string() + "), " + std::to_string(options_.most) +
                " hops max, " + std::to_string(options_.length) + " byte packets");
        while (!printed_all()) {
            send_more();
            print_hops();
            if (printed_all()) break;
            co_await wait_for_change();
            give_up_late_probes();
        }
        icmp_->close();
        if (json_) print_json();
    }

private:
    bool v4() const { return to_.is_v4(); }

    // -- sending --------------------------------------------------------------------------------------------------------------

    unsigned last_ttl() const { return std::min(options_.most, final_ttl_); }
    bool printed_all() const { return options_.first + hops_printed_ > last_ttl(); }

    void send_more()
    {
        auto under_way =
            static_cast<unsigned>(std::count_if(probes_.begin(), probes_.end(), [](const probe& p) { return !p.finished; }));
        while (under_way < options_.at_once) {
            const auto ttl = static_cast<unsigned>(options_.first + probes_.size() / options_.queries);
            if (ttl > last_ttl()) return;
            probes_.emplace_back();
            probes_.back().ttl = ttl;
            probes_.back().sent = clock_type::now();
            send(probes_.back(), static_cast<std::uint16_t>(probes_.size() - 1));
            ++under_way;
        }
    }

    void send(probe& p, std::uint16_t number)
    {
        switch (by_) {
        case method::udp: return send_udp(p, number);
        case method::icmp: return send_icmp(p, number);
        case method::tcp: return send_tcp(p);
        }
    }

    std::size_t payload(std::size_t transport) const
    {
        const std::size_t headers = (v4() ? 20U : 40U) + transport;
        return options_.length > headers ? options_.length - headers : 0;
    }

    void send_udp(probe& p, std::uint16_t number)
    {
        p.key = static_cast<std::uint16_t>(options_.first_port() + number);
        const std::vector<char> data(payload(8), '@');
        error_code error;
        udp_->set_option(hop_limit(v4(), static_cast<int>(p.ttl)));
        udp_->send_to(asio::buffer(data), udp::endpoint(to_, p.key), 0, error);
        refuse_if(error, p);
    }

    void send_icmp(probe& p, std::uint16_t number)
    {
        p.key = static_cast<std::uint16_t>(number + 1);
        error_code error;
        icmp_->set_option(hop_limit(v4(), static_cast<int>(p.ttl)));
        icmp_->send_to(asio::buffer(make_echo_request(v4(), id_, p.key, payload(8))), icmp::endpoint(to_, 0), 0, error);
        refuse_if(error, p);
    }

    void send_tcp(probe& p)
    {
        auto s = std::make_unique<tcp::socket>(net_.stack(), tcp::endpoint(v4() ? tcp::v4() : tcp::v6(), 0));
        s->set_option(hop_limit(v4(), static_cast<int>(p.ttl)));
        p.key = s->local_endpoint().port();
        asio::co_spawn(net_.stack(), connect(std::move(s), probes_.size() - 1), asio::detached);
    }

    asio::awaitable<void> connect(std::unique_ptr<tcp::socket> s, std::size_t index)
    {
        const auto [error] = co_await s->async_connect({to_, options_.first_port()}, as_tuple(use_awaitable));
        if (error && error != asio::error::connection_refused) co_return; // what is known of an ICMP error is in receive()
        error_code ignored;
        s->set_option(asio::socket_base::linger(true, 0), ignored); // reset it: it was only a probe
        answer(probes_[index], to_, true, {});
    }

    /// A probe that this host itself cannot send.
    void refuse_if(const error_code& error, probe& p)
    {
        if (!error) return;
        if (error == asio::error::message_size)
            throw tool_error("a probe of this length does not fit: " + error.message(), failure);
        p.finished = true;
        p.mark = error == asio::error::network_unreachable ? "!N" : "!H";
    }

    // -- receiving ------------------------------------------------------------------------------------------------------------

    asio::awaitable<void> receive()
    {
        std::vector<std::byte> datagram(65536);
        while (icmp_->is_open()) {
            icmp::endpoint from;
            const auto [error, n] = co_await icmp_->async_receive_from(asio::buffer(datagram), from, as_tuple(use_awaitable));
            if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
            if (error) continue;
            if (const auto event = parse_icmp(v4(), std::span(datagram).first(n))) take(*event, from.address());
        }
    }

    /// The key of the probe that an ICMP message is about; 0: of none of ours.
    std::uint16_t key_of(const icmp_event& e) const
    {
        if (e.what == icmp_event::kind::echo_reply) return by_ == method::icmp && e.id == id_ ? e.sequence : 0;
        if (e.what == icmp_event::kind::other || !(e.destination == to_)) return 0;
        switch (by_) {
        case method::icmp: return e.id == id_ ? e.sequence : 0;
        case method::tcp: return e.protocol == IPPROTO_TCP ? e.source_port : 0;
        case method::udp: break;
        }
        return e.protocol == IPPROTO_UDP && e.source_port == udp_->local_endpoint().port() ? e.destination_port : 0;
    }

    void take(const icmp_event& e, const asio::ip::address& from)
    {
        const std::uint16_t key = key_of(e);
        const auto p = std::find_if(probes_.begin(), probes_.end(), [&](const probe& one) { return one.key == key; });
        if (key == 0 || p == probes_.end()) return;
        const bool on_the_way = e.what == icmp_event::kind::time_exceeded;
        const bool reply = e.what == icmp_event::kind::echo_reply;
        answer(*p, from, !on_the_way, on_the_way || reply ? "" : error_mark(v4(), e.type, e.code, e.mtu));
    }

    void answer(probe& p, const asio::ip::address& from, bool final, std::string mark)
    {
        if (p.finished) return;
        p.finished = true;
        p.from = without_zone(from);
        p.rtt = clock_type::now() - p.sent;
        p.mark = std::move(mark);
        p.final = final;
        if (final) final_ttl_ = std::min(final_ttl_, p.ttl);
        changed_.cancel();
    }

    static asio::ip::address without_zone(const asio::ip::address& a) { return tapio::core::without_zone(a); }

    asio::awaitable<void> wait_for_change()
    {
        auto next = clock_type::now() + options_.patience;
        for (const probe& p : probes_)
            if (!p.finished) next = std::min(next, p.sent + options_.patience);
        changed_.expires_at(next);
        co_await changed_.async_wait(as_tuple(use_awaitable));
    }

    void give_up_late_probes()
    {
        const auto oldest = clock_type::now() - options_.patience;
        for (probe& p : probes_) p.finished = p.finished || p.sent <= oldest;
    }

    // -- printing -------------------------------------------------------------------------------------------------------------

    void print_hops()
    {
        while (!printed_all()) {
            const std::size_t begin = hops_printed_ * options_.queries, end = begin + options_.queries;
            if (end > probes_.size()) return;
            const bool complete =
                std::all_of(probes_.begin() + static_cast<std::ptrdiff_t>(begin),
                            probes_.begin() + static_cast<std::ptrdiff_t>(end), [](const probe& p) { return p.finished; });
            if (!complete) return;
            if (!json_) say(hop_text(begin));
            ++hops_printed_;
        }
    }

    std::string hop_text(std::size_t begin) const
    {
        const std::string ttl = std::to_string(probes_[begin].ttl);
        std::string out = std::string(ttl.size() < 2 ? 2 - ttl.size() : 0, ' ') + ttl + ' ';
        std::optional<asio::ip::address> shown;
        for (std::size_t i = begin; i < begin + options_.queries; ++i) {
            const probe& p = probes_[i];
            if (!p.from) {
                out += p.mark.empty() ? " *" : ' ' + p.mark;
                continue;
            }
            if (shown != p.from) out += ' ' + p.from->to_string();
            shown = p.from;
            out += "  " + format_ms(p.rtt) + " ms" + (p.mark.empty() ? "" : ' ' + p.mark);
        }
        return out;
    }

    void print_json() const
    {
        std::string out = "{\"destination\": \"" + to_.to_string() + "\", \"hops\": [";
        for (std::size_t i = 0; i < hops_printed_ * options_.queries; ++i) {
            const probe& p = probes_[i];
            out += (i == 0 ? "{\"ttl\": " : ", {\"ttl\": ") + std::to_string(p.ttl);
            if (p.from) out += ", \"address\": \"" + p.from->to_string() + "\", \"rtt_ms\": " + format_ms(p.rtt);
            if (!p.mark.empty()) out += ", \"mark\": \"" + p.mark + '"';
            out += '}';
        }
        say(out + "]}");
    }

    network& net_;
    const trace_options& options_;
    const method by_;
    const bool json_;
    asio::steady_timer changed_; ///< cancelled when a probe is answered
    const std::uint16_t id_;
    asio::ip::address to_;
    std::optional<icmp::socket> icmp_;
    std::optional<udp::socket> udp_;
    std::deque<probe> probes_; ///< in the order of sending, `queries` for each TTL; references stay valid
    unsigned final_ttl_ = 255; ///< the least TTL with a final answer
    std::size_t hops_printed_ = 0;
};

int run_traceroute(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    trace_options options;
    options.add_to(t.options);
    t.positional.add("destination", 1);
    return t.run(argc, argv, [&] {
        options.family.choice();
        options.by();
        network net(t);
        tracer one(net, t, options);
        return net.run(one.run()) ? int{success} : interrupted_status;
    });
}

} // namespace

const command traceroute{
    "traceroute", "the routers on the way to a host", "[options] DESTINATION",
    "  tapio traceroute --memory 198.18.1.2\n"
    "  tapio traceroute --tap tap0 --address 198.18.0.2/24 --gateway 198.18.0.1 203.0.113.5\n"
    "  tapio traceroute --tap tap0 --address 2001:db8::2/64 --gateway 2001:db8::1 -T -p 443 2001:db8:5::5\n\n",
    run_traceroute};

} // namespace apps::tools
