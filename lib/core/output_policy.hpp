/// @file
/// Decides when connections may send. For each reason to wait there is a list of waiting connections. When the reason ends, the
/// list is emptied and its connections send.
///
///     flush       waits for the end of a batch of packets, or of a handler, so that few segments answer many packets and calls
///     queue_room  waits for space in the interface's transmit queue, which is full
///     turn        has sent its share; other connections and input come first
///     user        waits for more data: the last segment of a bulk write is not full, and the user is about to write again
///     input       waits for more input: only an ACK is due, and the device already holds more packets
///
/// Read RFC 9293 §3.8.6.2 (the sender's and the receiver's silly window) and §3.8.6.3 (delayed acknowledgements) first.
#pragma once

#include "core/socket_types.hpp"

#include <tapio/core/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace tapio::core {

enum class output_wait : std::uint8_t
{
    flush,
    queue_room,
    turn,
    user,
    input
};
inline constexpr std::size_t output_waits = 5;

/// The reasons for which one connection waits: none, or several at once.
class output_place
{
public:
    bool waits_for(output_wait w) const noexcept { return (waits_ & bit(w)) != 0; }
    bool waits() const noexcept { return waits_ != 0; }
    /// The connection has segments that it may not send yet, so it cannot be destroyed.
    bool has_more_to_send() const noexcept { return waits_for(output_wait::queue_room) || waits_for(output_wait::turn); }
    void goes_on(output_wait w) noexcept { waits_ = static_cast<std::uint8_t>(waits_ & ~bit(w)); }

    std::uint8_t patience = 0; ///< number of tcp_sockets::release() calls that it still waits for its user

private:
    friend class output_policy;
    static constexpr std::uint8_t bit(output_wait w) noexcept
    {
        return static_cast<std::uint8_t>(1U << static_cast<unsigned>(w));
    }

    std::uint8_t waits_ = 0;
};

class output_policy
{
public:
    /// @param share octets of plain frames that a connection sends in a turn; 0: without bound
    explicit output_policy(std::size_t share) noexcept : share_(share) {}

    // -- lists ----------------------------------------------------------------------------------------------------------
    void wait(output_wait w, tcp_id id, output_place& place)
    {
        if (place.waits_for(w)) return;
        place.waits_ = static_cast<std::uint8_t>(place.waits_ | output_place::bit(w));
        list(w).push_back(id);
    }
    bool any(output_wait w) const noexcept { return !lists_[static_cast<std::size_t>(w)].empty(); }
    /// Empties the list. @return the connections in it, in order; some may not exist any more. For each other one the caller
    /// calls output_place::goes_on(). Valid until the next call with `w`
    std::span<const tcp_id> take(output_wait w)
    {
        std::vector<tcp_id>& taken = taken_[static_cast<std::size_t>(w)];
        taken.clear();
        std::swap(taken, list(w));
        if (w == output_wait::flush) announced_ = 0;
        return taken;
    }
    /// The connections that wait for a flush and were not returned by this function since the last take(flush). They stay listed.
    std::span<const tcp_id> to_announce() noexcept
    {
        const std::span<const tcp_id> due(list(output_wait::flush));
        return due.subspan(std::exchange(announced_, due.size()));
    }

    // -- flush ----------------------------------------------------------------------------------------------------------
    void gather(bool on) noexcept { gathers_ = on; } ///< output caused by the user's calls also waits for the next flush
    bool gathers() const noexcept { return gathers_; }

    // -- turns ----------------------------------------------------------------------------------------------------------
    /// Octets per turn. Unbounded on loopback. A device with TSO accepts data several times as fast, so the share is doubled.
    std::size_t share(bool never_leaves, bool device_cuts) const noexcept
    {
        if (share_ == 0 || never_leaves) return std::numeric_limits<std::size_t>::max();
        return device_cuts ? 2 * share_ : share_;
    }
    void turn_ended(tcp_id id, output_place& place, time_point now)
    {
        wait(output_wait::turn, id, place);
        turn_ended_ = now;
    }
    /// When the waiting connections get their next turn: as soon as time has advanced, since all others have been served by then.
    time_point next_turn() const noexcept { return any(output_wait::turn) ? turn_ended_ + duration(1) : never; }

    // -- input ----------------------------------------------------------------------------------------------------------
    /// A batch has been received. @param goes_on another one follows @return true if waiting acknowledgements are to be sent now
    bool input_came(bool goes_on, time_point now) noexcept
    {
        constexpr auto longest = std::chrono::microseconds(250); // small against the RTT of any path that is not local
        acks_wait_ = goes_on && now < acks_wait_until_;
        if (!acks_wait_) acks_wait_until_ = now + longest;
        return !acks_wait_;
    }
    bool acks_may_wait() const noexcept { return acks_wait_; }

private:
    std::vector<tcp_id>& list(output_wait w) noexcept { return lists_[static_cast<std::size_t>(w)]; }

    std::array<std::vector<tcp_id>, output_waits> lists_, taken_;
    const std::size_t share_;
    std::size_t announced_ = 0; ///< how many of those that wait for a flush to_announce() has returned
    bool gathers_ = false;
    bool acks_wait_ = false;
    time_point acks_wait_until_{};
    time_point turn_ended_{};
};

} // namespace tapio::core
