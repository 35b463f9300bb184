/// @file
/// The gateways that do not answer, and when to ask them again: while another route is there, packets do not go by them (RFC 1122
/// §3.3.1.4 and §3.3.1.5, RFC 4861 §6.3.6, RFC 4191 §3.2). Bounded: the oldest makes room.
#pragma once

#include "ip/route_targets.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tapio::core::ip {

class silent_gateways
{
public:
    static constexpr std::size_t most = 32;
    static constexpr duration between_questions = std::chrono::seconds(30);
    static constexpr duration time_to_answer = std::chrono::seconds(4); ///< longer than the neighbour cache asks

    /// What is known of a gateway.
    enum class answer
    {
        present, ///< its link-layer address: it has answered
        absent,
        unwanted ///< no route leads to it any longer
    };

    bool empty() const noexcept { return all_.empty(); }
    bool contains(const route_target& t) const noexcept
    {
        return !all_.empty() && t.gateway && find(t.interface, without_zone(*t.gateway)) != all_.end();
    }

    /// @return true: it is new
    bool add(std::uint32_t interface, const address& gateway, time_point now)
    {
        if (find(interface, gateway) != all_.end()) return false;
        if (all_.size() >= most) all_.erase(all_.begin());
        all_.push_back({interface, gateway, now + between_questions, false});
        return true;
    }

    /// @param look  answer(interface, gateway)  @param ask  called with (interface, gateway) to be asked again
    /// @return true: some have answered
    template <class Look, class Ask>
    bool advance(time_point now, Look&& look, Ask&& ask)
    {
        bool any = false;
        for (auto i = all_.begin(); i != all_.end();) {
            if (i->next > now) {
                ++i;
                continue;
            }
            const answer a = look(i->interface, i->gateway);
            if (a != answer::absent) {
                i = all_.erase(i);
                any = true;
                continue;
            }
            i->asked = !i->asked;
            i->next = now + (i->asked ? time_to_answer : between_questions);
            if (i->asked) ask(i->interface, i->gateway);
            ++i;
        }
        return any;
    }
    time_point next_deadline() const noexcept
    {
        time_point next = never;
        for (const entry& e : all_) next = std::min(next, e.next);
        return next;
    }

private:
    struct entry
    {
        std::uint32_t interface;
        address gateway; ///< without a zone
        time_point next; ///< when to ask it again, or to look whether it has answered
        bool asked;
    };

    std::vector<entry>::const_iterator find(std::uint32_t interface, const address& gateway) const noexcept
    {
        return std::find_if(all_.begin(), all_.end(),
                            [&](const entry& e) { return e.interface == interface && same_address(e.gateway, gateway); });
    }

    std::vector<entry> all_;
};

} // namespace tapio::core::ip
