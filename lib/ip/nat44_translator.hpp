/// @file
/// What a NAT does with a packet: the hooks of core::nat44. Read RFC 4787, RFC 5382 and RFC 5508 first.
#pragma once

#include "base/random_source.hpp"
#include "ip/nat44_icmp.hpp"
#include "ip/nat44_table.hpp"

#include <tapio/core/nat44.hpp>
#include <tapio/core/packet_hook.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tapio::core::ip {

/// A packet from inside to the outside passes output(), which changes its source. A packet from outside to an outside address
/// passes input(), which changes its destination. A packet from inside to a mapped endpoint passes both (hairpinning).
class nat44_translator
{
public:
    /// Precondition: the options are valid
    nat44_translator(const nat44_options& options, std::span<const std::byte, random_source::seed_size> seed);

    hook_verdict input(hooked_packet& p, time_point now);
    hook_verdict forward(const hooked_packet& p) noexcept;
    hook_verdict output(hooked_packet& p, time_point now);

    time_point next_deadline() const noexcept { return table_.next_deadline(); }
    void advance(time_point now) noexcept;

    void set_outside_addresses(const std::vector<address_v4>& addresses) { table_.set_outside_addresses(addresses); }
    const std::vector<address_v4>& outside_addresses() const noexcept { return table_.outside_addresses(); }
    nat44_counters counters() const noexcept;
    std::vector<nat44_mapping> mappings() const { return table_.mappings(); }

private:
    void tick(time_point now) noexcept;
    bool from_outside(const hooked_packet& p) const noexcept { return p.in() == outside_; }

    hook_verdict unmap(hooked_packet& p, nat44_mapping_entry& m, const nat44_endpoint& remote, std::uint8_t flags);
    void mark_unmapped(hooked_packet& p) const noexcept;
    hook_verdict input_hairpin(hooked_packet& p, nat44_mapping_entry& m);
    hook_verdict input_icmp(hooked_packet& p);
    hook_verdict input_error(hooked_packet& p);

    hook_verdict masquerade(hooked_packet& p, bool hairpin);
    nat44_mapping_entry* map_sender(const hooked_packet& p, const nat44_endpoint& remote);
    hook_verdict masquerade_query(hooked_packet& p, std::uint16_t identifier);
    hook_verdict masquerade_error(hooked_packet& p);
    void translate_own_error(hooked_packet& p);
    nat44_mapping_entry* quoted_mapping(const nat44_quote& q) const noexcept;
    hook_verdict refuse_unsupported() noexcept;

    nat44_table table_;
    std::uint32_t outside_; ///< interface
    bool block_untranslated_;
    time_point now_{}; ///< never goes back, although shards may differ a little
    std::uint64_t filtered_ = 0, unsupported_ = 0;
};

} // namespace tapio::core::ip
