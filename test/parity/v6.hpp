/// @file
/// What the behaviours of IPv6 alone share.
#pragma once

#include "observe.hpp"

#include <cstdint>
#include <string>

namespace parity {

constexpr unsigned loopback_index = 1, no_index = 9999; ///< of an interface; no_index: of none

/// The IPv4-mapped address (RFC 4291 §2.5.5.2).
inline ip::address mapped(const std::string& v4 = "127.0.0.1") { return ip::make_address("::ffff:" + v4); }

inline ip::address loopback_of(bool v6) { return v6 ? ip::address(ip::address_v6::loopback()) : ip::address_v4::loopback(); }
template <class Protocol>
Protocol protocol(bool v6)
{
    return v6 ? Protocol::v6() : Protocol::v4();
}

inline ip::address scoped(const char* address, unsigned scope)
{
    auto a = asio::ip::make_address_v6(address);
    a.scope_id(scope);
    return a;
}

/// A port at which no socket is bound, in either family, nor any connection.
template <class Protocol>
std::uint16_t free_port(asio::io_context& io)
{
    const typename Protocol::socket s(io, typename Protocol::endpoint(Protocol::v6(), 0));
    return s.local_endpoint().port();
}

/// Prints the addresses of both ends.
template <class Socket>
void say_addresses(report& out, const char* what, const Socket& s)
{
    error_code local_error, remote_error;
    const auto l = s.local_endpoint(local_error), r = s.remote_endpoint(remote_error);
    out.say(what, "local", l.address(), local_error, "remote", r.address(), remote_error);
}

} // namespace parity
