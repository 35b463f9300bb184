/// @file
/// What IPv6 autoconfiguration (ip/slaac.hpp) decides, and the interface by which its owner carries the decisions out.
#pragma once

#include "wire/router_advertisement.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::ip {

struct autoconfigured_address
{
    address_v6 address;                 ///< link-local or global, without a scope id
    unsigned prefix_length = 64;        ///< bits; says nothing about neighbours: a route without a gateway does (RFC 5942 §4)
    bool temporary = false;             ///< RFC 8981
    bool deprecated = false;            ///< not for new connections if there is another address (RFC 4862 §5.5.4)
    time_point preferred_until = never; ///< these two may be extended or shortened without an action
    time_point valid_until = never;

    friend bool operator==(const autoconfigured_address&, const autoconfigured_address&) = default;
};

struct learned_route
{
    address_v6 prefix; ///< bits behind the prefix length are zero
    unsigned prefix_length = 0;
    std::optional<address_v6> gateway; ///< link-local, without a scope id; none: addresses of the prefix are neighbours
    wire::router_preference preference = wire::router_preference::medium; ///< among routes to the same prefix

    friend bool operator==(const learned_route&, const learned_route&) = default;
};

/// What routers say of the link; none: not said, the owner's default applies.
struct link_parameters
{
    std::optional<std::uint8_t> hop_limit;                      ///< of packets we send
    std::optional<std::uint32_t> mtu;                           ///< octets, at least 1280; the device's MTU is to limit it
    std::optional<std::chrono::milliseconds> reachable_time{};  ///< BaseReachableTime (RFC 4861 §6.3.2), 100 ms to 1 h
    std::optional<std::chrono::milliseconds> retransmit_time{}; ///< RetransTimer, of solicitations and DAD; 10 ms to 1 min
    bool managed = false;                                       ///< DHCPv6 gives addresses
    bool other = false;                                         ///< DHCPv6 gives other configuration

    friend bool operator==(const link_parameters&, const link_parameters&) = default;
};

/// In the order in which they were learned.
struct dns_configuration
{
    std::vector<address_v6> servers;                             ///< a link-local one is reached by this interface
    std::vector<std::string> search_domains;                     ///< see wire::dns_search_domain::name
    std::vector<std::pair<address_v6, unsigned>> nat64_prefixes; ///< prefix, and its length in bits

    friend bool operator==(const dns_configuration&, const dns_configuration&) = default;
};

/// The owner of an `autoconfiguration`. It must not call the autoconfiguration from within these functions.
class autoconfiguration_actions
{
public:
    /// Makes the address tentative: it may be used after Duplicate Address Detection (RFC 4862 §5.4). If that fails, or if the
    /// host has the address already, `autoconfiguration::duplicate` is to be called. Called again for an address that is there
    /// when the link was down: the address becomes tentative once more.
    virtual void add_address(const autoconfigured_address& a) = 0;
    virtual void remove_address(const address_v6& a) = 0;
    virtual void set_deprecated(const address_v6& a, bool deprecated) = 0;
    /// All attempts to make an address of the prefix met a duplicate. No further one is made until the link comes up again
    /// (RFC 7217 §6, RFC 8981 §3.4): an error to report. Without a link-local address there is no IPv6 on the interface.
    virtual void address_failed(const address_v6& prefix, bool temporary) = 0;

    virtual void add_route(const learned_route& r) = 0;
    virtual void remove_route(const learned_route& r) = 0;

    /// Sends a Router Solicitation to ff02::2, from the link-local address, or from :: while that is tentative.
    virtual void solicit_routers() = 0;

    virtual void parameters_changed(const link_parameters& p) = 0;
    virtual void dns_changed(const dns_configuration& d) = 0;

protected:
    ~autoconfiguration_actions() = default;
};

} // namespace tapio::core::ip
