/// @file
/// The one error that a kernel's sockets cannot have.
#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio {

enum class errc
{
    /// The io_context that the socket was made from has no stack, so that there is nothing but the loopback, and another host or
    /// an address of this one's was asked for. Equivalent to the condition boost::system::errc::network_unreachable.
    no_stack = 1
};

const boost::system::error_category& error_category() noexcept; ///< its name is "tapio"

inline boost::system::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), error_category()}; }

} // namespace tapio

template <>
struct boost::system::is_error_code_enum<tapio::errc> : std::true_type
{
};

#pragma GCC visibility pop
