#include "ip/route_table.hpp"

#include <algorithm>
#include <iterator>

namespace tapio::core::ip {

namespace {

template <class Bytes>
bool same_bits(const Bytes& a, const Bytes& b, unsigned length) noexcept
{
    const std::size_t whole = std::min<std::size_t>(length / 8, a.size());
    if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
    const unsigned rest = length % 8;
    return whole == a.size() || rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool is_same(const route& a, const route& b) noexcept ///< precondition: same network; the metric is ignored
{
    return a.gateway == b.gateway && a.interface == b.interface;
}

} // namespace

bool same_prefix(const address& a, const address& b, unsigned length) noexcept
{
    if (a.is_v4() != b.is_v4()) return false;
    if (a.is_v4()) return same_bits(a.to_v4().to_bytes(), b.to_v4().to_bytes(), length);
    return same_bits(a.to_v6().to_bytes(), b.to_v6().to_bytes(), length);
}

address network_of(const address& a, unsigned length) noexcept
{
    if (a.is_v4()) {
        const std::uint32_t mask = length == 0 ? 0 : ~std::uint32_t{0} << (32 - std::min(length, 32U));
        return address_v4(a.to_v4().to_uint() & mask);
    }
    auto bytes = a.to_v6().to_bytes();
    for (unsigned i = 0; i < bytes.size(); ++i) {
        const unsigned kept = std::min(length - std::min(length, 8 * i), 8U); // bits of this octet
        bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> kept));
    }
    return address_v6(bytes, a.to_v6().scope_id());
}

void route_table::add(route r)
{
    r.network = network_of(r.network, r.prefix_length);
    auto& there = routes_[{max_length - r.prefix_length, r.network}];
    if (there.empty()) ++networks_[r.prefix_length];
    longest_ = std::max(longest_, r.prefix_length);
    for (counted& c : there)
        if (is_same(c.what, r) && c.what.metric == r.metric) return void(++c.times);
    const auto after = std::find_if(there.begin(), there.end(), [&r](const counted& c) { return r.metric < c.what.metric; });
    there.insert(after, {std::move(r)});
}

bool route_table::remove(const route& r)
{
    const auto there = routes_.find({max_length - r.prefix_length, network_of(r.network, r.prefix_length)});
    if (there == routes_.end()) return false;
    const auto at =
        std::find_if(there->second.begin(), there->second.end(), [&r](const counted& c) { return is_same(c.what, r); });
    if (at == there->second.end()) return false;
    if (--at->times == 0) there->second.erase(at);
    forget_if_empty(there);
    return true;
}

route_table::table::iterator route_table::forget_if_empty(table::iterator at)
{
    if (!at->second.empty()) return std::next(at);
    --networks_[max_length - at->first.first];
    return routes_.erase(at);
}

std::vector<route> route_table::all() const
{
    std::vector<route> out;
    for (const auto& [of, there] : routes_)
        for (const counted& c : there) out.push_back(c.what);
    return out;
}

} // namespace tapio::core::ip
