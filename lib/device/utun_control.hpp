/// @file
/// System calls for the utun devices of macOS. Elsewhere there are none to open.
#pragma once

#include "device/unique_fd.hpp"

#include <tapio/core/error.hpp>

#include <cstddef>
#include <string>

namespace tapio::detail {

/// @param name "utun" and a number; empty: the kernel chooses
core::result<unique_fd> open_utun_control(const std::string& name);

/// @param otherwise what is returned where the system does not know the descriptor's device: not on macOS
core::result<std::string> utun_name(int fd, const std::string& otherwise);

/// Sets the MTU if `octets` is not 0. @return the MTU
core::result<std::size_t> utun_mtu(const std::string& name, std::size_t octets);

} // namespace tapio::detail
