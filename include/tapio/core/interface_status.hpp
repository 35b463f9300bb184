/// @file
/// The state of an interface (RFC 2863 §3.1.14).
#pragma once

#include <tapio/core/error.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#pragma GCC visibility push(default)

namespace tapio::core {

/// ifOperStatus, as far as a host on one machine can tell.
enum class interface_state : std::uint8_t
{
    up,          ///< the interface sends and receives
    down,        ///< the link is down, or stack::set_interface_up() has disabled the interface
    not_present, ///< the device has failed or was removed
};

const char* name(interface_state state) noexcept; ///< as RFC 2863 writes it: "up", "down", "notPresent"

/// stack::interface_status() returns it.
struct interface_status
{
    std::string name;                            ///< "tap0"
    interface_state state = interface_state::up; ///< ifOperStatus
    bool enabled = true;                         ///< ifAdminStatus: false after set_interface_up(..., false)
    std::size_t mtu = 0;                         ///< octets of IP packet
    error_code why;                              ///< the device's error, if not_present; else no error
    time_point last_change{};                    ///< when `state` changed last, in the stack's time (ifLastChange)
};

} // namespace tapio::core

#pragma GCC visibility pop
