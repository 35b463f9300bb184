/// @file
/// demo_host: the host of the demonstration, with UDP and TCP echo on port 7 and HTTP on port 80, in one thread. With --memory
/// it uses no device but runs two hosts on a wire in memory, one of which is the client.
#include "common/echo.hpp"
#include "common/logging.hpp"
#include "common/program.hpp"
#include "common/served_host.hpp"
#include "demo_host/memory_demo.hpp"
#include "http_server/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace asio = boost::asio;
namespace po = boost::program_options;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

void serve(const apps::host_options& host, const std::string& root)
{
    apps::http_server::site site;
    if (!root.empty()) site.root.emplace(root);
    apps::served_host h(host);
    apps::http_server::show_host(site, h.stack);

    asio::co_spawn(h.stack, apps::echo_udp(udp::socket(h.stack, {udp::v6(), 7})), asio::detached);
    asio::co_spawn(h.stack, apps::echo_tcp(tcp::acceptor(h.stack, {tcp::v6(), 7})), asio::detached);
    apps::http_server::server http(h.io, h.stack, {tcp::v6(), 80}, site);
    h.run([&](std::function<void()> closed) { http.stop(std::move(closed)); });
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
