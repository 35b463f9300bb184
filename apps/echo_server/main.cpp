/// @file
/// echo_server: a host on a TAP or TUN device that echoes over TCP and UDP. The coroutines are in common/echo.cpp;
/// echo_server_handlers does the same with plain handlers.
#include "common/echo.hpp"
#include "common/program.hpp"
#include "common/served_host.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace asio = boost::asio;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

void serve(const apps::host_options& host, std::uint16_t port)
{
    apps::served_host h(host);

    asio::co_spawn(h.stack, apps::echo_tcp(tcp::acceptor(h.stack, {tcp::v6(), port})), asio::detached);
    asio::co_spawn(h.stack, apps::echo_udp(udp::socket(h.stack, {udp::v6(), port})), asio::detached);

    h.run();
}

} // namespace

int main(int argc, char** argv)
{
    apps::program program("echo_server", "a host that sends back what it is sent, over TCP and UDP");
    apps::host_options host;
    std::uint16_t port = 7;
    program.options.add_options()("port", apps::port_number(port), "port of both services");
    program.options.add(host.description()).add(host.capture_description()).add(host.control_description());
    return program.run(argc, argv, [&] { serve(host, port); });
}
