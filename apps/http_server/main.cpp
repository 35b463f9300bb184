/// @file
/// http_server: a host on a TAP or TUN device that serves a directory over HTTP/1.1, and takes files by PUT.

#include "common/control.hpp"
#include "common/device_watch.hpp"
#include "common/host_options.hpp"
#include "common/logging.hpp"
#include "common/program.hpp"
#include "http_server/server.hpp"

#include <cstdint>
#include <string>

namespace asio = boost::asio;
using tapio::ip::tcp;

namespace {

struct http_options
{
    std::string root, uploads;
    std::uint64_t upload_limit = std::uint64_t(1) << 30;
    unsigned patience = 30;
    std::size_t max_connections = 1000;
    std::uint16_t port = 80;

    apps::po::options_description description()
    {
        apps::po::options_description d("HTTP");
        d.add_options()                                                                                          //
            ("root", apps::po::value(&root), "directory to serve; links and hidden files in it are not")         //
            ("upload", apps::po::value(&uploads), "directory that PUT writes to; without it PUT is refused")     //
            ("limit", apps::number(upload_limit, 0, INT64_MAX), "octets of the largest upload")                  //
            ("timeout", apps::number(patience, 1, 86400), "seconds without progress that end a connection")      //
            ("connections", apps::number(max_connections, 1, 1'000'000), "connections at once; more are closed") //
            ("port", apps::port_number(port), "port to listen on");
        return d;
    }
};

apps::http_server::site make_site(const http_options& options)
{
    apps::http_server::site site;
    if (!options.root.empty()) site.root.emplace(options.root);
    if (!options.uploads.empty()) site.uploads.emplace(options.uploads);
    site.upload_limit = options.upload_limit;
    site.patience = std::chrono::seconds(options.patience);
    site.max_connections = options.max_connections;
    return site;
}

void serve(const apps::host_options& host, const http_options& http)
{
    host.check();
    auto site = make_site(http);
    asio::io_context io(1);
    const apps::stack_log log(host.log);
    tapio::stack stack(io, apps::open_device(host), {.trace = log.trace()});
    apps::configure(stack, host);
    site.host_counters = [&stack] { return stack.counters(); };
    site.lists = [&stack] {
        return apps::http_server::host_lists{stack.connections(), stack.interfaces(), stack.neighbors(), stack.routes()};
    };

    apps::http_server::server server(io, stack, {tcp::v6(), http.port}, site);

    apps::stop_signal stop(io, [&] { server.stop([&] { apps::drain(stack, [&] { io.stop(); }); }); });
    const apps::control_socket control(io, stack, host.control);
    const apps::device_watch watch(stack, [&] { io.stop(); });
    apps::say("ready");
    io.run();
    watch.check();
}

} // namespace

int main(int argc, char** argv)
{
    apps::program program("http_server", "a host that serves a directory over HTTP, a status page at /status, and takes PUT");
    apps::host_options host;
    http_options http;
    program.options.add(http.description())
        .add(host.description())
        .add(host.capture_description())
        .add(host.control_description());
    return program.run(argc, argv, [&] { serve(host, http); });
}
