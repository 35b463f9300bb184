/// @file
/// How headers are read and written: structs of Boost.Endian buffers, copied out of the octets and never cast onto them.
///
/// On the fast path nothing is read in larger pieces than it was just written in: such a load cannot be forwarded from the
/// processor's store buffer and waits for the stores, which takes longer than all the rest.
#pragma once

#include <tapio/core/drop_reason.hpp>
#include <tapio/core/slice.hpp>

#include <boost/endian/conversion.hpp>

#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

namespace tapio::core::wire {

/// A struct whose memory layout is the wire layout.
template <class T>
concept wire_header = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && alignof(T) == 1;

/// Copies a header out. Precondition: from.size() >= sizeof(T).
template <wire_header T>
T read(const_bytes from) noexcept
{
    T header;
    std::memcpy(&header, from.data(), sizeof header);
    return header;
}

/// The value that `read_into(T&)` has filled in, or its drop_reason. The value is constructed in the result, not copied.
template <class T, class Read>
parsed<T> parsed_by(Read&& read_into)
{
    parsed<T> out(boost::system::in_place_value);
    if (const std::optional<drop_reason> why = read_into(*out)) out = *why;
    return out;
}

// Single fields, big-endian.
inline std::uint16_t load_16(const std::byte* from) noexcept
{
    return boost::endian::load_big_u16(reinterpret_cast<const unsigned char*>(from));
}
inline std::uint32_t load_32(const std::byte* from) noexcept
{
    return boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(from));
}
inline std::uint64_t load_64(const std::byte* from) noexcept
{
    return boost::endian::load_big_u64(reinterpret_cast<const unsigned char*>(from));
}
inline void store_16(std::byte* to, std::uint16_t value) noexcept
{
    boost::endian::store_big_u16(reinterpret_cast<unsigned char*>(to), value);
}
inline void store_32(std::byte* to, std::uint32_t value) noexcept
{
    boost::endian::store_big_u32(reinterpret_cast<unsigned char*>(to), value);
}
inline void store_64(std::byte* to, std::uint64_t value) noexcept
{
    boost::endian::store_big_u64(reinterpret_cast<unsigned char*>(to), value);
}

template <wire_header T>
const_bytes octets_of(const T& header) noexcept
{
    return std::as_bytes(std::span(&header, 1));
}

} // namespace tapio::core::wire
