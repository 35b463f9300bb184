#include "ip/route_table.hpp"

#include <tuple>

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

} // namespace

bool same_prefix(const address& a, const address& b, unsigned length) noexcept
{
    if (a.is_v4() != b.is_v4()) return false;
    if (a.is_v4()) return same_bits(a.to_v4().to_bytes(), b.to_v4().to_bytes(), length);
    return same_bits(a.to_v6().to_bytes(), b.to_v6().to_bytes(), length);
}

void route_table::add(route r)
{
    const auto at = std::find_if(routes_.begin(), routes_.end(), [&r](const route& other) {
        return std::tuple(other.prefix_length, r.metric) < std::tuple(r.prefix_length, other.metric);
    });
    routes_.insert(at, std::move(r));
}

bool route_table::remove(const route& r)
{
    const auto at = std::find_if(routes_.begin(), routes_.end(), [&r](const route& other) {
        return std::tie(other.network, other.prefix_length, other.gateway, other.interface) ==
               std::tie(r.network, r.prefix_length, r.gateway, r.interface);
    });
    if (at == routes_.end()) return false;
    routes_.erase(at);
    return true;
}

} // namespace tapio::core::ip
