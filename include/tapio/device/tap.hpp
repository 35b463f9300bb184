/// @file
/// A TAP device: Ethernet frames to and from the Linux kernel (linux/Documentation/networking/tuntap.rst).
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/device/tuntap_options.hpp>

#include <memory>

#pragma GCC visibility push(default)

namespace tapio {

/// Opens (and unless `existing_only`, makes) a TAP device in the network namespace of the calling thread.
/// Neither sets the kernel's addresses nor brings the device up: `ip address add`, `ip link set NAME up`.
/// @par Errors  access_denied (no right to /dev/net/tun or to the device: CAP_NET_ADMIN or its owner) · no_such_device
/// (no
///              /dev/net/tun, or `existing_only` and it does not exist) · errc::device_or_resource_busy (somebody has
///              it open) · invalid_argument (the name is too long or that of another kind of device)
/// @throws boost::system::system_error (the overload without `error`); that names the device
std::unique_ptr<device> open_tap(const tuntap_options& options, boost::system::error_code& error);
std::unique_ptr<device> open_tap(const tuntap_options& options);

/// As above, on a descriptor of an open TAP device (TUNSETIFF done), which becomes the device's own on success; on failure it
/// stays as it was. `name`, `existing_only`, `persistent` and `multi_queue` are not looked at; the rest is.
/// @pre IFF_NO_PI was set. It cannot be asked for: TUNGETIFF has IFF_NOFILTER in the same bit.
/// @par Errors  invalid_argument (no TAP device, or `offload` without IFF_VNET_HDR) · those of setting `mtu`, `queue_length`,
/// `offload`
std::unique_ptr<device> adopt_tap(int descriptor, const tuntap_options& options, boost::system::error_code& error);
std::unique_ptr<device> adopt_tap(int descriptor, const tuntap_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
