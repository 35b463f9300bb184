/// @file
/// tun_proxy: whoever routes packets into the TUN device reaches the network by sockets of this program. Every TCP connection and
/// every flow of UDP datagrams goes on as a kernel socket on the same io_context: a model of how to use tcp_forwarder and
/// udp_forwarder.
#include "common/program.hpp"
#include "common/served_host.hpp"
#include "tun_proxy/tcp_flow.hpp"
#include "tun_proxy/udp_flow.hpp"
#include "tun_proxy/way_out.hpp"

#include <tapio/stack.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
namespace po = boost::program_options;

namespace {

using apps::tun_proxy::way_out;

/// Starts a coroutine for each flow, until the forwarder is closed.
template <class Forwarder>
asio::awaitable<void> proxy_all(Forwarder& forwarder, asio::io_context& io, const way_out& out)
{
    for (;;) {
        boost::system::error_code ended;
        auto request = co_await forwarder.async_next(asio::redirect_error(asio::use_awaitable, ended));
        if (ended) co_return;
        asio::co_spawn(io, apps::tun_proxy::proxy(std::move(request), out),
                       [](const std::exception_ptr&) {}); // ends its flow alone
    }
}

void run(const apps::host_options& host, const way_out& out, bool answers_ping, const tapio::forwarder_options& bounds)
{
    apps::served_host h(host, {.answer_echo = answers_ping});
    h.stack.accept_any_destination();
    tapio::tcp_forwarder tcp(h.stack, bounds);
    tapio::udp_forwarder udp(h.stack, bounds);
    asio::co_spawn(h.io, proxy_all(tcp, h.io, out), asio::detached);
    asio::co_spawn(h.io, proxy_all(udp, h.io, out), asio::detached);
    h.run([&](const std::function<void()>& closed) {
        tcp.close();
        udp.close();
        closed();
    });
}

} // namespace

int main(int argc, char** argv)
{
    apps::program program("tun_proxy", "Every TCP and UDP flow that comes by the device goes on as a kernel socket");
    apps::host_options host;
    way_out out;
    tapio::forwarder_options bounds;
    std::vector<std::string> places;
    bool no_ping = false;
    unsigned udp_timeout = 300, connect_timeout = 30;
    program.options.add_options()                                                                                        //
        ("out-interface", po::value(&out.interface), "interface by which the proxy's sockets leave (SO_BINDTODEVICE)")   //
        ("map", po::value(&places), "reach a destination elsewhere, like 203.0.113.1=127.0.0.1; repeatable")             //
        ("udp-timeout", apps::number(udp_timeout, 1, 86'400), "seconds of silence after which a flow of datagrams ends") //
        ("connect-timeout", apps::number(connect_timeout, 1, 600),
         "seconds after which a destination that is silent is given up")                                               //
        ("most-pending", apps::number(bounds.most_pending, 1, 1'000'000), "flows that may wait for their destination") //
        ("no-ping", po::bool_switch(&no_ping),
         "do not answer pings; else all are answered, whether their destination is there or not");
    program.options.add(host.description()).add(host.capture_description()).add(host.control_description());
    return program.run(argc, argv, [&] {
        for (const auto& text : places) out.other_places.insert(apps::tun_proxy::parse_other_place(text));
        for (const auto& text : host.addresses) {
            const auto own = apps::parse_interface_address(text).address;
            out.own.emplace(own.is_v4(), own);
        }
        out.udp_timeout = std::chrono::seconds(udp_timeout);
        out.connect_timeout = std::chrono::seconds(connect_timeout);
        run(host, out, !no_ping, bounds);
    });
}
