/// @file
/// How the proxy's own sockets, which are the kernel's, reach the destinations that clients name.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/socket_base.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace apps::tun_proxy {

struct way_out
{
    std::string interface;                                                     ///< SO_BINDTODEVICE; empty: the kernel's routes
    std::map<boost::asio::ip::address, boost::asio::ip::address> other_places; ///< destinations that are reached elsewhere
    std::map<bool, boost::asio::ip::address> own; ///< by is_v4(): from which the proxy tells that a TTL has run out on it
    std::chrono::seconds connect_timeout{30};
    std::chrono::seconds udp_timeout{300}; ///< RFC 4787 §4.3

    boost::asio::ip::address place_of(const boost::asio::ip::address& destination) const
    {
        const auto at = other_places.find(destination);
        return at == other_places.end() ? destination : at->second;
    }

    std::optional<boost::asio::ip::address> own_towards(const boost::asio::ip::address& client) const
    {
        const auto at = own.find(client.is_v4());
        return at == own.end() ? std::nullopt : std::optional(at->second);
    }

    /// Binds a kernel socket to the interface, so that its packets do not come back by the TUN device.
    /// @throws boost::system::system_error
    void apply(int native_socket) const;
};

/// Parses "FROM=TO". @throws usage_error
std::pair<boost::asio::ip::address, boost::asio::ip::address> parse_other_place(const std::string& text);

} // namespace apps::tun_proxy
