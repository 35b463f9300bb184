/// @file
/// The owner of sockets, as the core sees it: an object that is told when something has happened to one of them.
#pragma once

#include <tapio/core/time.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace tapio::core {

/// What a socket is ready for; a set of bits.
enum class readiness : std::uint8_t
{
    none = 0,
    readable = 1, ///< receive (or accept) would not answer would_block: data, end of stream or an error waits
    writable = 2, ///< send would not answer would_block; a pending connect has ended, well or badly
    error = 4,    ///< take_error() has something to say
};
constexpr readiness operator|(readiness a, readiness b) noexcept
{
    return static_cast<readiness>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr readiness operator&(readiness a, readiness b) noexcept
{
    return static_cast<readiness>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr readiness& operator|=(readiness& a, readiness b) noexcept { return a = a | b; }
constexpr bool any(readiness r) noexcept { return r != readiness::none; }

/// Given to a socket's set_owner(). A socket of the Asio shell is one, and so is a client inside the host (DHCP, DNS).
class event_sink
{
public:
    /// Something has changed: edge-like; the owner tries again and may find nothing. Called by host::dispatch_events(), never
    /// from within a call on a socket or while a packet is received: the owner may make any call on any socket, and close this
    /// one.
    virtual void ready(readiness what, time_point now) = 0;

protected:
    ~event_sink() = default; ///< the sockets do not own it
};

} // namespace tapio::core

#pragma GCC visibility pop
