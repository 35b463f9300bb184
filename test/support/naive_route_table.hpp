// The simplest table of routes: a map by prefix, searched once for each prefix length. A model for the tests of ip::route_table,
// and the reference of its benchmark.
#pragma once

#include "ip/route_table.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace tapio::core::ip {

class naive_route_table
{
public:
    void add(route r)
    {
        r.network = network_of(r.network, r.prefix_length);
        auto& there = routes_[{max_length - r.prefix_length, r.network}];
        if (there.empty()) ++networks_[r.prefix_length];
        for (counted& c : there)
            if (is_same(c.what, r) && c.what.metric == r.metric) return void(++c.times);
        const auto after = std::find_if(there.begin(), there.end(), [&r](const counted& c) { return r.metric < c.what.metric; });
        there.insert(after, {r, 1});
    }
    bool remove(const route& r)
    {
        const auto there = routes_.find({max_length - r.prefix_length, network_of(r.network, r.prefix_length)});
        if (there == routes_.end()) return false;
        const auto first = [&](auto&& wanted) { return std::find_if(there->second.begin(), there->second.end(), wanted); };
        auto at = first([&r](const counted& c) { return is_same(c.what, r) && c.what.metric == r.metric; });
        if (at == there->second.end()) at = first([&r](const counted& c) { return is_same(c.what, r); });
        if (at == there->second.end()) return false;
        if (--at->times == 0) there->second.erase(at);
        forget_if_empty(there);
        return true;
    }
    template <class Unwanted>
    void remove_if(Unwanted&& unwanted)
    {
        for (auto at = routes_.begin(); at != routes_.end();) {
            std::erase_if(at->second, [&](const counted& c) { return unwanted(c.what); });
            at = forget_if_empty(at);
        }
    }

    template <class Usable>
    std::optional<route> find_if(const address& destination, std::optional<std::uint32_t> interface, Usable&& usable) const
    {
        for (unsigned length = max_length + 1; length-- > 0;) {
            if (networks_[length] == 0) continue;
            const auto there = routes_.find({max_length - length, network_of(destination, length)});
            if (there == routes_.end()) continue;
            for (const counted& c : there->second) {
                const bool matches = !interface || c.what.interface == *interface || c.what.kind != route_kind::unicast;
                if (matches && usable(c.what)) return c.what;
            }
        }
        return std::nullopt;
    }
    std::optional<route> find(const address& destination, std::optional<std::uint32_t> interface = {}) const
    {
        return find_if(destination, interface, [](const route&) { return true; });
    }

    std::vector<route> all() const
    {
        std::vector<route> out;
        for (const auto& [of, there] : routes_)
            for (const counted& c : there) out.push_back(c.what);
        return out;
    }

private:
    static constexpr unsigned max_length = 128; // bits; IPv6

    struct counted
    {
        route what;
        std::size_t times = 1; // add() calls less remove() calls
    };
    using table = std::map<std::pair<unsigned, address>, std::vector<counted>>;

    static bool is_same(const route& a, const route& b) noexcept // the metric is ignored
    {
        return a.gateway == b.gateway && a.interface == b.interface && a.kind == b.kind;
    }
    table::iterator forget_if_empty(table::iterator at)
    {
        if (!at->second.empty()) return std::next(at);
        --networks_[max_length - at->first.first];
        return routes_.erase(at);
    }

    table routes_;                                       // by (max_length - prefix length, network); best route first
    std::array<std::size_t, max_length + 1> networks_{}; // number of networks in `routes_`, by prefix length
};

} // namespace tapio::core::ip
