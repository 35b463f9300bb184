// TCP_INFO after a known exchange.
#include "observe.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace parity {
namespace {

/// Linux's complete struct tcp_info; that of <netinet/tcp.h> is shorter.
struct long_info : tapio::test::value_option<IPPROTO_TCP, TCP_INFO, std::array<std::byte, 256>>
{
    template <class T>
    T at(std::size_t offset) const
    {
        T out;
        std::memcpy(&out, value().data() + offset, sizeof out);
        return out;
    }
    std::uint32_t total_retrans() const { return at<std::uint32_t>(100); }
    std::uint64_t max_pacing_rate() const { return at<std::uint64_t>(112); }
    std::uint64_t bytes_acked() const { return at<std::uint64_t>(120); }
    std::uint64_t bytes_received() const { return at<std::uint64_t>(128); }
    std::uint32_t notsent() const { return at<std::uint32_t>(144); }
    std::uint32_t data_segs_in() const { return at<std::uint32_t>(152); }
    std::uint32_t data_segs_out() const { return at<std::uint32_t>(156); }
    std::uint32_t delivered() const { return at<std::uint32_t>(192); }
    std::uint32_t delivered_ce() const { return at<std::uint32_t>(196); }
    std::uint64_t bytes_sent() const { return at<std::uint64_t>(200); }
    std::uint64_t bytes_retrans() const { return at<std::uint64_t>(208); }
    std::uint32_t dsack_dups() const { return at<std::uint32_t>(216); }
    std::uint32_t reord_seen() const { return at<std::uint32_t>(220); }
};

void say(report& out, const char* who, const tcp::socket& s)
{
    long_info i;
    s.get_option(i);
    ::tcp_info known{};
    for (std::size_t n = 0; n < sizeof known; ++n) reinterpret_cast<std::byte*>(&known)[n] = i.at<std::byte>(n);
    out.say(who, "state", int{known.tcpi_state}, "ca_state", int{known.tcpi_ca_state}, "options", int{known.tcpi_options});
    out.say(who, "retransmits", int{known.tcpi_retransmits}, "probes", int{known.tcpi_probes}, "backoff", int{known.tcpi_backoff},
            "unacked", known.tcpi_unacked, "sacked", known.tcpi_sacked, "lost", known.tcpi_lost, "retrans", known.tcpi_retrans);
    out.say(who, "bytes acked", i.bytes_acked(), "received", i.bytes_received(), "sent", i.bytes_sent(), "again",
            i.bytes_retrans(), "not sent", i.notsent());
    out.say(who, "data segments in", i.data_segs_in(), "out", i.data_segs_out(), "delivered", i.delivered(), "marked",
            i.delivered_ce());
    out.say(who, "retransmissions", i.total_retrans(), "dsacks", i.dsack_dups(), "reorderings", i.reord_seen(), "reordering",
            known.tcpi_reordering, "max pacing rate", i.max_pacing_rate());
    out.say(who, "has rtt", known.tcpi_rtt > 0, "min rtt", i.at<std::uint32_t>(148) <= known.tcpi_rtt, "pmtu",
            known.tcpi_pmtu > 1000, "threshold", known.tcpi_snd_ssthresh == 0x7fff'ffff, "delivery rate",
            i.at<std::uint64_t>(160) > 0);
}

BEHAVIOUR(info_of_an_exchange)
{
    connected c;
    say(out, "client, connected,", c.client);
    char got[8] = {};
    for (int i = 0; i < 3; ++i) { // each write is one segment, and each answer acknowledges it
        asio::write(c.client, asio::buffer("ping", 4));
        asio::read(c.server, asio::buffer(got, 4));
        asio::write(c.server, asio::buffer("pong!", 5));
        asio::read(c.client, asio::buffer(got, 5));
    }
    eventually([&] { return all_acknowledged(c.server) && all_acknowledged(c.client); });
    say(out, "client", c.client);
    say(out, "server", c.server);
}

BEHAVIOUR(info_of_both_halves_of_a_close)
{
    connected c;
    asio::write(c.client, asio::buffer("bye", 3));
    c.client.shutdown(tcp::socket::shutdown_send);
    char got[3];
    asio::read(c.server, asio::buffer(got));
    error_code ec;
    c.server.read_some(asio::buffer(got), ec);
    eventually([&] { return all_acknowledged(c.client); });
    long_info client, server;
    c.client.get_option(client);
    c.server.get_option(server);
    out.say("client: state", int{client.at<std::uint8_t>(0)}, "acked", client.bytes_acked(), "sent", client.bytes_sent());
    out.say("server: state", int{server.at<std::uint8_t>(0)}, "received", server.bytes_received());
}

BEHAVIOUR(info_of_a_listener)
{
    asio::io_context io;
    listening l(io);
    l.acceptor.listen(5);
    long_info i;
    l.acceptor.get_option(i);
    out.say("state", int{i.at<std::uint8_t>(0)}, "waiting", i.at<std::uint32_t>(24), "may wait", i.at<std::uint32_t>(28));
    tcp::socket client(io);
    client.connect(l.at);
    eventually([&] {
        l.acceptor.get_option(i);
        return i.at<std::uint32_t>(24) == 1;
    });
    out.say("waiting", i.at<std::uint32_t>(24));
}

BEHAVIOUR(info_into_little_room)
{
    connected c;
    asio::detail::socket_option::integer<IPPROTO_TCP, TCP_INFO> first;
    error_code ec;
    c.client.get_option(first, ec);
    out.say("four octets", ec, "state", first.value() & 255);
}

} // namespace
} // namespace parity
