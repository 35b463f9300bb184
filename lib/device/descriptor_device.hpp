/// @file
/// A device behind a file descriptor that gives and takes one packet for each system call: TAP and TUN.
/// Who opens the descriptor and knows what it is: tap.cpp, tun.cpp, tuntap_ioctl.
#pragma once

#include "device/unique_fd.hpp"

#include <tapio/device/device.hpp>

#include <memory>

namespace tapio::detail {

/// @param fd non-blocking  @param vnet_header  each packet has one in front of it
std::unique_ptr<device> make_descriptor_device(unique_fd fd, device_info info, bool vnet_header);

} // namespace tapio::detail
