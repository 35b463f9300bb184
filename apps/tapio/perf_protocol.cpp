#include "tapio/perf_protocol.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string_view>

namespace apps::tools {

namespace json = boost::json;

namespace {

double number(const json::object& o, const char* name, double otherwise)
{
    const json::value* const v = o.if_contains(name);
    if (v == nullptr) return otherwise;
    if (v->is_bool()) return v->get_bool() ? 1 : 0;
    if (!v->is_number()) throw std::runtime_error(std::string("iperf3: '") + name + "' is not a number");
    return v->to_number<double>();
}

/// A number within bounds. @throws std::runtime_error
template <class T>
T bounded(const json::object& o, const char* name, T otherwise, double low, double high)
{
    const double value = number(o, name, static_cast<double>(otherwise));
    if (value < low || value > high) throw std::runtime_error(std::string("iperf3: '") + name + "' is out of range");
    return static_cast<T>(value);
}

bool flag(const json::object& o, const char* name) { return number(o, name, 0) != 0; }

std::string text(const json::object& o, const char* name)
{
    const json::value* const v = o.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string().c_str()) : std::string();
}

json::object parse(const std::string& text)
{
    boost::system::error_code error;
    json::value v = json::parse(text, error);
    if (error || !v.is_object()) throw std::runtime_error("iperf3: the peer did not send a JSON object");
    return std::move(v.get_object());
}

void put(std::span<std::byte> to, std::size_t at, std::uint32_t value)
{
    for (std::size_t i = 0; i < 4; ++i) to[at + i] = static_cast<std::byte>(value >> (24 - 8 * i) & 0xffU);
}

std::uint32_t get(std::span<const std::byte> from, std::size_t at)
{
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out = out << 8U | std::to_integer<std::uint32_t>(from[at + i]);
    return out;
}

} // namespace

perf_cookie make_perf_cookie()
{
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";
    std::random_device random;
    perf_cookie out{};
    for (std::size_t i = 0; i + 1 < out.size(); ++i) out[i] = letters[random() % letters.size()];
    return out;
}

std::string to_json(const perf_parameters& p)
{
    json::object out;
    out[p.udp ? "udp" : "tcp"] = true;
    out["omit"] = p.omit;
    out["time"] = p.octets == 0 ? p.time : 0;
    out["num"] = p.octets;
    out["blockcount"] = 0;
    out["parallel"] = p.parallel;
    if (p.reverse) out["reverse"] = true;
    if (p.bidirectional) out["bidirectional"] = true;
    out["len"] = p.length;
    if (p.bandwidth > 0) out["bandwidth"] = p.bandwidth;
    if (p.wide_counters) out["udp_counters_64bit"] = 1;
    if (!p.congestion_control.empty()) out["congestion"] = p.congestion_control;
    out["pacing_timer"] = 1000;
    out["client_version"] = "3.12";
    return json::serialize(out);
}

perf_parameters parse_perf_parameters(const std::string& from)
{
    const json::object o = parse(from);
    perf_parameters out;
    out.udp = flag(o, "udp");
    out.reverse = flag(o, "reverse");
    out.bidirectional = flag(o, "bidirectional");
    out.time = bounded(o, "time", 10U, 0, 86400);
    out.omit = bounded(o, "omit", 0U, 0, 600);
    out.octets = bounded<std::uint64_t>(o, "num", 0, 0, 1e18);
    out.parallel = bounded(o, "parallel", 1U, 1, 128);
    out.length = bounded(o, "len", out.udp ? 1460U : 128U * 1024, out.udp ? 16 : 1, 1 << 20);
    out.bandwidth = bounded<std::uint64_t>(o, "bandwidth", 0, 0, 1e18);
    out.wide_counters = flag(o, "udp_counters_64bit");
    out.congestion_control = text(o, "congestion");
    return out;
}

