/// @file
/// The hooks of a host (tapio/core/packet_hook.hpp), called in the order in which they were added.
#pragma once

#include "ip/rx_packet.hpp"
#include "ip/transport.hpp"

#include <tapio/core/packet_hook.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace tapio::core::ip {

class hooks
{
public:
    void add(std::shared_ptr<packet_hook> h) { all_.push_back(std::move(h)); }
    bool remove(const std::shared_ptr<packet_hook>& h) { return std::erase(all_, h) != 0; }
    bool empty() const noexcept { return all_.empty(); }
    bool need_whole_datagrams() const noexcept
    {
        return std::any_of(all_.begin(), all_.end(), [](const auto& h) { return h->needs_whole_datagrams(); });
    }

    using function = hook_verdict (packet_hook::*)(hooked_packet&, time_point);
    /// Calls a function of each hook with a received packet, until one refuses it. @param out the interface that will send it
    hook_verdict call(function f, rx_packet& p, interface_id out, time_point now) const
    {
        const std::size_t transport = p.is_later_fragment() ? p.contents.size() : std::size_t{p.transport_at};
        hooked_packet seen(p.contents, p.flow, p.network_at, transport, p.payload_at != 0, p.interface, out, p.mark);
        return call(f, seen, now);
    }
    hook_verdict call(function f, hooked_packet& p, time_point now) const
    {
        for (const auto& h : all_)
            if (const auto verdict = (*h.*f)(p, now); verdict != hook_verdict::accept) return verdict;
        return hook_verdict::accept;
    }

    void advance(time_point now) const
    {
        for (const auto& h : all_)
            if (h->next_deadline() <= now) h->advance(now);
    }
    time_point next_deadline() const noexcept
    {
        time_point next = never;
        for (const auto& h : all_) next = std::min(next, h->next_deadline());
        return next;
    }

private:
    std::vector<std::shared_ptr<packet_hook>> all_;
};

inline drop_reason reason_of(hook_verdict v) noexcept ///< precondition: not `accept`
{
    return v == hook_verdict::reject ? drop_reason::hook_rejected : drop_reason::hook_dropped;
}

} // namespace tapio::core::ip
