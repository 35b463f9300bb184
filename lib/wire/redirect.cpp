#include "wire/redirect.hpp"

#include "wire/ndp_fields.hpp"

namespace tapio::core::wire {

namespace {

/// RFC 4861 §8.1.
bool is_valid_redirect(const redirect& r) noexcept
{
    if (r.destination.is_multicast() || r.destination.is_unspecified()) return false;
    return r.on_link() || r.target.is_link_local();
}

} // namespace

parsed<redirect> parse_redirect(const_bytes body) noexcept
{
    if (body.size() < 2 * ndp_address_size) return drop_reason::ndp_malformed;
    redirect r;
    r.target = ndp_address_at(body);
    r.destination = ndp_address_at(body.subspan(ndp_address_size));
    const bool whole = for_each_ndp_option(body.subspan(2 * ndp_address_size), [&](ndp_option type, const_bytes option) {
        if (type == ndp_option::target_link_address) r.target_link = link_address_of(option);
    });
    if (!whole || !is_valid_redirect(r)) return drop_reason::ndp_malformed;
    return r;
}

packet make_redirect(const redirect& r)
{
    packet p;
    if (r.target_link) store_link_address_option(p.push_front(8), ndp_option::target_link_address, *r.target_link);
    store_ndp_address(p.push_front(ndp_address_size), r.destination);
    store_ndp_address(p.push_front(ndp_address_size), r.target);
    return p;
}

} // namespace tapio::core::wire
