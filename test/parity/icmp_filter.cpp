// ICMP6_FILTER of raw ICMPv6 sockets (RFC 3542 §3.2), ICMP_FILTER of raw ICMP sockets (raw(7)).
#include "raw.hpp"

#include <array>
#include <cstdint>

namespace parity {
namespace {

constexpr int filter_name = 1; // ICMP6_FILTER, ICMP_FILTER
using filter_v6 = tapio::test::value_option<IPPROTO_ICMPV6, filter_name, std::array<std::uint32_t, 8>>;
using filter_v4 = tapio::test::value_option<IPPROTO_RAW, filter_name, std::uint32_t>;
using filter_v4_long = tapio::test::value_option<IPPROTO_RAW, filter_name, std::array<std::uint32_t, 8>>;

unsigned request_type() { return over_v6() ? 128 : 8; }
unsigned reply_type() { return over_v6() ? 129 : 0; }

/// Blocks the types of the list, and no others. @return the error of set_option()
error_code block(icmp::socket& s, std::initializer_list<unsigned> types)
{
    std::array<std::uint32_t, 8> all{};
    for (const unsigned t : types) all[t / 32] |= std::uint32_t{1} << t % 32;
    error_code ec;
    over_v6() ? s.set_option(filter_v6(all), ec) : s.set_option(filter_v4(all[0]), ec);
    return ec;
}

std::string echo_request(unsigned sequence)
{
    const auto process = static_cast<unsigned>(::getpid());
    std::string m(8, '\0');
    m[0] = static_cast<char>(request_type());
    m[4] = static_cast<char>(process >> 8 & 0xff), m[5] = static_cast<char>(process & 0xff);
    m[7] = static_cast<char>(sequence);
    std::uint32_t sum = 0; // of IPv4; of IPv6 it is overwritten
    for (std::size_t i = 0; i < m.size(); ++i) sum += static_cast<unsigned char>(m[i]) * (i % 2 == 0 ? 256U : 1U);
    sum = (sum & 0xffff) + (sum >> 16), sum = ~(sum + (sum >> 16));
    m[2] = static_cast<char>(sum >> 8 & 0xff), m[3] = static_cast<char>(sum & 0xff);
    return m;
}

/// The types of this process's messages that have come and come within 100 ms.
std::string types_at(icmp::socket& s)
{
    s.non_blocking(true);
    std::string out;
    for (int i = 0; i < 100; ++i) {
        std::array<unsigned char, 2000> m;
        error_code ec;
        const std::size_t n = s.receive(asio::buffer(m), 0, ec);
        if (ec) {
            std::this_thread::sleep_for(1ms);
            continue;
        }
        const auto process = static_cast<unsigned>(::getpid());
        const std::size_t at = ip_header();
        const bool ours = n >= at + 8 && m[at + 4] == (process >> 8 & 0xff) && m[at + 5] == (process & 0xff);
        if (ours) out += (m[at] == request_type() ? " request" : m[at] == reply_type() ? " reply" : " other");
    }
    return out;
}

RAW_BEHAVIOUR(icmp_filter_by_type)
{
    asio::io_context io;
    error_code ec;
    icmp::socket s(io, {own(), 0}), other(io, {own(), 0});
    const auto exchange = [&](const char* what) {
        s.send_to(asio::buffer(echo_request(1)), {own(), 0}, 0, ec), out.say(what, ec);
        out.say("  comes", types_at(s), "at the other", types_at(other));
    };
    exchange("no filter");
    out.say("block", block(s, {request_type()}));
    exchange("requests blocked");
    out.say("block", block(s, {reply_type()}));
    exchange("replies blocked");
    out.say("block", block(s, {request_type(), reply_type()}));
    exchange("both blocked");
    out.say("block", block(s, {}));
    exchange("none blocked");
}

RAW_BEHAVIOUR(icmp_filter_and_what_waits)
{
    asio::io_context io;
    icmp::socket s(io, {own(), 0});
    s.send_to(asio::buffer(echo_request(2)), {own(), 0});
    out.say("waits", eventually([&] { return s.available() > 0; }));
    out.say("block", block(s, {request_type(), reply_type()}));
    out.say("comes", types_at(s));
}

RAW_BEHAVIOUR(icmp_filter_as_an_option)
{
    asio::io_context io;
    error_code ec;
    const auto one = [&](const char* name, auto& s, auto o) {
        s.set_option(o, ec), out.say(name, "set", ec);
        decltype(o) got;
        s.get_option(got, ec), out.say(name, "get", ec, got.filled());
    };
    icmp::socket four(io, icmp::v4()), six(io, icmp::v6());
    raw::socket raw_four(io, raw(AF_INET, experimental)), raw_six(io, raw(AF_INET6, experimental));
    udp::socket udp_four(io, udp::v4()), udp_six(io, udp::v6());
    const auto each = [&](const char* name, auto o) {
        out.say(name);
        one("icmp", four, o), one("icmpv6", six, o), one("raw v4", raw_four, o), one("raw v6", raw_six, o);
        one("udp v4", udp_four, o), one("udp v6", udp_six, o);
    };
    each("ICMP6_FILTER", filter_v6());
    each("ICMP_FILTER", filter_v4());
    each("ICMP_FILTER, long", filter_v4_long());
    each("another name", tapio::test::value_option<IPPROTO_ICMPV6, 2, std::uint32_t>());
    each("another name of SOL_RAW", tapio::test::value_option<IPPROTO_RAW, 2, std::uint32_t>());
}

RAW_BEHAVIOUR(icmp_filter_with_a_short_value)
{
    asio::io_context io;
    error_code ec;
    icmp::socket s(io, of_run<icmp>());
    const auto say = [&] {
        filter_v6 six;
        filter_v4 four;
        over_v6() ? s.get_option(six, ec) : s.get_option(four, ec);
        out.say("is", ec, over_v6() ? six.value()[0] : four.value(), six.value()[1], six.value()[7]);
    };
    say();
    out.say("block", block(s, {1, 3, 31}));
    say();
    over_v6() ? s.set_option(tapio::test::value_option<IPPROTO_ICMPV6, filter_name, std::uint16_t>(0xffff), ec)
              : s.set_option(tapio::test::value_option<IPPROTO_RAW, filter_name, std::uint16_t>(0xffff), ec);
    out.say("two octets", ec);
    say();
    tapio::test::value_option<IPPROTO_ICMPV6, filter_name, std::uint16_t> six;
    tapio::test::value_option<IPPROTO_RAW, filter_name, std::uint16_t> four;
    over_v6() ? s.get_option(six, ec) : s.get_option(four, ec);
    out.say("two octets read", ec, over_v6() ? six.filled() : four.filled(), six.value(), four.value());
}

} // namespace
} // namespace parity
