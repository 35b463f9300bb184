/// @file
/// What happened to sockets whose owners wait: each is in the queue at most once, in order of its first event.
#pragma once

#include "core/socket_types.hpp"

#include <utility>

namespace tapio::core {

class event_queue;

/// Part of a socket: who is to be told, and what of.
class event_source
{
public:
    event_source() noexcept = default;
    event_source(const event_source&) = delete;
    event_source& operator=(const event_source&) = delete;
    ~event_source() { leave(); }

    void* owner = nullptr; ///< null: nobody

    bool queued() const noexcept { return queue_ != nullptr; }

private:
    friend class event_queue;

    void leave() noexcept;

    readiness pending_ = readiness::none;
    event_queue* queue_ = nullptr; ///< while in it
    event_source* next_ = nullptr;
    event_source* previous_ = nullptr;
};

class event_queue
{
public:
    event_queue() noexcept = default;
    event_queue(const event_queue&) = delete;
    event_queue& operator=(const event_queue&) = delete;
    ~event_queue()
    {
        while (first_ != nullptr) first_->leave();
    }

    void push(event_source& s, readiness ready) noexcept
    {
        if (s.owner == nullptr || !any(ready)) return;
        s.pending_ |= ready;
        if (s.queue_ != nullptr) return;
        s.queue_ = this;
        s.previous_ = last_;
        (last_ != nullptr ? last_->next_ : first_) = &s;
        last_ = &s;
    }

    bool pop(socket_event& out) noexcept
    {
        if (first_ == nullptr) return false;
        out = {first_->owner, first_->pending_};
        first_->leave();
        return true;
    }

    /// The owner is going away.
    static void cancel(event_source& s) noexcept { s.leave(); }

    /// `by` takes the place of `gone`: its owner, and what has happened.
    static void replace(event_source& gone, event_source& by) noexcept
    {
        by.owner = gone.owner;
        event_queue* const queue = gone.queue_;
        const readiness pending = gone.pending_;
        gone.leave();
        if (queue != nullptr) queue->push(by, pending);
    }

    bool empty() const noexcept { return first_ == nullptr; }

private:
    friend class event_source;

    event_source* first_ = nullptr;
    event_source* last_ = nullptr;
};

inline void event_source::leave() noexcept
{
    if (queue_ == nullptr) return;
    (previous_ != nullptr ? previous_->next_ : queue_->first_) = next_;
    (next_ != nullptr ? next_->previous_ : queue_->last_) = previous_;
    queue_ = nullptr;
    next_ = previous_ = nullptr;
    pending_ = readiness::none;
}

} // namespace tapio::core
