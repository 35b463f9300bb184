// Options whose values are interfaces or groups: SO_BINDTODEVICE, IP_MULTICAST_IF, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, and
// the same for IPv6.
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <optional>
#include <string_view>
#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;
using core::socket_option;

boost::asio::ip::address_v4 address_of(const in_addr& a) noexcept { return boost::asio::ip::address_v4(ntohl(a.s_addr)); }

/// Reads an `ip_mreqn`, an `ip_mreq` or, if `address_alone`, an `in_addr`.
std::optional<ip_mreqn> request_of(const void* data, std::size_t size, bool address_alone) noexcept
{
    ip_mreqn out{};
    if (size >= sizeof out) {
        std::memcpy(&out, data, sizeof out);
    } else if (size >= sizeof(ip_mreq)) {
        std::memcpy(&out, data, sizeof(ip_mreq)); // the beginning of an ip_mreqn, without the index
    } else if (address_alone && size >= sizeof(in_addr)) {
        std::memcpy(&out.imr_address, data, sizeof(in_addr));
    } else {
        return std::nullopt;
    }
    return out;
}

/// The interface that a request selects by index (from 1) or by address; none if it has neither.
core::result<std::optional<core::interface_id>> interface_of(const core::network& net, const ip_mreqn& r)
{
    if (r.imr_ifindex > 0) return std::optional(static_cast<core::interface_id>(r.imr_ifindex - 1));
    const auto a = address_of(r.imr_address);
    if (a.is_unspecified()) return std::optional<core::interface_id>();
    const auto found = net.addresses().interface_of(core::address(a));
    if (!found) return core::errno_code(ENODEV);
    return found;
}

} // namespace

/// @return false: not an option of this file
bool socket::set_interface_option(int level, int name, const void* data, std::size_t size, error_code& ec)
{
    const bool to_device = level == SOL_SOCKET && name == SO_BINDTODEVICE;
    const bool v6 = level == IPPROTO_IPV6 && family_ == core::family::v6;
    const bool membership = v6 ? name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP
                               : level == IPPROTO_IP && (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP);
    const bool outgoing = v6 ? name == IPV6_MULTICAST_IF : level == IPPROTO_IP && name == IP_MULTICAST_IF;
    if (!to_device && !membership && !outgoing) return false;
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, true;
    if (to_device) return ec = bind_to_device(data, size), true;
    if (protocol_.type() == core::socket_type::stream) { // as Linux
        const error_code why_not = v6 ? error_code(error::no_protocol_option) : error_code(error::invalid_argument);
        return ec = membership ? core::errno_code(EPROTO) : why_not, true;
    }
    ec = v6 ? set_group_v6(name, data, size) : set_group(name, data, size);
    return true;
}

error_code socket::bind_to_device(const void* data, std::size_t size)
{
    const std::string_view wanted(static_cast<const char*>(data), strnlen(static_cast<const char*>(data), size));
    const auto found = engine_->host().net().interfaces().find(wanted);
    if (!found && !wanted.empty()) return core::errno_code(ENODEV);
    const int value = wanted.empty() ? 0 : static_cast<int>(*found) + 1;
    return protocol_.set_option(id_, socket_option::bound_interface, value, engine_->turn_began());
}

error_code socket::set_group(int name, const void* data, std::size_t size)
{
    const auto r = request_of(data, size, name == IP_MULTICAST_IF);
    if (!r) return error::invalid_argument;
    const auto interface = interface_of(engine_->host().net(), *r);
    const bool found = interface.has_value();
    if (name == IP_MULTICAST_IF) {
        if (!found) return core::errno_code(EADDRNOTAVAIL); // as Linux
        const int number = *interface ? static_cast<int>(**interface) + 1 : 0;
        return protocol_.set_option(id_, socket_option::multicast_interface, number, engine_->turn_began());
    }
    const auto group = core::address(address_of(r->imr_multiaddr));
    if (!group.is_multicast()) return error::invalid_argument;
    if (!found) return name == IP_ADD_MEMBERSHIP ? core::errno_code(ENODEV) : core::errno_code(EADDRNOTAVAIL);
    return name == IP_ADD_MEMBERSHIP ? protocol_.join_group(id_, group, *interface)
                                     : protocol_.leave_group(id_, group, *interface);
}

/// The values are an `ipv6_mreq`, or the number of an interface + 1 (RFC 3493 §5.2).
error_code socket::set_group_v6(int name, const void* data, std::size_t size)
{
    if (name == IPV6_MULTICAST_IF) {
        int index = 0;
        if (size < sizeof index) return error::invalid_argument;
        std::memcpy(&index, data, sizeof index);
        return protocol_.set_option(id_, socket_option::multicast_interface, index, engine_->turn_began());
    }
    ::ipv6_mreq r{};
    if (size < sizeof r) return error::invalid_argument;
    std::memcpy(&r, data, sizeof r);
    boost::asio::ip::address_v6::bytes_type octets;
    std::memcpy(octets.data(), &r.ipv6mr_multiaddr, octets.size());
    const core::address group{boost::asio::ip::address_v6(octets)};
    if (!group.is_multicast()) return error::invalid_argument;
    const auto interface = r.ipv6mr_interface == 0 ? std::nullopt : std::optional<core::interface_id>(r.ipv6mr_interface - 1);
    return name == IPV6_JOIN_GROUP ? protocol_.join_group(id_, group, interface) : protocol_.leave_group(id_, group, interface);
}

/// @return false: not an option of this file
bool socket::get_interface_option(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    const bool to_device = level == SOL_SOCKET && name == SO_BINDTODEVICE;
    const bool v6 = level == IPPROTO_IPV6 && family_ == core::family::v6;
    const bool outgoing = (v6 && name == IPV6_MULTICAST_IF) || (level == IPPROTO_IP && name == IP_MULTICAST_IF);
    const bool stream = protocol_.type() == core::socket_type::stream;
    if (!to_device && (!outgoing || (stream && !v6))) return false;
    core::host& h = engine_->host();
    const auto option = to_device ? socket_option::bound_interface : socket_option::multicast_interface;
    const int bound = stream && !to_device ? 0 : *protocol_.get_option(id_, option);
    const auto interface = static_cast<core::interface_id>(bound - 1);
    ec = {};
    if (!to_device && v6) {
        if (*size < sizeof bound) return ec = error::invalid_argument, true;
        std::memcpy(data, &bound, *size = sizeof bound);
        return true;
    }
    if (!to_device) { // IP_MULTICAST_IF returns an address of the interface
        in_addr a{};
        if (*size < sizeof a) return ec = error::invalid_argument, true;
        const auto own = bound != 0 ? h.net().addresses().source_for(interface, core::address_v4::any()) : std::nullopt;
        if (own) a.s_addr = htonl(own->to_v4().to_uint());
        std::memcpy(data, &a, *size = sizeof a);
        return true;
    }
    if (bound == 0) return *size = 0, true;
    const std::string& found = h.net().interface(interface).info().name;
    if (*size < IFNAMSIZ) return ec = error::invalid_argument, true;
    *size = std::min<std::size_t>(found.size(), IFNAMSIZ - 1) + 1;
    std::memcpy(data, found.c_str(), *size - 1);
    static_cast<char*>(data)[*size - 1] = '\0';
    return true;
}

} // namespace tapio::detail
