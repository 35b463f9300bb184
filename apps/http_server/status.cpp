#include "http_server/status.hpp"

#include <tapio/core/drop_reason.hpp>

#include <string_view>

namespace apps::http_server {

namespace {

using lines = std::vector<status_line>;

void add(lines& out, const server_counters& c)
{
    out.insert(out.end(), {{"server.connections", c.connections},
                           {"server.accepted", c.accepted},
                           {"server.refused", c.refused},
                           {"server.timed_out", c.timed_out},
                           {"server.requests", c.requests},
                           {"server.client_errors", c.client_errors},
                           {"server.server_errors", c.server_errors},
                           {"server.octets_served", c.octets_served},
                           {"server.octets_uploaded", c.octets_uploaded}});
}

template <class Counters>
void add(lines& out, const std::string& group, const Counters& counters)
{
    for_each(counters, [&](std::string_view name, std::uint64_t value) { out.emplace_back(group + std::string(name), value); });
}

void add(lines& out, const tapio::core::drop_counters& drops)
{
    for (std::size_t i = 0; i < tapio::core::drop_reason_count; ++i) {
        const auto reason = static_cast<tapio::core::drop_reason>(i);
        if (drops[reason] != 0) out.emplace_back(std::string("drop.") + name(reason), drops[reason]);
    }
}

} // namespace

lines status_lines(std::uint64_t uptime_seconds, const server_counters& server, const tapio::core::host_counters& host)
{
    lines out{{"uptime_seconds", uptime_seconds}};
    add(out, server);
    add(out, "ip.", host.ip);
    add(out, "ip6.", host.ip6);
    add(out, "icmp.", host.icmp);
    add(out, "icmp6.", host.icmp6);
    add(out, "udp.", host.udp);
    add(out, "tcp.", host.tcp);
    add(out, host.drops);
    return out;
}

std::string render_text(const lines& all)
{
    std::string out;
    for (const auto& [name, value] : all) out += name + ' ' + std::to_string(value) + '\n';
    return out;
}

std::string render_json(const lines& all, const std::string& more)
{
    std::string out = "{";
    for (const auto& [name, value] : all) out += (out.size() == 1 ? "\n  \"" : ",\n  \"") + name + "\": " + std::to_string(value);
    if (!more.empty()) out += (out.size() == 1 ? "\n  " : ",\n  ") + more;
    return out + "\n}\n";
}

} // namespace apps::http_server
