#include "tapio/network.hpp"

#include "common/control.hpp"
#include "common/device_watch.hpp"
#include "common/logging.hpp"
#include "tapio/memory_hosts.hpp"
#include "tapio/socket_option.hpp"

#include <tapio/device/capture.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace apps::tools {

namespace asio = boost::asio;
using boost::system::error_code;

struct network::parts
{
    explicit parts(const host_options& host) : log(host.log) {}

    stack_log log;
    std::optional<memory_hosts> others;
    std::optional<device_watch> watch;
};

namespace {

std::unique_ptr<tapio::device> open(const host_options& host)
{
    try {
        return open_device(host);
    } catch (const std::runtime_error& e) {
        throw device_error(std::string(e.what()));
    }
}

void check(const tool& t)
{
    const bool none = t.host.tap.empty() && t.host.tun.empty() && t.host.tap_fd < 0 && t.host.tun_fd < 0;
    if (!t.memory && none)
        throw usage_error(
            "no network: give a device, like --tap tap0 --address 198.18.0.2/24, or --memory (hosts within the program)");
    if (!t.memory) return t.host.check();
    if (!none) throw usage_error("--memory takes no device");
    if (t.host.wants_dhcp()) throw usage_error("there is no DHCP server within --memory");
    check_log_level(t.host.log);
}

/// Without a word of DHCP: standard output is for what the tool finds.
void configure_quietly(tapio::stack& stack, const host_options& host)
{
    host_options rest = host;
    rest.dhcp = rest.dhcpv4 = rest.dhcpv6 = rest.dhcp_prefix = false;
    apps::configure(stack, rest);
    if (host.wants_dhcp()) configure_by_dhcp(stack, configure_options_of(host));
}

} // namespace

network::network(const tool& t, tapio::stack_options options) : host_(t.host), control_(t.host.control)
{
    check(t);
    parts_ = std::make_unique<parts>(t.host);
    options.trace = options.trace != nullptr ? options.trace : parts_->log.trace();
    if (t.memory) {
        parts_->others.emplace(io_);
        auto wire = parts_->others->take_wire();
        if (!t.host.capture.empty()) wire = tapio::capture(std::move(wire), t.host.capture);
        stack_.emplace(io_, std::move(wire), options);
        memory_hosts::configure(*stack_);
        for (const auto& text : t.host.addresses) {
            const auto own = parse_interface_address(text);
            stack_->add_address(own.address, own.prefix_length);
        }
    } else {
        stack_.emplace(io_, open(t.host), options);
        configure_quietly(*stack_, t.host);
    }
}

network::~network() = default;

memory_hosts& network::others() { return *parts_->others; }

bool network::run(asio::awaitable<void> work, std::function<void()> interrupted)
{
    std::exception_ptr failed;
    bool uninterrupted = true;
    const auto begin = [&, work = std::make_shared<asio::awaitable<void>>(std::move(work))] {
        asio::co_spawn(*stack_, std::move(*work), [&](std::exception_ptr e) {
            failed = e;
            io_.stop();
        });
    };
    when_configured(*stack_, host_, begin); // with DHCP it has no address yet
    stop_signal stop(io_, [&] {
        uninterrupted = false;
        interrupted ? interrupted() : io_.stop();
    });
    const control_socket control(io_, *stack_, control_);
    const device_watch watch(*stack_, [&] { io_.stop(); });
    io_.restart();
    io_.run();
    watch.check();
    if (failed && uninterrupted) std::rethrow_exception(failed);
    return uninterrupted;
}

bool network::run_and_drain(asio::awaitable<void> work, std::function<void()> interrupted, std::chrono::milliseconds patience)
{
    const bool uninterrupted = run(std::move(work), std::move(interrupted));
    if (!uninterrupted) return false;
    io_.restart();
    stack_->async_drain(patience, [&](error_code) { io_.stop(); });
    io_.run();
    return true;
}

asio::awaitable<void> find_first_hop(network& net, asio::ip::address to)
{
    using tapio::ip::udp;
    udp::socket socket(net.stack(), to.is_v4() ? udp::v4() : udp::v6());
    socket.set_option(hop_limit(to.is_v4(), 1));
    error_code ignored;
    socket.send_to(asio::buffer("", 0), udp::endpoint(to, 9), 0, ignored);
    asio::steady_timer timer(net.io());
    constexpr std::chrono::milliseconds step{10}, most{3500};
    for (auto waited = step; waited < most; waited += step) {
        const auto all = net.stack().neighbors();
        const auto waits = [](const tapio::neighbor_info& n) { return n.state == tapio::neighbor_state::incomplete; };
        if (std::none_of(all.begin(), all.end(), waits)) co_return;
        timer.expires_after(step);
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

void family_options::add_to(po::options_description& options)
{
    options.add_options()("ipv4,4", po::bool_switch(&v4), "IPv4 only")("ipv6,6", po::bool_switch(&v6), "IPv6 only");
}

family_choice family_options::choice() const
{
    if (v4 && v6) throw usage_error("-4 and -6 exclude each other");
    return v4 ? family_choice::v4 : v6 ? family_choice::v6 : family_choice::any;
}

asio::awaitable<asio::ip::address> resolve(tapio::stack& stack, std::string name, family_choice family, int status)
{
    tapio::ip::tcp::resolver resolver(stack);
    const auto [error, results] = co_await resolver.async_resolve(name, "", asio::as_tuple(asio::use_awaitable));
    const char* const kind = family == family_choice::v4 ? " (IPv4)" : family == family_choice::v6 ? " (IPv6)" : "";
    if (!error)
        for (const auto& r : results) {
            const auto address = r.endpoint().address();
            if (family == family_choice::any || address.is_v4() == (family == family_choice::v4)) co_return address;
        }
    throw tool_error(name + ": no address is known for this host" + kind, status);
}

} // namespace apps::tools
