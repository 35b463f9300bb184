/// @file
/// A bad wire, as a model without I/O or clock: which packets are lost, doubled, delayed or damaged, decided by a seed.
/// `impaired()` (<tapio/device/impaired.hpp>) puts one around a device; a simulation may use it alone.
#pragma once

#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// Probabilities are from 0 to 1; each packet is judged independently, by each of them.
struct impairment_options
{
    double drop = 0;
    double duplicate = 0; ///< a second copy right behind the first
    double reorder = 0;   ///< held back by `reorder_delay`, so that later packets overtake it
    double corrupt = 0;   ///< one bit of the IP packet flipped (never of a link-layer header: that has a CRC)
    duration delay{};     ///< of every packet
    duration jitter{};    ///< up to so much more, uniformly; reorders when larger than the distance of packets
    duration reorder_delay = std::chrono::milliseconds(5);
    unsigned reorder_steps = 1;  ///< ... times 1 to so many, each as likely
    duration stall{};            ///< the wire stands still for so long, and then delivers all at once and in order: a delay spike
    duration stall_every{};      ///< ... at the end of each such period, counted from the clock's zero; 0: never
    std::uint64_t rate = 0;      ///< bit/s of the wire; 0: infinitely fast
    std::size_t mark_above = 0;  ///< octets waiting from which on ECN-capable packets are marked (RFC 3168); 0: never
    std::size_t queue_limit = 0; ///< octets waiting for the wire before it drops the newest packet (with `rate`); 0: no bound
};

/// How often each has happened.
struct impairment_counters
{
    std::uint64_t packets = 0, dropped = 0, duplicated = 0, reordered = 0, corrupted = 0, queue_dropped = 0, marked = 0;
};

/// One direction of a bad wire. Deterministic: the same packets at the same times and seed fare alike.
class impairment
{
public:
    impairment(const impairment_options& options, std::uint64_t seed) noexcept : options_(options), state_(seed) {}

    /// A packet, and when it comes out at the far end.
    struct arrival
    {
        time_point at;
        core::packet packet;
    };

    /// Puts a packet on the wire at `now` (never before the last call's) and appends to `out` what becomes of it:
    /// nothing, one arrival or two. @param link_header octets in front of the IP packet, which are spared from
    /// corruption
    void send(packet&& p, std::size_t link_header, time_point now, std::vector<arrival>& out);

    /// How long a packet that is sent now waits for those before it (with `rate`).
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
