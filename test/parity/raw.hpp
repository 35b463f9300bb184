/// @file
/// What the behaviours of raw sockets share. Raw sockets require CAP_NET_RAW on Linux; without it both programs print nothing of
/// them.
#pragma once

#include "observe.hpp"

#include <cstddef>
#include <sys/socket.h>
#include <unistd.h>

namespace parity {

using icmp = ip::icmp;
using raw = net::generic::raw_protocol;

constexpr int experimental = 253; ///< protocol for experiments (RFC 3692)

inline int family_of_run() { return over_v6() ? AF_INET6 : AF_INET; }

/// Octets of the IP header in front of what a raw socket receives: an IPv6 socket receives none (RFC 3542 §3).
inline std::size_t ip_header() { return over_v6() ? 0 : 20; }

/// A loopback address of this process: raw sockets also receive packets that other processes send to a shared address. IPv6 has
/// only one.
inline ip::address own(unsigned last = 1)
{
    if (over_v6()) return local();
    const auto process = static_cast<unsigned>(::getpid());
    return ip::address_v4(127U << 24 | (1 + process / 250 % 250) << 16 | process % 250 << 8 | last);
}

inline bool has_permission()
{
    const int s = ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (s >= 0) ::close(s);
    return s >= 0;
}

#define RAW_BEHAVIOUR_IF(name, applies)        \
    static void run_##name(report& out);       \
    BEHAVIOUR_IF(name, applies)                \
    {                                          \
        if (has_permission()) run_##name(out); \
    }                                          \
    static void run_##name(report& out)

#define RAW_BEHAVIOUR(name) RAW_BEHAVIOUR_IF(name, true)
#define V4_RAW_BEHAVIOUR(name) RAW_BEHAVIOUR_IF(name, !over_v6())
#define V6_RAW_BEHAVIOUR(name) RAW_BEHAVIOUR_IF(name, over_v6())

/// Two raw sockets of one protocol.
struct raw_pair
{
    asio::io_context io;
    raw::socket a{io, raw(family_of_run(), experimental)}, b{io, raw(family_of_run(), experimental)};
    icmp::endpoint here{own(), 0};
    raw_pair()
    {
        a.bind(here);
        b.bind(here);
    }
};

} // namespace parity
