/// @file
/// The engine of a stack, which is inside the library. Internal. Declared outside of any `#pragma GCC visibility`, so that a
/// shared library does not export it.
#pragma once

#include <tapio/core/config.hpp>

namespace tapio::detail {

class engine;

} // namespace tapio::detail
