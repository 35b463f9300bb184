// tcp_forwarder and udp_forwarder: a proxy that speaks for every host, in virtual time.
#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>
#include <tapio/tcp_forwarder.hpp>
#include <tapio/udp_forwarder.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::refusal;
using tapio::ip::tcp;
using tapio::ip::udp;
using namespace std::chrono_literals;

asio::ip::address at(const char* text) { return asio::ip::make_address(text); }

struct family
{
    const char *name, *client, *proxy, *far, *farther;
};

/// A client whose only way leads to a proxy, which accepts every destination. 10 ms between them, each way.
class forwarders : public testing::TestWithParam<family>
{
protected:
    forwarders()
    {
        auto [l, r] = tapio::make_pipe({.link = tapio::core::link_type::ip});
        tapio::core::impairment_options wire;
        wire.delay = 10ms;
        client.emplace(io, tapio::impaired(std::move(l), {wire, wire}), tapio::stack_options{.time = &time});
        proxy.emplace(io, std::move(r), tapio::stack_options{.time = &time});
        const unsigned prefix = at(GetParam().client).is_v4() ? 24 : 64;
        client->add_address(at(GetParam().client), prefix);
        proxy->add_address(at(GetParam().proxy), prefix);
        client->set_default_gateway(at(GetParam().proxy));
        proxy->accept_any_destination();
    }

    tcp::endpoint far(std::uint16_t port = 443) const { return {at(GetParam().far), port}; }
    udp::endpoint far_udp(std::uint16_t port = 53) const { return {at(GetParam().far), port}; }

    /// What becomes of a connect of the client.
    struct dialled
    {
        tcp::socket socket;
        std::optional<error_code> result;
        tapio::core::time_point when{};
    };
    std::shared_ptr<dialled> dial(const tcp::endpoint& to)
    {
        auto d = std::make_shared<dialled>(dialled{tcp::socket(*client), {}, {}});
        d->socket.async_connect(to, [this, d](error_code ec) {
            d->result = ec;
            d->when = time.now();
        });
        return d;
    }
    template <class Forwarder>
    typename Forwarder::request_type next(Forwarder& f)
    {
        typename Forwarder::request_type got;
        bool done = false;
        f.async_next([&](error_code ec, typename Forwarder::request_type r) {
            EXPECT_FALSE(ec) << ec.message();
            got = std::move(r);
            done = true;
        });
        EXPECT_TRUE(time.run_until([&] { return done; }, 1s));
        return got;
    }
    std::pair<error_code, tcp::socket> accept(tapio::tcp_request& r)
    {
        std::pair<error_code, tcp::socket> out{asio::error::would_block, tcp::socket(*proxy)};
        r.async_accept([&](error_code ec, tcp::socket s) { out = {ec, std::move(s)}; });
        time.run_until([&] { return out.first != asio::error::would_block; }, 10min);
        return out;
    }

    asio::io_context io{1};
    tapio::virtual_time time{io};
    std::optional<tapio::stack> client, proxy;
};
INSTANTIATE_TEST_SUITE_P(families, forwarders,
                         testing::Values(family{"v4", "198.18.0.1", "198.18.0.2", "203.0.113.9", "203.0.113.254"},
                                         family{"v6", "2001:db8::1", "2001:db8::2", "2001:db8:f::9", "2001:db8:f::fe"}),
                         [](const auto& p) { return std::string(p.param.name); });

