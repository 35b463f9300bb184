/// @file
/// A device on a file descriptor that transfers one packet per read or write: TAP, TUN and utun.
/// Not here: opening and configuring the descriptor (open_tuntap, tuntap_ioctl, utun).
#pragma once

#include "device/frame_header.hpp"
#include "device/link_watch.hpp"
#include "device/unique_fd.hpp"
#include "device/uring.hpp"

#include <tapio/device/device.hpp>

#include <memory>
#include <optional>

namespace tapio::detail {

/// For io_uring instead of one system call per packet.
struct rings
{
    std::unique_ptr<uring> reading, writing;
};
std::optional<rings> open_rings(int fd); ///< none: io_uring is not available

/// How to operate the descriptor.
struct driving
{
    frame_header header = frame_header::none; ///< in front of each packet
    rings by{};                               ///< empty: read(2) and write(2)
    core::duration busy_poll{};               ///< as in tuntap_options
    std::unique_ptr<link_watch> watch{};      ///< null: the link state is known only from failed writes (EIO: down)
};

/// @param fd non-blocking
std::unique_ptr<device> make_descriptor_device(unique_fd fd, const device_info& info, driving d);

} // namespace tapio::detail
