#include "http_server/status.hpp"

#include <tapio/core/drop_reason.hpp>

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

void add(lines& out, const tapio::core::ip_counters& c)
{
    out.insert(out.end(), {{"ip.in_receives", c.in_receives},
                           {"ip.in_hdr_errors", c.in_hdr_errors},
                           {"ip.in_addr_errors", c.in_addr_errors},
                           {"ip.in_unknown_protos", c.in_unknown_protos},
                           {"ip.in_discards", c.in_discards},
                           {"ip.in_delivers", c.in_delivers},
                           {"ip.out_requests", c.out_requests},
                           {"ip.out_no_routes", c.out_no_routes},
                           {"ip.out_discards", c.out_discards}});
}

void add(lines& out, const tapio::core::icmp_counters& c)
{
    out.insert(out.end(), {{"icmp.in_msgs", c.in_msgs},
                           {"icmp.in_errors", c.in_errors},
                           {"icmp.out_msgs", c.out_msgs},
                           {"icmp.out_errors", c.out_errors},
                           {"icmp.in_echos", c.in_echos},
                           {"icmp.out_echo_reps", c.out_echo_reps},
                           {"icmp.in_dest_unreachs", c.in_dest_unreachs},
                           {"icmp.out_dest_unreachs", c.out_dest_unreachs},
                           {"icmp.out_rate_limited", c.out_rate_limited}});
}

void add(lines& out, const tapio::core::udp_counters& c)
{
    out.insert(out.end(), {{"udp.in_datagrams", c.in_datagrams},
                           {"udp.no_ports", c.no_ports},
                           {"udp.in_errors", c.in_errors},
                           {"udp.out_datagrams", c.out_datagrams}});
}

void add(lines& out, const tapio::core::tcp_counters& c)
{
    out.insert(out.end(), {{"tcp.active_opens", c.active_opens},
                           {"tcp.passive_opens", c.passive_opens},
                           {"tcp.attempt_fails", c.attempt_fails},
                           {"tcp.estab_resets", c.estab_resets},
                           {"tcp.curr_estab", c.curr_estab},
                           {"tcp.in_segs", c.in_segs},
                           {"tcp.out_segs", c.out_segs},
                           {"tcp.retrans_segs", c.retrans_segs},
                           {"tcp.in_errs", c.in_errs},
                           {"tcp.out_rsts", c.out_rsts},
                           {"tcp.listen_overflows", c.listen_overflows},
                           {"tcp.out_of_order_segs", c.out_of_order_segs},
                           {"tcp.timeouts", c.timeouts},
                           {"tcp.fast_retransmits", c.fast_retransmits}});
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
    add(out, host.ip);
    add(out, host.icmp);
    add(out, host.udp);
    add(out, host.tcp);
    add(out, host.drops);
    return out;
}

std::string render_text(const lines& all)
{
    std::string out;
    for (const auto& [name, value] : all) out += name + ' ' + std::to_string(value) + '\n';
    return out;
}

std::string render_json(const lines& all)
{
    std::string out = "{";
    for (const auto& [name, value] : all) out += (out.size() == 1 ? "\n  \"" : ",\n  \"") + name + "\": " + std::to_string(value);
    return out + "\n}\n";
}

} // namespace apps::http_server
