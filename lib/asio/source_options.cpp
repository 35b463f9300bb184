// Source filters of multicast groups (RFC 3678): IP_ADD_SOURCE_MEMBERSHIP and the like, IP_MSFILTER; and the options of both
// families, MCAST_JOIN_GROUP to MCAST_MSFILTER. Bounds and errors are Linux's.
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <vector>

namespace tapio::detail {

namespace {

using core::errno_code;
using core::source_change;
using core::ip::filter_mode;
using core::ip::source_filter;
using chosen_interface = std::optional<core::interface_id>;

constexpr std::size_t msfilter_head = offsetof(ip_msfilter, imsf_slist); // octets before the list of sources
constexpr std::size_t group_filter_head = offsetof(group_filter, gf_slist);
constexpr std::size_t most_sources_v4 = 10, most_sources_v6 = 64; // Linux's igmp_max_msf, mld_max_msf

core::address read_address(const in_addr& a) { return core::address_v4(ntohl(a.s_addr)); }

/// none: of another family
std::optional<core::address> read_address(const sockaddr_storage& from, bool v6)
{
    if (from.ss_family != (v6 ? AF_INET6 : AF_INET)) return std::nullopt;
    if (!v6) {
        sockaddr_in a;
        std::memcpy(&a, &from, sizeof a);
        return read_address(a.sin_addr);
    }
    sockaddr_in6 a;
    std::memcpy(&a, &from, sizeof a);
    boost::asio::ip::address_v6::bytes_type octets;
    std::memcpy(octets.data(), &a.sin6_addr, octets.size());
    return core::address(core::address_v6(octets));
}

sockaddr_storage to_sockaddr(const core::address& a)
{
    sockaddr_storage out{};
    if (a.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(a.to_v4().to_uint());
        std::memcpy(&out, &v4, sizeof v4);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        const auto octets = a.to_v6().to_bytes();
        std::memcpy(&v6.sin6_addr, octets.data(), octets.size());
        std::memcpy(&out, &v6, sizeof v6);
    }
    return out;
}

chosen_interface numbered(std::uint32_t number)
{
    return number == 0 ? std::nullopt : chosen_interface(number - 1);
} ///< Linux's number

/// The interface that has an address; none for 0.0.0.0.
core::result<chosen_interface> with_address(const core::network& net, const in_addr& a)
{
    if (a.s_addr == 0) return chosen_interface();
    const auto found = net.addresses().interface_of(read_address(a));
    if (!found) return errno_code(ENODEV);
    return chosen_interface(*found);
}

template <class T>
T value_at(const void* data, std::size_t at = 0) ///< at: octets
{
    T out;
    std::memcpy(&out, static_cast<const char*>(data) + at, sizeof out);
    return out;
}

std::optional<source_change> source_change_of(int name) noexcept
{
    switch (name) {
    case IP_ADD_SOURCE_MEMBERSHIP:
    case MCAST_JOIN_SOURCE_GROUP: return source_change::join;
    case IP_DROP_SOURCE_MEMBERSHIP:
    case MCAST_LEAVE_SOURCE_GROUP: return source_change::leave;
    case IP_BLOCK_SOURCE:
    case MCAST_BLOCK_SOURCE: return source_change::block;
    case IP_UNBLOCK_SOURCE:
    case MCAST_UNBLOCK_SOURCE: return source_change::unblock;
    default: return std::nullopt;
    }
}

bool is_source_option(int level, int name, bool v6_socket) noexcept
{
    if (name >= MCAST_JOIN_GROUP && name <= MCAST_MSFILTER) return level == IPPROTO_IP || (level == IPPROTO_IPV6 && v6_socket);
    return level == IPPROTO_IP && (source_change_of(name) || name == IP_MSFILTER);
}

/// A request in either form, `ip_msfilter` or `group_filter`.
struct filter_request
{
    std::optional<core::address> group; ///< none: of another family
    core::result<chosen_interface> on;
    std::uint32_t mode, count; ///< as in the request
};

filter_request filter_request_of(const core::network& net, bool is_group_filter, bool v6, const void* data)
{
    if (!is_group_filter) {
        ip_msfilter f;
        std::memcpy(&f, data, msfilter_head);
        return {read_address(f.imsf_multiaddr), with_address(net, f.imsf_interface), f.imsf_fmode, f.imsf_numsrc};
    }
    group_filter f;
    std::memcpy(static_cast<void*>(&f), data, group_filter_head);
    return {read_address(f.gf_group, v6), numbered(f.gf_interface), f.gf_fmode, f.gf_numsrc};
}

/// The calls of one socket that the options stand for.
struct source_options
{
    core::socket_protocol& protocol;
    core::socket_id id;
    const core::network& net;
    bool v6; ///< the option's level

    error_code set(int name, const void* data, std::size_t size) const
    {
        const bool either_family = name >= MCAST_JOIN_GROUP && name <= MCAST_MSFILTER;
        if (name == IP_MSFILTER || name == MCAST_MSFILTER) return set_filter(name == MCAST_MSFILTER, data, size);
        if (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP) return set_group(name, data, size);
        return either_family ? change(name, data, size) : change_v4(name, data, size);
    }

