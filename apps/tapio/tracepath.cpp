// tracepath: the routers on the way to a host and the MTU of the path, by UDP probes that must not be fragmented. The output is
// that of iputils' tracepath.
#include "tapio/format.hpp"
#include "tapio/icmp_probe.hpp"
#include "tapio/network.hpp"
#include "tapio/socket_option.hpp"

#include <tapio/ip/message.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::udp;
using clock_type = std::chrono::steady_clock;

struct path_options
{
    std::string destination;
    bool numeric = false;
    unsigned most = 30, length = 65535, tries = 3;
    std::uint16_t port = 44444;
    std::chrono::nanoseconds patience = std::chrono::seconds(1);
    family_options family;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                         //
            ("destination", po::value(&destination)->required(), "address or name")                             //
            ("max-hops,m", number(most, 1, 255), "largest TTL")                                                 //
            ("length,l", number(length, 68, 65535), "octets of the first probe; the interface's MTU bounds it") //
            ("port,p", port_number(port), "UDP port of the first probe, then counting up")                      //
            ("wait,w", seconds_option(patience), "seconds to wait for an answer [1]")                           //
            ("numeric,n", po::bool_switch(&numeric), "print numbers (names are never looked up)");
        family.add_to(d);
    }
};

/// What came of one probe.
struct outcome
{
    enum class kind
    {
        nothing,
        router,  ///< the TTL was used up there
        too_big, ///< for the next link
        reached,
        failed ///< no way on
    };
    kind what = kind::nothing;
    asio::ip::address from;
    std::chrono::nanoseconds rtt{};
    std::string mark;
};

class path_finder
{
public:
    path_finder(network& net, const tool& t, const path_options& o) : net_(net), options_(o), json_(t.json), answered_(net.io())
    {
    }

    asio::awaitable<void> run()
    {
        to_ = co_await resolve(net_.stack(), options_.destination, options_.family.choice(), wrong_usage);
        co_await find_first_hop(net_, to_);
        open();
        print_line(1, "?: [LOCALHOST]", "pmtu " + std::to_string(mtu_));
        unsigned ttl = 1;
        for (; ttl <= options_.most && !end_; ++ttl) co_await probe_hop(ttl);
        socket_->close();
        if (json_) co_return print_json(ttl - 1);
        if (!end_) say("     Too many hops: pmtu " + std::to_string(mtu_));
        say("     Resume: pmtu " + std::to_string(mtu_) + (reached_ ? " hops " + std::to_string(ttl - 1) : ""));
    }

    int status() const { return reached_ ? success : failure; }

private:
    bool v4() const { return to_.is_v4(); }
    unsigned headers() const { return (v4() ? 20U : 40U) + 8U; }

    void open()
    {
        socket_.emplace(net_.stack(), udp::endpoint(v4() ? udp::v4() : udp::v6(), 0));
        port_ = static_cast<std::uint16_t>(options_.port - 1);
        socket_->set_option(receive_errors(v4()));
        socket_->set_option(mtu_discovery(v4(), IP_PMTUDISC_PROBE)); // whatever is known of the path: find out
        mtu_ = std::min(options_.length, known_mtu());
    }

    /// What the stack knows of the path.
    unsigned known_mtu()
    {
        udp::socket connected(net_.stack());
        connected.connect(udp::endpoint(to_, options_.port));
        connected.set_option(mtu_discovery(v4(), IP_PMTUDISC_PROBE));
        auto known = path_mtu(v4());
        connected.get_option(known);
        return static_cast<unsigned>(known.value());
    }

    asio::awaitable<void> probe_hop(unsigned ttl)
    {
        socket_->set_option(hop_limit(v4(), static_cast<int>(ttl)));
        for (unsigned tried = 0; tried < options_.tries;) {
            const outcome o = co_await probe();
            if (o.what == outcome::kind::nothing) {
                ++tried;
                continue;
            }
            show(ttl, o);
            if (o.what != outcome::kind::too_big) co_return;
        }
        print_line(ttl, ":  no reply", {});
        hops_ += (hops_.empty() ? "" : ", ") + ("{\"ttl\": " + std::to_string(ttl) + '}');
    }

    void show(unsigned ttl, const outcome& o)
    {
        using kind = outcome::kind;
        end_ = o.what == kind::reached || o.what == kind::failed;
        reached_ = o.what == kind::reached;
        const char* const tail = reached_ ? " reached" : "";
        print_line(ttl, ":  " + o.from.to_string(),
                   o.what == kind::too_big ? "pmtu " + std::to_string(mtu_)
                                           : format_ms(o.rtt) + "ms" + (o.mark.empty() ? "" : ' ' + o.mark) + tail);
        hops_ += (hops_.empty() ? "" : ", ") +
                 ("{\"ttl\": " + std::to_string(ttl) + ", \"address\": \"" + o.from.to_string() + '"') +
                 (o.what == kind::too_big ? ", \"pmtu\": " + std::to_string(mtu_) : ", \"rtt_ms\": " + format_ms(o.rtt)) + '}';
    }

