/// @file
/// ICMP: `tapio::ip::icmp::socket` is `boost::asio::basic_raw_socket<tapio::ip::icmp>`, Asio's own class on a tapio stack.
/// A datagram to be sent begins with the ICMP header, whose checksum the user writes; a received one begins with the IPv4 header.
/// Of ICMPv6 the stack writes and checks the checksum, and what is received begins with the ICMPv6 header.
/// No privileges are needed. The stack keeps answering echo requests itself.
///
/// @par Errors, cancellation, thread safety, lifetime  those of <tapio/ip/udp.hpp>
/// @par Source  RFC 792, RFC 3542 §3, raw(7)
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/icmp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio::ip {

/// The protocol class, as boost::asio::ip::icmp.
class icmp
{
public:
    using endpoint = boost::asio::ip::basic_endpoint<icmp>;
    using socket = boost::asio::basic_raw_socket<icmp>;
    using resolver = boost::asio::ip::basic_resolver<icmp>;

    static constexpr detail::socket_kind kind = detail::socket_kind::raw;

    static icmp v4() noexcept { return icmp(boost::asio::ip::icmp::v4()); }
    static icmp v6() noexcept { return icmp(boost::asio::ip::icmp::v6()); }

    int type() const noexcept { return boost::asio::ip::icmp::v4().type(); }
    int protocol() const noexcept { return protocol_; }
    int family() const noexcept { return family_; }

    friend bool operator==(const icmp& a, const icmp& b) noexcept { return a.family_ == b.family_ && a.protocol_ == b.protocol_; }
    friend bool operator!=(const icmp& a, const icmp& b) noexcept { return !(a == b); }

private:
    explicit icmp(const boost::asio::ip::icmp& p) noexcept : family_(p.family()), protocol_(p.protocol()) {}
    int family_, protocol_;
};

/// Option of raw ICMP and ICMPv6 sockets: the types of the messages that the socket receives, at first all of them. On ICMPv6
/// it is RFC 3542's ICMP6_FILTER; on ICMP it is raw(7)'s ICMP_FILTER, which can block types below 32 only.
///
///     socket.set_option(tapio::ip::icmp_filter::none().pass(129)); // echo replies of ICMPv6, and nothing else
///
/// Messages that have been received stay in the socket's queue.
/// @par Errors  operation_not_supported: a raw socket of another protocol · no_protocol_option: another kind of socket; of
///   get_option() on an IPv4 socket that is not raw: operation_not_supported
class icmp_filter
{
public:
    static constexpr int option_name = 1; ///< ICMP6_FILTER, ICMP_FILTER

    icmp_filter() = default;           ///< all types pass (ICMP6_FILTER_SETPASSALL)
    static icmp_filter none() noexcept ///< no type passes (ICMP6_FILTER_SETBLOCKALL)
    {
        icmp_filter out;
        out.blocked_.fill(~std::uint32_t{0});
        return out;
    }
    icmp_filter& pass(std::uint8_t type) noexcept { return blocked_[type / 32] &= ~bit_of(type), *this; }
    icmp_filter& block(std::uint8_t type) noexcept { return blocked_[type / 32] |= bit_of(type), *this; }
    bool passes(std::uint8_t type) const noexcept { return (blocked_[type / 32] & bit_of(type)) == 0; }

    template <class Protocol>
    int level(const Protocol& p) const noexcept
    {
        constexpr int icmpv6 = 58, raw = 255; // IPPROTO_ICMPV6, Linux's SOL_RAW
        return is_v6(p) ? icmpv6 : raw;
    }
    template <class Protocol>
    int name(const Protocol&) const noexcept
    {
        return option_name;
    }
    template <class Protocol>
    std::uint32_t* data(const Protocol&) noexcept
    {
        return blocked_.data();
    }
    template <class Protocol>
    const std::uint32_t* data(const Protocol&) const noexcept
    {
        return blocked_.data();
    }
    template <class Protocol>
    std::size_t size(const Protocol& p) const noexcept
    {
        return is_v6(p) ? sizeof blocked_ : sizeof blocked_[0];
    }
    template <class Protocol>
    void resize(const Protocol& p, std::size_t filled)
    {
        if (filled != size(p)) throw std::length_error("icmp_filter socket option resize");
    }

private:
    template <class Protocol>
    static bool is_v6(const Protocol& p) noexcept
    {
        return p.family() == icmp::v6().family();
    }
    static constexpr std::uint32_t bit_of(std::uint8_t type) noexcept { return std::uint32_t{1} << type % 32; }

    std::array<std::uint32_t, 8> blocked_{}; ///< a set bit blocks the type
};

static_assert(std::is_same_v<icmp::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::ip

#pragma GCC visibility pop
