/// @file
/// Validation of a stack's options and devices at construction; an error names the option.
#pragma once

#include <tapio/core/device_info.hpp>
#include <tapio/stack.hpp>

namespace tapio::detail {

/// @return `options`  @throws boost::system::system_error invalid_argument; its text names the option, its value and its bounds
const stack_options& checked(const stack_options& options);

/// Checks the MTU of a device. @throws likewise
void check(const device_info& info);

} // namespace tapio::detail
