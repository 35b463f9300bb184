/// @file
/// The interface of a transport protocol towards the network layer, and the table of transports by protocol number.
#pragma once

#include "base/flow_key.hpp"
#include "ip/rx_packet.hpp"
#include "link/interface.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <array>
#include <cstdint>
#include <span>

namespace tapio::core::ip {

/// An ICMP error about a packet of ours.
struct icmp_error_report
{
    interface_id interface = 0; ///< that received the error; for our own error: the outgoing one
    flow_key flow;              ///< of our packet that the error is about
    error_code why;
    bool hard = false;          ///< RFC 1122 §4.2.3.9
    std::uint32_t sequence = 0; ///< TCP: sequence number of the quoted segment
    std::size_t mtu = 0;        ///< octets; fragmentation needed: the next hop's MTU; else 0
    address offender;           ///< sender of the error: a router, the destination, or this host
    std::uint8_t type = 0, code = 0;
    packet quote;                    ///< as much of our packet as the error quotes, from its IP header on
    std::size_t quote_ip_header = 0; ///< octets of the IP header, or headers, in it

    icmp_error_report without_ports() const ///< for sockets whose protocol has none
    {
        icmp_error_report out = *this;
        out.flow = flow_key({flow.source_address(), 0}, {flow.destination_address(), 0}, flow.protocol());
        return out;
    }
};

class transport
{
public:
    virtual void receive(rx_packet& p, time_point now) = 0;
    /// Announces segments that will be passed to receive() next, so that the transport can prefetch its table entries.
    virtual void expect(std::span<const rx_packet>) noexcept {}
    virtual void icmp_error(const icmp_error_report&, time_point) {} ///< about a packet of this protocol
    virtual void transmit_room(interface_id) {} ///< the interface's transmit queue has room again, or routes have changed

protected:
    ~transport() = default;
};

/// Raw sockets, which receive copies of packets of any protocol.
class raw_receiver
{
public:
    virtual bool wants_raw() const noexcept = 0; ///< at least one raw socket is open
    /// @return true if a raw socket took a copy
    virtual bool receive_raw(const rx_packet& p, time_point now) = 0;
    virtual void icmp_error_raw(const icmp_error_report& r, time_point now) = 0; ///< about a packet of any protocol

protected:
    ~raw_receiver() = default;
};

class echo_receiver; // ip/echo_receiver.hpp

class transport_table
{
public:
    void add(ip_protocol number, transport& t) noexcept { by_number_[static_cast<std::uint8_t>(number)] = &t; }
    void set_raw(raw_receiver& r) noexcept { raw_ = &r; }
    void set_echo(echo_receiver& r) noexcept { echo_ = &r; }
    echo_receiver* echo() const noexcept { return echo_; } ///< or null

    transport* find(ip_protocol number) const noexcept { return by_number_[static_cast<std::uint8_t>(number)]; } ///< or null
    bool receive_raw(const rx_packet& p, time_point now) const
    {
        return raw_ != nullptr && raw_->wants_raw() && raw_->receive_raw(p, now);
    }
    /// Tells the raw sockets, then the transport.
    void icmp_error(const icmp_error_report& r, time_point now) const
    {
        if (raw_ != nullptr && raw_->wants_raw()) raw_->icmp_error_raw(r, now);
        if (transport* const t = find(r.flow.protocol())) t->icmp_error(r, now);
    }
    void transmit_room(interface_id interface) const
    {
        for (transport* const t : by_number_)
            if (t != nullptr) t->transmit_room(interface);
    }

private:
    std::array<transport*, 256> by_number_{};
    raw_receiver* raw_ = nullptr;
    echo_receiver* echo_ = nullptr;
};

} // namespace tapio::core::ip
