#include "ip/route_table.hpp"

#include <boost/assert.hpp>

#include <algorithm>
#include <utility>

namespace tapio::core::ip {

namespace {

constexpr unsigned longest_prefix(family f) noexcept { return f == family::v4 ? 32 : 128; }

bool is_same(const route_target& t, const route& r) noexcept ///< the metric is ignored
{
    return t.interface == r.interface && t.kind == r.kind && t.gateway == r.gateway;
}

/// Member by member: a copy of a whole route would wait until the parts of the original have left the store buffer.
void assign(route& to, const address& network, unsigned length, const route_target& t)
{
    to.network = network.is_v4() ? to_address(prefix_of(to_bits(network.to_v4()), length))
                                 : to_address(prefix_of(to_bits(network.to_v6()), length));
    to.prefix_length = length;
    to.gateway = t.gateway;
    to.interface = t.interface;
    to.metric = t.metric;
    to.kind = t.kind;
}

route to_route(const address& network, unsigned length, const route_target& t)
{
    route out;
    assign(out, network, length, t);
    return out;
}

} // namespace

bool same_prefix(const address& a, const address& b, unsigned length) noexcept
{
    if (a.is_v4() != b.is_v4()) return false;
    if (a.is_v4()) return common_bits(to_bits(a.to_v4()), to_bits(b.to_v4())) >= std::min(length, 32U);
    return common_bits(to_bits(a.to_v6()), to_bits(b.to_v6())) >= std::min(length, 128U);
}

address network_of(const address& a, unsigned length) noexcept
{
    if (a.is_v4()) return to_address(prefix_of(to_bits(a.to_v4()), std::min(length, 32U)));
    const address network = to_address(prefix_of(to_bits(a.to_v6()), std::min(length, 128U)));
    return address_v6(network.to_v6().to_bytes(), a.to_v6().scope_id());
}

void route_table::add(const route& r)
{
    BOOST_ASSERT(r.prefix_length <= longest_prefix(family_of(r.network)));
    const std::uint32_t target = targets_.acquire({r.gateway, r.interface, r.metric, r.kind});
    if (r.network.is_v4())
        add(v4_, to_bits(r.network.to_v4()), r.prefix_length, target);
    else
        add(v6_, to_bits(r.network.to_v6()), r.prefix_length, target);
}

template <class Bits>
void route_table::add(prefix_trie<Bits>& to, const Bits& network, unsigned length, std::uint32_t target)
{
    std::uint32_t* const there = to.find(network, length);
    if (there == nullptr) {
        to.insert(network, length, target);
        inserted(network, length, target);
        return;
    }
    const std::uint32_t before = *there;
    if (!add_to(*there, target)) targets_.release(target); // the first add() holds it
    if (*there != before) changed(network, length, *there);
}

/// Adds a route to a prefix that has one or more. @return false: the route exists already, and was counted
bool route_table::add_to(std::uint32_t& there, std::uint32_t target)
{
    if ((there & list_flag) == 0) there = lists_.add({counted{there}}) | list_flag;
    list& routes = lists_[there & ~list_flag];
    for (counted& c : routes)
        if (c.target == target) return ++c.times, false;
    const auto after = std::find_if(routes.begin(), routes.end(),
                                    [&](const counted& c) { return targets_[target].metric < targets_[c.target].metric; });
    routes.insert(after, counted{target});
    return true;
}

bool route_table::remove(const route& r)
{
    if (r.prefix_length > longest_prefix(family_of(r.network))) return false;
    return r.network.is_v4() ? remove(v4_, to_bits(r.network.to_v4()), r) : remove(v6_, to_bits(r.network.to_v6()), r);
}

template <class Bits>
bool route_table::remove(prefix_trie<Bits>& from, const Bits& network, const route& r)
{
    std::uint32_t* const there = from.find(network, r.prefix_length);
    if (there == nullptr) return false;
    counted single;
    const auto routes = routes_of(*there, single);
    const auto same = [&](const counted& c) { return is_same(targets_[c.target], r); };
    auto at = std::find_if(routes.begin(), routes.end(),
                           [&](const counted& c) { return same(c) && targets_[c.target].metric == r.metric; });
    if (at == routes.end()) at = std::find_if(routes.begin(), routes.end(), same);
    if (at == routes.end()) return false;
    const auto place = static_cast<std::size_t>(at - routes.begin());
    const std::uint32_t before = *there;
    if (at->times > 1) {
        --lists_[*there & ~list_flag][place].times;
    } else if (!erase_from(*there, place)) {
        from.erase(network, r.prefix_length);
        erased(network, r.prefix_length);
    } else if (*there != before) {
        changed(network, r.prefix_length, *there);
    }
    return true;
}

/// Erases one of the routes of a prefix. @return false: it was the only one, and the prefix has to be erased
bool route_table::erase_from(std::uint32_t& there, std::size_t at)
{
    counted single;
    const auto routes = routes_of(there, single);
    targets_.release(routes[at].target);
    if ((there & list_flag) == 0) return false;
    const std::uint32_t index = there & ~list_flag;
    lists_[index].erase(lists_[index].begin() + static_cast<std::ptrdiff_t>(at));
    if (lists_[index].size() > 1 || (lists_[index].size() == 1 && lists_[index].front().times > 1)) return true;
    const bool is_left = !lists_[index].empty();
    if (is_left) there = lists_[index].front().target;
    lists_.erase(index);
    return is_left;
}

void route_table::remove_if(const condition& unwanted)
{
    remove_if(v4_, unwanted);
    remove_if(v6_, unwanted);
}

template <class Bits>
void route_table::remove_if(prefix_trie<Bits>& from, const condition& unwanted)
{
    std::vector<std::pair<Bits, unsigned>> emptied; // prefixes without a route
    from.for_each([&](const Bits& network, unsigned length, std::uint32_t& there) {
        const std::uint32_t before = there;
        counted single;
        bool has_routes = true;
        for (std::size_t i = routes_of(there, single).size(); i-- > 0;) // backwards, because the routes behind may move
            if (unwanted(to_route(to_address(network), length, targets_[routes_of(there, single)[i].target])))
                has_routes = erase_from(there, i);
        if (!has_routes)
            emptied.emplace_back(network, length);
        else if (there != before)
            changed(network, length, there);
    });
    for (const auto& [network, length] : emptied) {
        from.erase(network, length);
        erased(network, length);
    }
}

void route_table::inserted(std::uint32_t network, unsigned length, std::uint32_t there)
{
    ++v4_prefixes_;
    if (index_) return changed(network, length, there);
    if (v4_prefixes_ < indexed_from_) return;
    index_ = std::make_unique<route_index>();
    v4_.for_each([this](std::uint32_t n, unsigned l, std::uint32_t value) { index_->set(n, l, value); });
}

void route_table::changed(std::uint32_t network, unsigned length, std::uint32_t there)
{
    if (index_) index_->set(prefix_of(network, length), length, there);
}

void route_table::erased(std::uint32_t network, unsigned length)
{
    --v4_prefixes_;
    if (!index_) return;
    if (v4_prefixes_ < indexed_from_ / 2) return index_.reset();
    network = prefix_of(network, length);
    indexed_prefix next;
    v4_.find_each(network, [&](unsigned other, std::uint32_t there) {
        if (other >= length) return false;
        next = {other, there};
        return true;
    });
    index_->erase(network, length, next);
}

std::optional<route> route_table::find(const address& destination, std::optional<std::uint32_t> interface) const
{
    std::optional<route> out;
    if (const auto m = match(destination, interface, [](const route_target&, unsigned) { return true; }))
        assign(out.emplace(), destination, m.length, *m.target);
    return out;
}

std::optional<route> route_table::find_if(const address& destination, std::optional<std::uint32_t> interface,
                                          const condition& usable) const
{
    if (!usable) return find(destination, interface);
    std::optional<route> out;
    const auto is_usable = [&](const route_target& t, unsigned length) {
        assign(out.emplace(), destination, length, t);
        return usable(*out);
    };
    if (!match(destination, interface, is_usable)) out.reset();
    return out;
}

std::vector<route> route_table::all() const
{
    std::vector<route> out;
    const auto append = [&](const auto& network, unsigned length, std::uint32_t there) {
        counted single;
        for (const counted& c : routes_of(there, single))
            out.push_back(to_route(to_address(network), length, targets_[c.target]));
    };
    v4_.for_each(append);
    v6_.for_each(append);
    std::stable_sort(out.begin(), out.end(), [](const route& a, const route& b) { return a.prefix_length > b.prefix_length; });
    return out;
}

} // namespace tapio::core::ip
