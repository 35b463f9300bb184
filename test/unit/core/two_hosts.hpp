/// @file
/// Two hosts on one Ethernet without delay.
#pragma once

#include "core/host.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tapio::core {

inline std::array<std::byte, 32> seed(unsigned n)
{
    std::array<std::byte, 32> s{};
    s[0] = static_cast<std::byte>(n);
    return s;
}

struct two_hosts
{
    explicit two_hosts(const host_options& o = {}, device_info eth = {}) : options(o)
    {
        eth.name = "eth0";
        a.add_interface(eth);
        b.add_interface(eth);
        EXPECT_FALSE(a.add_address(1, boost::asio::ip::make_address("192.0.2.1"), 24, now));
        EXPECT_FALSE(b.add_address(1, boost::asio::ip::make_address("192.0.2.2"), 24, now));
        settle();
    }
    /// All that they have to say to each other now.
    void settle()
    {
        for (bool more = true; more;) {
            more = false;
            packet p;
            a.advance(now);
            b.advance(now);
            while (a.next_packet(1, p, now)) b.receive(1, std::move(p), now), more = true;
            while (b.next_packet(1, p, now)) a.receive(1, std::move(p), now), more = true;
        }
    }
    static const_bytes octets(const std::string& s) { return std::as_bytes(std::span(s)); }

    time_point now{std::chrono::seconds(1)};
    host_options options;
    host a{options, seed(1)}, b{options, seed(2)};
    endpoint there{boost::asio::ip::make_address("192.0.2.2"), 80};
};

} // namespace tapio::core
