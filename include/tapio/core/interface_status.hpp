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
    up,          ///< packets pass
    down,        ///< the link is down, or the user has taken the interface down
    not_present, ///< the device has failed or was removed
};

const char* name(interface_state state) noexcept; ///< "up", "down", "notPresent", as the RFC writes them

struct interface_status
{
    std::string name;                            ///< "tap0"
    interface_state state = interface_state::up; ///< ifOperStatus
    bool enabled = true;                         ///< ifAdminStatus: false after set_interface_up(..., false)
    std::size_t mtu = 0;                         ///< octets of IP packet
    error_code why;                              ///< what the device said when it failed; none unless not_present
    time_point last_change{};                    ///< of `state`, in the stack's time (ifLastChange)
};

} // namespace tapio::core

#pragma GCC visibility pop
