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
    struct connected
    {
        tcp_id client, server; ///< a's and b's
    };
    /// @param receive_buffer of b's end, octets; 0: as it is by default
    connected connect(int receive_buffer = 0)
    {
        const tcp_id listener = *b.tcp().open(family::v4);
        if (receive_buffer != 0) {
            EXPECT_FALSE(b.tcp().set_option(listener, socket_option::receive_buffer_size, receive_buffer, now));
        }
        EXPECT_FALSE(b.tcp().bind(listener, there));
        EXPECT_FALSE(b.tcp().listen(listener, 1, now));
        const tcp_id client = *a.tcp().open(family::v4);
        EXPECT_EQ(a.tcp().connect(client, there, now), boost::asio::error::in_progress);
        settle();
        endpoint peer;
        return {client, *b.tcp().accept(listener, peer, now)};
    }
    static const_bytes octets(const std::string& s) { return std::as_bytes(std::span(s)); }

    time_point now{std::chrono::seconds(1)};
    host_options options;
    host a{options, seed(1)}, b{options, seed(2)};
    endpoint there{boost::asio::ip::make_address("192.0.2.2"), 80};
};

} // namespace tapio::core
