// Options whose values are interfaces or groups: SO_BINDTODEVICE, IP_MULTICAST_IF, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP.
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
    const bool membership = level == IPPROTO_IP && (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP);
    if (!to_device && !membership && !(level == IPPROTO_IP && name == IP_MULTICAST_IF)) return false;
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, true;
    if (to_device) return ec = bind_to_device(data, size), true;
    if (protocol_.type() == core::socket_type::stream) // as Linux
        return ec = membership ? core::errno_code(EPROTO) : error_code(error::invalid_argument), true;
    ec = set_group(name, data, size);
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

/// @return false: not an option of this file
bool socket::get_interface_option(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    const bool to_device = level == SOL_SOCKET && name == SO_BINDTODEVICE;
    const bool of_multicast = level == IPPROTO_IP && name == IP_MULTICAST_IF && protocol_.type() != core::socket_type::stream;
    if (!to_device && !of_multicast) return false;
    core::host& h = engine_->host();
    const auto option = to_device ? socket_option::bound_interface : socket_option::multicast_interface;
    const int bound = *protocol_.get_option(id_, option);
    const auto interface = static_cast<core::interface_id>(bound - 1);
    ec = {};
    if (!to_device) { // IP_MULTICAST_IF returns an address of the interface
        in_addr a{};
        if (*size < sizeof a) return ec = error::invalid_argument, true;
        if (bound != 0 && !h.net().interface(interface).addresses.empty())
            a.s_addr = htonl(h.net().interface(interface).addresses.front().address.to_v4().to_uint());
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
