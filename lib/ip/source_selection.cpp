#include "ip/source_selection.hpp"

#include "ip/address_bits.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tapio::core::ip {

namespace {

/// §2.1
const std::vector<policy>& default_policies()
{
    static const std::vector<policy> rows = [] {
        const auto row = [](const char* prefix, unsigned length, std::uint32_t precedence, std::uint32_t label) {
            return policy{boost::asio::ip::make_address_v6(prefix), length, precedence, label};
        };
        return std::vector<policy>{row("::1", 128, 50, 0),   row("::", 0, 40, 1),      row("::ffff:0:0", 96, 35, 4),
                                   row("2002::", 16, 30, 2), row("2001::", 32, 5, 5),  row("fc00::", 7, 3, 13),
                                   row("::", 96, 1, 3),      row("fec0::", 10, 1, 11), row("3ffe::", 16, 1, 12)};
    }();
    return rows;
}

/// The IPv4 address instead of an IPv4-mapped one.
address unmapped(const address& a) noexcept
{
    if (a.is_v6() && a.to_v6().is_v4_mapped()) return make_address_v4(boost::asio::ip::v4_mapped, a.to_v6());
    return a;
}

address_v6 mapped(const address& a) noexcept
{
    return a.is_v4() ? make_address_v6(boost::asio::ip::v4_mapped, a.to_v4()) : a.to_v6();
}

scope scope_of_v4(std::uint32_t a) noexcept
{
    if (a >> 24 == 127 || a >> 16 == 0xa9fe) return scope::link_local; // 127/8, 169.254/16
    if (a >> 8 == 0xe0'0000) return scope::link_local;                 // 224.0.0/24
    if (a >> 16 == 0xefff) return scope::realm_local;                  // 239.255/16
    if (a >> 18 == 0xefc0 >> 2) return scope::organization_local;      // 239.192/14
    return scope::global;
}

/// How many bits the addresses have in common, of the source's prefix (§2.2).
unsigned common_prefix(const source_candidate& source, const address& destination) noexcept
{
    const address s = unmapped(source.address), d = unmapped(destination);
    if (s.is_v4() != d.is_v4()) return 0;
    const unsigned common =
        s.is_v4() ? common_bits(to_bits(s.to_v4()), to_bits(d.to_v4())) : common_bits(to_bits(s.to_v6()), to_bits(d.to_v6()));
    return std::min(common, source.prefix_length);
}

unsigned home_rank(const source_candidate& c, bool prefer_home) noexcept
{
    if (c.home && c.care_of) return 0;
    return c.home == prefer_home ? 1 : 2;
}

bool may_be_source(const source_candidate& c, const source_request& r) noexcept ///< §4
{
    const address a = unmapped(c.address), d = unmapped(r.destination);
    if (a.is_v4() != d.is_v4() || a.is_unspecified() || a.is_multicast()) return false;
    const bool stays_on_link = d.is_multicast() || scope_of(d) <= scope::link_local;
    return !stays_on_link || c.interface == r.interface;
}

/// For rule 2: large enough for the destination, but not larger than necessary; else as large as possible.
unsigned scope_rank(scope source, scope destination) noexcept
{
    const auto s = static_cast<unsigned>(source);
    return source >= destination ? s : 32 - s;
}

/// One number for each rule, in the order of the rules; the lower is preferred.
using source_rank = std::array<unsigned, 9>;

source_rank rank_of(const source_candidate& c, const source_request& r, const policy_table& policies) noexcept
{
    return {
        !(unmapped(c.address) == unmapped(r.destination)),                    // 1: same address
        scope_rank(scope_of(c.address), scope_of(r.destination)),             // 2: appropriate scope
        c.deprecated,                                                         // 3: avoid deprecated addresses
        home_rank(c, r.preferences.home),                                     // 4: home addresses
        c.interface != r.interface,                                           // 5: outgoing interface
        !c.advertised_by_next_hop,                                            // 5.5: prefix of the next hop
        policies.find(c.address).label != policies.find(r.destination).label, // 6: matching label
        c.temporary != r.preferences.temporary,                               // 7: temporary addresses
        width_of<address_bits> - common_prefix(c, r.destination),             // 8: longest matching prefix
    };
}

/// Rules 1 to 8 of §6, in the same way. Without a source, the rules that ask for it count as missed.
using destination_rank = std::array<unsigned, 8>;

destination_rank rank_of(const destination_choice& c, const policy_table& policies) noexcept
{
    const policy& p = policies.find(c.destination);
    const scope s = scope_of(c.destination);
    return {
        !c.reachable || !c.source,                                      // 1: avoid unusable destinations
        !c.source || scope_of(c.source->address) != s,                  // 2: matching scope
        !c.source || c.source->deprecated,                              // 3: avoid deprecated source addresses
        c.source ? home_rank(*c.source, true) : 2,                      // 4: home addresses
        !c.source || policies.find(c.source->address).label != p.label, // 5: matching label
        ~p.precedence,                                                  // 6: higher precedence
        c.encapsulated,                                                 // 7: native transport
        static_cast<unsigned>(s),                                       // 8: smaller scope
    };
}

struct ranked_destination
{
    destination_rank rank;
    unsigned common = 0; ///< bits; for rule 9
    destination_choice choice;
};

/// Rule 9 among the destinations of one family, whose places do not change otherwise.
void order_by_prefix(std::span<ranked_destination> equals, bool is_v4)
{
    std::vector<ranked_destination*> places;
    std::vector<ranked_destination> sorted;
    for (ranked_destination& r : equals)
        if (unmapped(r.choice.destination).is_v4() == is_v4) places.push_back(&r), sorted.push_back(r);
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.common > b.common; });
    for (std::size_t i = 0; i < places.size(); ++i) *places[i] = std::move(sorted[i]);
}

} // namespace

