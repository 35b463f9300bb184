/// @file
/// A DHCP client for the IPv4 address of an interface (RFC 2131).
///
/// Sans-I/O: it decides what is sent and when, and which lease is in use; its owner carries this out (`dhcpv4_actions`). Read RFC
/// 2131 §3 and §4.4 first, figure 5 in particular.
///
///     off -> init -> selecting -> requesting -> probing -> bound -> renewing -> rebinding -> init
///     off -> rebooting (the address of before) -> probing or bound
///
/// A lease stays in use until it expires or a server refuses it, also while the link is down or another exchange goes on.
#pragma once

#include "base/random_source.hpp"
#include "client/dhcpv4_actions.hpp"
#include "wire/dhcpv4.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/interface_configuration.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::client {

struct dhcpv4_options
{
    mac_address mac;
    std::vector<std::byte> client_id; ///< type and identifier
    std::string host_name, vendor_class;
    std::optional<address_v4> requested_address; ///< the one that the host had before
    bool rapid_commit = true;
    bool detect_conflicts = true;
    std::uint16_t max_message_size = 1500; ///< octets, of an IP packet that the interface receives
};

class dhcpv4_client
{
public:
    static constexpr duration longest_start_delay = std::chrono::seconds(1); ///< random, so that hosts do not start together
    // RFC 2131 §4.1: the time to the first retransmission, which doubles up to the longest; each varied by a second.
    static constexpr duration first_timeout = std::chrono::seconds(4), longest_timeout = std::chrono::seconds(64);
    static constexpr unsigned most_requests = 4; ///< for an offered address (RFC 2131 §3.1.5: a minute in all)
    static constexpr unsigned most_reboots = 2;  ///< requests for the address of before; then others are accepted, too
    static constexpr duration least_renewal_interval = std::chrono::seconds(60); ///< RFC 2131 §4.4.5
    static constexpr duration decline_wait = std::chrono::seconds(10);           ///< RFC 2131 §3.1.5
    static constexpr unsigned most_declines = 10;                                ///< RFC 5227 §2.1.1: after so many ...
    static constexpr duration declined_often_wait = std::chrono::seconds(60);    ///< ... it waits for so long
    static constexpr duration least_bound_time = std::chrono::seconds(2);        ///< then the lease is extended, whatever T1 is
    static constexpr std::uint32_t least_lease = 30; ///< s; the address is in use some 8 s after the first message

    dhcpv4_client(dhcpv4_options options, random_source& random, dhcpv4_actions& actions);
    dhcpv4_client(const dhcpv4_client&) = delete;
    dhcpv4_client& operator=(const dhcpv4_client&) = delete;

    void link_up(time_point now);
    void link_down(time_point now);
    void set_mac(const mac_address& mac) { options_.mac = mac; } ///< another device; while the link is down
    /// @return false: it is no answer to a message of ours, or an offer that cannot be used
    bool received(const wire::dhcpv4_message& m, time_point now);
    void address_is_free(time_point now);      ///< the answer to probe(): use it
    void address_is_taken(time_point now);     ///< the other answer
    void address_is_contested(time_point now); ///< another station insists on the address that is in use (RFC 5227 §2.4)
    void release(time_point now);              ///< gives the lease back; the client is off for good

    void advance(time_point now); ///< runs what is due; an early call does nothing
    time_point next_deadline() const noexcept { return lease_ ? std::min(deadline_, lease_->expires) : deadline_; }

    dhcpv4_state state() const noexcept { return state_; }
    const std::optional<dhcpv4_lease>& lease() const noexcept { return lease_; } ///< in use

private:
    using enum dhcpv4_state;

    void start(dhcpv4_state s, time_point now);
    void restart(duration delay, time_point now);
    void run(time_point now);
    void repeat(unsigned most, time_point now);
    void transmit(time_point now);
    void renew(time_point now);
    wire::dhcpv4_message message(wire::dhcpv4_type type) const;
    wire::dhcpv4_message request() const;
    bool is_for_us(const wire::dhcpv4_message& m) const;
    bool offered(const wire::dhcpv4_message& m, time_point now);
    bool acknowledged(const wire::dhcpv4_message& m, time_point now);
    bool refused(const wire::dhcpv4_message& m, time_point now);
    bool fits(const wire::dhcpv4_message& ack) const;
    dhcpv4_lease lease_of(const wire::dhcpv4_message& m);
    void set_times(dhcpv4_lease& l, const wire::dhcpv4_message& m);
    void bind(dhcpv4_lease&& l, time_point now);
    void decline(const dhcpv4_lease& l, time_point now);
    void lose(dhcpv4_loss why);
    duration random_up_to(duration most);
    duration timeout(unsigned transmissions);

    dhcpv4_options options_;
    random_source& random_;
    dhcpv4_actions& actions_;
    dhcpv4_state state_ = dhcpv4_state::off;
    bool released_ = false;
    time_point deadline_ = never;       ///< of the state: a delay, a retransmission, T1 or T2
    std::uint32_t xid_ = 0;             ///< of the exchange that is going on
    time_point began_{}, sent_{};       ///< when the acquisition began; the last transmission
    std::uint16_t secs_ = 0;            ///< of the last DHCPDISCOVER, which a DHCPREQUEST repeats
    unsigned transmissions_ = 0;        ///< of the present message
    unsigned refusals_ = 0;             ///< DHCPNAKs in a row
    unsigned declines_ = 0;             ///< conflicts in a row
    address_v4 wanted_;                 ///< the address of before, to be asked for; unspecified: none
    address_v4 offered_, server_;       ///< of the offer that was accepted
    std::optional<dhcpv4_lease> lease_, ///< in use
        acquired_;                      ///< being probed
};

} // namespace tapio::core::client
