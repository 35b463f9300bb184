#include "lab/plot.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace tapio::lab {

namespace {

constexpr double width = 900, height = 180, left = 80, top = 30;

struct curve
{
    std::string name, colour;
    std::vector<double> values;
};

/// One diagram: time on the x axis, all curves on the same scale.
void diagram(std::ostream& out, double y, const std::string& title, const std::vector<double>& times,
             const std::vector<curve>& curves)
{
    double most = 0;
    for (const curve& c : curves)
        for (const double v : c.values) most = std::max(most, v);
    if (most == 0) most = 1;
    const double end = times.empty() ? 1 : std::max(times.back(), 1e-9);
    out << "<g transform='translate(" << left << ',' << y << ")'>\n<rect width='" << width << "' height='" << height
        << "' fill='none' stroke='#888'/>\n<text x='0' y='-8'>" << title << "</text>\n";
    for (int i = 0; i <= 4; ++i)
        out << "<text x='-6' y='" << height * (1 - i / 4.0) + 4 << "' text-anchor='end'>" << most * i / 4 << "</text>\n";
    for (int i = 0; i <= 8; ++i)
        out << "<text x='" << width * i / 8 << "' y='" << height + 14 << "' text-anchor='middle'>" << end * i / 8 << "</text>\n";
    double legend = 300;
    for (const curve& c : curves) {
        out << "<polyline fill='none' stroke='" << c.colour << "' points='";
        for (std::size_t i = 0; i < c.values.size(); ++i)
            out << width * times[i] / end << ',' << height * (1 - c.values[i] / most) << ' ';
        out << "'/>\n<text x='" << legend << "' y='-8' fill='" << c.colour << "'>" << c.name << "</text>\n";
        legend += 150;
    }
    out << "</g>\n";
}

double milliseconds(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

} // namespace

namespace {

std::string title_of(const cell& c)
{
    std::ostringstream out;
    out << c.congestion_control << ", " << static_cast<double>(c.rate) / 1e6 << " Mbit/s, RTT " << milliseconds(c.rtt)
        << " ms, loss " << 100 * c.loss << " %, reordering " << 100 * c.reordering << " %";
    return out.str();
}

void begin_svg(std::ostream& out, double total_height, const std::string& title)
{
    out << "<svg xmlns='http://www.w3.org/2000/svg' width='" << left + width + 40 << "' height='" << total_height
        << "' font-family='sans-serif' font-size='11'>\n<text x='" << left << "' y='16' font-size='13'>" << title << "</text>\n";
}

} // namespace

std::string plot_sequence(const cell& c, const segment_log& log)
{
    constexpr double tall = 700;
    const auto& events = log.events();
    std::ostringstream out;
    begin_svg(out, tall + 100, title_of(c));
    if (events.empty()) return out << "</svg>\n", out.str();
    duration from = events.front().at, to = events.back().at;
    std::uint64_t lowest = UINT64_MAX, highest = 0;
    for (const segment_event& e : events) lowest = std::min(lowest, e.begin), highest = std::max(highest, e.end);
    if (to == from) to = from + duration(1);
    const auto x = [&](duration at) {
        return width * static_cast<double>((at - from).count()) / static_cast<double>((to - from).count());
    };
    const auto y = [&](std::uint64_t s) {
        return tall * (1 - static_cast<double>(s - lowest) / static_cast<double>(highest - lowest));
    };
    out << "<g transform='translate(" << left << ',' << top + 30 << ")'>\n<rect width='" << width << "' height='" << tall
        << "' fill='none' stroke='#888'/>\n";
    constexpr std::pair<const char*, const char*> legend[] = {
        {"sent", "#1f77b4"}, {"sent again", "#d62728"}, {"acknowledged", "#2ca02c"}, {"SACKed", "#9467bd"}};
    for (int i = 0; i < 4; ++i) {
        out << "<text x='" << i * 150 << "' y='-8' fill='" << legend[i].second << "'>" << legend[i].first << "</text>\n";
        out << "<path fill='none' stroke='" << legend[i].second << "' d='";
        double last = tall;
        for (const segment_event& e : events) {
            if (static_cast<int>(e.what) != i) continue;
            if (e.what == segment_event::type::acknowledged) { // drawn as a staircase
                out << (last == tall ? 'M' : 'L') << x(e.at) << ',' << std::min(last, y(e.begin)) << 'V' << y(e.end);
                last = y(e.end);
            } else {
                out << 'M' << x(e.at) << ',' << y(e.begin) << 'V' << y(e.end);
            }
        }
        out << "'/>\n";
    }
    for (int i = 0; i <= 8; ++i) {
        const double share = i / 8.0;
        out << "<text x='" << width * share << "' y='" << tall + 14 << "' text-anchor='middle'>"
            << std::chrono::duration<double>(from).count() + share * std::chrono::duration<double>(to - from).count()
            << "</text>\n"
            << "<text x='-6' y='" << tall * (1 - share) + 4 << "' text-anchor='end'>"
            << (static_cast<double>(lowest) + share * static_cast<double>(highest - lowest)) / 1e6 << "</text>\n";
    }
    out << "<text x='0' y='" << tall + 30 << "'>sequence, MB, over time, s</text>\n</g>\n</svg>\n";
    return out.str();
}

std::string plot(const cell& c, const std::vector<snapshot>& run)
{
    std::vector<double> times;
    curve cwnd{"cwnd", "#1f77b4", {}}, ssthresh{"ssthresh", "#aaa", {}}, flight{"in flight", "#2ca02c", {}};
    curve srtt{"srtt", "#d62728", {}}, queue{"queueing delay", "#9467bd", {}}, acked{"acknowledged", "#1f77b4", {}};
    curve again{"retransmitted", "#d62728", {}};
    for (const snapshot& s : run) {
        const double segment = std::max(s.info.send_mss, 1U);
        times.push_back(std::chrono::duration<double>(s.at).count());
        cwnd.values.push_back(static_cast<double>(s.info.cwnd) / segment);
        const double threshold = static_cast<double>(s.info.ssthresh) / segment;
        ssthresh.values.push_back(threshold > 1e6 ? 0 : threshold);
        flight.values.push_back(static_cast<double>(s.info.in_flight) / segment);
        srtt.values.push_back(milliseconds(s.info.srtt));
        queue.values.push_back(milliseconds(s.queueing_delay));
        acked.values.push_back(static_cast<double>(s.info.bytes_acked) / 1e6);
        again.values.push_back(static_cast<double>(s.info.bytes_retransmitted) / 1e6);
    }
    std::ostringstream out;
    begin_svg(out, 4 * (height + 60) + top, title_of(c));
    diagram(out, top + 30, "window, segments", times, {ssthresh, cwnd, flight});
    diagram(out, top + 30 + (height + 60), "round-trip time, ms", times, {srtt, queue});
    diagram(out, top + 30 + 2 * (height + 60), "acknowledged, MB", times, {acked});
    diagram(out, top + 30 + 3 * (height + 60), "retransmitted, MB", times, {again});
    out << "</svg>\n";
    return out.str();
}

} // namespace tapio::lab
