// Resolvers, for names that need no name server.
#include "observe.hpp"

namespace parity {
namespace {

template <class Resolver>
void say_all(report& out, const char* what, const error_code& ec, const typename Resolver::results_type& found)
{
    out.say(what, ec, found.size());
    for (const auto& entry : found) out.say(what, entry.endpoint(), entry.host_name(), entry.service_name());
}

template <class Protocol>
void numeric(report& out, const Protocol& p)
{
    asio::io_context io;
    typename Protocol::resolver r(io);
    using resolver = typename Protocol::resolver;
    using flags = asio::ip::resolver_base;
    error_code ec;
    const std::string address = over_v6() ? "2001:db8::7" : "192.0.2.7";
    const auto resolve = [&](const char* what, auto... args) {
        const auto found = r.resolve(args..., ec);
        say_all<resolver>(out, what, ec, found);
    };
    resolve("an address", p, address, "80", flags::numeric_host | flags::numeric_service);
    resolve("no number", p, address, "nosuchservice", flags::numeric_host | flags::numeric_service);
    resolve("no address", p, "not.a.number", "80", flags::numeric_host);
    resolve("a port beyond", p, address, "65535", flags::numeric_host | flags::numeric_service);
    resolve("nothing to listen at", p, "", "80", flags::passive | flags::numeric_service);
    resolve("nothing to connect to", p, "", "80", flags::numeric_service);
    resolve("an address without a service", p, address, "");
}

BEHAVIOUR(resolving_numbers_for_streams) { numeric(out, tcp_of_run()); }
BEHAVIOUR(resolving_numbers_for_datagrams) { numeric(out, udp_of_run()); }

/// Of IPv6 it depends on the machine's /etc/hosts.
V4_BEHAVIOUR(resolving_localhost)
{
    asio::io_context io;
    tcp::resolver r(io);
    error_code ec;
    const auto found = r.resolve(tcp::v4(), "localhost", "80", ec);
    out.say("found", ec, !found.empty());
    if (!found.empty()) out.say("it is", found.begin()->endpoint());
}

BEHAVIOUR(resolving_asynchronously)
{
    asio::io_context io;
    tcp::resolver r(io);
    bool inside = true;
    r.async_resolve(tcp_of_run(), over_v6() ? "2001:db8::1" : "192.0.2.1", "443", asio::ip::resolver_base::numeric_host,
                    [&](error_code ec, const tcp::resolver::results_type& found) {
                        say_all<tcp::resolver>(out, "handler", ec, found);
                        out.say("inside", inside);
                    });
    inside = false;
    io.run();
    tcp::resolver moved(std::move(r));
    moved.async_resolve(tcp_of_run(), "not.a.number", "443", asio::ip::resolver_base::numeric_host,
                        [&](error_code ec, const tcp::resolver::results_type& found) { out.say("moved", ec, found.size()); });
    io.restart();
    io.run();
}

BEHAVIOUR(resolving_is_cancelled)
{
    asio::io_context io;
    tcp::resolver r(io);
    r.async_resolve(tcp_of_run(), over_v6() ? "2001:db8::1" : "192.0.2.1", "443", asio::ip::resolver_base::numeric_host,
                    [&](error_code ec, const tcp::resolver::results_type&) { out.say("handler", ec); });
    r.cancel();
    io.run_for(2s);
}

BEHAVIOUR(an_address_back_to_a_name)
{
    asio::io_context io;
    tcp::resolver r(io);
    error_code ec;
    const auto found = r.resolve(tcp::endpoint(either("192.0.2.99", "2001:db8::99"), 0), ec);
    out.say("found", ec, found.size());
}

} // namespace
} // namespace parity
