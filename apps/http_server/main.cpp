/// @file
/// http_server: a host on a TAP or TUN device that serves a directory over HTTP/1.1, and takes files by PUT.

#include "common/program.hpp"
#include "common/served_host.hpp"
#include "http_server/server.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

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
    auto site = make_site(http);
    apps::served_host h(host);
    apps::http_server::show_host(site, h.stack);
    apps::http_server::server server(h.io, h.stack, {tcp::v6(), http.port}, site);
    h.run([&](std::function<void()> closed) { server.stop(std::move(closed)); });
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
