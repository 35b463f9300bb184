/// @file
/// System calls for TAP and TUN devices, each as a function that returns an error code.
/// Read first: linux/Documentation/networking/tuntap.rst, netdevice(7).
#pragma once

#include "device/unique_fd.hpp"

#include <tapio/core/device_info.hpp>
#include <tapio/core/error.hpp>

#include <cstddef>
#include <string>

namespace tapio::detail {

using core::error_code;
using core::result;

enum class tuntap_kind
{
    tap,
    tun
};

/// The device that a descriptor is attached to.
struct tuntap_state
{
    std::string name;
    tuntap_kind kind = tuntap_kind::tap;
    bool vnet_header = false;
};

/// A non-blocking descriptor of /dev/net/tun, not attached yet.
result<unique_fd> open_clone_device();

/// Attaches `fd` to the device `name`, which is created if it does not exist.
error_code attach(int fd, const std::string& name, tuntap_kind kind, bool multi_queue, bool vnet_header);

result<tuntap_state> state_of(int fd);
/// Also false if the kernel does not tell (needs CAP_NET_ADMIN and Linux 5.8).
bool is_in_this_namespace(int fd);
bool device_exists(const std::string& name);
error_code make_persistent(int fd);
error_code make_non_blocking(int fd);

/// TUNSETVNETHDRSZ: octets of the header in front of every packet.
error_code set_vnet_header_size(int fd, std::size_t octets);

/// TUNSETOFFLOAD: packets that the kernel may pass to us unsegmented or with partial checksums.
error_code set_offload(int fd, const core::offload_features& offload);

error_code set_mtu(const std::string& name, std::size_t mtu);
error_code set_queue_length(const std::string& name, std::size_t packets);
result<std::size_t> mtu_of(const std::string& name);
result<std::size_t> queue_length_of(const std::string& name);

} // namespace tapio::detail
