#include "ip/link_local_v4.hpp"

#include "base/split_mix.hpp"

#include <utility>

namespace tapio::core::ip {

link_local_v4::link_local_v4(const mac_address& mac, random_source& random, link_local_v4_actions& actions) noexcept
    : actions_(actions), sequence_(0), prober_(random)
{
    for (const std::uint8_t octet : mac.octets) sequence_ = sequence_ << 8 | octet;
    candidate_ = next_candidate();
}

/// RFC 3927 §2.1: uniform in 169.254.1.0 to 169.254.254.255.
address_v4 link_local_v4::next_candidate() noexcept
{
    constexpr std::uint32_t first = 0xa9fe'0100, last = 0xa9fe'feff;
    return address_v4(first + static_cast<std::uint32_t>(split_mix(sequence_) % (last - first + 1)));
}

void link_local_v4::try_next(time_point now)
{
    candidate_ = next_candidate();
    prober_.start(candidate_, now);
}

void link_local_v4::link_up(time_point now)
{
    prober_.forget_conflicts();
    prober_.start(candidate_, now);
}

void link_local_v4::link_down()
{
    prober_.stop();
    if (std::exchange(in_use_, false)) actions_.give_up(candidate_);
}

void link_local_v4::heard(const wire::arp_packet& said, time_point now)
{
    if (prober_.heard(said)) try_next(now);
}

void link_local_v4::lost(time_point now)
{
    if (!std::exchange(in_use_, false)) return;
    actions_.give_up(candidate_);
    prober_.count_conflict();
    try_next(now);
}

void link_local_v4::advance(time_point now)
{
    using action = address_prober::action;
    for (;;) {
        switch (prober_.advance(now)) {
        case action::none: return;
        case action::probe: actions_.probe(candidate_); break;
        case action::announce: actions_.announce(candidate_); break;
        case action::use:
            in_use_ = actions_.use(candidate_);
            if (in_use_) break;
            prober_.count_conflict();
            try_next(now);
        }
    }
}

std::optional<address_v4> link_local_v4::address() const noexcept { return in_use_ ? std::optional(candidate_) : std::nullopt; }

} // namespace tapio::core::ip
