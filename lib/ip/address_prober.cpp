#include "ip/address_prober.hpp"

#include <algorithm>

namespace tapio::core::ip {

duration address_prober::random_up_to(duration most)
{
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
    return std::chrono::milliseconds(random_.uniform(static_cast<std::uint32_t>(milliseconds) + 1));
}

/// RFC 5227 §2.1.1.
void address_prober::start(const address_v4& a, time_point now)
{
    address_ = a;
    probes_ = announcements_ = 0;
    began_ = conflicts_ >= max_conflicts ? std::max(now, began_ + rate_limit_interval) : now;
    deadline_ = began_ + random_up_to(probe_wait);
}

bool address_prober::heard(const wire::arp_packet& said) noexcept
{
    if (!is_probing()) return false;
    const bool probes = said.operation == wire::arp_operation::request && said.sender_ip.is_unspecified();
    if (said.sender_ip != address_ && !(probes && said.target_ip == address_)) return false;
    ++conflicts_;
    stop();
    return true;
}

address_prober::action address_prober::advance(time_point now)
{
    if (now < deadline_) return action::none;
    if (probes_ < probe_num) {
        const bool last = ++probes_ == probe_num;
        deadline_ = now + (last ? announce_wait : probe_min + random_up_to(probe_max - probe_min));
        return action::probe;
    }
    const bool first = announcements_ == 0, last = ++announcements_ == announce_num;
    deadline_ = last ? never : now + announce_interval;
    return first ? action::use : action::announce;
}

} // namespace tapio::core::ip
