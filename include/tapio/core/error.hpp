/// @file
/// What a user's call may answer: `error_code`s with the values that Asio users already test for.
#pragma once

#include <tapio/core/config.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cerrno>

#pragma GCC visibility push(default)

namespace tapio::core {

using boost::system::error_code;

/// A value or the `error_code` that a Berkeley call would have left in `errno`.
template <class T>
using result = boost::system::result<T>;

/// `errno` value -> the `error_code` that compares equal to `boost::asio::error::...` (system category).
inline error_code errno_code(int value) noexcept { return {value, boost::system::system_category()}; }

} // namespace tapio::core

#pragma GCC visibility pop
