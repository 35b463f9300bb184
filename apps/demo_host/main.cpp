/// @file
/// demo_host: the host of the demonstration, with UDP and TCP echo on port 7 and HTTP on port 80, in one thread. With --memory
/// it uses no device but runs two hosts on a wire in memory, one of which is the client.
#include "common/control.hpp"
#include "common/device_watch.hpp"
#include "common/echo.hpp"
#include "common/host_options.hpp"
#include "common/logging.hpp"
#include "common/program.hpp"
#include "demo_host/memory_demo.hpp"
#include "http_server/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <string>

namespace asio = boost::asio;
namespace po = boost::program_options;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

void serve(const apps::host_options& host, const std::string& root)
{
    host.check();
    apps::http_server::site site;
    if (!root.empty()) site.root.emplace(root);
    asio::io_context io(1);
    const apps::stack_log log(host.log);
    tapio::stack stack(io, apps::open_device(host), {.trace = log.trace()});
    apps::configure(stack, host);
    site.host_counters = [&stack] { return stack.counters(); };
    site.lists = [&stack] {
        return apps::http_server::host_lists{stack.connections(), stack.interfaces(), stack.neighbors(), stack.routes()};
    };

    asio::co_spawn(stack, apps::echo_udp(udp::socket(stack, {udp::v6(), 7})), asio::detached);
    asio::co_spawn(stack, apps::echo_tcp(tcp::acceptor(stack, {tcp::v6(), 7})), asio::detached);
    apps::http_server::server http(io, stack, {tcp::v6(), 80}, site);

    apps::stop_signal stop(io, [&] { http.stop([&] { apps::drain(stack, [&] { io.stop(); }); }); });
    const apps::control_socket control(io, stack, host.control);
    const apps::device_watch watch(stack, [&] { io.stop(); });
    apps::say("ready");
    io.run();
    watch.check();
}

} // namespace

int main(int argc, char** argv)
{
    apps::program program("demo_host", "UDP echo, TCP echo (port 7) and HTTP (port 80) on one host");
    apps::host_options host;
    std::string root;
    bool in_memory = false;
    program.options.add_options()                                                               //
        ("root", po::value(&root), "directory to serve; without it there is a word of welcome") //
        ("memory", po::bool_switch(&in_memory), "two hosts on a wire in memory: one asks, one answers, and that is all");
    program.options.add(host.description()).add(host.capture_description()).add(host.control_description());
    return program.run(argc, argv, [&] {
        if (!in_memory) return serve(host, root);
        apps::check_log_level(host.log);
        const apps::stack_log log(host.log);
        apps::run_memory_demo(log.trace());
    });
}
