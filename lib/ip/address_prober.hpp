/// @file
/// Detection of address conflicts in IPv4 (RFC 5227 §2.1, §2.3): an address is probed before its use, and announced after that.
///
/// Sans-I/O: its owner sends ARP packets, and passes on those of other stations. Not here: the defence of an address in use
/// (RFC 5227 §2.4), which is `arp`'s. Read RFC 5227 §2.1 first.
#pragma once

#include "base/random_source.hpp"
#include "wire/arp.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <chrono>
#include <cstdint>

namespace tapio::core::ip {

class address_prober
{
public:
    // RFC 5227 §1.1
    static constexpr duration probe_wait = std::chrono::seconds(1); ///< longest random delay before the first probe
    static constexpr duration probe_min = std::chrono::seconds(1), probe_max = std::chrono::seconds(2); ///< between probes
    static constexpr unsigned probe_num = 3;
    static constexpr duration announce_wait = std::chrono::seconds(2); ///< from the last probe to the first announcement
    static constexpr unsigned announce_num = 2;
    static constexpr duration announce_interval = std::chrono::seconds(2);
    static constexpr unsigned max_conflicts = 10; ///< after so many ...
    static constexpr duration rate_limit_interval =
        std::chrono::seconds(60); ///< ... no more than one address per interval is tried

    /// What the owner is to do now.
    enum class action : std::uint8_t
    {
        none,
        probe,   ///< send an ARP probe for the address
        use,     ///< no other station has the address: use it, and send the first announcement
        announce ///< send a further announcement
    };

    explicit address_prober(random_source& random) noexcept : random_(random) {}

    /// Starts to probe an address; another one is forgotten.
    void start(const address_v4& a, time_point now);
    void stop() noexcept { deadline_ = never; }
    /// Tells of any ARP packet that another station has sent on the link.
    /// @return true: it uses or probes the address, which must not be used. Probing has stopped
    bool heard(const wire::arp_packet& said) noexcept;
    /// A conflict about the address after the probing.
    void count_conflict() noexcept { ++conflicts_; }
    void forget_conflicts() noexcept { conflicts_ = 0; } ///< the interface is perhaps on another link

    /// To be called until it returns `none`; an early call does nothing.
    action advance(time_point now);
    time_point next_deadline() const noexcept { return deadline_; }
    const address_v4& address() const noexcept { return address_; }

private:
    bool is_probing() const noexcept { return deadline_ != never && announcements_ == 0; }
    duration random_up_to(duration most);

    random_source& random_;
    address_v4 address_;
    time_point began_ = time_point::min(); ///< the last attempt
    time_point deadline_ = never;
    unsigned probes_ = 0, announcements_ = 0; ///< sent
    unsigned conflicts_ = 0;
};

} // namespace tapio::core::ip
