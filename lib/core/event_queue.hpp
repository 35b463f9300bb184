/// @file
/// What happened to sockets that have an owner: each is in the queue at most once, in order of its first event.
#pragma once

#include <tapio/core/event_sink.hpp>
#include <tapio/core/time.hpp>

#include <utility>

namespace tapio::core {

class event_queue;

/// Part of a socket: its owner, and the events that the owner has not been told of.
class event_source
{
public:
    event_source() noexcept = default;
    event_source(const event_source&) = delete;
    event_source& operator=(const event_source&) = delete;
    ~event_source() { leave(); }

    event_sink* owner() const noexcept { return owner_; } ///< null: none
    /// What was in the queue for the last owner, the next one is told; without an owner it is forgotten.
    void set_owner(event_sink* owner) noexcept
    {
        owner_ = owner;
        if (owner == nullptr) leave();
    }
    bool queued() const noexcept { return queue_ != nullptr; }

private:
    friend class event_queue;

    void leave() noexcept;

    event_sink* owner_ = nullptr;
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
        if (s.owner_ == nullptr || !any(ready)) return;
        s.pending_ |= ready;
        if (s.queue_ != nullptr) return;
        s.queue_ = this;
        s.previous_ = last_;
        (last_ != nullptr ? last_->next_ : first_) = &s;
        last_ = &s;
    }

    /// Tells the owner of the first. @return false if there is none
    bool dispatch_one(time_point now)
    {
        if (first_ == nullptr) return false;
        event_source& s = *first_;
        event_sink& owner = *s.owner_;
        const readiness what = s.pending_;
        s.leave(); // the owner may close the socket
        owner.ready(what, now);
        return true;
    }

    /// `by` takes the place of `gone`: its owner, and what has happened.
    static void replace(event_source& gone, event_source& by) noexcept
    {
        by.owner_ = gone.owner_;
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
