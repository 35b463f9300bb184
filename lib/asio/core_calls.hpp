/// @file
/// Calls of the core from the shell: handles and results.
#pragma once

#include "core/socket_types.hpp"

#include <boost/asio/error.hpp>

namespace tapio::detail {

using boost::system::error_code;

inline core::tcp_id tcp(auto id) noexcept { return {id.index, id.generation}; }
inline core::udp_id udp(auto id) noexcept { return {id.index, id.generation}; }

inline bool would_block(const error_code& ec) noexcept { return ec == boost::asio::error::would_block; }

template <class T>
T value_or(const core::result<T>& r, error_code& ec)
{
    ec = r ? error_code() : r.error();
    return r ? *r : T();
}

} // namespace tapio::detail
