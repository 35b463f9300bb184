/// @file
/// The addresses of one interface that the host makes itself: the link-local one, and for each autonomous prefix a stable one
/// (RFC 4862 §5.5, RFC 7217) and, if wanted, temporary ones (RFC 8981). Read RFC 4862 §5.3 to §5.5 first.
#pragma once

#include "base/random_source.hpp"
#include "base/siphash.hpp"
#include "ip/slaac_actions.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::ip {

struct autoconfiguration_options
{
    siphash_key secret;    ///< RFC 7217 §5: random, known to nobody else, and the same after each start of the host
    std::string net_iface; ///< RFC 7217 §5: a name of the interface that lasts, for example its link-layer address
    bool temporary_addresses = false;
    std::chrono::seconds temporary_preferred{std::chrono::hours(24)}; ///< TEMP_PREFERRED_LIFETIME (RFC 8981 §3.8)
    std::chrono::seconds temporary_valid{std::chrono::hours(48)};     ///< TEMP_VALID_LIFETIME, longer than the preferred one
};

class slaac_addresses
{
public:
    /// Addresses from Router Advertisements, as Linux's max_addresses. A prefix with temporary addresses has a share of five:
    /// they are renewed after 0.6 preferred lifetimes or more, so that at most four are valid at a time.
    static constexpr std::size_t most_addresses = 16;
    static constexpr std::size_t most_temporaries = 4;                 ///< of one prefix
    static constexpr unsigned most_retries = 3;                        ///< IDGEN_RETRIES, TEMP_IDGEN_RETRIES
    static constexpr std::chrono::milliseconds most_retry_delay{1000}; ///< IDGEN_DELAY

    slaac_addresses(const autoconfiguration_options& options, random_source& random, autoconfiguration_actions& actions)
        : options_(options), random_(random), actions_(actions)
    {
    }

    /// Adds the link-local address. Addresses that are there from before are verified again, and what was given up is tried
    /// again.
    void link_up(time_point now);
    /// Precondition: `p` is autonomous, and no link-local prefix.
    void advertised(const wire::prefix_information& p, time_point now);
    /// Another node has the address.
    void duplicate(const address_v6& a, time_point now);
    void set_retransmit_time(std::chrono::milliseconds t) noexcept { retransmit_time_ = t; } ///< RetransTimer
    void remove_all();

    void advance(time_point now);
    time_point next_deadline(time_point now) const noexcept; ///< later than now. Precondition: advance(now) has been called
    bool has(const address_v6& a) const noexcept;
    std::vector<autoconfigured_address> all() const;

private:
    struct temporary_address
    {
        address_v6 address;
        time_point preferred_limit{}, valid_limit{}; ///< whatever routers say (RFC 8981 §3.4 (1))
        bool deprecated = false;
    };
    /// A prefix of 64 bits, and the addresses made from it.
    struct subnet
    {
        address_v6 prefix;
        time_point preferred_until = never, valid_until = never;
        std::optional<address_v6> stable;
        bool deprecated = false;      ///< the stable address
        std::uint8_t dad_counter = 0; ///< RFC 7217 §5
        unsigned conflicts = 0;       ///< duplicates since the link came up; more than most_retries: given up
        time_point retry_at = never;  ///< while there is no stable address: when to make one; never: given up
        std::vector<temporary_address> temporaries;
        bool may_have_temporaries = false;
        unsigned temporary_conflicts = 0; ///< in succession; more than most_retries: given up
    };

    subnet* find(const address_v6& prefix) noexcept;
    std::size_t reserved_addresses() const noexcept; ///< at most most_addresses

    void update(subnet& s, time_point now);
    void make_stable(subnet& s);
    void replace_stable(subnet& s, time_point now);

    void update_temporaries(subnet& s, time_point now);
    bool wants_temporary(const subnet& s, time_point now) const noexcept;
    void make_temporary(subnet& s, time_point now);
    void replace_temporary(subnet& s, const address_v6& duplicate, time_point now);

    void remove(const subnet& s);
    static bool is_temporary(const subnet& s, const address_v6& a) noexcept;
    static autoconfigured_address describe(const subnet& s); ///< the stable address
    static autoconfigured_address describe(const subnet& s, const temporary_address& t);
    duration regen_advance() const noexcept;        ///< REGEN_ADVANCE (RFC 8981 §3.8)
    duration random_below(duration bound) noexcept; ///< Precondition: bound > 0

    const autoconfiguration_options& options_;
    random_source& random_;
    autoconfiguration_actions& actions_;
    std::chrono::milliseconds retransmit_time_{1000}; ///< RetransTimer
    std::vector<subnet> subnets_;                     ///< first that of the link-local address
};

} // namespace tapio::core::ip
