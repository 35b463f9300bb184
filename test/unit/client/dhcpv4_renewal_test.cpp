// The DHCPv4 client in virtual time: renewal, DHCPNAK, INIT-REBOOT, DHCPRELEASE, and what comes at random (RFC 2131).
#include "dhcpv4_lease_holder.hpp"

#include <algorithm>

namespace tapio::core::client {
namespace {

using wire::dhcpv4_message;
using wire::dhcpv4_type;
using enum dhcpv4_state;

// -- renewal ----------------------------------------------------------------------------------------------------------------

TEST_F(dhcpv4, renews_with_its_server_at_t1) // RFC 2131 §4.3.2, §4.4.5
{
    bind();
    owner.messages.clear();
    const time_point t1_at = owner.lease->renewal;
    const std::uint32_t before = last_xid;
    const sent r = next();
    EXPECT_EQ(now, t1_at);
    EXPECT_EQ(client->state(), renewing);
    EXPECT_EQ(r.m.type, dhcpv4_type::request);
    EXPECT_EQ(r.m.ciaddr, theirs);
    EXPECT_FALSE(r.m.requested_address);
    EXPECT_FALSE(r.m.server_id);
    EXPECT_FALSE(r.m.broadcast);
    EXPECT_NE(r.m.xid, before);
    EXPECT_EQ(r.from, theirs);
    EXPECT_EQ(r.to, server);
    acknowledge(r.m);
    EXPECT_EQ(client->state(), bound) << "the address is not probed again";
    EXPECT_EQ(owner.lease->obtained, t1_at);
    EXPECT_EQ(owner.lease->expires, t1_at + 3600s);
}

TEST_F(dhcpv4, repeats_a_renewal_after_half_of_the_time_that_is_left) // RFC 2131 §4.4.5
{
    bind();
    owner.messages.clear();
    const time_point t2_at = owner.lease->rebinding;
    (void)next();
    for (time_point before = now; client->state() == renewing; before = now) {
        const duration left = t2_at - now;
        const sent again = next();
        if (client->state() != renewing) break;
        EXPECT_EQ(again.to, server);
        EXPECT_EQ(now - before, std::max<duration>(left / 2, 60s));
    }
    EXPECT_EQ(now, t2_at);
    EXPECT_EQ(owner.messages.size(), 0U);
}

TEST_F(dhcpv4, asks_all_servers_at_t2) // RFC 2131 §4.4.5
{
    bind();
    const time_point t2_at = owner.lease->rebinding;
    run(t2_at - now - 1ms);
    owner.messages.clear();
    const sent r = next();
    EXPECT_EQ(now, t2_at);
    EXPECT_EQ(client->state(), rebinding);
    EXPECT_EQ(r.m.ciaddr, theirs);
    EXPECT_FALSE(r.m.broadcast);
    EXPECT_EQ(r.from, theirs);
    EXPECT_EQ(r.to, address_v4::broadcast());
    dhcpv4_message a = answer(r.m, dhcpv4_type::ack);
    a.server_id = v4("192.0.2.77");
    EXPECT_TRUE(client->received(a, now));
    EXPECT_EQ(client->state(), bound);
    EXPECT_EQ(owner.lease->server, v4("192.0.2.77"));
}

TEST_F(dhcpv4, gives_up_the_address_when_the_lease_expires) // RFC 2131 §4.4.5
{
    bind();
    const time_point end = owner.lease->expires;
    run(end - now - 1ms);
    EXPECT_TRUE(owner.lease);
    owner.messages.clear();
    const sent d = next();
    EXPECT_EQ(now, end);
    EXPECT_FALSE(owner.lease);
    EXPECT_EQ(owner.lost, dhcpv4_loss::expired);
    EXPECT_EQ(d.m.type, dhcpv4_type::discover);
    EXPECT_EQ(d.m.requested_address, theirs) << "the same again, if possible";
}

TEST_F(dhcpv4, a_short_lease_is_renewed_once_in_a_minute_at_most)
{
    lease_time = 40;
    bind();
    owner.messages.clear();
    run(owner.lease->expires - now - 1ms);
    EXPECT_EQ(owner.messages.size(), 2U) << "at T1 and at T2";
}

TEST_F(dhcpv4, begins_anew_when_a_server_refuses_to_renew) // RFC 2131 §4.4.5
{
    bind();
    owner.messages.clear();
    const sent r = next();
    EXPECT_TRUE(client->received(answer(r.m, dhcpv4_type::nak), now));
    EXPECT_FALSE(owner.lease);
    EXPECT_EQ(owner.lost, dhcpv4_loss::refused);
    const time_point refused = now;
    const sent d = next();
    EXPECT_EQ(d.m.type, dhcpv4_type::discover);
    EXPECT_FALSE(d.m.requested_address);
    EXPECT_EQ(now, refused);
}

TEST_F(dhcpv4, a_renewal_may_change_everything_but_the_address)
{
    bind();
    owner.messages.clear();
    dhcpv4_message a = answer(next().m, dhcpv4_type::ack);
    a.routers = {v4("192.0.2.77")};
    a.dns_servers = {v4("192.0.2.78")};
    EXPECT_TRUE(client->received(a, now));
    EXPECT_EQ(owner.lease->routes.at(0).gateway, v4("192.0.2.77"));
    EXPECT_EQ(owner.lease->dns_servers, std::vector{v4("192.0.2.78")});
    EXPECT_EQ(owner.uses, 2U);
}

TEST_F(dhcpv4, a_renewal_with_another_address_takes_the_present_one_away)
{
    bind();
    owner.messages.clear();
    dhcpv4_message a = answer(next().m, dhcpv4_type::ack);
    a.yiaddr = v4("192.0.2.9");
    EXPECT_TRUE(client->received(a, now));
    EXPECT_FALSE(owner.lease);
    EXPECT_EQ(owner.probed, v4("192.0.2.9"));
    client->address_is_free(now);
    EXPECT_EQ(owner.lease->address, v4("192.0.2.9"));
}

// -- DHCPNAK ----------------------------------------------------------------------------------------------------------------

TEST_F(dhcpv4, begins_anew_when_the_server_refuses) // RFC 2131 §3.1.5
{
    client->link_up(now);
    offer(next().m);
    const dhcpv4_message r = next().m;
    dhcpv4_message other = answer(r, dhcpv4_type::nak);
    other.server_id = v4("192.0.2.8");
    EXPECT_FALSE(client->received(other, now)) << "not the server that was asked";
    EXPECT_TRUE(client->received(answer(r, dhcpv4_type::nak), now));
    EXPECT_EQ(next().m.type, dhcpv4_type::discover);
}

TEST_F(dhcpv4, is_slow_where_a_server_refuses_what_it_has_offered)
{
    client->link_up(now);
    for (time_point end = now + 1h; now < end;) {
        const dhcpv4_message m = next().m;
        ASSERT_TRUE(client->received(answer(m, m.type == dhcpv4_type::discover ? dhcpv4_type::offer : dhcpv4_type::nak), now));
        ++refusals;
    }
    EXPECT_LT(refusals, 2 * 70U);
}

// -- INIT-REBOOT ------------------------------------------------------------------------------------------------------------

TEST_F(dhcpv4, asks_for_its_address_when_the_link_comes_back) // RFC 2131 §3.2, §3.7, §4.3.2
{
    bind();
    owner.messages.clear();
    client->link_down(now);
    run(10s);
    EXPECT_TRUE(owner.lease) << "kept";
    EXPECT_TRUE(owner.messages.empty());
    client->link_up(now);
    const sent r = next();
    EXPECT_EQ(client->state(), rebooting);
    EXPECT_EQ(r.m.type, dhcpv4_type::request);
    EXPECT_EQ(r.m.requested_address, theirs);
    EXPECT_FALSE(r.m.server_id);
    EXPECT_TRUE(r.m.ciaddr.is_unspecified());
    EXPECT_TRUE(r.m.broadcast);
    EXPECT_TRUE(r.from.is_unspecified());
    EXPECT_EQ(r.to, address_v4::broadcast());
    dhcpv4_message other = answer(r.m, dhcpv4_type::ack);
    other.yiaddr = v4("192.0.2.8");
    EXPECT_FALSE(client->received(other, now)) << "another address was not asked for";
    acknowledge(r.m);
    EXPECT_EQ(client->state(), bound);
    EXPECT_EQ(owner.lease->obtained, now);
}

TEST_F(dhcpv4, gives_its_address_up_if_it_is_wrong_on_the_new_link) // RFC 2131 §3.2.3
{
    bind();
    client->link_down(now);
    client->link_up(now);
    owner.messages.clear();
    const sent r = next();
    EXPECT_TRUE(client->received(answer(r.m, dhcpv4_type::nak), now));
    EXPECT_FALSE(owner.lease);
    const sent d = next();
    EXPECT_EQ(d.m.type, dhcpv4_type::discover);
    EXPECT_FALSE(d.m.requested_address);
}

TEST_F(dhcpv4, keeps_its_address_while_nobody_answers_and_looks_for_another) // RFC 2131 §3.2.3
{
    bind();
    client->link_down(now);
    client->link_up(now);
    owner.messages.clear();
    EXPECT_EQ(next().m.type, dhcpv4_type::request);
    EXPECT_EQ(next().m.type, dhcpv4_type::request);
    const sent d = next();
    EXPECT_EQ(d.m.type, dhcpv4_type::discover);
    EXPECT_EQ(d.m.requested_address, theirs);
    EXPECT_TRUE(owner.lease);
    dhcpv4_message o = answer(d.m, dhcpv4_type::offer);
    o.yiaddr = v4("192.0.2.9");
    EXPECT_TRUE(client->received(o, now));
    o = answer(next().m, dhcpv4_type::ack);
    o.yiaddr = v4("192.0.2.9");
    EXPECT_TRUE(client->received(o, now));
    EXPECT_EQ(owner.lease->address, theirs);
    client->address_is_free(now);
    EXPECT_EQ(owner.lease->address, v4("192.0.2.9"));
}

TEST_F(dhcpv4, gives_its_address_up_when_it_expires_while_the_link_is_down)
{
    bind();
    client->link_down(now);
    owner.messages.clear();
    run(2h);
    EXPECT_FALSE(owner.lease);
    EXPECT_TRUE(owner.messages.empty());
    client->link_up(now);
    EXPECT_EQ(next().m.requested_address, theirs);
}

TEST_F(dhcpv4, asks_for_the_address_that_the_user_names) // as after a restart of the program
{
    options.requested_address = v4("192.0.2.99");
    make();
    client->link_up(now);
    const sent r = next();
    EXPECT_EQ(client->state(), rebooting);
    EXPECT_EQ(r.m.requested_address, v4("192.0.2.99"));
    dhcpv4_message a = answer(r.m, dhcpv4_type::ack);
    a.yiaddr = v4("192.0.2.99");
    EXPECT_TRUE(client->received(a, now));
    EXPECT_EQ(client->state(), probing);
    client->address_is_free(now);
    EXPECT_EQ(owner.lease->address, v4("192.0.2.99"));
}

TEST_F(dhcpv4, stops_probing_when_the_link_goes_down)
{
    client->link_up(now);
    offer(next().m);
    acknowledge(next().m);
    client->link_down(now);
    EXPECT_TRUE(owner.probing_stopped);
    client->address_is_free(now);
    EXPECT_FALSE(owner.lease);
}

// -- DHCPRELEASE ------------------------------------------------------------------------------------------------------------

TEST_F(dhcpv4, gives_the_address_back) // RFC 2131 §4.4.6
{
    bind();
    owner.messages.clear();
    client->release(now);
    const sent r = next();
    EXPECT_EQ(r.m.type, dhcpv4_type::release);
    EXPECT_EQ(r.m.ciaddr, theirs);
    EXPECT_EQ(r.m.server_id, server);
    EXPECT_EQ(r.m.client_id, options.client_id);
    EXPECT_FALSE(r.m.requested_address);
    EXPECT_EQ(r.from, theirs);
    EXPECT_EQ(r.to, server);
    EXPECT_FALSE(owner.lease);
    EXPECT_EQ(owner.lost, dhcpv4_loss::released);
    run(2h);
    client->link_down(now);
    client->link_up(now);
    run(2h);
    EXPECT_TRUE(owner.messages.empty()) << "for good";
}

TEST_F(dhcpv4, gives_nothing_back_if_it_has_nothing)
{
    client->link_up(now);
    (void)next();
    client->release(now);
    run(2h);
    EXPECT_TRUE(owner.messages.empty());
}

/// Answers at random, right and wrong ones, and events: no state hangs, nothing is sent in a hurry, no lease outlives its time.
TEST_F(dhcpv4, survives_what_a_network_may_do)
{
    std::uint64_t state = 7;
    const auto below = [&state](std::uint64_t n) { return split_mix(state) % n; };
    std::size_t bindings = 0, sent_messages = 0;
    client->link_up(now);
    bool up = true;
    dhcpv4_message last;
    for (unsigned n = 0; n < 200'000; ++n) {
        while (!owner.messages.empty()) {
            last = owner.messages.front().m;
            owner.messages.pop_front();
            ++sent_messages;
        }
        dhcpv4_message m = answer(last, static_cast<dhcpv4_type>(1 + below(8)));
        if (below(3) == 0) m.type = last.type == dhcpv4_type::discover ? dhcpv4_type::offer : dhcpv4_type::ack;
        if (below(8) == 0)
            m.yiaddr = address_v4(static_cast<std::uint32_t>(below(4) == 0 ? below(1ULL << 32) : 0xc000'0200 + below(256)));
        if (below(8) == 0) m.lease_time = static_cast<std::uint32_t>(below(1ULL << 32) >> below(32));
        if (below(8) == 0) m.renewal_time = static_cast<std::uint32_t>(below(1ULL << 32) >> below(32));
        if (below(8) == 0) m.rebinding_time = static_cast<std::uint32_t>(below(1ULL << 32) >> below(32));
        if (below(16) == 0) m.server_id = address_v4(static_cast<std::uint32_t>(below(1ULL << 32)));
        if (below(16) == 0) m.xid ^= 1;
        m.rapid_commit = below(4) == 0;
        switch (below(12)) {
        case 0: client->address_is_free(now); break;
        case 1:
            if (below(8) == 0) client->address_is_taken(now);
            break;
        case 2:
            if (below(64) == 0) client->address_is_contested(now);
            break;
        case 3:
            if (below(16) == 0) (up = !up) ? client->link_up(now) : client->link_down(now);
            break;
        case 4: run(std::chrono::milliseconds(below(100'000) >> below(10))); break;
        case 5: client->advance(now); break;
        default: (void)client->received(m, now);
        }
        if (client->state() == bound) ++bindings;
        ASSERT_EQ(client->lease().has_value(), owner.lease.has_value());
        if (owner.lease) {
            ASSERT_EQ(*client->lease(), *owner.lease);
            ASSERT_GT(owner.lease->expires, now);
        }
        if (client->state() == probing) client->address_is_free(now);
        ASSERT_TRUE(client->next_deadline() != never || !up || (owner.lease && owner.lease->expires == never));
    }
    EXPECT_GT(bindings, 5000U);
    const auto minutes = static_cast<std::size_t>(std::chrono::duration_cast<std::chrono::minutes>(now - start).count());
    EXPECT_LT(sent_messages, 100'000U + 20 * minutes);
}

} // namespace
} // namespace tapio::core::client
