/// @file
/// How the machines of multicast DNS send. A link is named by its zone (RFC 4007): the scope id of its link-local addresses.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/slice.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>

namespace tapio::core::client {

using link_zone = std::uint32_t;

inline constexpr std::size_t mdns_payload = 1440; ///< octets of a message that we send: it fits into a frame by either family

/// The owner's sockets. It must not call the machines from within send().
class mdns_transport
{
public:
    /// @param to null: the groups of both families
    virtual void send(link_zone link, const endpoint* to, const_bytes message, time_point now) = 0;

protected:
    ~mdns_transport() = default;
};

} // namespace tapio::core::client
