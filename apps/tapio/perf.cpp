// perf: throughput by iperf3's protocol, as client or server; the peer may be a real iperf3.
#include "tapio/perf.hpp"

#include "tapio/memory_hosts.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using tapio::ip::tcp;

struct perf_options
{
    std::string server;
    bool serve = false, once = false;
    std::uint16_t port = perf_port;
    std::uint64_t length = 0, bandwidth = UINT64_MAX; ///< 0, UINT64_MAX: not given
    std::chrono::nanoseconds time = std::chrono::seconds(10);
    perf_parameters wanted;
    perf_report_options report;
    family_options family;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                            //
            ("client,c", po::value(&server), "run a test with this server")                                        //
            ("server,s", po::bool_switch(&serve), "serve tests")                                                   //
            ("one-off,1", po::bool_switch(&once), "serve one test, then end")                                      //
            ("port,p", port_number(port), "port of the server")                                                    //
            ("udp,u", po::bool_switch(&wanted.udp), "UDP instead of TCP")                                          //
            ("reverse,R", po::bool_switch(&wanted.reverse), "the server sends")                                    //
            ("bidir", po::bool_switch(&wanted.bidirectional), "both send")                                         //
            ("parallel,P", number(wanted.parallel, 1, 128), "streams at the same time")                            //
            ("time,t", seconds_option(time), "seconds to send [10]")                                               //
            ("bytes,n", size_option(wanted.octets), "octets to send, instead of -t (with K, M, G)")                //
            ("bitrate,b", rate_option(bandwidth), "bit/s of each stream (K, M, G); 0: no limit [UDP: 1M]")         //
            ("length,l", size_option(length), "octets of a write or of a datagram [128K; UDP: what fits the MTU]") //
            ("interval,i", seconds_option(report.interval), "seconds from one report to the next; 0: none [1]")    //
            ("omit,O", number(wanted.omit, 0, 600), "seconds at the beginning that do not count");
        family.add_to(d);
    }

    void check()
    {
        family.choice();
        if (serve == !server.empty()) throw usage_error("give one of -c SERVER and -s");
        if (wanted.reverse && wanted.bidirectional) throw usage_error("-R and --bidir exclude each other");
        wanted.time = static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(time).count());
        if (length != 0 && (length > 1U << 20U || (wanted.udp && (length < 16 || length > 65507))))
            throw usage_error("-l: 16 to 65507 octets with UDP, at most 1M");
    }

    /// Fills in what depends on the path.
    void complete(std::size_t mtu, bool v4)
    {
        const std::size_t headers = (v4 ? 20 : 40) + 8;
        wanted.length = static_cast<unsigned>(length != 0 ? length : wanted.udp ? mtu - headers : 128 * 1024);
        wanted.bandwidth = bandwidth != UINT64_MAX ? bandwidth : wanted.udp ? 1'000'000 : 0;
    }
};

asio::awaitable<void> test(network& net, perf_options& o, std::unique_ptr<perf_client>& client)
{
    const auto server = co_await resolve(net.stack(), o.server, o.family.choice(), failure);
    o.complete(net.stack().interface_status(1).mtu, server.is_v4());
    client = std::make_unique<perf_client>(net.io(), net.stack(), o.wanted, o.report);
    if (!o.report.json) say("Connecting to host " + o.server + ", port " + std::to_string(o.port));
    co_await client->run(tcp::endpoint(server, o.port));
}

int run_perf(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    perf_options options;
    options.add_to(t.options);
    t.usage_status = failure;
    return t.run(argc, argv, [&] {
        options.check();
        options.report.json = t.json;
        network net(t);
        if (options.serve) {
            perf_server server(net.io(), net.stack(), options.port, options.report);
            net.run_and_drain(server.run(options.once));
            return int{success};
        }
        std::unique_ptr<perf_client> client;
        std::optional<perf_server> other; // with --memory somebody has to answer
        if (t.memory) {
            other.emplace(net.io(), net.others().near_host(), options.port, perf_report_options{.silent = true});
            asio::co_spawn(net.io(), other->run(false), asio::detached);
        }
        const bool whole = net.run_and_drain(test(net, options, client), [&] { client ? client->interrupt() : net.io().stop(); });
        return whole ? int{success} : interrupted_status;
    });
}

} // namespace

const command perf{"perf", "throughput; the peer may be iperf3", "-c SERVER [options]  or  -s [options]",
                   "  tapio perf --memory -c 198.18.0.2 -t 2\n"
                   "  tapio perf --tap tap0 --address 198.18.0.2/24 -c 198.18.0.1 -R        (there: iperf3 -s)\n"
                   "  tapio perf --tap tap0 --address 198.18.0.2/24 -s                      (there: iperf3 -c 198.18.0.2)\n"
                   "  tapio perf --tap tap0 --address 198.18.0.2/24 -c 198.18.0.1 -u -b 100M\n\n",
                   run_perf};

} // namespace apps::tools
