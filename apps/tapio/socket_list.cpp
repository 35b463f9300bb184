#include "tapio/socket_list.hpp"

#include "tapio/format.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace apps::tools {

namespace json = boost::json;

namespace {

std::string text(const json::object& o, const char* name)
{
    const json::value* const v = o.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string().c_str()) : std::string();
}

std::uint64_t number(const json::object& o, const char* name)
{
    const json::value* const v = o.if_contains(name);
    boost::system::error_code error;
    const auto out = v == nullptr ? 0 : v->to_number<std::uint64_t>(error);
    return error ? 0 : out;
}

bool flag(const json::object& o, const char* name)
{
    const json::value* const v = o.if_contains(name);
    return v != nullptr && v->is_bool() && v->get_bool();
}

const json::array& list(const json::object& o, const char* name)
{
    static const json::array none;
    const json::value* const v = o.if_contains(name);
    return v != nullptr && v->is_array() ? v->get_array() : none;
}

/// The states as ss writes them.
std::string short_state(const std::string& state)
{
    const std::map<std::string, std::string> names{{"ESTABLISHED", "ESTAB"}, {"SYN-RECEIVED", "SYN-RECV"}, {"CLOSED", "UNCONN"}};
    const auto found = names.find(state);
    return found == names.end() ? state : found->second;
}

/// "198.18.0.2:80", "[2001:db8::2]:80", "*:80".
std::string endpoint(const std::string& address, std::uint64_t port)
{
    const bool any = address == "::" || (address == "0.0.0.0" && port == 0);
    const std::string host = any ? "*" : address.find(':') == address.npos ? address : '[' + address + ']';
    return host + ':' + (port == 0 ? "*" : std::to_string(port));
}

/// Bound to :: without IPv4, it is no wildcard.
std::string local_endpoint(const json::object& s)
{
    const std::string address = text(s, "local_address");
    const auto port = number(s, "local_port");
    return address == "::" && flag(s, "v6_only") ? "[::]:" + std::to_string(port) : endpoint(address, port);
}

std::string ms(std::uint64_t us) { return format_fixed(static_cast<double>(us) / 1000, 3); }

void add(std::string& out, const std::string& item) { out += (out.empty() ? "" : " ") + item; }

void add_unless_0(std::string& out, const json::object& i, const char* name, const std::string& title)
{
    if (const auto n = number(i, name); n != 0) add(out, title + ':' + std::to_string(n));
}

std::string rate(std::uint64_t octets_per_second) { return format_rate(static_cast<double>(octets_per_second) * 8); }

