// Resolvers and both families: numeric addresses, the wildcard addresses, IPv4-mapped results.
#include "observe.hpp"

namespace parity {
namespace {

using flags = asio::ip::resolver_base;

/// Prints what resolving `host` with no family, with IPv4 and with IPv6 gives.
template <class Protocol = tcp>
void each_family(report& out, const char* host, const char* service, flags::flags f)
{
    asio::io_context io;
    typename Protocol::resolver r(io);
    const auto say = [&](const char* family, const error_code& ec, const auto& found) {
        out.say(host, family, ec, found.size());
        for (const auto& entry : found) out.say("", entry.endpoint(), entry.host_name(), entry.service_name());
    };
    error_code ec;
    const auto unspecified = r.resolve(host, service, f, ec);
    say("any family", ec, unspecified);
    const auto v4 = r.resolve(Protocol::v4(), host, service, f, ec);
    say("v4", ec, v4);
    const auto v6 = r.resolve(Protocol::v6(), host, service, f, ec);
    say("v6", ec, v6);
}

const auto numbers_only = flags::numeric_host | flags::numeric_service;

V6_BEHAVIOUR(resolving_numbers_of_both_families)
{
    for (const char* const host : {"::1", "::", "2001:db8::7", "2001:DB8:0:0::7", "192.0.2.7", "::ffff:192.0.2.7", "::192.0.2.7"})
        each_family(out, host, "80", numbers_only);
    for (const char* const host : {"::1", "192.0.2.7"}) each_family<udp>(out, host, "53", numbers_only);
}

V6_BEHAVIOUR(resolving_what_is_no_address)
{
    for (const char* const host : {"[::1]", "1:2:3", "::1::", "2001:db8::7/64", "fe80::1%", "::12345", ":::"})
        each_family(out, host, "80", numbers_only);
}

V6_BEHAVIOUR(resolving_nothing)
{
    each_family(out, "", "80", numbers_only);
    each_family(out, "", "80", numbers_only | flags::passive);
    each_family(out, "", "80", numbers_only | flags::passive | flags::v4_mapped);
    each_family(out, "", "80", numbers_only | flags::v4_mapped);
    each_family(out, "::1", "80", numbers_only | flags::passive);
    each_family<udp>(out, "", "80", numbers_only | flags::passive);
}

V6_BEHAVIOUR(resolving_mapped_addresses)
{
    for (const auto f : {flags::v4_mapped | numbers_only, flags::all_matching | numbers_only,
                         flags::v4_mapped | flags::all_matching | numbers_only})
        for (const char* const host : {"192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"}) each_family(out, host, "80", f);
}

V6_BEHAVIOUR(resolving_scopes)
{
    for (const char* const host : {"fe80::1%1", "fe80::1%lo", "fe80::1%nosuch0", "fe80::1%9999", "ff02::1%lo", "fe80::1"})
        each_family(out, host, "80", numbers_only);
}

V6_BEHAVIOUR(connecting_to_what_was_resolved)
{
    asio::io_context io;
    listening l(io);
    tcp::resolver r(io);
    const auto port = std::to_string(l.at.port());
    error_code ec;
    tcp::socket s(io), t(io);
    const auto at = asio::connect(s, r.resolve("", port, numbers_only), ec);
    out.say("nothing", ec, at == l.at);
    asio::async_connect(t, r.resolve("::1", port, numbers_only),
                        [&](error_code e, const tcp::endpoint& p) { out.say("::1", e, p == l.at); });
    io.run_for(500ms);
}

V6_BEHAVIOUR(endpoints_of_both_families)
{
    const tcp::endpoint e(ip::make_address("2001:db8::1"), 80), four(ip::make_address("192.0.2.1"), 80);
    out.say("v6", tcp::v6() == tcp::v6(), tcp::v6() == tcp::v4(), tcp::v6().family() == AF_INET6, tcp::v6().protocol());
    out.say("endpoint", e, e.size(), e.protocol() == tcp::v6());
    out.say("order", four < e, e < four, tcp::endpoint(tcp::v6(), 0) == tcp::endpoint(any(), 0));
    out.say("mapped", tcp::endpoint(ip::make_address("::ffff:192.0.2.1"), 80) == four, ip::icmp::v6().protocol());
}

} // namespace
} // namespace parity
