#include "tapio/memory_hosts.hpp"

#include "common/echo.hpp"
#include "http_server/server.hpp"

#include <tapio/device/pipe.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

namespace apps::tools {

namespace asio = boost::asio;
using asio::ip::make_address;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

using wire = std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>>;

/// Echo and HTTP.
struct services
{
    services(asio::io_context& io, tapio::stack& stack) : http(io, stack, {tcp::v6(), 80}, site)
    {
        site.host_counters = [&stack] { return stack.counters(); };
        asio::co_spawn(stack, echo_udp(udp::socket(stack, {udp::v6(), 7})), asio::detached);
        asio::co_spawn(stack, echo_tcp(tcp::acceptor(stack, {tcp::v6(), 7})), asio::detached);
    }

    http_server::site site;
    http_server::server http;
};

} // namespace

struct memory_hosts::state
{
    explicit state(asio::io_context& io) : router(io, std::move(outer.second)), far(io, std::move(inner.first))
    {
        const auto behind = router.add_device(std::move(inner.second));
        router.add_address(make_address("198.18.0.2"), 24);
        router.add_address(make_address("2001:db8::2"), 64);
        router.add_address(make_address("198.18.1.1"), 24, behind);
        router.add_address(make_address("2001:db8:1::1"), 64, behind);
        router.set_forwarding();
        far.add_address(make_address("198.18.1.2"), 24);
        far.add_address(make_address("2001:db8:1::2"), 64);
        far.set_default_gateway(make_address("198.18.1.1"));
        far.set_default_gateway(make_address("2001:db8:1::1"));
        of_router.emplace(io, router);
        of_far.emplace(io, far);
    }

    wire outer = tapio::make_pipe(), inner = tapio::make_pipe({.mtu = 1280});
    tapio::stack router, far;
    std::optional<services> of_router, of_far;
};

memory_hosts::memory_hosts(asio::io_context& io) : state_(std::make_unique<state>(io)) {}
memory_hosts::~memory_hosts() = default;

std::unique_ptr<tapio::device> memory_hosts::take_wire() { return std::move(state_->outer.first); }
tapio::stack& memory_hosts::near_host() { return state_->router; }

void memory_hosts::configure(tapio::stack& own)
{
    own.add_address(make_address("198.18.0.1"), 24);
    own.add_address(make_address("2001:db8::1"), 64);
    own.set_default_gateway(make_address("198.18.0.2"));
    own.set_default_gateway(make_address("2001:db8::2"));
    own.add_host_name("router", make_address("198.18.0.2"));
    own.add_host_name("router", make_address("2001:db8::2"));
    own.add_host_name("far", make_address("198.18.1.2"));
    own.add_host_name("far", make_address("2001:db8:1::2"));
}

} // namespace apps::tools
