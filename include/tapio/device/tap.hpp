/// @file
/// open_tap(), adopt_tap(): TAP devices, which carry Ethernet frames to and from the Linux kernel
/// (linux/Documentation/networking/tuntap.rst).
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/device/tuntap_options.hpp>

#include <memory>

#pragma GCC visibility push(default)

namespace tapio {

/// Opens a TAP device in the network namespace of the calling thread; creates it if it does not exist, unless `existing_only`.
/// Gives the kernel's end no address and does not bring it up: `ip address add`, `ip link set NAME up`.
/// @return the device; null if `error` is set
/// @par Errors  access_denied: no right to open /dev/net/tun or to use the device (CAP_NET_ADMIN, or own it), or to set `mtu` or
///   `queue_length` · no_such_device: no /dev/net/tun, or `existing_only` and no such device · errc::device_or_resource_busy:
///   another program has it open · invalid_argument: the name is too long, the device is of another kind (TUN, multi-queue), or
///   the kernel does not know the `offload` asked for · operation_not_supported: no io_uring
/// @throws boost::system::system_error with these errors, from the overload without `error`. Its text names the device, and the
///   option that was refused
/// @par Source  TUNSETIFF, TUNSETOFFLOAD: linux/Documentation/networking/tuntap.rst; SIOCSIFMTU, SIOCSIFTXQLEN: netdevice(7)
std::unique_ptr<device> open_tap(const tuntap_options& options, boost::system::error_code& error);
std::unique_ptr<device> open_tap(const tuntap_options& options);

/// The same for the descriptor of a TAP device that is open already (TUNSETIFF done), for example one that a privileged parent
/// has handed down. `name`, `existing_only`, `persistent` and `multi_queue` are ignored; the other options apply.
/// @param descriptor  owned by the device on success, which makes it non-blocking; unchanged, and still the caller's, on failure
/// @pre the descriptor was made with IFF_NO_PI. This cannot be checked: TUNGETIFF reports IFF_NOFILTER in the same bit
/// @par Errors  invalid_argument: not a TAP device, or `offload` without IFF_VNET_HDR · those of setting `mtu`, `queue_length`,
///   `offload` and `io_uring`, as above
std::unique_ptr<device> adopt_tap(int descriptor, const tuntap_options& options, boost::system::error_code& error);
std::unique_ptr<device> adopt_tap(int descriptor, const tuntap_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
