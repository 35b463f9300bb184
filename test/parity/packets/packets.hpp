/// @file
/// The protocols of sockets that Asio has no class for: ICMP datagrams and raw Ethernet. Linux allows them in a namespace, in
/// which `compare_packets` runs both programs.
#pragma once

#include "parity/observe.hpp"

#include <boost/asio/detail/socket_option.hpp>

#include <cstring>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <optional>

namespace parity {

#ifdef TAPIO_PARITY_KERNEL

class ping
{
public:
    using endpoint = ip::basic_endpoint<ping>;
    using socket = asio::basic_datagram_socket<ping>;

    static ping v4() { return ping(AF_INET); }
    static ping v6() { return ping(AF_INET6); }
    int type() const { return SOCK_DGRAM; }
    int protocol() const { return family_ == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6}; }
    int family() const { return family_; }

private:
    explicit ping(int family) : family_(family) {}
    int family_;
};

class link_endpoint;

class link_protocol
{
public:
    using endpoint = link_endpoint;
    using socket = asio::basic_raw_socket<link_protocol>;

    explicit link_protocol(std::uint16_t ether_type) : protocol_(htons(ether_type)) {}
    int type() const { return SOCK_RAW; }
    int protocol() const { return protocol_; }
    int family() const { return AF_PACKET; }

private:
    int protocol_;
};

class link_endpoint
{
public:
    using protocol_type = link_protocol;

    link_endpoint() { octets_.sll_family = AF_PACKET; }
    link_endpoint(std::optional<unsigned> interface, std::uint16_t ether_type = 0) : link_endpoint()
    {
        octets_.sll_ifindex = interface ? static_cast<int>(*interface) + 1 : 0;
        octets_.sll_protocol = htons(ether_type);
    }
    std::optional<unsigned> interface() const
    {
        return octets_.sll_ifindex > 0 ? std::optional(static_cast<unsigned>(octets_.sll_ifindex) - 1) : std::nullopt;
    }
    std::uint16_t ether_type() const { return ntohs(octets_.sll_protocol); }

    protocol_type protocol() const { return link_protocol(ether_type()); }
    asio::detail::socket_addr_type* data() { return reinterpret_cast<asio::detail::socket_addr_type*>(&octets_); }
    const asio::detail::socket_addr_type* data() const
    {
        return reinterpret_cast<const asio::detail::socket_addr_type*>(&octets_);
    }
    std::size_t size() const { return sizeof octets_; }
    std::size_t capacity() const { return sizeof octets_; }
    void resize(std::size_t) {}

private:
    ::sockaddr_ll octets_{};
};

#else

using ip::ping;
using link_protocol = tapio::link::raw_protocol;
using link_endpoint = tapio::link::raw_protocol::endpoint;

#endif

/// An option of any kind, for its errors.
template <class Value>
class any_option
{
public:
    any_option(int level, int name, const Value& value = {}) : level_(level), name_(name), value_(value) {}
    Value& value() { return value_; }

    template <class P>
    int level(const P&) const
    {
        return level_;
    }
    template <class P>
    int name(const P&) const
    {
        return name_;
    }
    template <class P>
    const void* data(const P&) const
    {
        return &value_;
    }
    template <class P>
    void* data(const P&)
    {
        return &value_;
    }
    template <class P>
    std::size_t size(const P&) const
    {
        return sizeof value_;
    }
    template <class P>
    void resize(const P&, std::size_t)
    {
    }

private:
    int level_, name_;
    Value value_;
};
using int_option = any_option<int>;

/// SO_ATTACH_FILTER
template <class Socket>
error_code attach(Socket& s, std::vector<::sock_filter> program)
{
    error_code ec;
    const ::sock_fprog request{static_cast<unsigned short>(program.size()), program.data()};
    s.set_option(any_option<::sock_fprog>(SOL_SOCKET, SO_ATTACH_FILTER, request), ec);
    return ec;
}

} // namespace parity
