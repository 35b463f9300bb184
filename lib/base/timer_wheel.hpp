/// @file
/// The timers of a host: a hierarchical timing wheel (Varghese and Lauck) with exact deadlines. Arm, re-arm and cancel are O(1).
#pragma once

#include <tapio/core/time.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace tapio::core {

class timer_wheel;

/// A timer, embedded in the object that owns it. Its destructor cancels it. Not movable: the wheel points to it.
class timer_node
{
public:
    timer_node() noexcept = default;
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;
    ~timer_node();

    bool armed() const noexcept { return wheel_ != nullptr; }
    time_point deadline() const noexcept { return deadline_; } ///< meaningful while armed

    /// Called when the deadline has passed. The node is disarmed before, and may be re-armed or destroyed in the call.
    void (*fire)(timer_node& self, void* context, time_point now) = nullptr;
    void* context = nullptr;
    std::uint64_t data = 0; ///< the owner's to use

private:
    friend class timer_wheel;

    timer_wheel* wheel_ = nullptr;
    timer_node* next_ = nullptr;
    timer_node* previous_ = nullptr;
    time_point deadline_{};
    std::uint64_t order_ = 0; ///< sequence number of the arming, for equal deadlines
    std::uint8_t level_ = 0, slot_ = 0;
};

class timer_wheel
{
public:
    timer_wheel() noexcept = default;
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;
    ~timer_wheel();

    /// Arms or re-arms. `never` cancels. A deadline in the past fires at the next advance().
    void arm(timer_node& node, time_point deadline) noexcept;
    void cancel(timer_node& node) noexcept;

    /// A time not later than the earliest deadline. It may be earlier, when nodes have to move to a finer level first.
    time_point next_deadline() const noexcept;

    /// Fires every node whose deadline has passed, in order of deadlines; equal ones in the order of arming.
    void advance(time_point now)
    {
        const std::uint64_t tick = tick_of(now);
        if (tick >= idle_until_) return fire(now, tick);
        now_tick_ = std::max(now_tick_, tick);
    }

    bool empty() const noexcept { return count_ == 0; }

private:
    static constexpr unsigned slot_bits = 6;
    static constexpr unsigned slots = 1U << slot_bits;
    static constexpr unsigned levels = 9;
    static constexpr unsigned tick_bits = 16; ///< a tick of the finest level is 65.5 microseconds

    using level = std::array<timer_node*, slots>; ///< head of the list of each slot

    static std::uint64_t tick_of(time_point t) noexcept
    {
        const auto ns = t.time_since_epoch().count();
        return ns <= 0 ? 0 : static_cast<std::uint64_t>(ns) >> tick_bits;
    }
    void fire(time_point now, std::uint64_t until);
    void insert(timer_node& node) noexcept;
    void unlink(timer_node& node) noexcept;
    void cascade(unsigned level_index, unsigned slot) noexcept;
    bool expire_slot(unsigned slot, time_point now);
    void link(timer_node& node, unsigned level_index, unsigned slot) noexcept;
    std::uint64_t next_tick(unsigned& level_index, unsigned& slot) const noexcept;

    std::array<std::uint64_t, levels + 1> occupied_{}; ///< for each level a bit per slot; kept together in one or two cache lines
    std::array<level, levels + 1> levels_{};           ///< the extra level holds nodes that are being fired
    std::vector<timer_node*> due_;                     ///< scratch
    std::uint64_t idle_until_ = UINT64_MAX;            ///< tick before which no slot needs work
    std::uint64_t now_tick_ = 0;                       ///< the current tick: no armed node lies in an earlier one
    std::uint64_t order_ = 0;
    std::size_t count_ = 0;
};

} // namespace tapio::core
