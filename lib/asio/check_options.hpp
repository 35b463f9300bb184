/// @file
/// What a stack cannot work with is refused when it is made, by the name of the option.
#pragma once

#include <tapio/core/device_info.hpp>
#include <tapio/stack.hpp>

namespace tapio::detail {

/// @return the same  @throws boost::system::system_error invalid_argument; its text names the option, its value and its bounds
const stack_options& checked(const stack_options& options);

/// What a device says of itself. @throws likewise
void check(const device_info& info);

} // namespace tapio::detail
