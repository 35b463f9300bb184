/// @file
/// An integer socket option by its level and name, for the options that Asio has no class for.
#pragma once

#include <cstddef>
#include <netinet/in.h>

namespace apps::tools {

class int_option
{
public:
    int_option(int level, int name, int value = 0) : level_(level), name_(name), value_(value) {}

    int value() const { return value_; }

    // What Asio asks of a settable and gettable option.
    template <class Protocol>
    int level(const Protocol&) const
    {
        return level_;
    }
    template <class Protocol>
    int name(const Protocol&) const
    {
        return name_;
    }
    template <class Protocol>
    const int* data(const Protocol&) const
    {
        return &value_;
    }
    template <class Protocol>
    int* data(const Protocol&)
    {
        return &value_;
    }
    template <class Protocol>
    std::size_t size(const Protocol&) const
    {
        return sizeof value_;
    }
    template <class Protocol>
    void resize(const Protocol&, std::size_t)
    {
    }

private:
    int level_, name_, value_;
};

/// The TTL, or the hop limit, of packets to be sent.
inline int_option hop_limit(bool v4, int value)
{
    return v4 ? int_option(IPPROTO_IP, IP_TTL, value) : int_option(IPPROTO_IPV6, IPV6_UNICAST_HOPS, value);
}
/// ICMP errors are queued for ip::receive_error().
inline int_option receive_errors(bool v4)
{
    return v4 ? int_option(IPPROTO_IP, IP_RECVERR, 1) : int_option(IPPROTO_IPV6, IPV6_RECVERR, 1);
}
/// Path MTU discovery: IP_PMTUDISC_DO, ... (the values for IPv6 are the same).
inline int_option mtu_discovery(bool v4, int value)
{
    return v4 ? int_option(IPPROTO_IP, IP_MTU_DISCOVER, value) : int_option(IPPROTO_IPV6, IPV6_MTU_DISCOVER, value);
}
/// The MTU of the path of a connected socket, to be read.
inline int_option path_mtu(bool v4) { return v4 ? int_option(IPPROTO_IP, IP_MTU) : int_option(IPPROTO_IPV6, IPV6_MTU); }

} // namespace apps::tools
