/// @file
/// The parity suite: one source, built once for the kernel's sockets and once for tapio's. It prints what it observes, and the
/// two outputs must be equal.
#pragma once

#include "support/value_option.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#ifdef TAPIO_PARITY_KERNEL
namespace net = boost::asio;
namespace ip = boost::asio::ip;
#else
#include <tapio/tapio.hpp>
namespace net = tapio;
namespace ip = tapio::ip;
#endif

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace parity {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;
using tcp = ip::tcp;
using udp = ip::udp;

// -- the address family of the run ------------------------------------------------------------------------------------

/// TAPIO_TEST_FAMILY=v6: the behaviours that do not depend on the family run over IPv6, and those of IPv6 alone run as well.
inline bool over_v6()
{
    static const char* const asked = std::getenv("TAPIO_TEST_FAMILY");
    return asked != nullptr && std::string_view(asked) == "v6";
}
template <class Protocol>
Protocol of_run()
{
    return over_v6() ? Protocol::v6() : Protocol::v4();
}
inline tcp tcp_of_run() { return of_run<tcp>(); }
inline udp udp_of_run() { return of_run<udp>(); }
inline ip::address either(const char* v4, const char* v6) { return ip::make_address(over_v6() ? v6 : v4); }
inline ip::address local() { return either("127.0.0.1", "::1"); }
inline ip::address any() { return either("0.0.0.0", "::"); }
inline ip::address not_ours() { return either("203.0.113.77", "2001:db8::77"); } ///< of documentation (RFC 5737, RFC 3849)

/// An option with an int that has one number for each family, as Asio's ip::unicast::hops.
template <int V4Name, int V6Name>
class ip_option : public tapio::test::value_option<IPPROTO_IP, V4Name, int>
{
public:
    explicit ip_option(int value = 0) : tapio::test::value_option<IPPROTO_IP, V4Name, int>(value) {}

    template <class P>
    int level(const P& p) const
    {
        return p.family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    }
    template <class P>
    int name(const P& p) const
    {
        return p.family() == AF_INET6 ? V6Name : V4Name;
    }
};

constexpr int ipv6_multicast_all = 29; ///< IPV6_MULTICAST_ALL, missing in <netinet/in.h> of Debian 12

// -- behaviours -------------------------------------------------------------------------------------------------------

/// The output of a behaviour: one line per observation, in order.
class report
{
public:
    explicit report(std::string behaviour) : behaviour_(std::move(behaviour)) {}

    /// (The values are formatted only after all calls among the arguments have returned.)
    template <class... T>
    void say(const std::string& what, const T&... values)
    {
        std::ostringstream line;
        line << behaviour_ << ": " << what;
        (void)std::initializer_list<int>{((line << ' ' << shown(values)), 0)...};
        std::cout << line.str() << '\n';
    }

private:
    static std::string shown(const error_code& ec) { return ec ? '[' + ec.message() + ']' : "[ok]"; }
    static std::string shown(bool b) { return b ? "yes" : "no"; }
    static std::string shown(std::string_view s) { return '"' + std::string(s) + '"'; }
    static std::string shown(const std::string& s) { return '"' + s + '"'; }
    static std::string shown(const char* s) { return s; }
    template <class T>
    static std::string shown(const T& v)
    {
        std::ostringstream out;
        out << v;
        return out.str();
    }
    std::string behaviour_;
};

struct behaviour
{
    const char* name;
    void (*run)(report&);
};
inline std::vector<behaviour>& behaviours()
{
    static std::vector<behaviour> all;
    return all;
}
struct registered
{
    registered(const char* name, void (*run)(report&), bool applies)
    {
        if (applies) behaviours().push_back({name, run});
    }
};

#define BEHAVIOUR_IF(name, applies)                                   \
    static void name(report& out);                                    \
    static const registered registered_##name{#name, &name, applies}; \
    static void name(report& out)

#define BEHAVIOUR(name) BEHAVIOUR_IF(name, true)
#define V4_BEHAVIOUR(name) BEHAVIOUR_IF(name, !over_v6()) ///< about IPv4 alone: not in the run over IPv6
#define V6_BEHAVIOUR(name) BEHAVIOUR_IF(name, over_v6())  ///< about IPv6 alone

/// A listener on the loopback, on an ephemeral port.
struct listening
{
    explicit listening(asio::io_context& io) : acceptor(io, tcp::endpoint(local(), 0)), at(acceptor.local_endpoint()) {}
    tcp::acceptor acceptor;
    tcp::endpoint at;
};

/// Two connected sockets.
struct connected
{
    connected() : connected(std::nullopt) {}
    explicit connected(std::optional<int> receive_buffer) : l(io), client(io), server(io)
    {
        if (receive_buffer) l.acceptor.set_option(asio::socket_base::receive_buffer_size(*receive_buffer));
        client.connect(l.at);
        l.acceptor.accept(server);
    }
    /// Runs handlers until none is left, at most for `limit`.
    void run(std::chrono::milliseconds limit = 2000ms)
    {
        io.restart();
        io.run_for(limit);
    }

    asio::io_context io;
    listening l;
    tcp::socket client, server;
};

/// Waits for a condition, at most 2 s; for what no handler or blocking call signals.
inline bool eventually(const std::function<bool()>& holds)
{
    for (int i = 0; i < 2000; ++i) {
        if (holds()) return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

using connection_info = tapio::test::value_option<IPPROTO_TCP, TCP_INFO, ::tcp_info>;

/// Whether the peer has acknowledged all data.
inline bool all_acknowledged(const tcp::socket& s)
{
    connection_info info;
    s.get_option(info);
    return info.value().tcpi_unacked == 0;
}

/// The first `n` octets of `v`, read when they are printed.
inline std::string_view text(const std::vector<char>& v, std::size_t n) { return std::string_view(v.data(), n); }

} // namespace parity
