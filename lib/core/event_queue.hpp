/// @file
/// The sockets with events that their owners have not been told of: each at most once, in order of its first pending event.
#pragma once

#include <tapio/core/event_sink.hpp>
#include <tapio/core/time.hpp>

#include <boost/intrusive/list.hpp>

#include <utility>

namespace tapio::core {

/// Part of a socket: its owner, and the events that the owner has not been told of. Leaves the queue when it is destroyed.
class event_source : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>
{
public:
    event_source() noexcept = default;
    event_source(const event_source&) = delete;
    event_source& operator=(const event_source&) = delete;

    event_sink* owner() const noexcept { return owner_; } ///< null: none
    /// Queued events go to the new owner; without an owner they are dropped.
    void set_owner(event_sink* owner) noexcept
    {
        owner_ = owner;
        if (owner != nullptr) return;
        unlink();
        pending_ = readiness::none;
    }
    bool queued() const noexcept { return is_linked(); }

private:
    friend class event_queue;

    event_sink* owner_ = nullptr;
    readiness pending_ = readiness::none;
};

class event_queue
{
public:
    void push(event_source& s, readiness ready) noexcept
    {
        if (s.owner_ == nullptr || !any(ready)) return;
        s.pending_ |= ready;
        if (!s.is_linked()) sources_.push_back(s);
    }

    /// Calls the owner of the first source in the queue. @return false if the queue is empty
    bool dispatch_one(time_point now)
    {
        if (sources_.empty()) return false;
        event_source& s = sources_.front();
        s.unlink();
        event_sink& owner = *s.owner_;
        owner.ready(std::exchange(s.pending_, readiness::none), now); // may destroy the source
        return true;
    }

    /// `by` takes over the owner, the events and the place in the queue of `gone`. Precondition: `by` is new
    void replace(event_source& gone, event_source& by) noexcept
    {
        by.owner_ = gone.owner_;
        by.pending_ = std::exchange(gone.pending_, readiness::none);
        if (!gone.is_linked()) return;
        sources_.insert(sources_.iterator_to(gone), by);
        gone.unlink();
    }

private:
    boost::intrusive::list<event_source, boost::intrusive::constant_time_size<false>> sources_;
};

} // namespace tapio::core
