// The answers of a control socket.
#include "common/control.hpp"

#include <boost/json.hpp>

#include <chrono>

namespace apps {

namespace {

namespace core = tapio::core;
namespace json = boost::json;

std::int64_t microseconds(core::duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); }

template <class Counters>
json::object object_of_counters(const Counters& counters)
{
    json::object out;
    for_each(counters,
             [&](std::string_view name, std::uint64_t value) { out[json::string_view(name.data(), name.size())] = value; });
    return out;
}

void add_optional_time(json::object& out, const char* name, const std::optional<core::duration>& d)
{
    if (d) out[name] = microseconds(*d);
}

void add_path(json::object& out, const core::tcp_info& i)
{
    out["congestion_control"] = json::string_view(i.congestion_control.data(), i.congestion_control.size());
    out["recovery"] = name(i.recovery);
    out["rto_us"] = microseconds(i.rto);
    out["srtt_us"] = microseconds(i.srtt);
    out["rttvar_us"] = microseconds(i.rttvar);
    out["min_rtt_us"] = microseconds(i.min_rtt);
    out["receive_rtt_us"] = microseconds(i.receive_rtt);
    out["delayed_ack_us"] = microseconds(i.delayed_ack);
    out["busy_us"] = microseconds(i.busy);
    add_optional_time(out, "since_data_sent_us", i.since_data_sent);
    add_optional_time(out, "since_data_received_us", i.since_data_received);
    add_optional_time(out, "since_received_us", i.since_received);
    out["send_mss"] = i.send_mss;
    out["receive_mss"] = i.receive_mss;
    out["advertised_mss"] = i.advertised_mss;
    out["path_mtu"] = i.path_mtu;
    out["cwnd"] = i.cwnd;
    out["ssthresh"] = i.ssthresh;
    out["in_flight"] = i.in_flight;
    out["sacked"] = i.sacked;
    out["lost"] = i.lost;
    out["send_window"] = i.send_window;
    out["receive_window"] = i.receive_window;
    out["receive_buffer"] = i.receive_buffer;
    out["delivery_rate"] = i.delivery_rate;
    out["delivery_rate_app_limited"] = i.delivery_rate_app_limited;
    out["pacing_rate"] = i.pacing_rate;
    out["max_pacing_rate"] = i.max_pacing_rate;
}

void add_options(json::object& out, const core::tcp_info& i)
{
    out["send_window_scale"] = i.send_window_scale;
    out["receive_window_scale"] = i.receive_window_scale;
    out["window_scaling"] = i.window_scaling;
    out["timestamps"] = i.timestamps;
    out["sack"] = i.sack;
    out["ecn"] = i.ecn;
    out["passive"] = i.passive;
    out["data_in_syn"] = i.data_in_syn;
    out["data_in_syn_refused"] = i.data_in_syn_refused;
}

void add_totals(json::object& out, const core::tcp_info& i)
{
    out["bytes_sent"] = i.bytes_sent;
    out["bytes_retransmitted"] = i.bytes_retransmitted;
    out["bytes_acked"] = i.bytes_acked;
    out["bytes_received"] = i.bytes_received;
    out["segments_sent"] = i.segments_sent;
    out["segments_received"] = i.segments_received;
    out["data_segments_sent"] = i.data_segments_sent;
    out["data_segments_received"] = i.data_segments_received;
    out["retransmissions"] = i.retransmissions;
    out["delivered"] = i.delivered;
    out["delivered_ce"] = i.delivered_ce;
    out["reorderings"] = i.reorderings;
    out["duplicates_told"] = i.duplicates_told;
    out["out_of_order_received"] = i.out_of_order_received;
    out["timeouts"] = i.timeouts;
    out["timeout_recoveries"] = i.timeout_recoveries;
    out["unsent"] = i.unsent;
    out["unacked"] = i.unacked;
    out["unread"] = i.unread;
    out["consecutive_timeouts"] = i.consecutive_timeouts;
    out["unanswered_probes"] = i.unanswered_probes;
    out["backoff"] = i.backoff;
    out["waiting"] = i.waiting;
    out["backlog"] = i.backlog;
}

json::value value_of(const core::detailed_connection& c)
{
    json::object out{{"local_address", c.local.address.to_string()},
                     {"local_port", c.local.port},
                     {"remote_address", c.remote.address.to_string()},
                     {"remote_port", c.remote.port},
                     {"state", name(c.state)},
                     {"receive_queue", c.receive_queue},
                     {"send_queue", c.send_queue},
                     {"detached", c.detached},
                     {"at_rest", c.at_rest},
                     {"retransmissions", c.retransmissions}};
    if (c.timer != core::tcp_timer::none) {
        out["timer"] = name(c.timer);
        out["timer_us"] = microseconds(c.timer_expires);
    }
    if (c.info) {
        json::object info;
        add_path(info, *c.info);
        add_options(info, *c.info);
        add_totals(info, *c.info);
        out["info"] = std::move(info);
    }
    return out;
}

json::value value_of(const core::datagram_socket_info& s)
{
    json::object out{{"kind", name(s.kind)},
                     {"local_address", s.local.address.to_string()},
                     {"local_port", s.local.port},
                     {"remote_address", s.remote.address.to_string()},
                     {"remote_port", s.remote.port},
                     {"connected", s.connected},
                     {"v6_only", s.v6_only},
                     {"receive_queue", s.receive_queue},
                     {"drops", s.drops}};
    if (s.interface) out["interface"] = *s.interface;
    return out;
}

json::value value_of(const core::interface_info& i)
{
    json::array addresses;
    for (const auto& a : i.addresses) addresses.emplace_back(a.address.to_string() + '/' + std::to_string(a.prefix_length));
    json::object out{{"number", i.id},
                     {"name", i.status.name},
                     {"state", name(i.status.state)},
                     {"enabled", i.status.enabled},
                     {"mtu", i.status.mtu},
                     {"addresses", std::move(addresses)},
                     {"transmit_queue", i.transmit_queue},
                     {"counters", object_of_counters(i.counters)}};
    if (i.link == core::link_type::ethernet) out["mac"] = to_string(i.mac);
    if (i.vlan != 0) out["vlan"] = i.vlan, out["carrier"] = i.carrier;
    return out;
}

json::value value_of(const core::neighbor_info& n)
{
    json::object out{
        {"interface", n.interface}, {"address", n.address.to_string()}, {"state", name(n.state)}, {"waiting", n.waiting}};
    if (n.mac) out["mac"] = to_string(*n.mac);
    return out;
}

json::value value_of(const core::route_info& r)
{
    json::object out{{"network", r.network.to_string() + '/' + std::to_string(r.prefix_length)},
                     {"interface", r.interface},
                     {"metric", r.metric},
                     {"kind", name(r.kind)}};
    if (r.gateway) out["gateway"] = r.gateway->to_string();
    return out;
}

template <class List>
json::array array_of(const List& all)
{
    json::array out;
    out.reserve(all.size());
    for (const auto& one : all) out.push_back(value_of(one));
    return out;
}

} // namespace

std::string answer_control(const tapio::stack& stack, const std::string& question)
{
    const bool all = question == "all";
    json::object out;
    const bool sockets = all || question == "sockets";
    if (sockets || question == "connections") out["connections"] = array_of(stack.detailed_connections());
    if (sockets) out["datagram_sockets"] = array_of(stack.datagram_sockets());
    if (all || question == "interfaces") out["interfaces"] = array_of(stack.interfaces());
    if (all || question == "neighbors") out["neighbors"] = array_of(stack.neighbors());
    if (all || question == "routes") out["routes"] = array_of(stack.routes());
    if (all || question == "counters") out["counters"] = object_of_counters(stack.counters());
    if (out.empty()) out["error"] = "questions are: sockets, connections, interfaces, neighbors, routes, counters, all";
    return json::serialize(out);
}

} // namespace apps
