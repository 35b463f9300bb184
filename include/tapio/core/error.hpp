/// @file
/// Error codes of user calls: the values that Asio users already test for.
#pragma once

#include <tapio/core/config.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cerrno>

#pragma GCC visibility push(default)

namespace tapio::core {

using boost::system::error_code;

/// A value, or the error that the Berkeley call of the same name reports in `errno`.
template <class T>
using result = boost::system::result<T>;

/// The error_code of an `errno` value, in the system category: it compares equal to `boost::asio::error::...`.
inline error_code errno_code(int value) noexcept { return {value, boost::system::system_category()}; }

} // namespace tapio::core

#pragma GCC visibility pop
