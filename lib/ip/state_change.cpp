#include "ip/state_change.hpp"

#include <algorithm>
#include <iterator>

namespace tapio::core::ip {

void state_change::add(const source_filter& before, const source_filter& after, unsigned robustness)
{
    if (before.mode != after.mode) return report_all(robustness);
    std::vector<address> difference;
    std::set_symmetric_difference(before.sources.begin(), before.sources.end(), after.sources.begin(), after.sources.end(),
                                  std::back_inserter(difference));
    for (const address& s : difference) add_source(s, robustness);
    if (sources_.size() > most_sources) report_all(robustness);
}

/// The sources of earlier changes are part of the whole state, and were to be reported no more often than it will be.
void state_change::report_all(unsigned reports) noexcept
{
    mode_reports_ = reports;
    sources_.clear();
}

void state_change::add_source(const address& source, unsigned robustness)
{
    const auto at = std::lower_bound(sources_.begin(), sources_.end(), source,
                                     [](const changed_source& c, const address& s) { return c.source < s; });
    if (at != sources_.end() && at->source == source) {
        at->reports = robustness;
    } else {
        sources_.insert(at, {source, robustness});
    }
}

void state_change::sent() noexcept
{
    if (mode_reports_ > 0) --mode_reports_;
    std::erase_if(sources_, [](changed_source& c) { return --c.reports == 0; });
}

std::vector<address> state_change::sources_that_are(bool wanted, const source_filter& now) const
{
    std::vector<address> out;
    for (const changed_source& c : sources_)
        if (now.accepts(c.source) == wanted) out.push_back(c.source);
    return out;
}

} // namespace tapio::core::ip