    /// Sends one probe of the present MTU and waits for what comes of it.
    asio::awaitable<outcome> probe()
    {
        const std::vector<char> data(mtu_ - headers());
        const auto sent = clock_type::now();
        error_code error;
        ++port_; // each probe has its own: errors about earlier ones may still come
        const udp::endpoint to(to_, port_);
        socket_->send_to(asio::buffer(data), to, 0, error);
        // The error of an earlier probe is reported by the next call, which then sends nothing.
        if (error && error != asio::error::message_size) socket_->send_to(asio::buffer(data), to, 0, error);
        if (error == asio::error::message_size) co_return shrink(known_mtu(), {});
        outcome out;
        const auto end = sent + options_.patience;
        while (out.what == outcome::kind::nothing && clock_type::now() < end) {
            bool any = true;
            while (any && out.what == outcome::kind::nothing) out = take_error(any);
            if (out.what == outcome::kind::nothing) co_await wait_for_error(end);
        }
        out.rtt = clock_type::now() - sent;
        co_return out;
    }

    /// Until the error queue is not empty, or until `end`.
    asio::awaitable<void> wait_for_error(clock_type::time_point end)
    {
        answered_.expires_at(end);
        socket_->async_wait(udp::socket::wait_error, [this](error_code) { answered_.cancel(); });
        co_await answered_.async_wait(as_tuple(use_awaitable));
        socket_->cancel();
    }

    /// @param any  false: the queue was empty
    outcome take_error(bool& any)
    {
        std::array<std::byte, 64> ignored{};
        udp::endpoint sent_to;
        tapio::ip::error_message m;
        error_code error;
        tapio::ip::receive_error(*socket_, asio::buffer(ignored), sent_to, m, error);
        any = !error;
        if (error || sent_to.port() != port_) return {};
        outcome out;
        out.from = tapio::core::without_zone(m.offender);
        const bool refused = v4() ? m.type == 3 && m.code == 3 : m.type == 1 && m.code == 4;
        const bool exceeded = v4() ? m.type == 11 : m.type == 3;
        if (m.error == asio::error::message_size) return shrink(m.mtu, out);
        out.what = refused ? outcome::kind::reached : exceeded ? outcome::kind::router : outcome::kind::failed;
        if (out.what == outcome::kind::failed) out.mark = m.type == 0 ? "!H" : error_mark(v4(), m.type, m.code, m.mtu);
        return out;
    }

    /// @return nothing, if the MTU told is no smaller than the present one
    outcome shrink(std::uint32_t mtu, outcome out)
    {
        const unsigned least = v4() ? 68 : 1280;
        mtu = std::max(mtu, least); // a router may say any number
        if (mtu >= mtu_) return {};
        mtu_ = mtu;
        out.what = outcome::kind::too_big;
        return out;
    }

    void print_line(unsigned ttl, const std::string& who, const std::string& what) const
    {
        if (json_) return;
        const std::string number = std::to_string(ttl);
        std::string out = std::string(number.size() < 2 ? 2 - number.size() : 0, ' ') + number + who;
        if (!what.empty()) out += std::string(out.size() < 45 ? 45 - out.size() : 1, ' ') + what;
        say(out);
    }

    void print_json(unsigned hops) const
    {
        say("{\"destination\": \"" + to_.to_string() + "\", \"reached\": " + (reached_ ? "true" : "false") +
            ", \"hops_to_destination\": " + std::to_string(hops) + ", \"pmtu\": " + std::to_string(mtu_) + ", \"hops\": [" +
            hops_ + "]}");
    }

    network& net_;
    const path_options& options_;
    const bool json_;
    asio::steady_timer answered_;
    asio::ip::address to_;
    std::optional<udp::socket> socket_;
    std::uint16_t port_ = 0; ///< of the last probe
    unsigned mtu_ = 0;       ///< octets of IP packet
    bool end_ = false, reached_ = false;
    std::string hops_; ///< JSON
};

int run_tracepath(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    path_options options;
    options.add_to(t.options);
    t.positional.add("destination", 1);
    return t.run(argc, argv, [&] {
        options.family.choice();
        network net(t);
        path_finder one(net, t, options);
        return net.run(one.run()) ? one.status() : interrupted_status;
    });
}

} // namespace

const command tracepath{"tracepath", "the routers on the way to a host, and the MTU of the path", "[options] DESTINATION",
                        "  tapio tracepath --memory 198.18.1.2\n"
                        "  tapio tracepath --tap tap0 --address 198.18.0.2/24 --gateway 198.18.0.1 203.0.113.5\n"
                        "Exit status: 0 the destination was reached, 1 it was not, 2 another error.\n\n",
                        run_tracepath};

} // namespace apps::tools
