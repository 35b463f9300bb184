#include "core/destination_order.hpp"

#include "ip/source_selection.hpp"

namespace tapio::core {

void order_destinations(const network& net, std::vector<address>& all)
{
    if (all.size() < 2) return;
    static const ip::policy_table policies;
    std::vector<ip::destination_choice> choices;
    for (const address& a : all) {
        ip::destination_choice& c = choices.emplace_back(ip::destination_choice{a, std::nullopt, false, false});
        const auto way = net.routes().find(a, std::nullopt);
        if (!way) continue;
        c.reachable = true;
        ip::source_candidate source;
        source.address = way->source;
        if (const auto* const own = net.addresses().find(way->source)) {
            source.prefix_length = own->prefix_length;
            source.deprecated = own->deprecated;
            source.temporary = own->temporary;
        }
        c.source = source;
    }
    ip::order_destinations(choices, policies);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = choices[i].destination;
}

} // namespace tapio::core
