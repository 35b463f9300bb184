// Multicast membership of UDP and raw sockets, and their source filters (RFC 3376 §3, RFC 3678), with Linux's bounds and errors.
#include "core/datagram_sockets.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core {

namespace {

using ip::filter_mode;
using ip::source_filter;

constexpr std::size_t most_memberships = 20; ///< per socket; Linux's igmp_max_memberships

/// Sources of one filter: Linux's igmp_max_msf and mld_max_msf.
std::size_t most_sources(const address& group) noexcept { return group.is_v4() ? 10 : 64; }

/// The membership of a group; without an interface, the first one.
template <class Memberships>
auto find_membership(Memberships& in, const address& group, std::optional<interface_id> interface)
{
    return std::find_if(in.begin(), in.end(), [&](const auto& m) {
        return m.group == without_zone(group) && (!interface || m.interface == *interface);
    });
}

} // namespace

/// The interface that a request is about. EINVAL: no group, or of a family that the socket does not receive; ENODEV
result<interface_id> datagram_sockets::group_interface(const socket& s, const address& group,
                                                       std::optional<interface_id> interface) const
{
    if (!group.is_multicast() || (group.is_v6() && s.family == family::v4)) return errno_code(EINVAL);
    const interface_id found = interface.value_or(net_.routes().group_interface(group));
    if (found >= net_.interfaces().size()) return errno_code(ENODEV);
    return found;
}

error_code datagram_sockets::add_membership(socket& s, const address& group, interface_id interface, const source_filter& filter)
{
    if (s.groups.size() >= most_memberships) return errno_code(ENOBUFS);
    const ip::subscriber_id who = net_.join_group(interface, group, filter);
    s.groups.push_back({without_zone(group), interface, who, filter, !filter.sources.empty()});
    return {};
}

void datagram_sockets::apply(membership& m, source_filter filter)
{
    m.filter = std::move(filter);
    net_.set_group_filter(m.interface, m.group, m.who, m.filter);
}

error_code datagram_sockets::join_group(socket_id id, const address& group, std::optional<interface_id> interface)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const auto on = group_interface(*s, group, interface);
    if (!on) return on.error();
    if (find_membership(s->groups, group, *on) != s->groups.end()) return errno_code(EADDRINUSE);
    return add_membership(*s, group, *on, {filter_mode::exclude, {}});
}

error_code datagram_sockets::leave_group(socket_id id, const address& group, std::optional<interface_id> interface)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const auto at = find_membership(s->groups, group, interface);
    if (at == s->groups.end()) return errno_code(EADDRNOTAVAIL);
    net_.leave_group(at->interface, group, at->who);
    s->groups.erase(at);
    return {};
}

/// As on Linux, a filter without sources changes its mode by the first source that is added, and joining a source that is listed,
/// like leaving one that is not, is an error.
error_code datagram_sockets::change_source(socket_id id, source_change what, const source_of_group& which)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const auto on = group_interface(*s, which.group, which.interface);
    if (!on) return on.error();
    const address source = without_zone(which.source);
    const bool joins = what == source_change::join, adds = joins || what == source_change::block;
    const auto mode = joins || what == source_change::leave ? filter_mode::include : filter_mode::exclude;
    const auto m =
        find_membership(s->groups, which.group, which.interface || which.group.is_v4() ? std::optional(*on) : std::nullopt);
    if (m == s->groups.end()) return joins ? add_membership(*s, which.group, *on, {mode, {source}}) : errno_code(EINVAL);
    if (m->mode_is_fixed && m->filter.mode != mode) return errno_code(EINVAL);

    source_filter filter{mode, m->filter.sources};
    if (adds && filter.sources.size() >= most_sources(which.group)) return errno_code(ENOBUFS);
    const auto at = std::lower_bound(filter.sources.begin(), filter.sources.end(), source);
    const bool listed = at != filter.sources.end() && *at == source;
    if (listed == adds) return errno_code(EADDRNOTAVAIL);
    if (adds)
        filter.sources.insert(at, source);
    else
        filter.sources.erase(at);
    if (filter.is_nothing()) return leave_group(id, m->group, m->interface);
    m->mode_is_fixed = true;
    apply(*m, std::move(filter));
    return {};
}

error_code datagram_sockets::set_filter(socket_id id, const address& group, std::optional<interface_id> interface,
                                        const source_filter& filter)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (filter.sources.size() > most_sources(group)) return errno_code(ENOBUFS);
    const auto on = group_interface(*s, group, interface);
    if (!on) return on.error();
    if (filter.is_nothing()) return leave_group(id, group, *on);
    const auto m = find_membership(s->groups, group, *on);
    if (m == s->groups.end()) return errno_code(EINVAL);
    m->mode_is_fixed = !filter.sources.empty();
    apply(*m, filter);
    return {};
}

result<source_filter> datagram_sockets::filter_of(socket_id id, const address& group, std::optional<interface_id> interface) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const auto on = group_interface(*s, group, interface);
    if (!on) return on.error();
    const auto m = find_membership(s->groups, group, *on);
    if (m == s->groups.end()) return errno_code(EADDRNOTAVAIL);
    return m->filter;
}

} // namespace tapio::core
