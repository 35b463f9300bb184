/// @file
/// The mappings of a NAT and their sessions: limits and timeouts. It sees no packets. Read RFC 4787 §4 and §5 and RFC 5382 §5
/// first.
#pragma once

#include "base/random_source.hpp"
#include "ip/nat44_entries.hpp"
#include "ip/nat44_pool.hpp"
#include "ip/nat44_ports.hpp"

#include <tapio/core/nat44.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tapio::core::ip {

/// Packets change the table in constant time. Only packets from inside create anything, so the outside cannot fill it.
///
/// The sessions of a queue all have the same timeout, and one that is used moves to the end of its queue: thus each queue is in
/// order of expiry, without a timer per session. A mapping ends with its last session.
class nat44_table
{
public:
    nat44_table(const nat44_options& options, std::span<const std::byte, random_source::seed_size> seed);

    /// Deletes all mappings and makes those of the forwards anew.
    void set_outside_addresses(const std::vector<address_v4>& addresses);
    const std::vector<address_v4>& outside_addresses() const noexcept { return addresses_; }
    bool is_outside_address(std::uint32_t a) const noexcept;
    /// The outside address of an inside host's mappings ("paired" pooling, RFC 4787 REQ-2). Precondition: there is one
    std::uint32_t outside_address_for(std::uint32_t inside) const noexcept;

    nat44_mapping_entry* find_inside(wire::ip_protocol protocol, const nat44_endpoint& inside) const noexcept;
    nat44_mapping_entry* find_outside(wire::ip_protocol protocol, const nat44_endpoint& outside) const noexcept;

    /// The mapping by which a packet leaves; created if there is none (endpoint-independent mapping, RFC 4787 REQ-1). Its session
    /// with `remote` is created or refreshed (REQ-6).
    /// @param tcp_flags of a TCP segment  @return null: a limit is reached, or no port is free
    nat44_mapping_entry* map_outbound(wire::ip_protocol protocol, const nat44_endpoint& inside, const nat44_endpoint& remote,
                                      std::uint8_t tcp_flags, time_point now);

    /// Whether the mapping's filter admits a packet from `remote`. If so, its TCP session, if it has one, follows the flags.
    bool admit_inbound(nat44_mapping_entry& m, const nat44_endpoint& remote, std::uint8_t tcp_flags, time_point now) noexcept;

    time_point next_deadline() const noexcept;
    void expire(time_point now, std::size_t at_most) noexcept; ///< deletes sessions that have expired

    nat44_counters counters() const noexcept; ///< of mappings and sessions
    std::vector<nat44_mapping> mappings() const;

private:
    struct ports_key
    {
        std::uint32_t address;
        wire::ip_protocol protocol;
        auto operator<=>(const ports_key&) const = default;
    };

    nat44_ports& ports_of(std::uint32_t address, wire::ip_protocol protocol);
    void add_forward(const nat44_forward& f);
    nat44_mapping_entry& add_mapping(wire::ip_protocol protocol, const nat44_endpoint& inside, const nat44_endpoint& outside);
    nat44_mapping_entry* create(wire::ip_protocol protocol, const nat44_endpoint& inside);
    void erase(nat44_mapping_entry& m) noexcept;
    void clear() noexcept;

    nat44_key session_key(const nat44_mapping_entry& m, const nat44_endpoint& remote) const noexcept;
    bool has_share_left(const nat44_host* host) const noexcept;
    nat44_session& session_of(nat44_mapping_entry& m, const nat44_endpoint& remote, time_point now);
    void unlink(nat44_session& s) noexcept;
    void erase(nat44_session& s) noexcept;
    bool passes_filter(const nat44_mapping_entry& m, const nat44_endpoint& remote, time_point now) const noexcept;
    void requeue(nat44_session& s, time_point now) noexcept;
    nat44_timeout timeout_of(const nat44_session& s) const noexcept;

    nat44_session_list<nat44_by_expiry>& queue(nat44_timeout t) noexcept { return queues_[static_cast<std::size_t>(t)]; }

    nat44_options options_;
    std::array<duration, nat44_timeout_count> timeouts_; ///< by nat44_timeout
    random_source random_;
    siphash_key pairing_key_;
    std::vector<address_v4> addresses_;

    nat44_pool<nat44_mapping_entry> mappings_;
    nat44_pool<nat44_outside> outside_;
    nat44_pool<nat44_host> hosts_;
    nat44_pool<nat44_session> sessions_;
    nat44_pool<nat44_peer> peers_;
    std::array<nat44_session_list<nat44_by_expiry>, nat44_timeout_count> queues_;
    std::map<ports_key, nat44_ports> ports_; ///< a few: one for each outside address and protocol in use
    std::size_t forwards_ = 0;               ///< in mappings_
    nat44_counters counters_{};
};

} // namespace tapio::core::ip
