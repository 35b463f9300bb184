// The options of raw Ethernet sockets (packet(7)), and filters, which all sockets but TCP's have.
#include "asio/engine.hpp"
#include "base/bpf.hpp"

#include <tapio/detail/socket.hpp>
#include <tapio/filter.hpp>
#include <tapio/link/raw_protocol.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <memory>
#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;

static_assert(sizeof(core::bpf_instruction) == sizeof(sock_filter) && sizeof(bpf_request) == sizeof(sock_fprog));
static_assert(socket_level == SOL_SOCKET && attach_program == SO_ATTACH_FILTER && detach_program == SO_DETACH_FILTER);
static_assert(sizeof(link::raw_protocol::endpoint::data_type) == sizeof(sockaddr_ll));

/// What reads an int of the user's.
core::result<int> value_of(const void* data, std::size_t size)
{
    int value = 0;
    if (size < sizeof value) return error_code(error::invalid_argument);
    std::memcpy(&value, data, sizeof value);
    return value;
}

error_code set_promiscuous(core::link_sockets& all, core::socket_id id, bool yes)
{
    while (!yes && all.is_promiscuous(id)) all.set_promiscuous(id, false);
    return yes && !all.is_promiscuous(id) ? all.set_promiscuous(id, true) : error_code();
}

/// PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP. Groups need no request: no frame to one is filtered out before the sockets.
error_code change_membership(core::link_sockets& all, core::socket_id id, std::size_t interfaces, bool add, const void* data,
                             std::size_t size)
{
    packet_mreq r{};
    if (size < sizeof r) return error::invalid_argument;
    std::memcpy(&r, data, sizeof r);
    if (r.mr_ifindex < 1 || static_cast<std::size_t>(r.mr_ifindex) > interfaces)
        return add ? core::errno_code(ENODEV) : error_code(); // as Linux: what was not added need not be dropped
    switch (r.mr_type) {
    case PACKET_MR_PROMISC: return all.set_promiscuous(id, add);
    case PACKET_MR_MULTICAST:
    case PACKET_MR_ALLMULTI: return {};
    default: return error::operation_not_supported;
    }
}

} // namespace

error_code socket::set_packet_option(int name, const void* data, std::size_t size)
{
    core::link_sockets& all = *as_link();
    if (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP)
        return change_membership(all, id_, engine_->host().net().interfaces().size(), name == PACKET_ADD_MEMBERSHIP, data, size);
    const bool outgoing = name == link::ignore_outgoing_option;
    if (!outgoing && name != link::promiscuous_option) return error::no_protocol_option;
    const auto value = value_of(data, size);
    if (!value) return value.error();
    if (*value < 0 || *value > 1) return error::invalid_argument; // as Linux
    return outgoing ? all.ignore_outgoing(id_, *value != 0) : set_promiscuous(all, id_, *value != 0);
}

/// @return false: not an option of this file
bool socket::set_link_option(int level, int name, const void* data, std::size_t size, error_code& ec)
{
    const bool is_link = as_link() != nullptr;
    if (!is_link || level == SOL_SOCKET || level == boost::asio::detail::custom_socket_option_level) return false;
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, true;
    ec = level == link::packet_level ? set_packet_option(name, data, size) : error_code(error::no_protocol_option);
    return true;
}

/// Under the lock. @return false: not an option of this file
bool socket::get_link_option(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    core::link_sockets* const all = as_link();
    if (all == nullptr || level == SOL_SOCKET || level == boost::asio::detail::custom_socket_option_level) return false;
    ec = error::no_protocol_option;
    if (level != link::packet_level) return true;
    if (name == link::statistics_option) {
        const core::link_statistics told = *all->take_statistics(id_);
        *size = std::min(*size, sizeof told);
        std::memcpy(data, &told, *size);
        return ec = {}, true;
    }
    if (name != link::ignore_outgoing_option && name != link::promiscuous_option) return true;
    const int value = name == link::promiscuous_option ? all->is_promiscuous(id_) : all->ignores_outgoing(id_);
    *size = std::min(*size, sizeof value);
    std::memcpy(data, &value, *size);
    return ec = {}, true;
}

/// SO_ATTACH_FILTER, SO_DETACH_FILTER, and a function. @return false: not an option of this file
bool socket::set_filter(int level, int name, const void* data, std::size_t size, error_code& ec)
{
    const bool function = level == filter_level && name == function_option;
    const bool program = level == SOL_SOCKET && name == SO_ATTACH_FILTER;
    if (!function && !program && !(level == SOL_SOCKET && name == SO_DETACH_FILTER)) return false;
    std::unique_ptr<const core::packet_filter> filter;
    ec = error::invalid_argument;
    if (function) {
        const auto& accepts = *static_cast<const core::packet_predicate*>(data);
        if (!accepts) return true;
        filter = std::make_unique<core::packet_filter>(accepts);
    } else if (program) {
        sock_fprog r{};
        if (size != sizeof r) return true;
        std::memcpy(&r, data, sizeof r);
        if (r.filter == nullptr) return true;
        auto checked = core::bpf_program::make({reinterpret_cast<const core::bpf_instruction*>(r.filter), std::size_t{r.len}});
        if (!checked) return ec = checked.error(), true;
        filter = std::make_unique<core::packet_filter>(std::move(*checked));
    }
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, true;
    return ec = protocol_.attach_filter(id_, std::move(filter)), true;
}

} // namespace tapio::detail