TEST_P(forwarders, a_connection_to_any_host_is_accepted_after_it_was_seen)
{
    tapio::tcp_forwarder forwarder(*proxy);
    const auto d = dial(far());
    tapio::tcp_request r = next(forwarder);
    EXPECT_EQ(r.destination(), far());
    EXPECT_EQ(r.source().address(), at(GetParam().client));
    EXPECT_EQ(r.interface(), 1U);
    EXPECT_EQ(r.hop_limit(), 64U);
    time.run_for(5s);
    EXPECT_FALSE(d->result) << "answered before the decision";
    EXPECT_TRUE(r.is_pending());
    auto [ec, s] = accept(r);
    ASSERT_FALSE(ec) << ec.message();
    EXPECT_FALSE(r.is_pending());
    time.run_for(1s);
    ASSERT_TRUE(d->result);
    EXPECT_FALSE(*d->result);
    EXPECT_EQ(s.local_endpoint(), far());
    EXPECT_EQ(s.remote_endpoint(), d->socket.local_endpoint());
    // Both ways, and a half-close.
    asio::write(d->socket, asio::buffer("question", 8));
    d->socket.shutdown(tcp::socket::shutdown_send);
    std::string got;
    error_code end;
    asio::read(s, asio::dynamic_buffer(got), end);
    EXPECT_EQ(got, "question");
    EXPECT_EQ(end, asio::error::eof);
    asio::write(s, asio::buffer("answer", 6));
    s.close();
    got.clear();
    asio::read(d->socket, asio::dynamic_buffer(got), end);
    EXPECT_EQ(got, "answer");
    EXPECT_EQ(end, asio::error::eof);
    EXPECT_EQ(proxy->counters().tcp.forwarder_requests, 1U) << "retransmitted SYNs are the same request";
}

TEST_P(forwarders, each_refusal_is_what_the_client_sees)
{
    tapio::tcp_forwarder forwarder(*proxy);
    const auto refused_with = [&](refusal how) {
        const auto d = dial(far());
        tapio::tcp_request r = next(forwarder);
        const auto began = time.now();
        r.refuse(how);
        EXPECT_FALSE(r.is_pending());
        time.run_until([&] { return d->result.has_value(); }, 1h);
        return std::pair(d->result.value_or(error_code()), d->when - began);
    };
    EXPECT_EQ(refused_with(refusal::reset), std::pair(error_code(asio::error::connection_refused), tapio::core::duration(10ms)));
    time.run_for(1s); // the limit of ICMP errors
    EXPECT_EQ(refused_with(refusal::port_unreachable).first, asio::error::connection_refused);
    const bool four = std::string(GetParam().name) == "v4";
    const error_code prohibited = four ? error_code(asio::error::host_unreachable) : error_code(asio::error::access_denied);
    for (const auto& [how, expected] : {std::pair(refusal::prohibited, prohibited),
                                        std::pair(refusal::host_unreachable, error_code(asio::error::host_unreachable)),
                                        std::pair(refusal::network_unreachable, error_code(asio::error::network_unreachable)),
                                        std::pair(refusal::time_exceeded, error_code(asio::error::host_unreachable))}) {
        time.run_for(1s);
        EXPECT_EQ(refused_with(how), std::pair(expected, tapio::core::duration(10ms))) << static_cast<int>(how);
    }
}

TEST_P(forwarders, an_error_may_come_from_a_router_beyond)
{
    tapio::udp_forwarder forwarder(*proxy);
    udp::socket s(*client, at(GetParam().client).is_v4() ? udp::v4() : udp::v6());
    s.set_option(asio::ip::unicast::hops(3));
    s.connect(far_udp(33434));
    using receive_errors = asio::detail::socket_option::boolean<0, 11>;
    using receive_errors_v6 = asio::detail::socket_option::boolean<41, 25>;
    at(GetParam().client).is_v4() ? s.set_option(receive_errors(true)) : s.set_option(receive_errors_v6(true));
    s.send(asio::buffer("probe", 5));
    tapio::udp_request r = next(forwarder);
    EXPECT_EQ(r.hop_limit(), 3U);
    r.refuse(refusal::time_exceeded, at(GetParam().farther));
    time.run_for(1s);
    char quoted[64];
    udp::endpoint to;
    tapio::ip::error_message about;
    error_code ec;
    const std::size_t n = tapio::ip::receive_error(s, asio::buffer(quoted), to, about, ec);
    ASSERT_FALSE(ec) << ec.message();
    EXPECT_EQ(std::string(quoted, n), "probe");
    EXPECT_EQ(about.offender, at(GetParam().farther));
    EXPECT_EQ(about.type, at(GetParam().client).is_v4() ? 11 : 3);
    EXPECT_EQ(to, far_udp(33434));
}

