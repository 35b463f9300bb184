/// @file
/// What happened to sockets whose owners wait: each owner is in the queue at most once, in order of its first event.
#pragma once

#include "core/socket_types.hpp"

#include <deque>
#include <unordered_map>

namespace tapio::core {

class event_queue
{
public:
    void push(void* owner, readiness ready)
    {
        if (owner == nullptr || !any(ready)) return;
        const auto [at, fresh] = pending_.try_emplace(owner, readiness::none);
        at->second |= ready;
        if (fresh) order_.push_back(owner);
    }

    bool pop(socket_event& out)
    {
        while (!order_.empty()) {
            void* const owner = order_.front();
            order_.pop_front();
            const auto at = pending_.find(owner);
            if (at == pending_.end()) continue; // cancelled
            out = {owner, at->second};
            pending_.erase(at);
            return true;
        }
        return false;
    }

    /// The owner is going away.
    void cancel(void* owner)
    {
        if (pending_.erase(owner) != 0) std::erase(order_, owner);
    }

    bool empty() const noexcept { return pending_.empty(); }

private:
    std::deque<void*> order_;
    std::unordered_map<void*, readiness> pending_; ///< looked up, never walked
};

} // namespace tapio::core
