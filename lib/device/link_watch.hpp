/// @file
/// What the kernel says of a network device of its own: whether its link is up, its MTU, and when that changes. A TAP's own
/// descriptor says only that the device is gone; it is silent when the device is taken down or its MTU is changed.
/// Read first: rtnetlink(7), netdevice(7).
#pragma once

#include "device/unique_fd.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace tapio::detail {

struct link_state
{
    bool up = true;      ///< the device is up and has a carrier
    std::size_t mtu = 0; ///< octets
};

class link_watch
{
public:
    /// @param name of a device in the network namespace of the calling thread, where it is looked for from then on, on whatever
    /// thread  @return null where the kernel does not let us
    static std::unique_ptr<link_watch> open(const std::string& name);

    int descriptor() const noexcept { return netlink_.get(); } ///< readable when something may have changed
    bool drain();                                              ///< empties it. @return false if nothing was there

    /// None: there is no such device in that namespace (any more).
    std::optional<link_state> ask() const;

private:
    link_watch(unique_fd netlink, int index) noexcept : netlink_(std::move(netlink)), index_(index) {}

    unique_fd netlink_;
    int index_; ///< of the device: its name may change
};

} // namespace tapio::detail
