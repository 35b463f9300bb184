#include "ip/source_filter.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core::ip {

bool source_filter::accepts(const address& source) const noexcept
{
    const bool listed = std::binary_search(sources.begin(), sources.end(), source);
    return listed == (mode == filter_mode::include);
}

source_filter make_filter(filter_mode mode, std::span<const address> sources)
{
    source_filter f{mode, {sources.begin(), sources.end()}};
    std::sort(f.sources.begin(), f.sources.end());
    f.sources.erase(std::unique(f.sources.begin(), f.sources.end()), f.sources.end());
    return f;
}

void group_filters::set(subscriber_id who, source_filter filter)
{
    constexpr auto minus_one = static_cast<std::size_t>(-1); // unsigned arithmetic wraps around
    const auto old = filters_.find(who);
    count(filter, 1);
    if (old != filters_.end()) count(old->second, minus_one);
    if (!filter.is_nothing()) {
        filters_.insert_or_assign(who, std::move(filter));
    } else if (old != filters_.end()) {
        filters_.erase(old);
    }
}

void group_filters::count(const source_filter& filter, std::size_t by)
{
    const bool excludes = filter.mode == filter_mode::exclude;
    if (excludes) excluders_ += by;
    for (const address& s : filter.sources) {
        const auto at = uses_.try_emplace(s).first;
        (excludes ? at->second.excluded : at->second.included) += by;
        if (at->second.included == 0 && at->second.excluded == 0) uses_.erase(at);
    }
}

const source_filter* group_filters::find(subscriber_id who) const noexcept
{
    const auto at = filters_.find(who);
    return at == filters_.end() ? nullptr : &at->second;
}

bool group_filters::accepts(const address& source) const noexcept
{
    const auto at = uses_.find(source);
    if (at == uses_.end()) return excluders_ > 0;
    return excluders_ > 0 ? !is_excluded(at->second) : at->second.included > 0;
}

source_filter group_filters::merged() const
{
    source_filter f{excluders_ > 0 ? filter_mode::exclude : filter_mode::include, {}};
    for (const auto& [source, u] : uses_)
        if (excluders_ == 0 || is_excluded(u)) f.sources.push_back(source);
    return f;
}

} // namespace tapio::core::ip
