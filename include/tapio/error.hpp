/// @file
/// tapio::errc: the one error that kernel sockets do not have. All other errors are those of Asio and of Linux.
#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio {

enum class errc
{
    /// The socket was made from an io_context without a stack, so that it has only the loopback, but it was to reach another host
    /// or to bind another address. Make sockets from a tapio::stack, or call use_stack() or set_default_stack() (stack.hpp).
    /// Compares equal to the condition boost::system::errc::network_unreachable.
    no_stack = 1
};

const boost::system::error_category& error_category() noexcept; ///< its name() is "tapio"; static storage

inline boost::system::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), error_category()}; }

} // namespace tapio

template <>
struct boost::system::is_error_code_enum<tapio::errc> : std::true_type
{
};

#pragma GCC visibility pop
