/// @file
/// A DHCP client for IPv6 on an interface (RFC 8415): addresses, delegated prefixes, and servers of DNS and time.
///
/// Sans-I/O: it decides what is sent and when, and what is in use; its owner carries this out (`dhcpv6_actions`). Read RFC 8415
/// §18.2 first.
///
///     stateless   off -> informing -> informed -> informing (when the information is old)
///     stateful    off -> soliciting -> requesting -> bound -> renewing -> rebinding -> soliciting
///                 off -> confirming -> bound, when the link comes back
///
/// What it was given stays in use until its lifetimes end or a server takes it back, also while the link is down.
///
/// Not here: Reconfigure messages, which a client without authentication must not accept (RFC 8415 §20); unicast to servers,
/// which is optional for clients, and which RFC 9915 has dropped.
#pragma once

#include "base/random_source.hpp"
#include "client/dhcpv6_actions.hpp"
#include "client/dhcpv6_retransmission.hpp"
#include "wire/dhcpv6.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/dhcpv6_lease.hpp>
#include <tapio/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core::client {

struct dhcpv6_options
{
    std::vector<std::byte> duid;
    std::uint32_t iaid = 0;
    bool delegate_prefix = false;    ///< also ask for a prefix (RFC 8415 §6.3)
    unsigned wanted_prefix_length{}; ///< bits, of that prefix: a hint for the server; 0: none
    bool rapid_commit = true;
};

/// What is wanted of DHCPv6.
enum class dhcpv6_mode : std::uint8_t
{
    none,
    stateless, ///< servers only: RFC 8415 §6.1
    stateful   ///< addresses, too: RFC 8415 §6.2
};

class dhcpv6_client
{
public:
    // RFC 8415 §7.6
    static constexpr duration longest_start_delay = std::chrono::seconds(1); ///< SOL_MAX_DELAY, CNF_MAX_DELAY, INF_MAX_DELAY
    static constexpr duration default_refresh = std::chrono::hours(24);      ///< IRT_DEFAULT
    static constexpr duration least_refresh = std::chrono::seconds(600);     ///< IRT_MINIMUM
    // RFC 8415 §14.1: messages are limited in rate, whatever servers and other nodes do.
    static constexpr duration least_renewal = std::chrono::seconds(10);      ///< T1
    static constexpr std::uint32_t least_lifetime = 10;                      ///< s; what lasts shorter is not taken
    static constexpr unsigned most_doublings = 6;                            ///< of the second after a refusal or a duplicate
    static constexpr unsigned least_prefix_length = 16, whole_address = 128; ///< bits; of delegated prefixes, of addresses

    dhcpv6_client(dhcpv6_options options, random_source& random, dhcpv6_actions& actions);
    dhcpv6_client(const dhcpv6_client&) = delete;
    dhcpv6_client& operator=(const dhcpv6_client&) = delete;

    /// What routers say, or the user. Less than before changes nothing: addresses that were leased stay.
    void set_mode(dhcpv6_mode m, time_point now);
    void link_up(time_point now);
    void link_down();
    /// @return false: it is no answer to a message of ours, or has nothing that can be used
    bool received(const wire::dhcpv6_message& m, time_point now);
    void duplicate(const address_v6& a, time_point now); ///< another node has a leased address (RFC 8415 §18.2.8)
    /// Stops the use of everything and gives it back; then the client is `off` for good.
    void release(time_point now);

    void advance(time_point now); ///< runs what is due; an early call does nothing
    time_point next_deadline() const noexcept;

    dhcpv6_state state() const noexcept { return state_; }
    const dhcpv6_lease& lease() const noexcept { return lease_; } ///< in use; without a server: nothing

private:
    using enum dhcpv6_state;
    using message = wire::dhcpv6_message;
    using association = wire::dhcpv6_association;
    using resources = std::vector<dhcpv6_lease::resource>;

    void start(dhcpv6_state s, duration delay, time_point now);
    void begin(time_point now);
    void restart(dhcpv6_state s, time_point now);
    void stop() noexcept;
    void run(time_point now);
    void transmit(time_point now);
    void choose_server(time_point now);
    void gave_up(time_point now);
    bool expire(time_point now);
    wire::dhcpv6_type type() const noexcept;
    retransmission_limits limits(time_point now) const;
    message make(time_point now) const;
    void add_associations(message& m) const;
    association associate(const resources& all) const;

    bool advertised(const message& m, time_point now);
    bool replied(const message& m, time_point now);
    bool confirmed(const message& m, time_point now);
    bool granted(const message& m, time_point now);
    bool extended(const message& m, time_point now);
    bool informed_by(const message& m, time_point now);
    void accept(const message& m, time_point now);
    void learn_limits(const message& m);
    void learn(const association* a, resources& all, time_point now);
    void learn_servers(const message& m, time_point now);
    void set_times(const message& m, time_point now);
    const association* addresses_in(const message& m) const;
    const association* prefixes_in(const message& m) const;
    unsigned grants(const message& m) const; ///< how many of what is wanted: addresses, a prefix

    bool has_resources() const noexcept { return !lease_.addresses.empty() || !lease_.prefixes.empty(); }
    time_point last_end() const noexcept;
    duration random_up_to(duration most);

    const dhcpv6_options options_;
    random_source& random_;
    dhcpv6_actions& actions_;
    dhcpv6_state state_ = dhcpv6_state::off;
    dhcpv6_mode mode_ = dhcpv6_mode::none;
    bool up_ = false, released_ = false;
    std::uint32_t xid_ = 0; ///< 24 bits
    dhcpv6_retransmission again_;
    time_point wake_ = never; ///< T1 of `bound`, or when information is asked for anew
    duration sol_max_rt_ = std::chrono::seconds(3600), inf_max_rt_ = std::chrono::seconds(3600);
    unsigned failures_ = 0;       ///< refusals and duplicates in a row
    std::optional<message> best_; ///< the Advertise that is preferred so far, or that was chosen
    std::vector<std::byte> server_;
    resources declined_;         ///< while declining
    dhcpv6_lease lease_, ended_; ///< in use; given back, while releasing
};

} // namespace tapio::core::client
