// IPV6_CHECKSUM of raw IPv6 sockets (RFC 3542 §3.1).
#include "raw.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <netinet/in.h>

namespace parity {
namespace {

using checksum_offset = asio::detail::socket_option::integer<IPPROTO_IPV6, IPV6_CHECKSUM>;
using linux_offset = asio::detail::socket_option::integer<IPPROTO_RAW, IPV6_CHECKSUM>;

/// A socket of one protocol, for this process alone: the data begins with the process's number.
struct raw_v6
{
    explicit raw_v6(asio::io_context& io, int protocol = experimental) : socket(io, raw(AF_INET6, protocol))
    {
        socket.bind(icmp::endpoint(local(), 0));
        socket.non_blocking(true);
    }
    void set(int offset) { socket.set_option(checksum_offset(offset)); }

    raw::socket socket;
};

/// Two octets of zero for the checksum, the number of the process, and the text.
std::string message(const std::string& data)
{
    const auto process = static_cast<unsigned>(::getpid());
    std::string m{'\0', '\0', static_cast<char>(process >> 8 & 0xff), static_cast<char>(process & 0xff)};
    return m + data;
}

/// The sum over packet and pseudo-header, from ::1 to ::1: 0xffff if the checksum is right (RFC 8200 §8.1).
unsigned sum_of(const std::string& m, int protocol)
{
    std::uint32_t sum = 2 + static_cast<std::uint32_t>(protocol) + static_cast<std::uint32_t>(m.size());
    for (std::size_t i = 0; i < m.size(); ++i) {
        const auto value = static_cast<unsigned char>(m[i]);
        sum += i % 2 == 0 ? value * 256U : value;
    }
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/// The next message of this process that comes within 300 ms; empty: none.
std::string next(raw_v6& r)
{
    const std::string mine = message("").substr(2);
    for (int i = 0; i < 300; std::this_thread::sleep_for(1ms), ++i) {
        std::string m(2000, '\0');
        error_code ec;
        m.resize(r.socket.receive(asio::buffer(m), 0, ec));
        if (!ec && m.find(mine) < 3) return m;
    }
    return {};
}

/// What follows the process's number in it.
std::string next_text(raw_v6& r)
{
    const std::string m = next(r);
    return m.empty() ? "nothing" : m.substr(4);
}

void send(report& out, raw_v6& from, const std::string& m)
{
    error_code ec;
    out.say("send", from.socket.send_to(asio::buffer(m), icmp::endpoint(local(), 0), 0, ec), ec);
}

V6_RAW_BEHAVIOUR(v6_raw_checksum_option)
{
    asio::io_context io;
    error_code ec;
    for (const int protocol : {experimental, int{IPPROTO_ICMPV6}, int{IPPROTO_UDP}, int{IPPROTO_RAW}}) {
        raw::socket s(io, raw(AF_INET6, protocol));
        checksum_offset got;
        s.get_option(got, ec), out.say("by default", protocol, ec, got.value());
        for (const int v : {2, 3, 0, 1, -1, -2, -3, 65534, 100000}) {
            s.set_option(checksum_offset(v), ec), out.say("set", v, ec);
            s.get_option(got, ec), out.say("get", ec, got.value());
        }
        for (const int v : {4, 5, -1}) {
            s.set_option(linux_offset(v), ec), out.say("SOL_RAW, set", v, ec);
            linux_offset other;
            s.get_option(other, ec), out.say("SOL_RAW, get", ec, other.value());
        }
        using one_octet = tapio::test::value_option<IPPROTO_IPV6, IPV6_CHECKSUM, std::uint8_t>;
        s.set_option(one_octet(2), ec), out.say("one octet", ec);
    }
    udp::socket u(io, udp::v6());
    u.set_option(checksum_offset(2), ec), out.say("udp", ec);
    checksum_offset got;
    u.get_option(got, ec), out.say("udp, get", ec);
    icmp::socket four(io, icmp::v4());
    four.set_option(checksum_offset(2), ec), out.say("v4", ec);
    four.get_option(got, ec), out.say("v4, get", ec);
    four.set_option(linux_offset(2), ec), out.say("v4, SOL_RAW", ec);
    linux_offset other;
    four.get_option(other, ec), out.say("v4, SOL_RAW, get", ec);
}

V6_RAW_BEHAVIOUR(v6_raw_checksum_is_filled_in)
{
    asio::io_context io;
    raw_v6 sender(io), receiver(io);
    sender.set(0);
    for (const char* const data : {"even", "odd"}) {
        std::string m = message(data);
        m[0] = m[1] = 0x55; // is overwritten
        send(out, sender, m);
        const std::string came = next(receiver);
        out.say("comes", came.size(), came.substr(std::min<std::size_t>(came.size(), 4)), "right",
                sum_of(came, experimental) == 0xffff);
    }
    sender.set(6);
    send(out, sender, message("abXYcd"));
    const std::string came = next(receiver);
    out.say("further behind", came.size(), "right", sum_of(came, experimental) == 0xffff);
    for (int i = 0; i < 4; ++i) out.say("the sender hears itself", next(sender).size());
}

V6_RAW_BEHAVIOUR(v6_raw_checksum_beyond_the_end)
{
    asio::io_context io;
    raw_v6 s(io);
    for (const int offset : {0, 2, 8, 1000, 100000}) {
        s.set(offset);
        out.say("offset", offset);
        for (const std::size_t size : {0U, 1U, 2U, 3U, 4U, 9U, 10U}) send(out, s, std::string(size, 'x'));
    }
    s.set(-1);
    out.say("none");
    send(out, s, "");
    send(out, s, "x");
}

V6_RAW_BEHAVIOUR(v6_raw_checksum_that_is_wrong)
{
    asio::io_context io;
    raw_v6 sender(io), all(io), checking(io);
    checking.set(0);
    std::string wrong = message("wrong"), right = message("right");
    const unsigned sum = ~sum_of(right, experimental) & 0xffff;
    right[0] = static_cast<char>(sum >> 8), right[1] = static_cast<char>(sum & 0xff);
    send(out, sender, wrong);
    send(out, sender, right);
    for (int i = 0; i < 2; ++i) out.say("one that does not check", next_text(all));
    for (int i = 0; i < 2; ++i) out.say("one that does", next_text(checking));
    send(out, sender, wrong);
    checking.set(-1); // that one had arrived before
    send(out, sender, wrong);
    for (int i = 0; i < 2; ++i) out.say("afterwards", next_text(checking));
}

V6_RAW_BEHAVIOUR(v6_raw_checksum_of_udp)
{
    asio::io_context io;
    error_code ec;
    udp::socket receiver(io, udp::endpoint(local(), 0));
    raw_v6 s(io, IPPROTO_UDP);
    s.set(6);
    const unsigned port = receiver.local_endpoint().port();
    std::string m{'\x12', '\x34', static_cast<char>(port >> 8), static_cast<char>(port & 0xff), '\0', '\x0c', '\0', '\0'};
    m += "data";
    send(out, s, m);
    std::array<char, 100> data;
    udp::endpoint from;
    const std::size_t n = receiver.receive_from(asio::buffer(data), from, 0, ec);
    out.say("udp receives", ec, std::string_view(data.data(), n), from);
    receiver.connect(from, ec);
    receiver.send(asio::buffer("back", 4), 0, ec);
    for (int i = 0; i < 2; ++i) { // its own packet, and one whose checksum the loopback leaves partial
        std::string came(2000, '\0');
        do came.resize(2000), came.resize(s.socket.receive(asio::buffer(came), 0, ec));
        while (ec != asio::error::would_block && came.find(m.substr(2, 2)) > 2);
        out.say("raw receives", ec, came.size(), came.size() > 8 ? came.substr(8) : "");
    }
}

V6_RAW_BEHAVIOUR(v6_raw_icmpv6_without_its_checksum)
{
    asio::io_context io;
    icmp::socket s(io, icmp::endpoint(local(), 0)), checking(io, icmp::endpoint(local(), 0));
    s.set_option(linux_offset(-1));
    s.non_blocking(true), checking.non_blocking(true);
    std::string m = message("no checksum"); // an unassigned type, 200 (RFC 4443 §2.1)
    m.insert(0, "\xc8"), m.insert(1, 1, '\0');
    error_code ec;
    out.say("send", s.send_to(asio::buffer(m), {local(), 0}, 0, ec), ec);
    const auto next_of = [&](icmp::socket& from) {
        for (int i = 0; i < 200; std::this_thread::sleep_for(1ms), ++i) {
            std::string came(2000, '\0');
            came.resize(from.receive(asio::buffer(came), 0, ec));
            if (!ec && came == m) return true;
        }
        return false;
    };
    out.say("comes without a check", next_of(s), "with one", next_of(checking));
}

} // namespace
} // namespace parity
