// ss: the sockets of a running program of tapio, asked through its control socket, in the form of iproute2's ss.
#include "tapio/socket_list.hpp"
#include "tapio/tool.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

#include <cstdio>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using local = asio::local::stream_protocol;

struct ss_options
{
    std::string path;
    socket_list_options list;
    bool tcp = false, udp = false, raw = false, numeric = false, summary = false, counters = false, interfaces = false,
         routes = false, neighbors = false;
    bool v4 = false, v6 = false;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                            //
            ("control", po::value(&path)->required(), "control socket of the program (its option --control PATH)") //
            ("tcp,t", po::bool_switch(&tcp), "TCP sockets (without -t, -u, -w: all kinds)")                        //
            ("udp,u", po::bool_switch(&udp), "UDP sockets")                                                        //
            ("raw,w", po::bool_switch(&raw), "raw sockets, and ping sockets")                                      //
            ("listening,l", po::bool_switch(&list.listening), "only listeners, and sockets without a peer")        //
            ("all,a", po::bool_switch(&list.all), "with a peer and without")                                       //
            ("info,i", po::bool_switch(&list.information), "what tcp_info has")                                    //
            ("options,o", po::bool_switch(&list.timers), "the timer that expires next")                            //
            ("numeric,n", po::bool_switch(&numeric), "numbers (there are never names)")                            //
            ("summary,s", po::bool_switch(&summary), "only how many there are of each kind, in each state")        //
            ("ipv4,4", po::bool_switch(&v4), "IPv4 only")                                                          //
            ("ipv6,6", po::bool_switch(&v6), "IPv6 only")                                                          //
            ("counters", po::bool_switch(&counters), "the counters of the host; with -a also those that are 0")    //
            ("interfaces", po::bool_switch(&interfaces), "interfaces with their addresses and counters")           //
            ("routes", po::bool_switch(&routes), "routes")                                                         //
            ("neighbors", po::bool_switch(&neighbors), "neighbour caches (ARP, NDP)");
    }

    std::string question() const
    {
        if (counters) return "counters";
        if (interfaces) return "interfaces";
        if (routes) return "routes";
        return neighbors ? "neighbors" : "sockets";
    }
};

std::string ask(const std::string& path, const std::string& question)
{
    asio::io_context io;
    local::socket socket(io);
    boost::system::error_code error;
    socket.connect(local::endpoint(path), error);
    if (error)
        throw std::runtime_error(path + ": " + error.message() + " (is the program running, with --control " + path + "?)");
    asio::write(socket, asio::buffer(question + '\n'));
    std::string answer;
    asio::read_until(socket, asio::dynamic_buffer(answer), '\n');
    return answer;
}

std::string render(const ss_options& o, const json::object& answer)
{
    if (o.counters) return counter_table(answer, o.list.all);
    if (o.interfaces) return interface_table(answer);
    if (o.routes) return route_table(answer);
    if (o.neighbors) return neighbor_table(answer);
    return o.summary ? socket_summary(answer) : socket_table(answer, o.list);
}

int run_ss(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    t.has_network = false;
    ss_options options;
    options.add_to(t.options);
    t.positional.add("control", 1);
    return t.run(argc, argv, [&] {
        if (options.v4 != options.v6) options.list.v4 = options.v4, options.list.v6 = options.v6;
        if (options.tcp || options.udp || options.raw)
            options.list.tcp = options.tcp, options.list.udp = options.udp, options.list.raw = options.raw;
        const std::string answer = ask(options.path, options.question());
        if (t.json)
            std::fputs(answer.c_str(), stdout);
        else
            std::fputs(render(options, json::parse(answer).as_object()).c_str(), stdout);
        return int{success};
    });
}

} // namespace

const command ss{"ss", "sockets, counters and tcp_info of a running program", "[options] CONTROL-SOCKET",
                 "  tapio http --tap tap0 --address 198.18.0.2/24 --serve . --control /tmp/web &\n"
                 "  tapio ss /tmp/web -ta                 all TCP sockets\n"
                 "  tapio ss /tmp/web -ti                 connections with what tcp_info has\n"
                 "  tapio ss /tmp/web -uwa                UDP, raw and ping sockets\n"
                 "  tapio ss /tmp/web --counters          the host's counters\n"
                 "  tapio ss /tmp/web --json              everything about the sockets, for machines\n\n",
                 run_ss};

} // namespace apps::tools