    error_code set_group(int name, const void* data, std::size_t size) const
    {
        if (size < sizeof(group_req)) return errno_code(EINVAL);
        const auto r = value_at<group_req>(data);
        const auto group = read_address(r.gr_group, v6);
        if (!group) return errno_code(v6 ? EADDRNOTAVAIL : EINVAL); // as Linux
        if (!group->is_multicast() && (v6 || name == MCAST_JOIN_GROUP)) return errno_code(EINVAL);
        const chosen_interface on = numbered(r.gr_interface);
        return name == MCAST_JOIN_GROUP ? protocol.join_group(id, *group, on) : protocol.leave_group(id, *group, on);
    }

    error_code change_v4(int name, const void* data, std::size_t size) const
    {
        if (size != sizeof(ip_mreq_source)) return errno_code(EINVAL);
        const auto r = value_at<ip_mreq_source>(data);
        const auto group = read_address(r.imr_multiaddr);
        if (!group.is_multicast()) return errno_code(EINVAL);
        const auto on = with_address(net, r.imr_interface);
        if (!on) return on.error();
        return protocol.change_source(id, *source_change_of(name), {group, read_address(r.imr_sourceaddr), *on});
    }

    error_code change(int name, const void* data, std::size_t size) const
    {
        if (size < sizeof(group_source_req)) return errno_code(EINVAL);
        const auto r = value_at<group_source_req>(data);
        const auto group = read_address(r.gsr_group, v6), source = read_address(r.gsr_source, v6);
        if (!group || !source) return errno_code(EADDRNOTAVAIL);
        return protocol.change_source(id, *source_change_of(name), {*group, *source, numbered(r.gsr_interface)});
    }

    error_code set_filter(bool is_group_filter, const void* data, std::size_t size) const
    {
        const std::size_t head = is_group_filter ? group_filter_head : msfilter_head;
        const std::size_t each = is_group_filter ? sizeof(sockaddr_storage) : sizeof(in_addr);
        if (size < head) return errno_code(EINVAL);
        const auto r = filter_request_of(net, is_group_filter, v6, data);
        if (r.count > (v6 ? most_sources_v6 : most_sources_v4)) return errno_code(ENOBUFS);
        if (size < head + r.count * each) return errno_code(EINVAL);
        std::vector<core::address> sources;
        for (std::size_t i = 0; i < r.count; ++i) {
            const auto source = is_group_filter ? read_address(value_at<sockaddr_storage>(data, head + i * each), v6)
                                                : read_address(value_at<in_addr>(data, head + i * each));
            if (!source) return errno_code(EADDRNOTAVAIL);
            sources.push_back(*source);
        }
        if (!r.group) return errno_code(v6 ? EINVAL : EADDRNOTAVAIL);
        if (!r.group->is_multicast() || (r.mode != MCAST_INCLUDE && r.mode != MCAST_EXCLUDE)) return errno_code(EINVAL);
        if (!r.on) return r.on.error();
        const auto mode = r.mode == MCAST_INCLUDE ? filter_mode::include : filter_mode::exclude;
        return protocol.set_filter(id, *r.group, *r.on, core::ip::make_filter(mode, sources));
    }

    /// Returns as many sources as were asked for and fit, and the number that there are.
    error_code get_filter(bool is_group_filter, void* data, std::size_t* size) const
    {
        const std::size_t head = is_group_filter ? group_filter_head : msfilter_head;
        const std::size_t each = is_group_filter ? sizeof(sockaddr_storage) : sizeof(in_addr);
        if (*size < head) return errno_code(EINVAL);
        const auto r = filter_request_of(net, is_group_filter, v6, data);
        if (!r.group) return errno_code(EINVAL);
        if (!r.on) return r.on.error();
        const auto got = protocol.filter_of(id, *r.group, *r.on);
        if (!got) return got.error();
        const std::size_t count = std::min({got->sources.size(), std::size_t{r.count}, (*size - head) / each});
        char* const out = static_cast<char*>(data);
        const auto put = [&](std::size_t at, auto value) { std::memcpy(out + at, &value, sizeof value); };
        put(is_group_filter ? offsetof(group_filter, gf_fmode) : offsetof(ip_msfilter, imsf_fmode),
            static_cast<std::uint32_t>(got->mode == filter_mode::include ? MCAST_INCLUDE : MCAST_EXCLUDE));
        put(is_group_filter ? offsetof(group_filter, gf_numsrc) : offsetof(ip_msfilter, imsf_numsrc),
            static_cast<std::uint32_t>(got->sources.size()));
        for (std::size_t i = 0; i < count; ++i) {
            if (is_group_filter)
                put(head + i * each, to_sockaddr(got->sources[i]));
            else
                put(head + i * each, htonl(got->sources[i].to_v4().to_uint()));
        }
        *size = head + count * each;
        return {};
    }
};

} // namespace

/// @return false: not an option of this file
bool socket::set_source_option(int level, int name, const void* data, std::size_t size, error_code& ec)
{
    if (!is_source_option(level, name, family_ == core::family::v6)) return false;
    engine::user_turn t(*engine_);
    if (!open_)
        ec = boost::asio::error::bad_descriptor;
    else
        ec = source_options{protocol_, id_, engine_->host().net(), level == IPPROTO_IPV6}.set(name, data, size);
    return true;
}

/// @return false: not an option of this file
bool socket::get_source_option(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    const bool readable = name == IP_MSFILTER || name == MCAST_MSFILTER;
    if (!readable || !is_source_option(level, name, family_ == core::family::v6)) return false;
    ec = source_options{protocol_, id_, engine_->host().net(), level == IPPROTO_IPV6}.get_filter(name == MCAST_MSFILTER, data,
                                                                                                 size);
    return true;
}

} // namespace tapio::detail
