/// @file
/// open_tun(), adopt_tun(): TUN devices, which carry bare IP packets to and from the Linux kernel, without Ethernet and ARP
/// (linux/Documentation/networking/tuntap.rst).
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/device/tuntap_options.hpp>

#include <memory>

#pragma GCC visibility push(default)

namespace tapio {

/// As `open_tap()`, with the same errors, for a TUN device; `mac` is ignored.
std::unique_ptr<device> open_tun(const tuntap_options& options, boost::system::error_code& error);
std::unique_ptr<device> open_tun(const tuntap_options& options);

/// As `adopt_tap()`, with the same errors, for a TUN device; `mac` is ignored.
std::unique_ptr<device> adopt_tun(int descriptor, const tuntap_options& options, boost::system::error_code& error);
std::unique_ptr<device> adopt_tun(int descriptor, const tuntap_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
