/// @file
/// Helpers for calls from the Asio shell to the core: conversion of flags and results.
#pragma once

#include "core/socket_protocol.hpp"

#include <tapio/core/error.hpp>

#include <boost/asio/error.hpp>

#include <sys/socket.h>

namespace tapio::detail {

using boost::system::error_code;

inline bool would_block(const error_code& ec) noexcept { return ec == boost::asio::error::would_block; }

inline core::receive_flags receive_flags_of(int flags) noexcept { return {(flags & MSG_PEEK) != 0, (flags & MSG_OOB) != 0}; }

template <class T>
T value_or(const core::result<T>& r, error_code& ec)
{
    ec = r ? error_code() : r.error();
    return r ? *r : T();
}

} // namespace tapio::detail
