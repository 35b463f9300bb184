/// @file
/// A device behind a file descriptor that gives and takes one packet for each system call: TAP and TUN.
/// Who opens the descriptor and knows what it is: tap.cpp, tun.cpp, tuntap_ioctl.
#pragma once

#include "device/link_watch.hpp"
#include "device/unique_fd.hpp"
#include "device/uring.hpp"

#include <tapio/device/device.hpp>

#include <memory>
#include <optional>

namespace tapio::detail {

/// To drive it by io_uring instead of by a system call for each packet.
struct rings
{
    std::unique_ptr<uring> reading, writing;
};
std::optional<rings> open_rings(int fd); ///< nothing where there is no io_uring

struct driving
{
    bool vnet_header = false;            ///< each packet has one in front of it
    rings by{};                          ///< empty: by read and write
    core::duration busy_poll{};          ///< as in tuntap_options
    std::unique_ptr<link_watch> watch{}; ///< of the device; null: what write says has to do (EIO: its link is down)
};

/// @param fd non-blocking
std::unique_ptr<device> make_descriptor_device(unique_fd fd, const device_info& info, driving d);

} // namespace tapio::detail
