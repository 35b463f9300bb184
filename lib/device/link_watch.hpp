/// @file
/// Watches a network device of the kernel: its link state, its MTU, and their changes. A TAP descriptor reports only the removal
/// of the device, but not that the device was taken down or its MTU changed. Read first: rtnetlink(7), netdevice(7).
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
    /// @param name of a device in the network namespace of the calling thread; this namespace is used from then on, on any thread
    /// @return null: the kernel does not permit it
    static std::unique_ptr<link_watch> open(const std::string& name);

    int descriptor() const noexcept { return netlink_.get(); } ///< readable when something may have changed
    bool drain();                                              ///< discards all messages. @return false: there were none

    /// The present state. None: the device is not, or no longer, in that namespace.
    std::optional<link_state> ask() const;

private:
    link_watch(unique_fd netlink, int index) noexcept : netlink_(std::move(netlink)), index_(index) {}

    unique_fd netlink_;
    int index_; ///< of the device, because its name may change
};

} // namespace tapio::detail
