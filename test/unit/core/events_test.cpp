// Events: the owner of a socket is notified by dispatch_events(), not from within protocol processing; several events of one
// socket are combined into one call.
#include "support/told_owner.hpp"
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tapio::core {
namespace {

struct events : testing::Test, two_hosts
{
    socket_id bound(host& h, std::uint16_t port)
    {
        const socket_id id = *h.udp().open(family::v4);
        EXPECT_FALSE(h.udp().bind(id, {address_v4::any(), port}));
        return id;
    }
    void send(socket_id from, std::uint16_t port, const std::string& data = "x")
    {
        const endpoint to{there.address, port};
        const std::array<const_bytes, 1> list{octets(data)};
        EXPECT_TRUE(a.udp().send(from, list, &to, now));
        settle();
    }

    const socket_id peer = bound(a, 9);
};

TEST_F(events, are_told_when_they_are_dispatched_and_several_of_a_socket_at_once)
{
    told_owner owner;
    b.udp().set_owner(bound(b, 7), &owner);
    send(peer, 7);
    send(peer, 7);
    EXPECT_EQ(owner.times, 0U);
    EXPECT_TRUE(b.dispatch_events(now));
    EXPECT_EQ(owner.times, 1U);
    EXPECT_EQ(owner.told, readiness::readable);
    EXPECT_FALSE(b.dispatch_events(now));
}

TEST_F(events, come_in_the_order_of_each_sockets_first)
{
    struct noting final : event_sink
    {
        void ready(readiness, time_point) override { order->push_back(name); }
        std::vector<int>* order = nullptr;
        int name = 0;
    };
    std::vector<int> order;
    std::array<noting, 3> owners;
    for (int i = 0; i < 3; ++i) {
        owners[i].order = &order;
        owners[i].name = i;
        b.udp().set_owner(bound(b, static_cast<std::uint16_t>(20 + i)), &owners[i]);
    }
    for (const std::uint16_t port : std::to_array<std::uint16_t>({22, 20, 21, 22})) send(peer, port);
    b.dispatch_events(now);
    EXPECT_EQ(order, (std::vector{2, 0, 1}));
}

TEST_F(events, of_a_socket_without_owner_are_forgotten)
{
    told_owner owner;
    const socket_id s = bound(b, 7);
    b.udp().set_owner(s, &owner);
    send(peer, 7);
    b.udp().set_owner(s, nullptr);
    EXPECT_FALSE(b.dispatch_events(now));
    b.udp().set_owner(s, &owner);
    EXPECT_TRUE(b.dispatch_events(now)) << "data received without an owner makes the new owner ready";
    EXPECT_EQ(owner.times, 1U);
}

/// An echo service inside the host, as a DHCP or DNS client would be: it owns a socket that no user sees.
class echo_service final : public event_sink
{
public:
    echo_service(host& h, std::uint16_t port) : host_(h), socket_(*h.udp().open(family::v4))
    {
        (void)host_.udp().bind(socket_, {address_v4::any(), port});
        host_.udp().set_owner(socket_, this);
    }

    void ready(readiness what, time_point now) override
    {
        if (!any(what & readiness::readable)) return;
        std::array<std::byte, 100> memory;
        const std::array<mutable_bytes, 1> into{memory};
        received_message about;
        while (const auto got = host_.udp().receive(socket_, into, {}, &about, now)) {
            if (*got == 0) return host_.udp().close(socket_, now);
            const std::array<const_bytes, 1> answer{const_bytes(memory).first(*got)};
            (void)host_.udp().send(socket_, answer, &about.sender, now);
        }
    }

private:
    host& host_;
    socket_id socket_;
};

TEST_F(events, a_client_inside_the_host_answers_and_may_close_its_socket_when_it_is_told)
{
    const echo_service service(b, 7);
    send(peer, 7, "to be echoed");
    b.dispatch_events(now);
    settle();
    std::string got(100, 0);
    const std::array<mutable_bytes, 1> into{std::as_writable_bytes(std::span(got))};
    const auto n = a.udp().receive(peer, into, {}, nullptr, now);
    ASSERT_TRUE(n);
    EXPECT_EQ(got.substr(0, *n), "to be echoed");
    send(peer, 7, "");
    b.dispatch_events(now);
    send(peer, 7, "to nobody");
    EXPECT_EQ(b.counters().udp.no_ports, 1U);
}

} // namespace
} // namespace tapio::core
