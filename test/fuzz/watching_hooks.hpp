/// @file
/// Hooks for fuzzers: of a user who refuses and rewrites at random, and one that watches what becomes of checksums.
#pragma once

#include "frames.hpp"

#include <tapio/core/packet_hook.hpp>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>
#include <vector>

namespace tapio::test {

[[noreturn]] inline void fail(const char* what)
{
    std::printf("FAILED: %s\n", what);
    std::fflush(stdout);
    std::abort();
}

inline bool checksums_right(packet p)
{
    complete_checksums(p);
    packet summed(slice::copy_of(flat(p)));
    return update_checksums(summed, link_type::ip) && flat(summed) == flat(p);
}

inline void print(const char* what, interface_id by, const packet& p)
{
    std::printf("%s%u (checksum %s, gso %u):", what, by,
                p.offload.checksum == offload_info::checksum_state::partial ? "partial" : "complete",
                static_cast<unsigned>(p.offload.gso_size));
    for (const std::byte b : flat(p)) std::printf(" %02x", std::to_integer<unsigned>(b));
    std::printf("\n");
}

/// Stands before and behind all other hooks: a packet whose checksums were right when it came leaves with right ones.
struct watch final : packet_hook
{
    static constexpr std::uint32_t was_right = 1;
    explicit watch(bool is_first) : first(is_first) {}
    hook_verdict input(hooked_packet& p, time_point) override
    {
        const bool readable = p.has_ports() || (p.protocol() != 6 && p.protocol() != 17); // not of a malformed TCP or UDP header
        if (first) p.set_mark(readable && checksums_right(p.contents()) ? was_right : 0);
        return hook_verdict::accept;
    }
    hook_verdict output(hooked_packet& p, time_point) override
    {
        if (first) return hook_verdict::accept;
        ++(p.in() == hooked_packet::none ? own : forwarded);
        const bool must = p.in() == hooked_packet::none || (p.mark() & was_right) != 0;
        if (must && !checksums_right(p.contents())) {
            print("to interface ", p.out(), p.contents());
            fail("a packet leaves with a wrong checksum");
        }
        return hook_verdict::accept;
    }
    bool first;
    std::uint64_t own = 0, forwarded = 0;
};

/// Refuses some packets, and gives some another destination.
struct moody final : packet_hook
{
    moody(std::mt19937_64& r, std::vector<address> d) : random(r), destinations(std::move(d)) {}
    hook_verdict any()
    {
        const auto n = random() % 128;
        return n == 0 ? hook_verdict::drop : n == 1 ? hook_verdict::reject : hook_verdict::accept;
    }
    hook_verdict input(hooked_packet& p, time_point) override
    {
        const address& to = destinations[random() % destinations.size()];
        if (random() % 32 == 0 && to.is_v4() == (p.family() == family::v4)) p.set_destination({to, p.destination().port});
        return any();
    }
    hook_verdict forward(hooked_packet&, time_point) override { return any(); }
    hook_verdict output(hooked_packet&, time_point) override { return any(); }
    std::mt19937_64& random;
    std::vector<address> destinations;
};

} // namespace tapio::test
