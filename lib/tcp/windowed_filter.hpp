/// @file
/// A windowed maximum: over a window of any ordered measure (rounds, cycles), in three values (Kathleen Nichols' algorithm).
#pragma once

#include <array>
#include <cstdint>

namespace tapio::core::tcp {

template <class Value>
class windowed_max
{
public:
    explicit windowed_max(std::uint64_t window) noexcept : window_(window) {}

    Value best() const noexcept { return best_[0].value; }
    void set_window(std::uint64_t window) noexcept { window_ = window; }

    void update(Value v, std::uint64_t at) noexcept
    {
        if (best_[0].value <= v || at - best_[2].at > window_) return reset(v, at);
        if (best_[1].value <= v) {
            best_[1] = best_[2] = {v, at};
        } else if (best_[2].value <= v) {
            best_[2] = {v, at};
        }
        if (at - best_[0].at > window_) { // the best has left the window: the second best takes its place
            best_ = {best_[1], best_[2], entry{v, at}};
            if (at - best_[0].at > window_) best_ = {best_[1], best_[2], entry{v, at}};
        } else if (best_[1].at == best_[0].at && at - best_[1].at > window_ / 4) {
            best_[1] = best_[2] = {v, at}; // a quarter of the window has passed without a second best
        } else if (best_[2].at == best_[1].at && at - best_[2].at > window_ / 2) {
            best_[2] = {v, at};
        }
    }
    void reset(Value v, std::uint64_t at) noexcept { best_ = {entry{v, at}, entry{v, at}, entry{v, at}}; }

private:
    struct entry
    {
        Value value{};
        std::uint64_t at = 0;
    };
    std::uint64_t window_;
    std::array<entry, 3> best_{};
};

} // namespace tapio::core::tcp
