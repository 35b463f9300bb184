/// @file
/// How headers are read and written: structs of Boost.Endian buffers, copied out of the octets and never cast onto them.
#pragma once

#include <tapio/core/slice.hpp>

#include <cstring>
#include <type_traits>

namespace tapio::core::wire {

/// A struct that lies in memory exactly as it travels.
template <class T>
concept wire_header = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && alignof(T) == 1;

/// Copies a header out. Precondition: `from` has as many octets.
template <wire_header T>
T read(const_bytes from) noexcept
{
    T header;
    std::memcpy(&header, from.data(), sizeof header);
    return header;
}

template <wire_header T>
const_bytes octets_of(const T& header) noexcept
{
    return std::as_bytes(std::span(&header, 1));
}

} // namespace tapio::core::wire
