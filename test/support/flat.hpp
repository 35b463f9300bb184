/// @file
/// The octets of a packet in one piece, for comparisons.
#pragma once

#include <tapio/core/packet.hpp>

#include <cstddef>
#include <vector>

namespace tapio::test {

using octets = std::vector<std::byte>;

inline octets flat(const core::packet& p)
{
    octets out(p.size());
    p.copy_to(out);
    return out;
}

} // namespace tapio::test
