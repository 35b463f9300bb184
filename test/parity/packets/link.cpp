// Raw Ethernet sockets: names, options and errors. (Frames on the loopback differ: Linux's has Ethernet headers.)
#include "packets.hpp"

namespace parity {
namespace {

constexpr std::uint16_t experimental = 0x88b5;

V4_BEHAVIOUR(names_of_link_sockets)
{
    asio::io_context io;
    link_protocol::socket s(io, link_protocol(experimental));
    error_code ec;
    out.say("unbound", s.local_endpoint().interface().has_value(), s.local_endpoint().ether_type());
    s.bind({0U}, ec);
    out.say("bind", ec, s.local_endpoint().interface().value_or(99), s.local_endpoint().ether_type());
    s.bind({0U, ETHERTYPE_ARP}, ec);
    out.say("again", ec, s.local_endpoint().ether_type());
    s.bind({99U}, ec);
    out.say("no such interface", ec);
    s.bind({std::nullopt}, ec);
    out.say("to all", ec, s.local_endpoint().interface().has_value(), s.local_endpoint().ether_type());
    s.remote_endpoint(ec);
    out.say("remote", ec);
    s.connect({0U}, ec);
    out.say("connect", ec);
    s.shutdown(asio::socket_base::shutdown_both, ec);
    out.say("shutdown", ec);
}

V4_BEHAVIOUR(errors_of_sent_frames)
{
    asio::io_context io;
    link_protocol::socket s(io, link_protocol(0));
    error_code ec;
    const std::string frame(60, 'x');
    s.send(asio::buffer(frame), 0, ec);
    out.say("unbound", ec);
    s.send_to(asio::buffer(frame), {std::nullopt}, 0, ec);
    out.say("to no interface", ec);
    s.send_to(asio::buffer(frame), {99U}, 0, ec);
    out.say("to one that is not there", ec);
    s.send_to(asio::buffer(std::string(70'000, 'x')), {0U}, 0, ec);
    out.say("too long", ec);
    s.close();
    s.send(asio::buffer(frame), 0, ec);
    out.say("closed", ec);
}

V4_BEHAVIOUR(options_of_link_sockets)
{
    asio::io_context io;
    link_protocol::socket s(io, link_protocol(experimental));
    error_code ec;
    for (const int name : {SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN}) {
        int_option o(SOL_SOCKET, name);
        s.get_option(o, ec);
        out.say("option", name, ec, o.value());
    }
    using option = std::pair<int, int>;
    for (const auto& [level, name] : {option(IPPROTO_IP, IP_TTL), option(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
                                      option(IPPROTO_TCP, TCP_NODELAY), option(SOL_PACKET, 999)}) {
        s.set_option(int_option(level, name, 1), ec);
        out.say("set", level, name, ec);
        int_option o(level, name);
        s.get_option(o, ec);
        out.say("get", level, name, ec);
    }
    for (const int value : {1, 0, 2, -1}) {
        s.set_option(int_option(SOL_PACKET, PACKET_IGNORE_OUTGOING, value), ec);
        out.say("ignore outgoing", value, ec);
    }
    int_option ignores(SOL_PACKET, PACKET_IGNORE_OUTGOING);
    s.get_option(ignores, ec);
    out.say("ignores", ec, ignores.value());
    any_option<::tpacket_stats> statistics(SOL_PACKET, PACKET_STATISTICS);
    s.get_option(statistics, ec);
    out.say("statistics", ec, statistics.value().tp_packets, statistics.value().tp_drops);
    ::packet_mreq all{.mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC, .mr_alen = 0, .mr_address = {}};
    for (const int name : {PACKET_DROP_MEMBERSHIP, PACKET_ADD_MEMBERSHIP, PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP}) {
        s.set_option(any_option<::packet_mreq>(SOL_PACKET, name, all), ec);
        out.say("promiscuous", name, ec);
    }
    all.mr_ifindex = 99;
    s.set_option(any_option<::packet_mreq>(SOL_PACKET, PACKET_ADD_MEMBERSHIP, all), ec);
    out.say("of no interface", ec);
    s.set_option(int_option(SOL_PACKET, PACKET_ADD_MEMBERSHIP, 1), ec);
    out.say("too short", ec);
}

V4_BEHAVIOUR(programs_that_are_refused)
{
    asio::io_context io;
    link_protocol::socket s(io, link_protocol(experimental));
    using program = std::vector<::sock_filter>;
    const ::sock_filter ret{0x06, 0, 0, 1};
    out.say("empty", attach(s, {}));
    out.say("longest", attach(s, program(4096, ret)));
    out.say("too long", attach(s, program(4097, ret)));
    out.say("no return", attach(s, {{0x00, 0, 0, 0}}));
    out.say("a jump behind the end", attach(s, {{0x05, 0, 0, 1}, ret}));
    out.say("backwards", attach(s, {{0x05, 0, 0, 0xffffffff}, ret}));
    out.say("a condition behind the end", attach(s, {{0x15, 1, 0, 0}, ret}), attach(s, {{0x15, 0, 1, 0}, ret}));
    out.say("division by 0", attach(s, {{0x34, 0, 0, 0}, ret}), attach(s, {{0x94, 0, 0, 0}, ret}));
    out.say("shift by 32", attach(s, {{0x64, 0, 0, 32}, ret}), attach(s, {{0x74, 0, 0, 32}, ret}),
            attach(s, {{0x64, 0, 0, 31}, ret}));
    out.say("memory", attach(s, {{0x02, 0, 0, 16}, ret}), attach(s, {{0x02, 0, 0, 15}, ret}), attach(s, {{0x60, 0, 0, 0}, ret}));
    out.say("unwritten on one way", attach(s, {{0x15, 1, 0, 0}, {0x02, 0, 0, 0}, {0x60, 0, 0, 0}, ret}));
    for (unsigned code = 0; code < 0x200; ++code) {
        const bool ok = !attach(s, {{static_cast<std::uint16_t>(code), 0, 0, 1}, {0x02, 0, 0, 1}, ret, ret, ret});
        if (ok) out.say("code", code);
    }
}

} // namespace
} // namespace parity
