/// @file
/// A DHCPv6 client in virtual time, and answers of servers.
#pragma once

#include "client/dhcpv6_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <optional>

namespace tapio::core::client {

using namespace std::chrono_literals;

inline address_v6 v6(const char* text) { return boost::asio::ip::make_address_v6(text); }

class fake_v6_interface final : public dhcpv6_actions
{
public:
    std::deque<wire::dhcpv6_message> messages;
    dhcpv6_lease lease;
    unsigned uses = 0;

    void send(const wire::dhcpv6_message& m) override
    {
        const auto parsed = wire::parse_dhcpv6(wire::make_dhcpv6(m));
        ASSERT_TRUE(parsed);
        EXPECT_EQ(*parsed, m) << "can be sent as it is";
        messages.push_back(m);
    }
    void use(const dhcpv6_lease& l) override
    {
        lease = l;
        ++uses;
    }
};

class dhcpv6 : public testing::Test
{
protected:
    static constexpr time_point start = time_point(100s);

    dhcpv6()
    {
        options.duid = {std::byte{0}, std::byte{3}, std::byte{0}, std::byte{1}, std::byte{7}};
        options.iaid = 9;
        make();
    }
    void make()
    {
        owner = {};
        client.emplace(options, random, owner);
    }
    void begin(dhcpv6_mode m = dhcpv6_mode::stateful)
    {
        client->link_up(now);
        client->set_mode(m, now);
    }
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
    wire::dhcpv6_message next()
    {
        for (unsigned n = 0; owner.messages.empty() && n < 100 && client->next_deadline() != never; ++n) {
            now = std::max(now, client->next_deadline());
            client->advance(now);
        }
        if (owner.messages.empty()) {
            ADD_FAILURE() << "no message";
            return {};
        }
        const wire::dhcpv6_message first = owner.messages.front();
        owner.messages.pop_front();
        return first;
    }
    wire::dhcpv6_message answer(const wire::dhcpv6_message& to, wire::dhcpv6_type type, std::byte server = std::byte{1}) const
    {
        wire::dhcpv6_message m;
        m.type = type;
        m.xid = to.xid;
        m.client_id = to.client_id;
        m.server_id = {std::byte{0}, std::byte{3}, server};
        m.dns_servers = {v6("2001:db8::53")};
        if (!to.addresses.empty())
            m.addresses = {{options.iaid,
                            t1,
                            t2,
                            {{v6("2001:db8::5"), 128, preferred, valid, wire::dhcpv6_status::success}},
                            wire::dhcpv6_status::success}};
        if (!to.prefixes.empty())
            m.prefixes = {{options.iaid,
                           t1,
                           t2,
                           {{v6("2001:db8:7::"), 56, preferred, valid, wire::dhcpv6_status::success}},
                           wire::dhcpv6_status::success}};
        return m;
    }
    bool hear(const wire::dhcpv6_message& m) { return client->received(m, now); }
    void bind()
    {
        begin();
        EXPECT_TRUE(hear(answer(next(), wire::dhcpv6_type::advertise)));
        EXPECT_TRUE(hear(answer(next(), wire::dhcpv6_type::reply)));
        ASSERT_EQ(client->state(), dhcpv6_state::bound);
    }
    /// An association without anything but a reason.
    static wire::dhcpv6_association refusal(wire::dhcpv6_status why, std::uint32_t iaid = 9) { return {iaid, 0, 0, {}, why}; }

    std::uint32_t t1 = 1000, t2 = 1600, preferred = 2000, valid = 3000; ///< s
    time_point now = start;
    dhcpv6_options options;
    std::array<std::byte, random_source::seed_size> seed{};
    random_source random{seed};
    fake_v6_interface owner;
    std::optional<dhcpv6_client> client;
};

} // namespace tapio::core::client
