#include "tun_proxy/udp_flow.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace apps::tun_proxy {

namespace asio = boost::asio;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;
using namespace asio::experimental::awaitable_operators;

namespace {

using kernel_socket = asio::ip::udp::socket;
using client_socket = tapio::ip::udp::socket;
using receive_errors_v4 = asio::detail::socket_option::boolean<IPPROTO_IP, IP_RECVERR>;
using receive_errors_v6 = asio::detail::socket_option::boolean<IPPROTO_IPV6, IPV6_RECVERR>;

/// An ICMP error about a datagram of ours.
struct reported
{
    tapio::refusal how;
    asio::ip::address offender;
};

std::optional<asio::ip::address> address_of(const sockaddr* a)
{
    if (a->sa_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, a, sizeof v4);
        return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (a->sa_family != AF_INET6) return std::nullopt;
    sockaddr_in6 v6;
    std::memcpy(&v6, a, sizeof v6);
    asio::ip::address_v6::bytes_type octets;
    std::memcpy(octets.data(), v6.sin6_addr.s6_addr, octets.size());
    return asio::ip::address_v6(octets);
}

tapio::refusal refusal_of(const sock_extended_err& e)
{
    if (e.ee_origin == SO_EE_ORIGIN_ICMP) {
        if (e.ee_type == 11) return tapio::refusal::time_exceeded;
        if (e.ee_type == 3 && e.ee_code == 0) return tapio::refusal::network_unreachable;
        if (e.ee_type == 3 && e.ee_code == 1) return tapio::refusal::host_unreachable;
        return e.ee_type == 3 && e.ee_code == 3 ? tapio::refusal::port_unreachable : tapio::refusal::prohibited;
    }
    if (e.ee_type == 3) return tapio::refusal::time_exceeded;
    if (e.ee_type == 1 && e.ee_code == 0) return tapio::refusal::network_unreachable;
    if (e.ee_type == 1 && e.ee_code == 3) return tapio::refusal::host_unreachable;
    return e.ee_type == 1 && e.ee_code == 4 ? tapio::refusal::port_unreachable : tapio::refusal::prohibited;
}

/// Reads the kernel's error queue (ip(7), IP_RECVERR).
std::optional<reported> next_error(kernel_socket& s)
{
    std::array<char, 512> control{};
    msghdr m{};
    m.msg_control = control.data();
    m.msg_controllen = control.size();
    if (::recvmsg(s.native_handle(), &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
        const bool about_us = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                              (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
        if (!about_us) continue;
        sock_extended_err e;
        std::memcpy(&e, CMSG_DATA(c), sizeof e);
        const auto* const from = reinterpret_cast<const sockaddr*>(CMSG_DATA(c) + sizeof e);
        if (e.ee_origin != SO_EE_ORIGIN_ICMP && e.ee_origin != SO_EE_ORIGIN_ICMP6) continue;
        if (const auto a = address_of(from)) return reported{refusal_of(e), *a};
    }
    return std::nullopt;
}

template <class From, class To>
asio::awaitable<void> copy(From& from, To& to, asio::steady_timer& silence, std::chrono::seconds limit)
{
    std::vector<char> data(65'536);
    for (;;) {
        error_code failed;
        const std::size_t n = co_await from.async_receive(asio::buffer(data), redirect_error(use_awaitable, failed));
        if (failed == asio::error::operation_aborted || failed == asio::error::bad_descriptor) co_return;
        if (failed) continue; // an ICMP error about an earlier datagram
        silence.expires_after(limit);
        co_await to.async_send(asio::buffer(data, n), redirect_error(use_awaitable, failed)); // may be lost: UDP
    }
}

/// Returns when nothing has been sent for `limit`: each datagram moves the expiry, which ends the wait before.
asio::awaitable<void> wait_for(asio::steady_timer& silence)
{
    while (silence.expiry() > asio::steady_timer::clock_type::now()) {
        error_code moved;
        co_await silence.async_wait(redirect_error(use_awaitable, moved));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) co_return;
    }
}

asio::awaitable<void> relay(client_socket here, kernel_socket there, std::chrono::seconds limit)
{
    asio::steady_timer silence(there.get_executor(), limit);
    co_await (copy(here, there, silence, limit) || copy(there, here, silence, limit) || wait_for(silence));
}

/// Sends the first datagram on with one hop less, and waits for what comes of it.
/// @return the ICMP error that came; none: an answer, or nothing
asio::awaitable<std::optional<reported>> probe(kernel_socket& there, const tapio::udp_request& request)
{
    const auto data = request.first_datagram();
    error_code failed;
    there.set_option(asio::ip::unicast::hops(static_cast<int>(request.hop_limit()) - 1), failed);
    co_await there.async_send(asio::buffer(data), redirect_error(use_awaitable, failed));
    asio::steady_timer patience(there.get_executor(), std::chrono::seconds(3));
    co_await (there.async_wait(kernel_socket::wait_error, redirect_error(use_awaitable, failed)) ||
              there.async_wait(kernel_socket::wait_read, redirect_error(use_awaitable, failed)) ||
              patience.async_wait(redirect_error(use_awaitable, failed)));
    co_return next_error(there);
}

} // namespace

asio::awaitable<void> proxy(tapio::udp_request request, const way_out& out)
{
    constexpr unsigned few_hops = 30; // traceroute begins with one; common TTLs are 64 and more
    const asio::ip::udp::endpoint to(out.place_of(request.destination().address()), request.destination().port());
    kernel_socket there(co_await asio::this_coro::executor);
    error_code failed;
    there.open(to.protocol(), failed);
    if (failed) co_return request.drop();
    out.apply(there.native_handle());
    there.connect(to, failed);
    if (failed) co_return request.refuse(tapio::refusal::network_unreachable);
    if (request.hop_limit() <= 1) // we are a hop, too
        co_return request.refuse(tapio::refusal::time_exceeded, out.own_towards(request.source().address()));
    if (request.hop_limit() > few_hops) co_return co_await relay(request.accept(failed), std::move(there), out.udp_timeout);

    to.address().is_v4() ? there.set_option(receive_errors_v4(true)) : there.set_option(receive_errors_v6(true));
    if (const auto error = co_await probe(there, request)) co_return request.refuse(error->how, error->offender);
    client_socket here = request.accept(failed);
    if (failed) co_return;
    std::vector<char> sent_before(65'536);
    here.receive(asio::buffer(sent_before), 0, failed);
    co_await relay(std::move(here), std::move(there), out.udp_timeout);
}

} // namespace apps::tun_proxy
