#include "device/link_watch.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

namespace tapio::detail {

namespace {

/// Not by IFF_RUNNING of SIOCGIFFLAGS: that follows the carrier with up to a second's delay (linkwatch).
bool has_carrier(int fd, ifreq& named)
{
    ethtool_value link{};
    link.cmd = ETHTOOL_GLINK;
    named.ifr_data = reinterpret_cast<char*>(&link);
    return ::ioctl(fd, SIOCETHTOOL, &named) != 0 || link.data != 0; // no answer: the driver does not report a carrier, assume one
}

} // namespace

std::unique_ptr<link_watch> link_watch::open(const std::string& name)
{
    unique_fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl links{};
    links.nl_family = AF_NETLINK;
    links.nl_groups = RTMGRP_LINK;
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&links), sizeof links) != 0) return nullptr;
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0) return nullptr;
    return std::unique_ptr<link_watch>(new link_watch(std::move(fd), static_cast<int>(index)));
}

/// Discards the messages: they may be outdated, or may have overflowed the socket's buffer (ENOBUFS). ask() gets the state.
bool link_watch::drain()
{
    std::array<char, 8192> message;
    for (bool any = false;;) {
        const ssize_t n = ::recv(netlink_.get(), message.data(), message.size(), MSG_TRUNC);
        if (n < 0 && errno != ENOBUFS && errno != EINTR) return any;
        any = true;
    }
}

/// The ioctls of netdevice(7) work on any socket, and apply to the socket's network namespace.
std::optional<link_state> link_watch::ask() const
{
    ifreq request{};
    request.ifr_ifindex = index_;
    if (::ioctl(netlink_.get(), SIOCGIFNAME, &request) != 0) return std::nullopt;
    link_state s;
    if (::ioctl(netlink_.get(), SIOCGIFMTU, &request) != 0) return std::nullopt;
    s.mtu = static_cast<std::size_t>(request.ifr_mtu);
    if (::ioctl(netlink_.get(), SIOCGIFFLAGS, &request) != 0) return std::nullopt;
    s.up = (request.ifr_flags & IFF_UP) != 0;
    s.up = s.up && has_carrier(netlink_.get(), request);
    return s;
}

} // namespace tapio::detail
