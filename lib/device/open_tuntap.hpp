/// @file
/// The common part of open_tap() and open_tun().
#pragma once

#include "device/tuntap_ioctl.hpp"

#include <tapio/device/device.hpp>
#include <tapio/device/tuntap_options.hpp>

#include <memory>
#include <string>

namespace tapio::detail {

/// @param refused set to the name and value of the option that failed, if one did
result<std::unique_ptr<device>> open_tuntap(tuntap_kind kind, const tuntap_options& options, std::string& refused);
result<std::unique_ptr<device>> adopt_tuntap(tuntap_kind kind, int descriptor, const tuntap_options& options,
                                             std::string& refused);

/// The device; or null, and `error`.
std::unique_ptr<device> value_or_error(result<std::unique_ptr<device>> opened, error_code& error);

/// The device. @throws boost::system::system_error with a text that begins with `what` and `refused`
std::unique_ptr<device> value_or_throw(result<std::unique_ptr<device>> opened, const std::string& what,
                                       const std::string& refused);

} // namespace tapio::detail
