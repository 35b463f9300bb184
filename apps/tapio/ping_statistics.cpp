#include "tapio/ping_statistics.hpp"

#include "tapio/format.hpp"

#include <algorithm>
#include <cmath>

namespace apps::tools {

void rtt_statistics::add(duration d)
{
    const auto ns = static_cast<double>(d.count());
    min_ = count_ == 0 ? d : std::min(min_, d);
    max_ = std::max(max_, d);
    ++count_;
    sum_ += ns;
    squares_ += ns * ns;
}

rtt_statistics::duration rtt_statistics::mean() const
{
    return duration(count_ == 0 ? 0 : std::llround(sum_ / static_cast<double>(count_)));
}

rtt_statistics::duration rtt_statistics::deviation() const
{
    if (count_ == 0) return duration(0);
    const auto n = static_cast<double>(count_);
    return duration(std::llround(std::sqrt(std::max(0.0, squares_ / n - (sum_ / n) * (sum_ / n)))));
}

void ping_statistics::sent(std::uint16_t sequence, clock::time_point when)
{
    ++transmitted_;
    requests_[sequence] = {when};
}

ping_statistics::reply ping_statistics::received(std::uint16_t sequence, clock::time_point when, std::chrono::nanoseconds& rtt)
{
    const auto asked = requests_.find(sequence);
    if (asked == requests_.end()) return reply::unexpected;
    rtt = when - asked->second.when;
    if (asked->second.answered) {
        ++duplicates_;
        return reply::duplicate;
    }
    asked->second.answered = true;
    rtt_.add(rtt);
    return reply::first;
}

double ping_statistics::loss_percent() const
{
    if (transmitted_ == 0) return 0;
    return 100.0 * static_cast<double>(transmitted_ - received()) / static_cast<double>(transmitted_);
}

std::string ping_statistics::text(std::chrono::nanoseconds elapsed) const
{
    const double loss = loss_percent();
    std::string out = std::to_string(transmitted_) + " packets transmitted, " + std::to_string(received()) + " received, ";
    if (duplicates_ > 0) out += '+' + std::to_string(duplicates_) + " duplicates, ";
    if (errors_ > 0) out += '+' + std::to_string(errors_) + " errors, ";
    out += format_fixed(loss, loss == std::floor(loss) ? 0 : 4) + "% packet loss, time " +
           std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count()) + "ms\n";
    if (received() == 0) return out;
    return out + "rtt min/avg/max/mdev = " + format_ms(rtt_.min()) + '/' + format_ms(rtt_.mean()) + '/' + format_ms(rtt_.max()) +
           '/' + format_ms(rtt_.deviation()) + " ms\n";
}

} // namespace apps::tools
