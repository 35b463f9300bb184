/// @file
/// A TUN device: bare IP packets to and from the Linux kernel; no Ethernet, no ARP.
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/device/tuntap_options.hpp>

#include <memory>

#pragma GCC visibility push(default)

namespace tapio {

/// As `open_tap()`, for TUN; `mac` is not looked at.
std::unique_ptr<device> open_tun(const tuntap_options& options, boost::system::error_code& error);
std::unique_ptr<device> open_tun(const tuntap_options& options);

/// As `adopt_tap()`, for TUN.
std::unique_ptr<device> adopt_tun(int descriptor, const tuntap_options& options, boost::system::error_code& error);
std::unique_ptr<device> adopt_tun(int descriptor, const tuntap_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
