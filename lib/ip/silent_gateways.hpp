/// @file
/// The gateways that do not answer: while another route is there, packets do not go by them (RFC 1122 §3.3.1.4 and §3.3.1.5, RFC
/// 4861 §6.3.6). After a minute such a gateway is asked again, as soon as a packet goes another way because of it, and not
/// before: a host does not ask for gateways that it does not need (RFC 4191 §3.2). Bounded: the oldest makes room.
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
    static constexpr duration rest = std::chrono::minutes(1);           ///< between questions
    static constexpr duration time_to_answer = std::chrono::seconds(4); ///< longer than the neighbour cache asks

    /// What is known of a gateway.
    enum class answer
    {
        present, ///< its link-layer address: it has answered
        absent,
        unwanted ///< no route leads to it any longer
    };

    bool empty() const noexcept { return all_.empty(); }

    /// `t` is passed over because its gateway is silent.
    bool passes_over(const route_target& t) noexcept
    {
        if (all_.empty() || !t.gateway) return false;
        const auto e = find(t.interface, without_zone(*t.gateway));
        if (e == all_.end()) return false;
        if (e->phase == phase::rested) e->phase = phase::wanted;
        return true;
    }

    /// @return true: it is new
    bool add(std::uint32_t interface, const address& gateway, time_point now)
    {
        if (find(interface, gateway) != all_.end()) return false;
        if (all_.size() >= most) all_.erase(all_.begin());
        all_.push_back({interface, gateway, now + rest, phase::rests});
        return true;
    }

    /// @param look  answer(interface, gateway)  @param ask  called with (interface, gateway) to be asked again
    /// @return true: routes have to be looked up again, because a gateway has answered, or has rested
    template <class Look, class Ask>
    bool advance(time_point now, Look&& look, Ask&& ask)
    {
        bool changed = false;
        for (auto e = all_.begin(); e != all_.end();) {
            if (deadline(*e) > now) {
                ++e;
                continue;
            }
            const answer a = look(e->interface, e->gateway);
            if (a != answer::absent) {
                e = all_.erase(e);
                changed = true;
                continue;
            }
            if (e->phase == phase::wanted) ask(e->interface, e->gateway);
            changed = changed || e->phase == phase::rests;
            enter_next(*e, now);
            ++e;
        }
        return changed;
    }
    time_point next_deadline() const noexcept
    {
        time_point next = never;
        for (const entry& e : all_) next = std::min(next, deadline(e));
        return next;
    }

private:
    enum class phase : std::uint8_t
    {
        rests,  ///< until `next`
        rested, ///< until a packet passes it over
        wanted, ///< to be asked at once
        asked   ///< may answer until `next`
    };
    struct entry
    {
        std::uint32_t interface;
        address gateway; ///< without a zone
        time_point next;
        silent_gateways::phase phase;
    };

    static time_point deadline(const entry& e) noexcept
    {
        if (e.phase == phase::wanted) return time_point::min();
        return e.phase == phase::rested ? never : e.next;
    }
    static void enter_next(entry& e, time_point now) noexcept
    {
        switch (e.phase) {
        case phase::rests: e.phase = phase::rested; break;
        case phase::rested: break;
        case phase::wanted:
            e.phase = phase::asked;
            e.next = now + time_to_answer;
            break;
        case phase::asked:
            e.phase = phase::rests;
            e.next = now + rest;
            break;
        }
    }
    std::vector<entry>::iterator find(std::uint32_t interface, const address& gateway) noexcept
    {
        return std::find_if(all_.begin(), all_.end(),
                            [&](const entry& e) { return e.interface == interface && same_address(e.gateway, gateway); });
    }

    std::vector<entry> all_;
};

} // namespace tapio::core::ip
