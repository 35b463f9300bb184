/// @file
/// echo_server: a host on a TAP or TUN device that echoes over TCP and UDP. The coroutines are in common/echo.cpp;
/// echo_server_handlers does the same with plain handlers.
#include "common/control.hpp"
#include "common/device_watch.hpp"
#include "common/echo.hpp"
#include "common/host_options.hpp"
#include "common/logging.hpp"
#include "common/program.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace asio = boost::asio;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

void serve(const apps::host_options& host, std::uint16_t port)
{
    host.check();
    asio::io_context io(1);
    const apps::stack_log log(host.log);
    tapio::stack stack(io, apps::open_device(host), {.trace = log.trace()});
    apps::configure(stack, host);

    asio::co_spawn(stack, apps::echo_tcp(tcp::acceptor(stack, {tcp::v6(), port})), asio::detached);
    asio::co_spawn(stack, apps::echo_udp(udp::socket(stack, {udp::v6(), port})), asio::detached);

    apps::stop_signal stop(io, [&] { apps::drain(stack, [&] { io.stop(); }); });
    const apps::control_socket control(io, stack, host.control);
    const apps::device_watch watch(stack, [&] { io.stop(); });
    apps::say("ready");
    io.run();
    watch.check();
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
