/// @file
/// IPv4 link-local addresses (RFC 3927): an address of 169.254/16 that the interface gives itself.
///
/// Decides alone; its owner carries the decisions out (`link_local_v4_actions`). Read RFC 3927 §2 first, then RFC 5227.
#pragma once

#include "base/random_source.hpp"
#include "ip/address_prober.hpp"
#include "wire/arp.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <optional>

namespace tapio::core::ip {

inline bool is_link_local(const address_v4& a) noexcept { return a.to_uint() >> 16 == 0xa9fe; } ///< 169.254/16

/// The owner of a `link_local_v4`. It must not call the latter from within these functions.
class link_local_v4_actions
{
public:
    virtual void probe(const address_v4& a) = 0; ///< sends an ARP probe
    /// Gives the interface the address, and sends the first announcement. @return false: the host has the address already
    virtual bool use(const address_v4& a) = 0;
    virtual void announce(const address_v4& a) = 0; ///< sends another announcement
    virtual void give_up(const address_v4& a) = 0;  ///< removes the address from the interface

protected:
    ~link_local_v4_actions() = default;
};

class link_local_v4
{
public:
    /// @param mac of the interface: its addresses, tried in turn, follow from it, so that it has the same after a restart (§2.1)
    link_local_v4(const mac_address& mac, random_source& random, link_local_v4_actions& actions) noexcept;
    link_local_v4(const link_local_v4&) = delete;
    link_local_v4& operator=(const link_local_v4&) = delete;

    void link_up(time_point now); ///< probes the address that was used last first
    void link_down();             ///< gives the address up: another station may have taken it before the link is up again
    /// Tells of any ARP packet that another station has sent on the link.
    void heard(const wire::arp_packet& said, time_point now);
    /// Another station uses our address, although it was defended a short time ago (RFC 3927 §2.5 (b)).
    void lost(time_point now);

    void advance(time_point now); ///< runs what is due; an early call does nothing
    time_point next_deadline() const noexcept { return prober_.next_deadline(); }
    std::optional<address_v4> address() const noexcept; ///< none: not found yet

private:
    void try_next(time_point now);
    address_v4 next_candidate() noexcept;

    link_local_v4_actions& actions_;
    std::uint64_t sequence_; ///< state of the pseudo-random sequence of addresses
    address_v4 candidate_;
    bool in_use_ = false;
    address_prober prober_;
};

} // namespace tapio::core::ip
