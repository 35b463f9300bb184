#include "http_server/lists.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <string_view>
#include <utility>

namespace apps::http_server {

namespace {

namespace core = tapio::core;

/// One line, or one JSON object: names and values in order. Texts among the values need no JSON escapes: they are addresses,
/// states, and names of devices, which are quoted below.
struct row
{
    std::vector<std::pair<std::string, std::string>> texts;
    std::vector<std::pair<std::string, std::uint64_t>> numbers;
};

std::string text(const core::endpoint& e)
{
    const std::string a = e.address.to_string();
    return (e.address.is_v6() ? '[' + a + ']' : a) + ':' + std::to_string(e.port);
}

std::string prefix(const core::address& a, unsigned length) { return a.to_string() + '/' + std::to_string(length); }

std::uint64_t milliseconds(core::duration d)
{
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

row row_of(const core::connection_info& c)
{
    row out{{{"state", name(c.state)}, {"local", text(c.local)}, {"remote", text(c.remote)}},
            {{"receive_queue", c.receive_queue},
             {"send_queue", c.send_queue},
             {"retransmissions", c.retransmissions},
             {"detached", c.detached ? 1 : 0},
             {"at_rest", c.at_rest ? 1 : 0}}};
    if (c.timer == core::tcp_timer::none) return out;
    out.texts.emplace_back("timer", name(c.timer));
    out.numbers.emplace_back("timer_ms", milliseconds(c.timer_expires));
    return out;
}

row row_of(const core::interface_info& i)
{
    row out{{{"name", i.status.name}, {"state", name(i.status.state)}}, {{"number", i.id}, {"mtu", i.status.mtu}}};
    if (i.link == core::link_type::ethernet) out.texts.emplace_back("mac", core::to_string(i.mac));
    std::string addresses;
    for (const auto& a : i.addresses) {
        if (!addresses.empty()) addresses += ',';
        addresses += prefix(a.address, a.prefix_length);
    }
    if (!addresses.empty()) out.texts.emplace_back("addresses", addresses);
    out.numbers.emplace_back("transmit_queue", i.transmit_queue);
    for_each(i.counters, [&](std::string_view counter, std::uint64_t value) { out.numbers.emplace_back(counter, value); });
    return out;
}

row row_of(const core::neighbor_info& n)
{
    return {{{"address", n.address.to_string()}, {"mac", n.mac ? core::to_string(*n.mac) : "none"}, {"state", name(n.state)}},
            {{"interface", n.interface}, {"waiting", n.waiting}}};
}

row row_of(const core::route_info& r)
{
    return {{{"network", prefix(r.network, r.prefix_length)}, {"gateway", r.gateway ? r.gateway->to_string() : "none"}},
            {{"interface", r.interface}, {"metric", r.metric}}};
}

std::string quoted(const std::string& s)
{
    std::string out = "\"";
    for (const char c : s) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out + '"';
}

std::string line(std::string_view what, const row& r)
{
    std::string out(what);
    for (const auto& [name, value] : r.texts) out += ' ' + name + '=' + value;
    for (const auto& [name, value] : r.numbers) out += ' ' + name + '=' + std::to_string(value);
    return out + '\n';
}

std::string object(const row& r)
{
    std::string out;
    const auto add = [&](const std::string& name, const std::string& value) {
        out += (out.empty() ? "{\"" : ", \"") + name + "\": " + value;
    };
    for (const auto& [name, value] : r.texts) add(name, quoted(value));
    for (const auto& [name, value] : r.numbers) add(name, std::to_string(value));
    return out + '}';
}

template <class T>
std::string table(std::string_view what, std::span<const T> all)
{
    std::string out;
    for (const T& one : all) out += line(what, row_of(one));
    return out;
}

template <class T>
std::string array(std::string_view what, std::span<const T> all)
{
    std::string out;
    for (const T& one : all) out += (out.empty() ? "\n    " : ",\n    ") + object(row_of(one));
    return '"' + std::string(what) + "\": [" + out + ']';
}

std::span<const core::connection_info> listed(const host_lists& l)
{
    return std::span(l.connections).first(std::min(l.connections.size(), most_listed));
}

} // namespace

std::string render_text(const host_lists& l)
{
    std::string out = table<core::interface_info>("interface", l.interfaces) + table<core::route_info>("route", l.routes) +
                      table<core::neighbor_info>("neighbor", l.neighbors) + table("connection", listed(l));
    if (l.connections.size() > most_listed)
        out += "connections_not_listed " + std::to_string(l.connections.size() - most_listed) + '\n';
    return out;
}

std::string render_json(const host_lists& l)
{
    return array<core::interface_info>("interfaces", l.interfaces) + ",\n  " + array<core::route_info>("routes", l.routes) +
           ",\n  " + array<core::neighbor_info>("neighbors", l.neighbors) + ",\n  " + array("connections", listed(l)) +
           ",\n  \"connections_not_listed\": " + std::to_string(l.connections.size() - listed(l).size());
}

} // namespace apps::http_server
