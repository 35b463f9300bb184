/// @file
/// A model of a bad wire, without I/O or clock: it decides, from a seed, which packets are lost, duplicated, delayed or damaged.
/// `impaired()` (<tapio/device/impaired.hpp>) applies it to a device; a simulation may use it directly.
#pragma once

#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// One direction of a bad wire. Probabilities are from 0 to 1 and apply to each packet independently; times are not negative.
struct impairment_options
{
    double drop = 0;      ///< the packet is lost
    double duplicate = 0; ///< a second copy follows the first at once
    double reorder = 0;   ///< the packet is delayed by `reorder_delay`, so that later packets overtake it
    double corrupt = 0;   ///< one bit of the IP packet flipped (never of a link-layer header: that has a CRC)
    duration delay{};     ///< of every packet, one way
    duration jitter{};    ///< an additional delay from 0 up to this, uniform; reorders packets that are closer to each other
    duration reorder_delay = std::chrono::milliseconds(5); ///< see `reorder`
    unsigned reorder_steps = 1;                            ///< `reorder_delay` is multiplied by 1 to this, uniformly; at least 1
    duration stall{};            ///< a delay spike: for so long nothing arrives, then everything at once and in order
    duration stall_every{};      ///< the period of stalls, which are at its end, counted from the clock's zero; 0: no stalls
    std::uint64_t rate = 0;      ///< bit/s of the wire; 0: infinitely fast
    std::size_t mark_above = 0;  ///< with more octets in the queue, ECN-capable packets are marked; needs `rate`; 0: never
    std::size_t queue_limit = 0; ///< with more octets in the queue, the newest packet is dropped; needs `rate`; 0: no bound
};

/// How many packets each happened to.
struct impairment_counters
{
    std::uint64_t packets = 0, dropped = 0, duplicated = 0, reordered = 0, corrupted = 0, queue_dropped = 0, marked = 0;
};

/// One direction of a bad wire. Deterministic: the same packets at the same times with the same seed have the same fate.
/// @par Thread safety  distinct objects: safe; shared objects: unsafe
class impairment
{
public:
    /// @pre the options are in their ranges (impaired() checks them; this class does not)
    impairment(const impairment_options& options, std::uint64_t seed) noexcept : options_(options), state_(seed) {}

    /// A packet and the time at which it arrives at the far end.
    struct arrival
    {
        time_point at;
        core::packet packet;
    };

    /// Puts a packet on the wire and appends its arrivals to `out`: none, one or two.
    /// @param link_header  octets in front of the IP packet, which are not corrupted
    /// @param now  not before the time of the last call
    void send(packet&& p, std::size_t link_header, time_point now, std::vector<arrival>& out);

    /// How long a packet sent now would wait for those before it; 0 without `rate`.
    duration queueing_delay(time_point now) const noexcept { return busy_until_ > now ? busy_until_ - now : duration::zero(); }

    const impairment_counters& counters() const noexcept { return counters_; }

private:
    std::uint64_t random() noexcept;
    bool happens(double probability) noexcept;
    double waiting(time_point now) const noexcept;
    bool queue_is_full(time_point now) const noexcept;
    void mark(packet& p, std::size_t link_header);
    time_point leaves_wire(std::size_t octets, time_point now) noexcept;
    duration flight_time() noexcept;
    time_point after_stall(time_point at) const noexcept;
    packet damaged(const packet& p, std::size_t link_header);

    impairment_options options_;
    impairment_counters counters_;
    std::uint64_t state_;     // of random()
    time_point busy_until_{}; // with `rate`: when the wire has sent all it has
};

} // namespace tapio::core

#pragma GCC visibility pop