TEST_P(forwarders, a_client_that_gives_up_takes_its_request_along)
{
    tapio::tcp_forwarder forwarder(*proxy, {.most_pending = 1});
    auto d = dial(far());
    tapio::tcp_request r = next(forwarder);
    d->socket.close(); // in SYN-SENT this sends nothing: the place stays taken until the patience ends
    time.run_for(20s);
    EXPECT_TRUE(r.is_pending());
    time.run_for(11s);
    EXPECT_FALSE(r.is_pending());
    EXPECT_EQ(accept(r).first, asio::error::connection_aborted);
    const auto again = dial(far(80));
    EXPECT_EQ(next(forwarder).destination(), far(80));
}

TEST_P(forwarders, undecided_requests_are_bounded)
{
    tapio::tcp_forwarder forwarder(*proxy, {.most_pending = 10, .most_per_source = 5});
    std::vector<std::shared_ptr<dialled>> all;
    for (std::uint16_t port = 1; port <= 8; ++port) all.push_back(dial(far(port)));
    time.run_for(500ms);
    EXPECT_EQ(proxy->counters().tcp.forwarder_requests, 5U) << "of one source";
    EXPECT_GE(proxy->counters().tcp.forwarder_overflows, 3U);
    { // a decision makes room
        tapio::tcp_request first = next(forwarder);
        EXPECT_EQ(first.destination().port(), 1);
        first.refuse();
    }
    time.run_for(3s); // the SYNs that were dropped come again
    EXPECT_EQ(proxy->counters().tcp.forwarder_requests, 6U);
    time.run_for(2min);
    EXPECT_GT(proxy->counters().tcp.forwarder_requests, 8U) << "those that nobody took have given their places back";
}

TEST_P(forwarders, a_dropped_request_comes_again)
{
    tapio::tcp_forwarder forwarder(*proxy);
    const auto d = dial(far());
    {
        const tapio::tcp_request dropped = next(forwarder);
    }
    tapio::tcp_request again;
    forwarder.async_next([&](error_code, tapio::tcp_request r) { again = std::move(r); });
    time.run_for(1500ms);
    ASSERT_TRUE(again);
    EXPECT_FALSE(accept(again).first);
    EXPECT_TRUE(time.run_until([&] { return d->result.has_value(); }, 1s));
}

TEST_P(forwarders, listeners_and_connections_come_first)
{
    tcp::acceptor acceptor(*proxy, {at(GetParam().client).is_v4() ? tcp::v4() : tcp::v6(), 80});
    tapio::tcp_forwarder forwarder(*proxy);
    bool asked = false;
    forwarder.async_next([&](error_code ec, const tapio::tcp_request&) { asked = !ec; });
    const auto d = dial(far(80));
    const tcp::socket s = acceptor.accept(); // any-IP alone: the listener has every address
    EXPECT_EQ(s.local_endpoint(), far(80));
    EXPECT_FALSE(asked);
    EXPECT_TRUE(time.run_until([&] { return d->result.has_value(); }, 1s));
    EXPECT_FALSE(*d->result);
}

TEST_P(forwarders, cancelling_and_closing)
{
    tapio::tcp_forwarder forwarder(*proxy);
    EXPECT_THROW(tapio::tcp_forwarder another(*proxy), boost::system::system_error);
    std::vector<error_code> seen;
    const auto note = [&](error_code ec, const tapio::tcp_request& r) {
        EXPECT_FALSE(r);
        seen.push_back(ec);
    };
    asio::cancellation_signal one;
    forwarder.async_next(note);
    forwarder.async_next(asio::bind_cancellation_slot(one.slot(), note));
    one.emit(asio::cancellation_type::total);
    time.run_for(1ms);
    EXPECT_EQ(seen.size(), 1U);
    forwarder.cancel();
    time.run_for(1ms);
    EXPECT_EQ(seen, std::vector(2, error_code(asio::error::operation_aborted)));
    const auto d = dial(far());
    tapio::tcp_request r = next(forwarder);
    forwarder.close();
    EXPECT_FALSE(forwarder.is_open());
    EXPECT_FALSE(r.is_pending());
    EXPECT_EQ(accept(r).first, asio::error::connection_aborted);
    forwarder.async_next(note);
    time.run_for(5s);
    EXPECT_EQ(seen.back(), asio::error::bad_descriptor);
    EXPECT_EQ(d->result, error_code(asio::error::connection_refused)) << "as if there had been no forwarder";
    tapio::tcp_forwarder third(*proxy);
    third.async_next(note);
    proxy->shutdown();
    time.run_for(1ms);
    EXPECT_EQ(seen.back(), asio::error::operation_aborted);
}

