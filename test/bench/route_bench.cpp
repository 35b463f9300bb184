// Cost of the routing table: lookup, insertion with removal, and memory, for tables of a few routes and of a full table of the
// Internet. The naive table, a map searched once for each prefix length, is measured beside it.
//     test/run builds it; run it as build/release/test/bench/route_bench
#include "base/split_mix.hpp"
#include "ip/route_table.hpp"
#include "support/naive_route_table.hpp"

#include <array>
#include <benchmark/benchmark.h>
#include <cstdint>
#include <malloc.h>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace tapio::core::ip {
namespace {

struct share
{
    unsigned length; // bits
    unsigned per_thousand;
};

// About the mix in which the tables of the Internet's routers have them.
constexpr std::array<share, 13> mix_v4{{{24, 600},
                                        {23, 100},
                                        {22, 120},
                                        {21, 50},
                                        {20, 45},
                                        {19, 25},
                                        {18, 15},
                                        {17, 10},
                                        {16, 30},
                                        {15, 2},
                                        {14, 1},
                                        {13, 1},
                                        {12, 1}}};
constexpr std::array<share, 9> mix_v6{
    {{48, 480}, {44, 110}, {40, 90}, {32, 150}, {36, 40}, {29, 50}, {46, 40}, {47, 30}, {64, 10}}};

template <std::size_t n>
unsigned pick_length(const std::array<share, n>& mix, std::uint64_t& state)
{
    auto at = static_cast<unsigned>(split_mix(state) % 1000);
    for (const share& s : mix) {
        if (at < s.per_thousand) return s.length;
        at -= s.per_thousand;
    }
    return mix.front().length;
}

/// In 1.0.0.0 to 223.255.255.255.
address some_v4(std::uint64_t& state)
{
    return address_v4(0x100'0000 + static_cast<std::uint32_t>(split_mix(state) % (223U << 24)));
}

/// In one of 30,000 provider networks of 32 bits, which lie in the blocks that registries give out.
address some_v6(std::uint64_t& state)
{
    constexpr std::array<std::uint32_t, 6> blocks{0x2400'0000, 0x2600'0000, 0x2800'0000, 0x2a00'0000, 0x2c00'0000, 0x2001'0000};
    const std::uint64_t provider = split_mix(state) % 30'000;
    const std::uint64_t first = blocks[provider % blocks.size()] | provider / blocks.size() << 3;
    return to_address(address_bits{first << 32 | split_mix(state) >> 32, split_mix(state)});
}

address gateway(family f, std::uint64_t& state) // one of 64 neighbours
{
    const std::uint64_t host = split_mix(state) % 64 + 1;
    return f == family::v4 ? address(address_v4(static_cast<std::uint32_t>(0xc000'0200 + host)))
                           : to_address(address_bits{0xfe80'0000'0000'0000, host});
}

std::vector<route> make_routes(family f, std::size_t count)
{
    std::uint64_t state = 1;
    std::set<std::pair<address, unsigned>> known;
    std::vector<route> out;
    while (out.size() < count) {
        const unsigned length = f == family::v4 ? pick_length(mix_v4, state) : pick_length(mix_v6, state);
        const address network = network_of(f == family::v4 ? some_v4(state) : some_v6(state), length);
        if (!known.emplace(network, length).second) continue;
        const address via = gateway(f, state);
        out.push_back({network, length, via, static_cast<std::uint32_t>(1 + split_mix(state) % 4), 0});
    }
    return out;
}

/// Addresses within randomly chosen routes.
std::vector<address> make_destinations(const std::vector<route>& routes, std::size_t count)
{
    std::uint64_t state = 2;
    std::vector<address> out;
    while (out.size() < count) {
        const route& r = routes[split_mix(state) % routes.size()];
        const address_bits host = address_bits{split_mix(state), split_mix(state)} >> r.prefix_length;
        if (r.network.is_v4())
            out.push_back(to_address(to_bits(r.network.to_v4()) | static_cast<std::uint32_t>(host.high >> 32)));
        else
            out.push_back(to_address(to_bits(r.network.to_v6()) | host));
    }
    return out;
}

std::size_t allocated() // octets, with what malloc adds
{
    const auto m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

template <class Table>
struct world
{
    world(family f, std::size_t count) : routes(make_routes(f, count)), destinations(make_destinations(routes, 1U << 20))
    {
        const std::size_t before = allocated();
        table = std::make_unique<Table>();
        for (const route& r : routes) table->add(r);
        octets_per_route = static_cast<double>(allocated() - before) / static_cast<double>(count);
    }

    std::vector<route> routes;
    std::vector<address> destinations;
    std::unique_ptr<Table> table;
    double octets_per_route = 0;
};

/// The table of the last benchmark: most of the time would go into building it anew.
template <class Table>
world<Table>& world_for(family f, std::size_t count)
{
    static std::unique_ptr<world<Table>> last;
    static std::pair<family, std::size_t> last_is;
    if (!last || last_is != std::pair(f, count)) {
        last.reset();
        last = std::make_unique<world<Table>>(f, count);
        last_is = {f, count};
    }
    return *last;
}

template <class Table, family f>
void lookup(benchmark::State& state)
{
    const auto& w = world_for<Table>(f, static_cast<std::size_t>(state.range(0)));
    std::size_t i = 0;
    benchmark::IterationCount found = 0;
    for (auto _ : state) {
        const auto r = w.table->find(w.destinations[i++ % w.destinations.size()]);
        found += r.has_value();
        benchmark::DoNotOptimize(r);
    }
    if (found != state.iterations()) state.SkipWithError("no route");
    state.counters["octets_per_route"] = w.octets_per_route;
}

/// The same without the construction of a route: what a sender does.
template <class Table, family f>
void match(benchmark::State& state)
{
    const auto& w = world_for<Table>(f, static_cast<std::size_t>(state.range(0)));
    std::size_t i = 0;
    benchmark::IterationCount found = 0;
    for (auto _ : state) {
        const auto m = w.table->match(w.destinations[i++ % w.destinations.size()], std::nullopt,
                                      [](const route_target& t, unsigned) { return t.kind == route_kind::unicast; });
        found += m->interface != 0;
    }
    if (found != state.iterations()) state.SkipWithError("no route");
}

/// Each destination is known only after the lookup of the one before.
template <class Table, family f>
void dependent_lookup(benchmark::State& state)
{
    const auto& w = world_for<Table>(f, static_cast<std::size_t>(state.range(0)));
    std::size_t i = 0;
    for (auto _ : state) i += w.table->find(w.destinations[i % w.destinations.size()])->interface;
    benchmark::DoNotOptimize(i);
}

/// Removes a route and adds it again.
template <class Table, family f>
void replace(benchmark::State& state)
{
    auto& w = world_for<Table>(f, static_cast<std::size_t>(state.range(0)));
    std::uint64_t random = 3;
    for (auto _ : state) {
        const route& r = w.routes[split_mix(random) % w.routes.size()];
        w.table->remove(r);
        w.table->add(r);
    }
}

#define ROUTE_BENCHMARK(table, version, few, many)                             \
    BENCHMARK_TEMPLATE(lookup, table, version)->Arg(few)->Arg(many);           \
    BENCHMARK_TEMPLATE(dependent_lookup, table, version)->Arg(few)->Arg(many); \
    BENCHMARK_TEMPLATE(replace, table, version)->Arg(few)->Arg(many)

ROUTE_BENCHMARK(route_table, family::v4, 10, 1'000'000);
BENCHMARK_TEMPLATE(match, route_table, family::v4)->Arg(10)->Arg(1'000'000);
ROUTE_BENCHMARK(naive_route_table, family::v4, 10, 1'000'000);
ROUTE_BENCHMARK(route_table, family::v6, 10, 200'000);
BENCHMARK_TEMPLATE(match, route_table, family::v6)->Arg(10)->Arg(200'000);
ROUTE_BENCHMARK(naive_route_table, family::v6, 10, 200'000);

} // namespace
} // namespace tapio::core::ip
