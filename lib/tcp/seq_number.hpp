/// @file
/// Sequence numbers (RFC 9293 §3.4): 32 bits that wrap. There is no `<`: `before` and `after` compare modulo 2^32, and are
/// meaningful for numbers less than 2^31 apart.
#pragma once

#include <cstdint>

namespace tapio::core::tcp {

class seq_number
{
public:
    constexpr seq_number() noexcept = default;
    constexpr explicit seq_number(std::uint32_t value) noexcept : value_(value) {}

    constexpr std::uint32_t value() const noexcept { return value_; }

    constexpr bool before(seq_number other) const noexcept { return distance(other, *this) < 0; }
    constexpr bool after(seq_number other) const noexcept { return distance(other, *this) > 0; }
    constexpr bool at_or_before(seq_number other) const noexcept { return !after(other); }
    constexpr bool at_or_after(seq_number other) const noexcept { return !before(other); }

    /// In [begin, begin + length), for any length below 2^32.
    constexpr bool within(seq_number begin, std::uint32_t length) const noexcept { return value_ - begin.value_ < length; }

    /// Octets from `from` to `to`. Precondition: `to` is not before `from`.
    friend constexpr std::uint32_t operator-(seq_number to, seq_number from) noexcept { return to.value_ - from.value_; }
    friend constexpr seq_number operator+(seq_number s, std::uint32_t n) noexcept { return seq_number(s.value_ + n); }
    friend constexpr seq_number operator-(seq_number s, std::uint32_t n) noexcept { return seq_number(s.value_ - n); }
    constexpr seq_number& operator+=(std::uint32_t n) noexcept
    {
        value_ += n;
        return *this;
    }
    friend constexpr bool operator==(seq_number, seq_number) = default;

    /// How far `to` is ahead of `from`; negative if behind.
    static constexpr std::int32_t distance(seq_number from, seq_number to) noexcept
    {
        return static_cast<std::int32_t>(to.value_ - from.value_);
    }

private:
    std::uint32_t value_ = 0;
};

/// [begin, end)
struct sequence_range
{
    seq_number begin, end;
    constexpr std::uint32_t size() const noexcept { return end - begin; } ///< octets
};

constexpr seq_number later(seq_number a, seq_number b) noexcept { return a.before(b) ? b : a; }
constexpr seq_number earlier(seq_number a, seq_number b) noexcept { return a.before(b) ? a : b; }

} // namespace tapio::core::tcp
