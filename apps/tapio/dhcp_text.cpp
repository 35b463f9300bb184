#include "tapio/dhcp_text.hpp"

#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace apps::tools {

namespace json = boost::json;

namespace {

using tapio::core::time_point;
using resource = tapio::dhcpv6_lease::resource;

/// Seconds from the answer on; -1: without end.
std::int64_t seconds_until(time_point end, time_point obtained)
{
    return end == tapio::core::never ? -1 : std::chrono::duration_cast<std::chrono::seconds>(end - obtained).count();
}

std::string seconds_text(time_point end, time_point obtained)
{
    const auto s = seconds_until(end, obtained);
    return s < 0 ? "for ever" : std::to_string(s) + " s";
}

std::string network_text(const auto& address, unsigned length) { return address.to_string() + '/' + std::to_string(length); }

/// "DNS 198.18.0.53, 198.18.0.54"; nothing for an empty list
template <class Values, class Text>
std::string line_of(const std::string& indent, std::string_view what, const Values& values, Text text)
{
    std::string out;
    for (const auto& v : values) out += (out.empty() ? "" : ", ") + text(v);
    return out.empty() ? out : indent + std::string(what) + ' ' + out + '\n';
}

constexpr auto as_it_is = [](const std::string& s) { return s; };
constexpr auto address_text = [](const auto& a) { return a.to_string(); };

template <class Values, class Text>
json::array array_of(const Values& values, Text text)
{
    json::array out;
    for (const auto& v : values) out.emplace_back(text(v));
    return out;
}

json::object object_of(const tapio::dhcpv4_lease& l)
{
    json::object out;
    out["address"] = network_text(l.address, l.prefix_length);
    out["server"] = l.server.to_string();
    out["lease_s"] = seconds_until(l.expires, l.obtained);
    out["t1_s"] = seconds_until(l.renewal, l.obtained);
    out["t2_s"] = seconds_until(l.rebinding, l.obtained);
    out["routers"] = array_of(l.routers, address_text);
    out["routes"] = array_of(l.routes, [](const auto& r) {
        return json::object{{"to", network_text(r.network, r.prefix_length)}, {"via", r.gateway.to_string()}};
    });
    out["dns"] = array_of(l.dns_servers, address_text);
    out["ntp"] = array_of(l.ntp_servers, address_text);
    out["search"] = array_of(l.search_domains, as_it_is);
    if (!l.domain_name.empty()) out["domain"] = l.domain_name;
    if (!l.host_name.empty()) out["hostname"] = l.host_name;
    if (l.mtu) out["mtu"] = *l.mtu;
    return out;
}

json::object object_of(const tapio::dhcpv6_lease& l)
{
    const auto describe = [&](const resource& r) {
        return json::object{{r.length == 128 ? "address" : "prefix", network_text(r.address, r.length)},
                            {"preferred_s", seconds_until(r.preferred_until, l.obtained)},
                            {"valid_s", seconds_until(r.valid_until, l.obtained)},
                            {"deprecated", r.deprecated}};
    };
    json::object out;
    out["server"] = duid_text(l.server);
    out["addresses"] = array_of(l.addresses, describe);
    out["prefixes"] = array_of(l.prefixes, describe);
    out["t1_s"] = seconds_until(l.renewal, l.obtained);
    out["t2_s"] = seconds_until(l.rebinding, l.obtained);
    out["dns"] = array_of(l.dns_servers, address_text);
    out["ntp"] = array_of(l.ntp_servers, address_text);
    out["search"] = array_of(l.search_domains, as_it_is);
    return out;
}

template <class State, class Lease>
json::object client_of(State state, const std::optional<Lease>& lease)
{
    json::object out{{"state", tapio::core::name(state)}};
    if (lease) out["lease"] = object_of(*lease);
    return out;
}

} // namespace

std::string duid_text(const std::vector<std::byte>& duid)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const std::byte b : duid) {
        if (!out.empty()) out += ':';
        out += digits[std::to_integer<unsigned>(b) >> 4];
        out += digits[std::to_integer<unsigned>(b) & 15];
    }
    return out;
}

std::string lease_text(const tapio::dhcpv4_lease& l, const std::string& indent)
{
    std::string out =
        indent + "address " + network_text(l.address, l.prefix_length) + " from server " + l.server.to_string() + '\n';
    out += indent + "lease " + seconds_text(l.expires, l.obtained) + ", T1 " + seconds_text(l.renewal, l.obtained) + ", T2 " +
           seconds_text(l.rebinding, l.obtained) + '\n';
    out += line_of(indent, "routers", l.routers, address_text);
    for (const auto& r : l.routes)
        out += indent + "route " + network_text(r.network, r.prefix_length) +
               (r.gateway.is_unspecified() ? " on the link" : " via " + r.gateway.to_string()) + '\n';
    out += line_of(indent, "DNS", l.dns_servers, address_text);
    out += line_of(indent, "NTP", l.ntp_servers, address_text);
    out += line_of(indent, "search", l.search_domains, as_it_is);
    if (!l.domain_name.empty()) out += indent + "domain " + l.domain_name + '\n';
    if (!l.host_name.empty()) out += indent + "hostname " + l.host_name + '\n';
    if (l.mtu) out += indent + "MTU " + std::to_string(*l.mtu) + '\n';
    return out;
}

std::string lease_text(const tapio::dhcpv6_lease& l, const std::string& indent)
{
    std::string out;
    const auto add = [&](const char* what, const resource& r) {
        out += indent + what + ' ' + network_text(r.address, r.length) + ", preferred " +
               seconds_text(r.preferred_until, l.obtained) + ", valid " + seconds_text(r.valid_until, l.obtained) +
               (r.deprecated ? ", deprecated" : "") + '\n';
    };
    for (const auto& a : l.addresses) add("address", a);
    for (const auto& p : l.prefixes) add("prefix", p);
    out += indent + "server " + duid_text(l.server) + '\n';
    out += indent + "T1 " + seconds_text(l.renewal, l.obtained) + ", T2 " + seconds_text(l.rebinding, l.obtained) + '\n';
    out += line_of(indent, "DNS", l.dns_servers, address_text);
    out += line_of(indent, "NTP", l.ntp_servers, address_text);
    out += line_of(indent, "search", l.search_domains, as_it_is);
    return out;
}

std::string leases_json(const tapio::interface_configuration& c, double seconds)
{
    json::object out;
    out["time_s"] = seconds;
    out["dhcpv4"] = client_of(c.dhcpv4, c.lease);
    out["dhcpv6"] = client_of(c.dhcpv6, c.lease_v6);
    return json::serialize(out);
}

} // namespace apps::tools
