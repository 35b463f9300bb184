/// @file
/// Urgent data from the peer (RFC 9293 §3.8.5), as in Berkeley sockets (RFC 6093 §2): a single octet, the one before the urgent
/// pointer, which is taken out of the stream unless SO_OOBINLINE is set, and a mark at its position.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

/// Positions are octets of the stream from its first one.
class urgent_mark
{
public:
    /// A segment announces that the octet at `position` is urgent. @return true: it was not known
    /// @param next the position expected next: octets before it arrived unannounced, and stay ordinary data
    bool announce(std::uint64_t position, std::uint64_t next) noexcept // RFC 9293 MUST-31
    {
        if (position < next || (position_ && position <= *position_)) return false;
        position_ = position;
        octet_.reset();
        taken_ = false;
        return true;
    }
    /// Position of the urgent octet, if it was announced and has not arrived.
    std::optional<std::uint64_t> awaited() const noexcept { return octet_ ? std::nullopt : position_; }
    void arrived(std::byte octet) noexcept { octet_ = octet; }

    bool nothing() const noexcept { return !position_; }
    bool pending() const noexcept { return position_ && !taken_; } ///< announced and not read by the user
    bool there() const noexcept { return pending() && octet_; }    ///< pending(), and it has arrived
    std::optional<std::byte> octet() const noexcept { return octet_; }
    void take() noexcept { taken_ = true; }

    /// The user has read the stream up to `at`: beyond the mark, the urgent octet is discarded.
    void read_up_to(std::uint64_t at) noexcept
    {
        if (position_ && at > *position_) *this = urgent_mark();
    }
    bool stands_at(std::uint64_t at) const noexcept { return position_ == at; } // RFC 9293 MUST-33
    /// Octets from `at` to the mark, if the mark lies ahead.
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
