/// @file
/// Conversions between Asio's endpoints and the core's. Internal.
#pragma once

#include <tapio/core/address.hpp>

#include <cstddef>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// @param address  a sockaddr_in or sockaddr_in6 of `size` octets; anything else gives an unspecified endpoint
core::endpoint endpoint_of(const void* address, std::size_t size) noexcept;
/// Writes a sockaddr. @return its size in octets; 0 if there is no room for it
std::size_t write_endpoint(const core::endpoint& e, void* to, std::size_t capacity) noexcept;

template <class Endpoint>
core::endpoint to_core(const Endpoint& e)
{
    if constexpr (requires { e.coded(); })
        return e.coded();
    else if constexpr (requires { e.address(); })
        return {e.address(), e.port()};
    else
        return endpoint_of(e.data(), e.size());
}

template <class Endpoint>
Endpoint from_core(const core::endpoint& e)
{
    if constexpr (requires { Endpoint::decoded(e); }) {
        return Endpoint::decoded(e);
    } else if constexpr (requires { Endpoint(e.address, e.port); }) {
        return Endpoint(e.address, e.port);
    } else {
        Endpoint out;
        out.resize(write_endpoint(e, out.data(), out.capacity()));
        return out;
    }
}

} // namespace tapio::detail

#pragma GCC visibility pop
