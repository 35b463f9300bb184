/// @file
/// open_utun(), adopt_utun(): the utun devices of macOS, which carry bare IP packets to and from its kernel, each behind four
/// octets that tell its address family.
///
/// **This has not run on macOS, and tapio as a whole has not been compiled there** (its TAP and TUN devices are Linux's). What
/// needs macOS is the opening alone; reading and writing is that of the other devices, and is tested on Linux with adopt_utun()
/// and a socket pair.
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/device/device.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <string>

#pragma GCC visibility push(default)

namespace tapio {

struct utun_options
{
    std::string name{};         ///< "utun7"; empty: the kernel chooses the number, which `info().name` tells
    std::size_t mtu = 0;        ///< octets of IP packet, SIOCSIFMTU; 0: leave the device's (1500)
    core::duration busy_poll{}; ///< as tuntap_options::busy_poll
};

/// Makes a utun device. It ends with the returned object. Gives the kernel's end no address and does not bring it up:
/// `ifconfig utun7 198.18.0.1 198.18.0.2 up`.
/// @return the device; null if `error` is set
/// @par Errors  operation_not_supported: this is not macOS · access_denied: not root · invalid_argument: a name other than utun
///   with a number · errc::device_or_resource_busy: another program has it · those of setting `mtu`
/// @throws boost::system::system_error with these errors, from the overload without `error`
/// @par Source  sys/kern_control.h, net/if_utun.h of macOS: a PF_SYSTEM socket, connected to com.apple.net.utun_control
std::unique_ptr<device> open_utun(const utun_options& options, boost::system::error_code& error);
std::unique_ptr<device> open_utun(const utun_options& options = {});

/// The same for a descriptor that is open already, for example one that a privileged parent has handed down. On systems other
/// than macOS it may be any descriptor that keeps packets apart, such as a datagram socket; `mtu` and `name` then tell what
/// `info()` says.
/// @param descriptor  owned by the device on success, which makes it non-blocking; unchanged, and still the caller's, on failure
/// @par Errors  bad_descriptor · on macOS, those of asking for its name and of setting `mtu`
std::unique_ptr<device> adopt_utun(int descriptor, const utun_options& options, boost::system::error_code& error);
std::unique_ptr<device> adopt_utun(int descriptor, const utun_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
