/// @file
/// Forward declaration of the engine of a stack (lib/asio/engine.hpp). Internal. It is outside of any `#pragma GCC visibility`,
/// so that a shared library does not export it.
#pragma once

#include <tapio/core/config.hpp>

namespace tapio::detail {

class engine;

} // namespace tapio::detail