scope scope_of(const address& a) noexcept
{
    const address plain = unmapped(a);
    if (plain.is_v4()) return scope_of_v4(plain.to_v4().to_uint());
    const address_v6 v6 = plain.to_v6();
    if (v6.is_multicast()) return static_cast<scope>(v6.to_bytes()[1] & 0xf);
    if (v6.is_link_local() || v6.is_loopback()) return scope::link_local;
    return v6.is_site_local() ? scope::site_local : scope::global;
}

policy_table::policy_table() : policy_table(default_policies()) {}

policy_table::policy_table(std::vector<policy> rows) : rows_(std::move(rows))
{
    std::stable_sort(rows_.begin(), rows_.end(),
                     [](const policy& a, const policy& b) { return a.prefix_length > b.prefix_length; });
    if (rows_.empty() || rows_.back().prefix_length != 0) rows_.push_back({{}, 0, 40, 1});
}

const policy& policy_table::find(const address& a) const noexcept
{
    const address_bits wanted = to_bits(mapped(a));
    return *std::find_if(rows_.begin(), rows_.end() - 1,
                         [&](const policy& p) { return common_bits(to_bits(p.prefix), wanted) >= p.prefix_length; });
}

const source_candidate* select_source(std::span<const source_candidate> candidates, const source_request& request,
                                      const policy_table& policies) noexcept
{
    const source_candidate* best = nullptr;
    source_rank best_rank{};
    for (const source_candidate& c : candidates) {
        if (!may_be_source(c, request)) continue;
        const source_rank rank = rank_of(c, request, policies);
        if (best == nullptr || rank < best_rank) best = &c, best_rank = rank;
    }
    return best;
}

void order_destinations(std::span<destination_choice> choices, const policy_table& policies)
{
    std::vector<ranked_destination> ranked;
    for (const destination_choice& c : choices)
        ranked.push_back({rank_of(c, policies), c.source ? common_prefix(*c.source, c.destination) : 0, c});
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
    // Rule 9 compares destinations of the same family only, so it is no order of all of them, which a sort could use.
    for (auto first = ranked.begin(); first != ranked.end();) {
        const auto last = std::find_if(first, ranked.end(), [&](const auto& r) { return r.rank != first->rank; });
        for (const bool is_v4 : {false, true}) order_by_prefix({first, last}, is_v4);
        first = last;
    }
    for (std::size_t i = 0; i < choices.size(); ++i) choices[i] = std::move(ranked[i].choice);
}

} // namespace tapio::core::ip
