// The ICMP types that a raw socket receives: ICMP6_FILTER (RFC 3542 §3.2), and ICMP_FILTER of raw(7).
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>
#include <tapio/ip/icmp.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>

namespace tapio::detail {

namespace {

using core::errno_code;

static_assert(sizeof(core::icmp_types) == sizeof(icmp6_filter) && ip::icmp_filter::option_name == ICMP6_FILTER);
static_assert(ip::icmp_filter::option_name == ICMP_FILTER);

std::size_t filter_size(core::family f) noexcept { return f == core::family::v6 ? sizeof(icmp6_filter) : sizeof(icmp_filter); }

/// The filter, if `name` is its option; the errors are Linux's.
core::result<core::icmp_types> filter_of(const core::raw_sockets& all, core::socket_id id, int level, int name)
{
    if (level == IPPROTO_RAW && name != ICMP_FILTER) return errno_code(ENOPROTOOPT);
    auto types = all.blocked(id);
    if (types && name != ICMP6_FILTER) return errno_code(ENOPROTOOPT);
    return types;
}

} // namespace

/// Under the lock.
bool socket::is_raw_icmp() const { return as_raw() != nullptr && as_raw()->blocked(id_); }

/// The level of these options, as on Linux: of IPv6 a level of their own, of IPv4 that of raw sockets.
bool socket::is_icmp_level(int level) const noexcept
{
    const int own = family_ == core::family::v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_RAW};
    return as_raw() != nullptr && level == own;
}

/// A value that is shorter than the filter changes the beginning of it. @return false: not an option of this file
bool socket::set_icmp_filter(int level, int name, const void* data, std::size_t size, error_code& ec)
{
    if (!is_icmp_level(level)) return false;
    engine::user_turn t(*engine_);
    if (!open_) return ec = errno_code(EBADF), true;
    auto types = filter_of(*as_raw(), id_, level, name);
    if (!types) return ec = types.error(), true;
    std::memcpy(types->data(), data, std::min(size, filter_size(family_)));
    return ec = as_raw()->set_blocked(id_, *types), true;
}

/// Under the lock. @return false: not an option of this file
bool socket::get_icmp_filter(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    if (!is_icmp_level(level)) return false;
    const auto types = filter_of(*as_raw(), id_, level, name);
    if (!types) return ec = types.error(), true;
    *size = std::min(*size, filter_size(family_));
    std::memcpy(data, types->data(), *size);
    return ec = {}, true;
}

} // namespace tapio::detail