std::string to_json(const perf_results& r)
{
    json::array streams;
    for (const auto& s : r.streams) {
        streams.push_back(json::object{{"id", s.id},
                                       {"bytes", s.octets},
                                       {"retransmits", s.retransmits},
                                       {"jitter", s.jitter},
                                       {"errors", s.lost},
                                       {"packets", s.packets},
                                       {"start_time", 0},
                                       {"end_time", s.seconds}});
    }
    json::object out{{"cpu_util_total", r.cpu_total},
                     {"cpu_util_user", r.cpu_user},
                     {"cpu_util_system", r.cpu_system},
                     {"sender_has_retransmits", r.sender_has_retransmits}};
    if (!r.congestion_control.empty()) out["congestion_used"] = r.congestion_control;
    out["streams"] = std::move(streams);
    return json::serialize(out);
}

perf_results parse_perf_results(const std::string& from)
{
    const json::object o = parse(from);
    perf_results out;
    out.cpu_total = bounded(o, "cpu_util_total", 0.0, 0, 1e6);
    out.cpu_user = bounded(o, "cpu_util_user", 0.0, 0, 1e6);
    out.cpu_system = bounded(o, "cpu_util_system", 0.0, 0, 1e6);
    const double has = number(o, "sender_has_retransmits", -1); // -1 travels as 2^64 - 1
    out.sender_has_retransmits = has == 1 ? 1 : has == 0 ? 0 : -1;
    out.congestion_control = text(o, "congestion_used");
    const json::value* const streams = o.if_contains("streams");
    if (streams == nullptr || !streams->is_array()) throw std::runtime_error("iperf3: results without streams");
    for (const json::value& v : streams->get_array()) {
        if (!v.is_object()) throw std::runtime_error("iperf3: a stream's result is not an object");
        const json::object& s = v.get_object();
        perf_stream_result one;
        one.id = bounded(s, "id", 0, 0, 1 << 20);
        one.octets = bounded<std::uint64_t>(s, "bytes", 0, 0, 1.8e19);
        const double retransmits = number(s, "retransmits", -1); // a receiver's -1 travels as 2^64 - 1
        one.retransmits = retransmits < 0 || retransmits > 1e18 ? -1 : static_cast<std::int64_t>(retransmits);
        one.jitter = bounded(s, "jitter", 0.0, 0, 1e6);
        one.lost = bounded<std::int64_t>(s, "errors", 0, -1e18, 1e18);
        one.packets = bounded<std::int64_t>(s, "packets", 0, -1e18, 1e18);
        one.seconds = bounded(s, "end_time", 0.0, 0, 1e9) - bounded(s, "start_time", 0.0, 0, 1e9);
        out.streams.push_back(one);
    }
    return out;
}

void perf_udp_header::write(std::span<std::byte> to, bool wide) const
{
    put(to, 0, seconds);
    put(to, 4, microseconds);
    if (wide) put(to, 8, static_cast<std::uint32_t>(sequence >> 32U));
    put(to, wide ? 12 : 8, static_cast<std::uint32_t>(sequence));
}

perf_udp_header perf_udp_header::read(std::span<const std::byte> from, bool wide)
{
    perf_udp_header out{get(from, 0), get(from, 4), get(from, wide ? 12 : 8)};
    if (wide) out.sequence |= std::uint64_t{get(from, 8)} << 32U;
    return out;
}

void perf_udp_receiver::take(std::uint64_t sequence, double transit)
{
    constexpr std::uint64_t farthest = std::uint64_t{1} << 40U; // no test loses so many
    if (sequence > highest_ && sequence - highest_ > farthest) return;
    if (sequence > highest_) {
        lost_ += static_cast<std::int64_t>(sequence - highest_ - 1);
        highest_ = sequence;
    } else { // it was counted as lost when a later one came
        ++out_of_order_;
        if (lost_ > 0) --lost_;
    }
    if (any_) jitter_ += (std::abs(transit - last_transit_) - jitter_) / 16;
    last_transit_ = transit;
    any_ = true;
}

void perf_udp_receiver::reset()
{
    first_ = highest_;
    lost_ = out_of_order_ = 0;
    jitter_ = 0;
}

} // namespace apps::tools