/// The words of ss -i.
std::string information(const json::object& i)
{
    std::string out;
    if (flag(i, "timestamps")) add(out, "ts");
    if (flag(i, "sack")) add(out, "sack");
    if (flag(i, "ecn")) add(out, "ecn");
    add(out, text(i, "congestion_control"));
    if (flag(i, "window_scaling"))
        add(out,
            "wscale:" + std::to_string(number(i, "send_window_scale")) + ',' + std::to_string(number(i, "receive_window_scale")));
    add(out, "rto:" + format_fixed(static_cast<double>(number(i, "rto_us")) / 1000, 0));
    if (number(i, "srtt_us") > 0) add(out, "rtt:" + ms(number(i, "srtt_us")) + '/' + ms(number(i, "rttvar_us")));
    if (number(i, "min_rtt_us") > 0) add(out, "minrtt:" + ms(number(i, "min_rtt_us")));
    add(out, "mss:" + std::to_string(number(i, "send_mss")) + " pmtu:" + std::to_string(number(i, "path_mtu")));
    const auto mss = std::max<std::uint64_t>(number(i, "send_mss"), 1);
    add(out, "cwnd:" + std::to_string(number(i, "cwnd") / mss));
    if (const auto threshold = number(i, "ssthresh"); threshold < 0x7fff'ffff)
        add(out, "ssthresh:" + std::to_string(threshold / mss));
    add_unless_0(out, i, "bytes_sent", "bytes_sent");
    add_unless_0(out, i, "bytes_retransmitted", "bytes_retrans");
    add_unless_0(out, i, "bytes_acked", "bytes_acked");
    add_unless_0(out, i, "bytes_received", "bytes_received");
    add(out,
        "segs_out:" + std::to_string(number(i, "segments_sent")) + " segs_in:" + std::to_string(number(i, "segments_received")));
    if (number(i, "delivery_rate") > 0)
        add(out,
            "delivery_rate " + rate(number(i, "delivery_rate")) + (flag(i, "delivery_rate_app_limited") ? " app_limited" : ""));
    if (number(i, "pacing_rate") > 0) add(out, "pacing_rate " + rate(number(i, "pacing_rate")));
    add_unless_0(out, i, "in_flight", "in_flight");
    add_unless_0(out, i, "retransmissions", "retrans");
    add_unless_0(out, i, "lost", "lost");
    add_unless_0(out, i, "sacked", "sacked");
    add_unless_0(out, i, "timeouts", "timeouts");
    add_unless_0(out, i, "unsent", "notsent");
    add(out, "snd_wnd:" + std::to_string(number(i, "send_window")) + " rcv_wnd:" + std::to_string(number(i, "receive_window")));
    return out;
}

bool is_of_family(const json::object& s, const socket_list_options& o)
{
    const std::string address = text(s, "local_address");
    const bool v6 = address.find(':') != address.npos, both = address == "::" && !flag(s, "v6_only");
    return both ? o.v4 || o.v6 : v6 ? o.v6 : o.v4;
}

bool is_wanted_connection(const json::object& c, const socket_list_options& o)
{
    const std::string state = text(c, "state");
    if (!is_of_family(c, o)) return false;
    if (o.listening) return state == "LISTEN";
    return o.all || (state != "LISTEN" && state != "CLOSED" && state != "TIME-WAIT" && state != "SYN-RECEIVED");
}

bool is_wanted_datagram_socket(const json::object& s, const socket_list_options& o)
{
    const bool kind_is_wanted = text(s, "kind") == "udp" ? o.udp : o.raw;
    return kind_is_wanted && is_of_family(s, o) && (o.all || o.listening != flag(s, "connected"));
}

using row = std::vector<std::string>;

/// Columns as wide as their longest text. Those from `begin` to before `end` are aligned to the right.
std::string table(const std::vector<row>& rows, std::size_t begin, std::size_t end, const std::vector<std::string>& below = {})
{
    std::vector<std::size_t> widths(rows.front().size());
    for (const row& r : rows)
        for (std::size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
    std::string out;
    for (std::size_t n = 0; n < rows.size(); ++n) {
        std::string line;
        for (std::size_t i = 0; i < rows[n].size(); ++i) {
            const std::string& cell = rows[n][i];
            const std::string space(widths[i] - cell.size(), ' ');
            line += (i == 0 ? "" : "  ") + (i >= begin && i < end ? space + cell : cell + space);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
        if (n < below.size() && !below[n].empty()) out += "\t " + below[n] + '\n';
    }
    return out;
}

std::string extras(const json::object& c, const socket_list_options& o)
{
    std::string out;
    if (o.timers && !text(c, "timer").empty())
        add(out, "timer:(" + text(c, "timer") + ',' + ms(number(c, "timer_us")) + "ms," +
                     std::to_string(number(c, "retransmissions")) + ')');
    if (flag(c, "at_rest")) add(out, "at_rest");
    if (flag(c, "detached") && text(c, "state") != "TIME-WAIT") add(out, "orphan");
    return out;
}

std::string datagram_extras(const json::object& s)
{
    std::string out;
    if (s.contains("interface")) add(out, "interface:" + std::to_string(number(s, "interface")));
    add_unless_0(out, s, "drops", "drops");
    return out;
}

std::string joined(const json::array& all)
{
    std::string out;
    for (const json::value& v : all) add(out, v.is_string() ? v.get_string().c_str() : "");
    return out;
}

} // namespace

std::string socket_table(const json::object& answer, const socket_list_options& o)
{
    std::vector<row> rows{{"Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", ""}};
    std::vector<std::string> below(1);
    const auto add_row = [&](const std::string& kind, const std::string& state, const json::object& s, const std::string& more) {
        rows.push_back({kind, state, std::to_string(number(s, "receive_queue")), std::to_string(number(s, "send_queue")),
                        local_endpoint(s), endpoint(text(s, "remote_address"), number(s, "remote_port")), more});
    };
    for (const json::value& v : list(answer, "datagram_sockets")) {
        if (!v.is_object() || !is_wanted_datagram_socket(v.get_object(), o)) continue;
        const json::object& s = v.get_object();
        add_row(text(s, "kind"), flag(s, "connected") ? "ESTAB" : "UNCONN", s, datagram_extras(s));
        below.emplace_back();
    }
    for (const json::value& v : list(answer, "connections")) {
        if (!o.tcp || !v.is_object() || !is_wanted_connection(v.get_object(), o)) continue;
        const json::object& c = v.get_object();
        add_row("tcp", short_state(text(c, "state")), c, extras(c, o));
        const json::value* const info = c.if_contains("info");
        below.push_back(o.information && info != nullptr && text(c, "state") != "LISTEN" ? information(info->as_object()) : "");
    }
    const bool one_kind = int{o.tcp} + int{o.udp} + int{o.raw} == 1;
    for (row& r : rows)
        if (one_kind) r.erase(r.begin());
    return one_kind ? table(rows, 1, 3, below) : table(rows, 2, 4, below);
}

std::string socket_summary(const json::object& answer)
{
    std::map<std::string, std::uint64_t> states;
    std::uint64_t orphans = 0, at_rest = 0;
    const json::array& all = list(answer, "connections");
    for (const json::value& v : all) {
        const json::object& c = v.as_object();
        ++states[text(c, "state")];
        orphans += flag(c, "detached") && text(c, "state") != "TIME-WAIT" ? 1 : 0;
        at_rest += flag(c, "at_rest") ? 1 : 0;
    }
    std::string out = "TCP: " + std::to_string(all.size()) + " (estab " + std::to_string(states["ESTABLISHED"]) + ", listen " +
                      std::to_string(states["LISTEN"]) + ", timewait " + std::to_string(states["TIME-WAIT"]) + ", orphaned " +
                      std::to_string(orphans) + ", at rest " + std::to_string(at_rest) + ")\n";
    for (const auto& [state, count] : states)
        if (count > 0) out += "  " + state + ' ' + std::to_string(count) + '\n';
    std::map<std::string, std::uint64_t> others;
    for (const json::value& v : list(answer, "datagram_sockets")) ++others[text(v.as_object(), "kind")];
    return out + "UDP: " + std::to_string(others["udp"]) + ", raw: " + std::to_string(others["raw"]) +
           ", ping: " + std::to_string(others["ping"]) + '\n';
}

std::string interface_table(const json::object& answer)
{
    std::string out;
    for (const json::value& v : list(answer, "interfaces")) {
        const json::object& i = v.as_object();
        const json::object& counters = i.at("counters").as_object();
        out += std::to_string(number(i, "number")) + ": " + text(i, "name") + " state " + text(i, "state") + " mtu " +
               std::to_string(number(i, "mtu")) + (text(i, "mac").empty() ? "" : " mac " + text(i, "mac")) + '\n';
        if (const std::string own = joined(list(i, "addresses")); !own.empty()) out += "    " + own + '\n';
        out += "    in " + std::to_string(number(counters, "in_packets")) + " packets, " +
               std::to_string(number(counters, "in_octets")) + " octets, " + std::to_string(number(counters, "in_discards")) +
               " dropped; out " + std::to_string(number(counters, "out_packets")) + " packets, " +
               std::to_string(number(counters, "out_octets")) + " octets, " + std::to_string(number(counters, "out_discards")) +
               " dropped\n";
    }
    return out;
}

std::string route_table(const json::object& answer)
{
    std::string out;
    for (const json::value& v : list(answer, "routes")) {
        const json::object& r = v.as_object();
        const std::string network = text(r, "network"), kind = text(r, "kind"), gateway = text(r, "gateway");
        out += (kind == "unicast" ? "" : kind + ' ') + (network == "0.0.0.0/0" || network == "::/0" ? "default" : network) +
               (gateway.empty() ? "" : " via " + gateway) + " interface " + std::to_string(number(r, "interface")) +
               (number(r, "metric") == 0 ? "" : " metric " + std::to_string(number(r, "metric"))) + '\n';
    }
    return out;
}

std::string neighbor_table(const json::object& answer)
{
    std::string out;
    for (const json::value& v : list(answer, "neighbors")) {
        const json::object& n = v.as_object();
        out += text(n, "address") + " interface " + std::to_string(number(n, "interface")) +
               (text(n, "mac").empty() ? "" : " mac " + text(n, "mac")) + ' ' + text(n, "state") + '\n';
    }
    return out;
}

std::string counter_table(const json::object& answer, bool with_zeros)
{
    std::vector<row> rows;
    const json::value* const counters = answer.if_contains("counters");
    if (counters == nullptr || !counters->is_object()) return {};
    for (const auto& [name, value] : counters->get_object()) {
        const auto n = number(counters->get_object(), std::string(name).c_str());
        if (n != 0 || with_zeros) rows.push_back({std::string(name), std::to_string(n)});
    }
    return rows.empty() ? "" : table(rows, 1, 2);
}

} // namespace apps::tools
