/// @file
/// Datagrams that a UDP socket has received and its user has not read. Bounded in octets; beyond the bound new datagrams are
/// dropped (as on Linux; RFC 1122 §4.1 does not say). An empty queue accepts a datagram of any size.
#pragma once

#include "base/ring.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>

namespace tapio::core::udp {

/// Ancillary data of a datagram (recvmsg(2): IP_PKTINFO, IP_TTL, IP_TOS).
struct datagram_info
{
    std::uint32_t interface = 0;
    address destination;
    std::uint8_t ttl = 0, tos = 0;
    time_point received{};
};

struct datagram
{
    endpoint sender;
    packet payload;
    datagram_info info{};
};

class receive_queue
{
public:
    static constexpr std::size_t overhead = 128; ///< octets charged per datagram besides its payload

    explicit receive_queue(std::size_t capacity) noexcept : capacity_(capacity) {}

    bool push(datagram&& d)
    {
        const std::size_t cost = d.payload.size() + overhead;
        if (used_ + cost > capacity_ && !queue_.empty()) return false;
        used_ += cost;
        queue_.push_back(std::move(d));
        return true;
    }
    const datagram& front() const noexcept { return queue_.front(); }
    void pop()
    {
        used_ -= queue_.front().payload.size() + overhead;
        (void)queue_.take_front();
    }
    bool empty() const noexcept { return queue_.empty(); }
    std::size_t octets() const noexcept { return used_ - queue_.size() * overhead; } ///< of payload
    void set_capacity(std::size_t octets) noexcept { capacity_ = octets; }
    void clear() noexcept
    {
        queue_.clear();
        used_ = 0;
    }

private:
    ring<datagram> queue_;
    std::size_t used_ = 0; ///< octets
    std::size_t capacity_; ///< octets
};

} // namespace tapio::core::udp