TEST_P(forwarders, a_client_that_vanishes_in_the_handshake_times_out)
{
    tapio::tcp_forwarder forwarder(*proxy);
    auto d = dial(far());
    tapio::tcp_request r = next(forwarder);
    client->set_interface_up(1, false);
    const auto began = time.now();
    EXPECT_EQ(accept(r).first, asio::error::timed_out);
    EXPECT_GT(time.now() - began, 20s);
}

TEST_P(forwarders, a_reset_in_the_handshake_is_reported)
{
    tapio::tcp_forwarder forwarder(*proxy);
    auto d = dial(far());
    tapio::tcp_request r = next(forwarder);
    d->socket.close(); // the SYN,ACK will be answered with a RST
    EXPECT_EQ(accept(r).first, asio::error::connection_reset);
}

TEST_P(forwarders, datagrams_wait_for_the_decision)
{
    tapio::udp_forwarder forwarder(*proxy, {.most_datagrams = 3});
    udp::socket s(*client, at(GetParam().client).is_v4() ? udp::v4() : udp::v6());
    s.connect(far_udp());
    for (const char* text : {"a", "b", "c", "d"}) s.send(asio::buffer(text, 1));
    time.run_for(100ms);
    tapio::udp_request r = next(forwarder);
    EXPECT_EQ(r.destination(), far_udp());
    EXPECT_EQ(r.source(), s.local_endpoint());
    udp::socket here = r.accept();
    EXPECT_EQ(here.local_endpoint(), far_udp());
    EXPECT_EQ(here.remote_endpoint(), s.local_endpoint());
    char c[8];
    for (const char* text : {"a", "b", "c"}) {
        const std::size_t n = here.receive(asio::buffer(c));
        EXPECT_EQ(std::string(c, n), text);
    }
    EXPECT_EQ(proxy->counters().udp.forwarder_overflows, 1U);
    s.send(asio::buffer("e", 1));
    EXPECT_EQ(here.receive(asio::buffer(c)), 1U);
    here.send(asio::buffer("answer", 6));
    EXPECT_EQ(s.receive(asio::buffer(c)), 6U);
    // Another flow to the same place is another request, and an end of the first makes it new again.
    udp::socket other(*client, at(GetParam().client).is_v4() ? udp::v4() : udp::v6());
    other.connect(far_udp());
    other.send(asio::buffer("x", 1));
    EXPECT_EQ(next(forwarder).source(), other.local_endpoint());
    here.close();
    s.send(asio::buffer("f", 1));
    EXPECT_EQ(next(forwarder).source(), s.local_endpoint());
    EXPECT_EQ(proxy->counters().udp.forwarder_requests, 3U);
}

TEST_P(forwarders, a_refused_datagram_is_told_by_icmp)
{
    tapio::udp_forwarder forwarder(*proxy);
    udp::socket s(*client, at(GetParam().client).is_v4() ? udp::v4() : udp::v6());
    s.connect(far_udp());
    s.send(asio::buffer("a", 1));
    next(forwarder).refuse();
    char c[8];
    error_code ec;
    s.receive(asio::buffer(c), 0, ec);
    EXPECT_EQ(ec, asio::error::connection_refused);
}

TEST_P(forwarders, any_source_may_be_bound)
{
    udp::socket as_another(*proxy, far_udp());
    udp::socket s(*client, udp::endpoint{at(GetParam().client), 99});
    as_another.send_to(asio::buffer("hello", 5), s.local_endpoint());
    char c[8];
    udp::endpoint from;
    EXPECT_EQ(s.receive_from(asio::buffer(c), from), 5U);
    EXPECT_EQ(from, far_udp());
    proxy->accept_any_destination(1, false);
    error_code ec;
    as_another.send_to(asio::buffer("hello", 5), s.local_endpoint(), 0, ec);
    EXPECT_EQ(ec, asio::error::network_unreachable);
    udp::socket again(*proxy, at(GetParam().client).is_v4() ? udp::v4() : udp::v6());
    again.bind(far_udp(54), ec);
    EXPECT_EQ(ec, boost::system::errc::address_not_available) << ec.message();
}

} // namespace
