/// @file
/// Filters of sockets: socket options that let a socket receive some of its packets only, decided by a program of classic BPF
/// (what tcpdump -dd prints, or libpcap's pcap_compile() makes) or by a function. For raw Ethernet, raw IP, UDP and ICMP datagram
/// sockets; a TCP socket answers no_protocol_option. A new filter replaces the one before.
///
///     socket.set_option(tapio::packet_filter([](std::span<const std::byte> p) { return p.size() > 60; }));
///     socket.set_option(tapio::bpf_filter(program)); // or Linux's SO_ATTACH_FILTER with a sock_fprog
///     socket.set_option(tapio::no_filter());
///
/// As on Linux, the filter sees a raw Ethernet socket's frame from its Ethernet header on (of a TUN and of the loopback: from the
/// IP header on), a raw IPv4 socket's packet from the IP header, a raw IPv6 socket's from behind the IPv6 headers, a UDP datagram
/// from the UDP header and an echo reply from the ICMP header on. A program returns how many octets the socket gets (of UDP at
/// least the header); 0 refuses the packet. Refused packets count as drops in SO_MEMINFO. Packets that wait in the queue stay.
///
/// @par Errors  invalid_argument: an empty function, or a program that Linux would refuse (a jump backwards or behind the end, no
///   return at the end, division by the constant 0, a shift by 32 or more, memory beyond 16 words or read before written,
///   ancillary data); a load behind the packet's end is none: it refuses the packet · no_such_file_or_directory: no_filter()
///   without a filter
/// @par Thread safety  the function is called by threads that run the stack, one at a time, while a packet is received. It must
///   not wait, throw, or call the stack or its sockets
/// @par Lifetime  a socket keeps a copy of the function or program until it has another one, or is closed
/// @par Source  S. McCanne, V. Jacobson, The BSD Packet Filter (1993); socket(7)
#pragma once

#include <tapio/core/packet_filter.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

using core::bpf_instruction;
using core::packet_predicate;

namespace detail {

constexpr int filter_level = 0x7a10, function_option = 1;                 // tapio's own
constexpr int socket_level = 1, attach_program = 26, detach_program = 27; // SOL_SOCKET, SO_ATTACH_FILTER, SO_DETACH_FILTER

/// The layout of Linux's sock_fprog.
struct bpf_request
{
    unsigned short size = 0;
    const bpf_instruction* code = nullptr;
};

} // namespace detail

/// Option: the socket receives what the function accepts.
class packet_filter
{
public:
    explicit packet_filter(packet_predicate accepts) : accepts_(std::move(accepts)) {}

    template <class Protocol>
    int level(const Protocol&) const noexcept
    {
        return detail::filter_level;
    }
    template <class Protocol>
    int name(const Protocol&) const noexcept
    {
        return detail::function_option;
    }
    template <class Protocol>
    const packet_predicate* data(const Protocol&) const noexcept
    {
        return &accepts_;
    }
    template <class Protocol>
    std::size_t size(const Protocol&) const noexcept
    {
        return sizeof accepts_;
    }

private:
    packet_predicate accepts_;
};

/// Option: the socket receives what the program accepts.
class bpf_filter
{
public:
    /// @param program at most 4096 instructions, copied
    explicit bpf_filter(std::span<const bpf_instruction> program)
        : program_(program.begin(), program.end()),
          request_{static_cast<unsigned short>(program.size() > 0xffff ? 0xffff : program.size()), program_.data()}
    {
    }
    bpf_filter(const bpf_filter& other) : bpf_filter(std::span<const bpf_instruction>(other.program_)) {}
    bpf_filter& operator=(const bpf_filter&) = delete;

    template <class Protocol>
    int level(const Protocol&) const noexcept
    {
        return detail::socket_level;
    }
    template <class Protocol>
    int name(const Protocol&) const noexcept
    {
        return detail::attach_program;
    }
    template <class Protocol>
    const detail::bpf_request* data(const Protocol&) const noexcept
    {
        return &request_;
    }
    template <class Protocol>
    std::size_t size(const Protocol&) const noexcept
    {
        return sizeof request_;
    }

private:
    std::vector<bpf_instruction> program_;
    detail::bpf_request request_;
};

/// Option: the socket receives everything again.
class no_filter
{
public:
    template <class Protocol>
    int level(const Protocol&) const noexcept
    {
        return detail::socket_level;
    }
    template <class Protocol>
    int name(const Protocol&) const noexcept
    {
        return detail::detach_program;
    }
    template <class Protocol>
    const int* data(const Protocol&) const noexcept
    {
        return &value_;
    }
    template <class Protocol>
    std::size_t size(const Protocol&) const noexcept
    {
        return sizeof value_;
    }

private:
    int value_ = 0;
};

} // namespace tapio

#pragma GCC visibility pop
