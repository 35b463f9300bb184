/// @file
/// For the tests of the DHCPv4 client: an owner that notes what it is to do, and a fixture in virtual time whose test is the
/// server 192.0.2.254, which leases 192.0.2.2.
#pragma once

#include "base/split_mix.hpp"
#include "client/dhcpv4_client.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <deque>
#include <optional>

namespace tapio::core::client {

using namespace std::chrono_literals;

inline address_v4 v4(const char* text) { return boost::asio::ip::make_address_v4(text); }

struct sent
{
    wire::dhcpv4_message m;
    address_v4 from, to;
};

class fake_interface final : public dhcpv4_actions
{
public:
    std::deque<sent> messages;
    address_v4 probed;
    bool probing_stopped = false;
    std::optional<dhcpv4_lease> lease;
    std::optional<dhcpv4_loss> lost;
    unsigned uses = 0;
    bool refuses = false;

    void send(const wire::dhcpv4_message& m, const address_v4& from, const address_v4& to) override
    {
        const auto parsed = wire::parse_dhcpv4(wire::make_dhcpv4(m));
        ASSERT_TRUE(parsed);
        EXPECT_EQ(*parsed, m) << "can be sent as it is";
        messages.push_back({m, from, to});
    }
    void probe(const address_v4& a) override { probed = a; }
    void stop_probing() override { probing_stopped = true; }
    bool use(const dhcpv4_lease& l) override
    {
        ++uses;
        if (!refuses) lease = l;
        return !refuses;
    }
    void lose(dhcpv4_loss why) override
    {
        EXPECT_TRUE(lease);
        lease.reset();
        lost = why;
    }
};

class dhcpv4_lease_holder : public testing::Test
{
protected:
    static constexpr time_point start = time_point(100s);

    dhcpv4_lease_holder()
    {
        options.mac = mac_address{{2, 0, 0, 0, 0, 1}};
        options.client_id = {std::byte{255}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
        make();
    }
    void make()
    {
        owner = {};
        client.emplace(options, random, owner);
    }

    /// Lets the time pass, with a call of advance() at each deadline.
    void run(duration d)
    {
        const time_point end = now + d;
        while (client->next_deadline() <= end) {
            now = std::max(now, client->next_deadline());
            client->advance(now);
            ASSERT_GT(client->next_deadline(), now) << "nothing stays due";
        }
        now = end;
        client->advance(now);
    }
    /// The next message, as soon as it is sent.
    sent next()
    {
        for (unsigned n = 0; owner.messages.empty() && n < 100 && client->next_deadline() != never; ++n) {
            now = std::max(now, client->next_deadline());
            client->advance(now);
        }
        if (owner.messages.empty()) {
            ADD_FAILURE() << "no message";
            return {};
        }
        const sent first = owner.messages.front();
        owner.messages.pop_front();
        last_xid = first.m.xid;
        return first;
    }

    wire::dhcpv4_message answer(const wire::dhcpv4_message& to, wire::dhcpv4_type type) const
    {
        wire::dhcpv4_message m;
        m.from_server = true;
        m.xid = to.xid;
        m.broadcast = to.broadcast;
        m.chaddr = to.chaddr;
        m.type = type;
        m.client_id = to.client_id;
        m.server_id = server;
        if (type == wire::dhcpv4_type::nak) return m;
        m.yiaddr = theirs;
        m.prefix_length = 24;
        m.lease_time = lease_time;
        m.renewal_time = t1;
        m.rebinding_time = t2;
        return m;
    }
    void offer(const wire::dhcpv4_message& discover)
    {
        EXPECT_TRUE(client->received(answer(discover, wire::dhcpv4_type::offer), now));
    }
    void acknowledge(const wire::dhcpv4_message& request)
    {
        EXPECT_TRUE(client->received(answer(request, wire::dhcpv4_type::ack), now));
    }
    /// @return the request that was acknowledged
    wire::dhcpv4_message bind()
    {
        client->link_up(now);
        offer(next().m);
        const wire::dhcpv4_message r = next().m;
        acknowledge(r);
        client->address_is_free(now);
        return r;
    }

    const address_v4 server = v4("192.0.2.254"), theirs = v4("192.0.2.2");
    std::uint32_t lease_time = 3600; ///< s
    std::optional<std::uint32_t> t1, t2;
    std::uint32_t last_xid = 0;
    unsigned refusals = 0;
    time_point now = start;
    dhcpv4_options options;
    std::array<std::byte, random_source::seed_size> seed{};
    random_source random{seed};
    fake_interface owner;
    std::optional<dhcpv4_client> client;
};

class dhcpv4 : public dhcpv4_lease_holder
{
};

} // namespace tapio::core::client
