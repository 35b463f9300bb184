/// @file
/// Two hosts on a wire without delay, for unit tests and benchmarks.
#pragma once

#include "core/host.hpp"

#include <boost/asio/error.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace tapio::core {

inline std::array<std::byte, 32> seed(unsigned n)
{
    std::array<std::byte, 32> s{};
    s[0] = static_cast<std::byte>(n);
    return s;
}

struct two_hosts
{
    explicit two_hosts(const host_options& o = {}, device_info wire = {}) : options(o)
    {
        wire.name = "eth0";
        a.add_interface(wire);
        b.add_interface(wire);
        require(!a.add_address(1, here.address, 24, now));
        require(!b.add_address(1, there.address, 24, now));
        settle();
    }
    /// Exchanges packets until neither host sends any.
    void settle()
    {
        for (bool more = true; more;) {
            more = false;
            packet p;
            a.advance(now);
            b.advance(now);
            while (a.next_packet(1, p, now)) b.receive(1, std::move(p), now), more = true, ++delivered;
            while (b.next_packet(1, p, now)) a.receive(1, std::move(p), now), more = true, ++delivered;
        }
    }
    /// A listener of b's at `there`. @param receive_buffer octets; 0: the default
    tcp_id listen(int backlog, int receive_buffer = 0)
    {
        const tcp_id id = *b.tcp().open(family::v4);
        if (receive_buffer != 0) require(!b.tcp().set_option(id, socket_option::receive_buffer_size, receive_buffer, now));
        require(!b.tcp().bind(id, there));
        require(!b.tcp().listen(id, backlog, now));
        return id;
    }
    /// Starts to connect from a to `there`.
    tcp_id dial()
    {
        const tcp_id id = *a.tcp().open(family::v4);
        require(a.tcp().connect(id, there, now) == boost::asio::error::in_progress);
        return id;
    }
    struct connected
    {
        tcp_id client, server; ///< a's and b's
    };
    /// @param receive_buffer of b's end, octets; 0: the default
    connected connect(int receive_buffer = 0)
    {
        const tcp_id listener = listen(1, receive_buffer);
        const tcp_id client = dial();
        settle();
        endpoint peer;
        return {client, *b.tcp().accept(listener, peer, now)};
    }
    static const_bytes octets(const std::string& s) { return std::as_bytes(std::span(s)); }

    time_point now{std::chrono::seconds(1)};
    host_options options;
    std::uint64_t delivered = 0; ///< packets
    host a{options, seed(1)}, b{options, seed(2)};
    const endpoint here{boost::asio::ip::make_address("192.0.2.1"), 0};
    endpoint there{boost::asio::ip::make_address("192.0.2.2"), 80};

private:
    static void require(bool so)
    {
        if (!so) throw std::logic_error("two_hosts: not as it should be");
    }
};

} // namespace tapio::core
