/// @file
/// The hash of flow keys for tables of the standard library. Keyed, because strangers choose the flows.
#pragma once

#include "base/flow_key.hpp"
#include "base/siphash.hpp"

#include <cstddef>

namespace tapio::core {

struct flow_hash
{
    siphash_key key;
    std::size_t operator()(const flow_key& f) const noexcept { return static_cast<std::size_t>(siphash_1_3(key, f)); }
};

} // namespace tapio::core
