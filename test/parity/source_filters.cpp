// Source filters of multicast groups (RFC 3678): the options of IPv4, and those of both families.
#include "observe.hpp"

#include <array>
#include <cstring>

namespace parity {
namespace {

using tapio::test::value_option;

const auto lo = asio::ip::make_address_v4("127.0.0.1");
const auto group = asio::ip::make_address_v4("239.0.1.9");

in_addr in(const asio::ip::address_v4& a) { return {htonl(a.to_uint())}; }
asio::ip::address_v4 source(unsigned n) { return asio::ip::address_v4(0xc612'0000U + n); } ///< 198.18.0.0/15

template <int Name, class Socket>
error_code change(Socket& s, const asio::ip::address_v4& from, const asio::ip::address_v4& of = group,
                  const asio::ip::address_v4& on = lo)
{
    error_code ec;
    s.set_option(value_option<IPPROTO_IP, Name, ip_mreq_source>({in(of), in(on), in(from)}), ec);
    return ec;
}
template <class Socket>
error_code add(Socket& s, unsigned n)
{
    return change<IP_ADD_SOURCE_MEMBERSHIP>(s, source(n));
}
template <class Socket>
error_code drop(Socket& s, unsigned n)
{
    return change<IP_DROP_SOURCE_MEMBERSHIP>(s, source(n));
}
template <class Socket>
error_code block(Socket& s, unsigned n)
{
    return change<IP_BLOCK_SOURCE>(s, source(n));
}
template <class Socket>
error_code unblock(Socket& s, unsigned n)
{
    return change<IP_UNBLOCK_SOURCE>(s, source(n));
}
template <class Socket>
error_code join(Socket& s)
{
    error_code ec;
    s.set_option(ip::multicast::join_group(group, lo), ec);
    return ec;
}
template <class Socket>
error_code leave(Socket& s)
{
    error_code ec;
    s.set_option(ip::multicast::leave_group(group, lo), ec);
    return ec;
}

V4_BEHAVIOUR(sources_of_a_group)
{
    asio::io_context io;
    udp::socket s(io, udp::v4());
    out.say("drop before", drop(s, 1));
    out.say("block before", block(s, 1));
    out.say("unblock before", unblock(s, 1));
    out.say("add", add(s, 1));
    out.say("add again", add(s, 1));
    out.say("add another", add(s, 2));
    out.say("block", block(s, 3));
    out.say("join", join(s));
    out.say("drop another", drop(s, 3));
    out.say("drop", drop(s, 2));
    out.say("drop the last", drop(s, 1));
    out.say("drop after the last", drop(s, 1));
    out.say("leave", leave(s));
    out.say("add", add(s, 1));
    out.say("leave", leave(s));
    out.say("leave again", leave(s));
}

V4_BEHAVIOUR(blocked_sources)
{
    asio::io_context io;
    udp::socket s(io, udp::v4());
    out.say("join", join(s));
    out.say("block", block(s, 1));
    out.say("block again", block(s, 1));
    out.say("add", add(s, 2));
    out.say("drop", drop(s, 1));
    out.say("unblock another", unblock(s, 2));
    out.say("unblock", unblock(s, 1));
    out.say("unblock again", unblock(s, 1));
    out.say("add after that", add(s, 1));
    out.say("leave", leave(s));
    out.say("join", join(s));
    out.say("unblock", unblock(s, 1));
    out.say("add changes the mode", add(s, 1));
    out.say("block", block(s, 2));
}

V4_BEHAVIOUR(source_options_that_fail)
{
    asio::io_context io;
    udp::socket s(io, udp::v4());
    const auto nowhere = asio::ip::make_address_v4("203.0.113.77");
    out.say("no group", change<IP_ADD_SOURCE_MEMBERSHIP>(s, source(1), lo));
    out.say("no group", change<IP_BLOCK_SOURCE>(s, source(1), lo));
    out.say("nowhere", change<IP_ADD_SOURCE_MEMBERSHIP>(s, source(1), group, nowhere));
    out.say("nowhere", change<IP_DROP_SOURCE_MEMBERSHIP>(s, source(1), group, nowhere));
    error_code ec;
    s.set_option(value_option<IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, ip_mreq>(ip_mreq{in(group), in(lo)}), ec);
    out.say("short", ec);
    using four = std::array<in_addr, 4>;
    s.set_option(value_option<IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, four>(four{}), ec), out.say("long", ec);
    for (unsigned n = 0; n < 11; ++n) out.say("add", n, add(s, n));
    out.say("the first again", add(s, 0));
    udp::socket t(io, udp::v4());
    out.say("join", join(t));
    for (unsigned n = 0; n < 11; ++n) out.say("block", n, block(t, n));
    for (unsigned n = 1; n < 21; ++n)
        out.say("group", n, change<IP_ADD_SOURCE_MEMBERSHIP>(t, source(1), asio::ip::address_v4(group.to_uint() + n)));
}

V4_BEHAVIOUR(datagrams_of_sources)
{
    asio::io_context io;
    udp::socket s(io, udp::v4());
    s.bind({udp::v4(), 0});
    const udp::endpoint to(group, s.local_endpoint().port());
    const auto second = asio::ip::make_address_v4("127.0.0.2");
    udp::socket one(io, udp::endpoint(lo, 0)), two(io, udp::endpoint(second, 0));
    for (udp::socket* sender : {&one, &two}) sender->set_option(ip::multicast::outbound_interface(lo));
    std::vector<char> v(10);
    udp::endpoint from;
    const auto exchange = [&](const char* what) {
        error_code ec;
        out.say(what, "one", one.send_to(asio::buffer("one", 3), to, 0, ec), ec);
        out.say(what, "two", two.send_to(asio::buffer("two", 3), to, 0, ec), ec);
        s.non_blocking(true);
        for (int i = 0; i < 3; ++i) {
            const std::size_t n = s.receive_from(asio::buffer(v), from, 0, ec);
            out.say(what, "received", ec, text(v, n));
            if (ec) break;
        }
    };
    out.say("add", change<IP_ADD_SOURCE_MEMBERSHIP>(s, second));
    exchange("the second alone");
    out.say("add", change<IP_ADD_SOURCE_MEMBERSHIP>(s, lo));
    exchange("both");
    out.say("drop", change<IP_DROP_SOURCE_MEMBERSHIP>(s, second));
    exchange("the first alone");
    out.say("leave", leave(s)), out.say("join", join(s));
    out.say("block", change<IP_BLOCK_SOURCE>(s, lo));
    exchange("all but the first");
    out.say("unblock", change<IP_UNBLOCK_SOURCE>(s, lo));
    exchange("all");
}

// -- filters as a whole -------------------------------------------------------------------------------------------------

struct filter ///< ip_msfilter, with room for more sources
{
    in_addr group, on;
    std::uint32_t mode, count;
    std::array<in_addr, 12> sources;
};

V4_BEHAVIOUR(filters_as_a_whole)
{
    using option = value_option<IPPROTO_IP, IP_MSFILTER, filter>;
    asio::io_context io;
    udp::socket s(io, udp::v4());
    const auto set = [&](const char* what, std::uint32_t mode, unsigned count, const asio::ip::address_v4& of = group) {
        filter f{in(of), in(lo), mode, count, {}};
        for (unsigned i = 0; i < count && i < f.sources.size(); ++i) f.sources[i] = in(source(i));
        error_code ec;
        s.set_option(option(f), ec), out.say(what, "set", ec);
    };
    const auto get = [&](const char* what, unsigned room, const asio::ip::address_v4& of = group) {
        option o(filter{in(of), in(lo), 9, room, {}});
        error_code ec;
        s.get_option(o, ec), out.say(what, "get", ec);
        if (ec) return;
        out.say(what, o.value().mode, o.value().count, "octets", o.filled());
        for (unsigned i = 0; i < 4; ++i) out.say(what, asio::ip::address_v4(ntohl(o.value().sources[i].s_addr)));
    };
    set("not joined", MCAST_INCLUDE, 1), get("not joined", 4);
    out.say("join", join(s));
    get("joined", 4);
    set("include", MCAST_INCLUDE, 3), get("include", 4), get("no room", 0), get("less room", 2);
    out.say("add", add(s, 2)), out.say("add", add(s, 9)), out.say("block", block(s, 9));
    set("exclude", MCAST_EXCLUDE, 2), get("exclude", 4);
    set("exclude none", MCAST_EXCLUDE, 0), get("exclude none", 4);
    out.say("add changes the mode", add(s, 1));
    set("no mode", 7, 1), set("most", MCAST_INCLUDE, 10), set("too many", MCAST_INCLUDE, 11);
    set("no group", MCAST_INCLUDE, 1, lo), get("no group", 1, lo);
    set("include none", MCAST_INCLUDE, 0), get("include none", 4);
    set("include none again", MCAST_INCLUDE, 0);
}

// -- the options of both families ---------------------------------------------------------------------------------------

template <class T>
class multicast_option ///< at the level of the run's family
{
public:
    multicast_option(int name, T value) : name_(name), value_(value) {}
    template <class P>
    int level(const P&) const
    {
        return over_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
    }
    template <class P>
    int name(const P&) const
    {
        return name_;
    }
    template <class P>
    const void* data(const P&) const
    {
        return &value_;
    }
    template <class P>
    std::size_t size(const P&) const
    {
        return sizeof value_;
    }

private:
    int name_;
    T value_;
};

sockaddr_storage storage(const ip::address& a)
{
    sockaddr_storage s{};
    const udp::endpoint e(a, 0);
    std::memcpy(&s, e.data(), e.size());
    return s;
}

struct either_family
{
    udp::socket& s;
    ip::address of = either("239.0.1.9", "ff05::1:9");
    unsigned on = 1; ///< the loopback

    error_code change(int name, const ip::address& from) const
    {
        group_source_req r{};
        r.gsr_interface = on;
        r.gsr_group = storage(of);
        r.gsr_source = storage(from);
        error_code ec;
        s.set_option(multicast_option<group_source_req>(name, r), ec);
        return ec;
    }
    error_code group(int name) const
    {
        group_req r{};
        r.gr_interface = on;
        r.gr_group = storage(of);
        error_code ec;
        s.set_option(multicast_option<group_req>(name, r), ec);
        return ec;
    }
};

BEHAVIOUR(sources_of_either_family)
{
    asio::io_context io;
    udp::socket s(io, udp_of_run());
    either_family m{s};
    const auto one = either("198.18.0.1", "2001:db8::1"), two = either("198.18.0.2", "2001:db8::2");
    for (const int name : {MCAST_LEAVE_SOURCE_GROUP, MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE})
        out.say("before", name, m.change(name, one));
    out.say("leave before", m.group(MCAST_LEAVE_GROUP));
    out.say("join source", m.change(MCAST_JOIN_SOURCE_GROUP, one));
    out.say("join source again", m.change(MCAST_JOIN_SOURCE_GROUP, one));
    out.say("join group", m.group(MCAST_JOIN_GROUP));
    out.say("block", m.change(MCAST_BLOCK_SOURCE, two));
    out.say("leave another source", m.change(MCAST_LEAVE_SOURCE_GROUP, two));
    out.say("leave source", m.change(MCAST_LEAVE_SOURCE_GROUP, one));
    out.say("leave group", m.group(MCAST_LEAVE_GROUP));
    out.say("join group", m.group(MCAST_JOIN_GROUP));
    out.say("join group again", m.group(MCAST_JOIN_GROUP));
    out.say("block", m.change(MCAST_BLOCK_SOURCE, one));
    out.say("block again", m.change(MCAST_BLOCK_SOURCE, one));
    out.say("join source", m.change(MCAST_JOIN_SOURCE_GROUP, two));
    out.say("unblock another", m.change(MCAST_UNBLOCK_SOURCE, two));
    out.say("unblock", m.change(MCAST_UNBLOCK_SOURCE, one));
    for (unsigned n = 0; n < 66; ++n)
        out.say("block", n,
                m.change(MCAST_BLOCK_SOURCE,
                         either(("198.18.1." + std::to_string(n)).c_str(), ("2001:db8::1:" + std::to_string(n)).c_str())));
    out.say("leave group", m.group(MCAST_LEAVE_GROUP));
    out.say("leave group again", m.group(MCAST_LEAVE_GROUP));
}

BEHAVIOUR(requests_of_either_family_that_fail)
{
    asio::io_context io;
    udp::socket s(io, udp_of_run());
    const auto one = either("198.18.0.1", "2001:db8::1");
    either_family m{s};
    m.of = one;
    out.say("no group", m.group(MCAST_JOIN_GROUP), m.group(MCAST_LEAVE_GROUP), m.change(MCAST_JOIN_SOURCE_GROUP, one),
            m.change(MCAST_BLOCK_SOURCE, one));
    either_family nowhere{s};
    nowhere.on = 9999;
    out.say("nowhere", nowhere.group(MCAST_JOIN_GROUP), nowhere.change(MCAST_JOIN_SOURCE_GROUP, one),
            nowhere.change(MCAST_BLOCK_SOURCE, one));
    either_family other{s};
    other.of = asio::ip::make_address(over_v6() ? "239.0.1.9" : "ff05::1:9");
    out.say("the other family", other.group(MCAST_JOIN_GROUP), other.change(MCAST_JOIN_SOURCE_GROUP, one));
    out.say("a source of the other family",
            either_family{s}.change(MCAST_JOIN_SOURCE_GROUP, asio::ip::make_address(over_v6() ? "198.18.0.1" : "2001:db8::1")));
    error_code ec;
    s.set_option(multicast_option<int>(MCAST_JOIN_GROUP, 1), ec), out.say("short", ec);
    s.set_option(multicast_option<group_req>(MCAST_JOIN_SOURCE_GROUP, {}), ec), out.say("short", ec);
}

} // namespace
} // namespace parity
