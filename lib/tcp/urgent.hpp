/// @file
/// The urgent octet of what the peer sends (RFC 9293 §3.8.5), as Berkeley sockets have it and RFC 6093 §2 describes: one
/// octet, the one before the urgent pointer, kept out of the stream unless SO_OOBINLINE, and a mark where it stood.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

/// Positions are octets of the stream from its first one.
class urgent_mark
{
public:
    /// A segment says that the octet at `position` is urgent. True if that is news.
    /// @param next the position wanted next: what lies before it came without the mark, and stays ordinary
    bool announce(std::uint64_t position, std::uint64_t next) noexcept // RFC 9293 MUST-31
    {
        if (position < next || (position_ && position <= *position_)) return false;
        position_ = position;
        octet_.reset();
        taken_ = false;
        return true;
    }
    /// Where the octet is that has been announced and not seen.
    std::optional<std::uint64_t> awaited() const noexcept { return octet_ ? std::nullopt : position_; }
    void arrived(std::byte octet) noexcept { octet_ = octet; }

    bool nothing() const noexcept { return !position_; }
    bool pending() const noexcept { return position_ && !taken_; } ///< nobody has taken it
    bool there() const noexcept { return pending() && octet_; }    ///< and it has come
    std::optional<std::byte> octet() const noexcept { return octet_; }
    void take() noexcept { taken_ = true; }

    /// The stream is read up to `at`: behind the mark it is forgotten.
    void read_up_to(std::uint64_t at) noexcept
    {
        if (position_ && at > *position_) *this = urgent_mark();
    }
    bool stands_at(std::uint64_t at) const noexcept { return position_ == at; } // RFC 9293 MUST-33
    /// Octets from `at` to the mark, if it lies ahead.
    std::optional<std::uint64_t> distance_from(std::uint64_t at) const noexcept
    {
        return position_ && *position_ > at ? std::optional(*position_ - at) : std::nullopt;
    }

private:
    std::optional<std::uint64_t> position_;
    std::optional<std::byte> octet_;
    bool taken_ = false;
};

} // namespace tapio::core::tcp
