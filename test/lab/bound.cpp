#include "lab/bound.hpp"

#include <algorithm>
#include <cmath>

namespace tapio::lab {

namespace {

constexpr double payload = 1448; // octets: 1500 less the headers of IPv4 and TCP with timestamps
constexpr double on_wire = 1500;

double reno_window(double loss) { return std::sqrt(1.5 / loss); } // segments

double cubic_window(double loss, double rtt)
{
    constexpr double c = 0.4, beta = 0.7;
    const double cubic = std::pow(c * (3 + beta) / (4 * (1 - beta)), 0.25) * std::pow(rtt, 0.75) / std::pow(loss, 0.75);
    return std::max(cubic, reno_window(loss));
}

} // namespace

double bound_of(const cell& c)
{
    const double link = static_cast<double>(c.rate) * payload / on_wire * (1 - c.loss);
    if (c.loss == 0 || c.congestion_control == "bbr") return link;
    const double rtt = std::chrono::duration<double>(c.rtt).count();
    const double window = c.congestion_control == "reno" ? reno_window(c.loss) : cubic_window(c.loss, rtt);
    return std::min(link, window * payload * 8 / rtt * c.flows);
}

} // namespace tapio::lab
