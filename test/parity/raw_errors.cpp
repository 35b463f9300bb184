// ICMP errors about packets of raw sockets (raw(7), IP_RECVERR, IPV6_RECVERR).
#include "raw.hpp"

#include <array>

namespace parity {
namespace {

using asio::socket_base;
using report_errors = ip_option<IP_RECVERR, IPV6_RECVERR>;

/// A UDP datagram from a port to another; over IPv4 without a checksum.
std::string datagram(unsigned from, unsigned to)
{
    std::string m{static_cast<char>(from >> 8),
                  static_cast<char>(from & 0xff),
                  static_cast<char>(to >> 8),
                  static_cast<char>(to & 0xff),
                  '\0',
                  '\x09',
                  '\0',
                  '\0',
                  'x'};
    return m;
}

/// A raw socket of UDP, and a port at which nobody listens.
struct raw_of_udp
{
    explicit raw_of_udp(bool connects)
    {
        error_code ec;
        socket.bind(here);
        if (connects) socket.connect(here);
        if (over_v6()) socket.set_option(asio::detail::socket_option::integer<IPPROTO_IPV6, IPV6_CHECKSUM>(6), ec);
        socket.set_option(socket_base::receive_buffer_size(100000), ec);
        udp::socket gone(io, udp::endpoint(here.address(), 0));
        port = gone.local_endpoint().port();
    }
    void send(report& out)
    {
        error_code ec;
        out.say("send", socket.send_to(asio::buffer(datagram(port, port)), here, 0, ec), ec);
    }
    bool pending() ///< SO_ERROR within 200 ms, which clears it
    {
        return asked = eventually_error(), bool(asked);
    }
    error_code eventually_error()
    {
        for (int i = 0; i < 200; ++i, std::this_thread::sleep_for(1ms)) {
            asio::detail::socket_option::integer<SOL_SOCKET, SO_ERROR> e;
            socket.get_option(e);
            if (e.value() != 0) return {e.value(), boost::system::system_category()};
        }
        return {};
    }

    asio::io_context io;
    icmp::endpoint here{own(), 0};
    raw::socket socket{io, raw(family_of_run(), IPPROTO_UDP)};
    unsigned port = 0;
    error_code asked;
};

RAW_BEHAVIOUR(raw_error_of_a_refused_packet)
{
    for (const bool connects : {false, true})
        for (const bool reports : {false, true}) {
            raw_of_udp r(connects);
            error_code ec;
            r.socket.set_option(report_errors(reports), ec);
            out.say("connected", connects, "reports", reports, ec);
            r.send(out);
            out.say("SO_ERROR", r.pending(), r.asked);
            r.send(out);
            out.say("and again", r.pending(), r.asked);
        }
}

RAW_BEHAVIOUR(raw_error_of_the_next_call)
{
    raw_of_udp r(true);
    r.send(out);
    r.socket.non_blocking(true);
    error_code ec;
    std::array<char, 2000> v;
    for (int i = 0; i < 100; ++i) {
        (void)r.socket.receive(asio::buffer(v), 0, ec);
        if (ec && ec != asio::error::would_block) break;
        std::this_thread::sleep_for(1ms);
    }
    out.say("receive", ec);
    r.send(out);
    out.say("SO_ERROR", r.pending(), r.asked);
}

RAW_BEHAVIOUR(raw_error_that_is_waited_for)
{
    raw_of_udp r(true);
    r.socket.set_option(report_errors(true));
    int waited = 0;
    r.socket.async_wait(socket_base::wait_error, [&](error_code ec) { out.say("wait_error", ec), ++waited; });
    r.send(out);
    r.io.run_for(300ms);
    out.say("waited", waited);
}

RAW_BEHAVIOUR(raw_error_of_another_protocol_is_not_told)
{
    raw_of_udp r(true);
    raw::socket other(r.io, raw(family_of_run(), experimental));
    other.bind(r.here), other.connect(r.here);
    other.set_option(report_errors(true));
    r.send(out);
    out.say("its own", r.pending(), r.asked);
    asio::detail::socket_option::integer<SOL_SOCKET, SO_ERROR> e;
    other.get_option(e);
    out.say("the other's", e.value());
}

} // namespace
} // namespace parity
