// The DHCPv6 client in virtual time, what it does with what it was given (RFC 8415).
#include "dhcpv6_holder.hpp"

namespace tapio::core::client::dhcpv6_renewal_test {
namespace {

using wire::dhcpv6_message;
using wire::dhcpv6_status;
using wire::dhcpv6_type;
using enum dhcpv6_state;

TEST_F(dhcpv6, renews_with_its_server_at_t1_and_with_all_at_t2) // RFC 8415 §18.2.4, §18.2.5
{
    bind();
    const time_point got = now;
    const dhcpv6_message r = next();
    EXPECT_EQ(now - got, 1000s);
    EXPECT_EQ(r.type, dhcpv6_type::renew);
    EXPECT_FALSE(r.server_id.empty());
    ASSERT_EQ(r.addresses.at(0).resources.size(), 1U);
    EXPECT_EQ(r.addresses[0].resources[0].address, v6("2001:db8::5"));
    while (client->state() == renewing) run(1s);
    EXPECT_EQ(now - got, 1600s);
    EXPECT_EQ(owner.messages.back().type, dhcpv6_type::rebind);
    EXPECT_TRUE(owner.messages.back().server_id.empty());
    EXPECT_TRUE(hear(answer(owner.messages.back(), dhcpv6_type::reply, std::byte{2})));
    EXPECT_EQ(client->state(), bound);
    EXPECT_EQ(owner.lease.addresses[0].valid_until, now + 3000s);
}

TEST_F(dhcpv6, an_address_is_deprecated_and_then_ends) // RFC 8415 §18.2.5, RFC 4862 §5.5.4
{
    bind();
    run(1999s);
    EXPECT_FALSE(owner.lease.addresses.at(0).deprecated);
    run(1s);
    EXPECT_TRUE(owner.lease.addresses.at(0).deprecated);
    run(999s);
    EXPECT_EQ(owner.lease.addresses.size(), 1U);
    owner.messages.clear();
    run(1s);
    EXPECT_TRUE(owner.lease.addresses.empty());
    EXPECT_TRUE(owner.lease.dns_servers.empty());
    EXPECT_EQ(next().type, dhcpv6_type::solicit);
}

TEST_F(dhcpv6, a_renewal_may_take_an_address_away)
{
    bind();
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.addresses[0].resources[0].preferred_lifetime = r.addresses[0].resources[0].valid_lifetime = 0;
    r.addresses[0].resources.push_back({v6("2001:db8::6"), 128, 100, 200, dhcpv6_status::success});
    EXPECT_TRUE(hear(r));
    ASSERT_EQ(owner.lease.addresses.size(), 1U);
    EXPECT_EQ(owner.lease.addresses[0].address, v6("2001:db8::6"));
}

TEST_F(dhcpv6, requests_anew_what_a_server_does_not_know) // RFC 8415 §18.2.10.1
{
    bind();
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.addresses[0] = refusal(dhcpv6_status::no_binding);
    EXPECT_TRUE(hear(r));
    const dhcpv6_message q = next();
    EXPECT_EQ(q.type, dhcpv6_type::request);
    EXPECT_EQ(q.addresses.at(0).resources.at(0).address, v6("2001:db8::5"));
    EXPECT_EQ(owner.lease.addresses.size(), 1U) << "meanwhile it is used";
    dhcpv6_message a = answer(q, dhcpv6_type::reply);
    a.addresses[0].resources[0].address = v6("2001:db8::77");
    EXPECT_TRUE(hear(a));
    ASSERT_EQ(owner.lease.addresses.size(), 1U) << "the new one stands in for the old one";
    EXPECT_EQ(owner.lease.addresses[0].address, v6("2001:db8::77"));
}

TEST_F(dhcpv6, a_renewal_without_an_answer_goes_on) // RFC 8415 §18.2.10.1
{
    bind();
    const dhcpv6_message r = next();
    const auto spoiled = [&](auto spoil) {
        dhcpv6_message m = answer(r, dhcpv6_type::reply);
        spoil(m);
        return hear(m);
    };
    EXPECT_FALSE(spoiled([](auto& m) { m.server_id.back() = std::byte{2}; }));
    EXPECT_FALSE(spoiled([](auto& m) { m.status = dhcpv6_status::use_multicast; })) << "all is multicast anyway";
    EXPECT_FALSE(spoiled([](auto& m) { m.status = dhcpv6_status::unspecified_failure; }));
    EXPECT_FALSE(spoiled([](auto& m) { m.addresses.clear(); }));
    EXPECT_FALSE(spoiled([](auto& m) { m.addresses[0].resources.clear(); }));
    EXPECT_EQ(client->state(), renewing);
    EXPECT_EQ(next().xid, r.xid);
    EXPECT_TRUE(spoiled([](auto&) {}));
}

TEST_F(dhcpv6, what_a_renewal_does_not_mention_is_asked_for_before_it_ends)
{
    options.delegate_prefix = true;
    make();
    bind();
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.prefixes.clear();
    r.addresses[0].t1 = 100'000, r.addresses[0].t2 = 160'000;
    r.addresses[0].resources[0].preferred_lifetime = r.addresses[0].resources[0].valid_lifetime = 200'000;
    EXPECT_TRUE(hear(r));
    ASSERT_EQ(owner.lease.prefixes.size(), 1U);
    EXPECT_LE(owner.lease.renewal, owner.lease.prefixes[0].valid_until - 900s);
    const dhcpv6_message again = next();
    EXPECT_EQ(again.type, dhcpv6_type::renew);
    EXPECT_EQ(again.prefixes.at(0).resources.size(), 1U);
}

TEST_F(dhcpv6, renews_before_the_end_whatever_t1_is)
{
    t1 = 5000, t2 = 8000;
    bind();
    EXPECT_EQ(owner.lease.renewal, now + 1500s);
    EXPECT_EQ(owner.lease.rebinding, now + 2400s);
}

TEST_F(dhcpv6, a_short_lease_is_renewed_in_time_and_not_too_often)
{
    t1 = 1, t2 = 2, preferred = valid = 30;
    bind();
    const time_point got = now;
    unsigned renewals = 0;
    for (; now < got + 600s; ++renewals) {
        const dhcpv6_message r = next();
        EXPECT_EQ(r.type, dhcpv6_type::renew);
        EXPECT_TRUE(hear(answer(r, dhcpv6_type::reply)));
        EXPECT_EQ(owner.lease.addresses.size(), 1U);
    }
    EXPECT_EQ(renewals, 60U);
}

TEST_F(dhcpv6, chooses_t1_and_t2_if_the_server_does_not) // RFC 8415 §21.4
{
    t1 = t2 = 0;
    bind();
    EXPECT_EQ(owner.lease.renewal, now + 1000s);
    EXPECT_EQ(owner.lease.rebinding, now + 1600s);
}

TEST_F(dhcpv6, infinite_lifetimes_are_kept_without_a_word)
{
    t1 = t2 = preferred = valid = 0xffff'ffff;
    bind();
    owner.messages.clear();
    run(24h * 365);
    EXPECT_TRUE(owner.messages.empty());
    EXPECT_EQ(owner.lease.addresses.size(), 1U);
}

TEST_F(dhcpv6, confirms_its_addresses_when_the_link_comes_back) // RFC 8415 §18.2.3, §18.2.12
{
    bind();
    client->link_down();
    run(10s);
    EXPECT_EQ(owner.lease.addresses.size(), 1U);
    client->link_up(now);
    const dhcpv6_message c = next();
    EXPECT_EQ(c.type, dhcpv6_type::confirm);
    EXPECT_TRUE(c.server_id.empty());
    EXPECT_EQ(c.addresses.at(0).resources.size(), 1U);
    dhcpv6_message r = answer(c, dhcpv6_type::reply);
    r.addresses.clear();
    EXPECT_TRUE(hear(r));
    EXPECT_EQ(client->state(), bound);
    EXPECT_EQ(owner.lease.addresses.size(), 1U);
}

TEST_F(dhcpv6, gives_its_addresses_up_on_another_link)
{
    bind();
    client->link_down();
    client->link_up(now);
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.status = dhcpv6_status::not_on_link;
    EXPECT_TRUE(hear(r));
    EXPECT_TRUE(owner.lease.addresses.empty());
    EXPECT_EQ(next().type, dhcpv6_type::solicit);
}

TEST_F(dhcpv6, keeps_its_addresses_if_nobody_confirms_them) // RFC 8415 §18.2.3: after ten seconds
{
    bind();
    client->link_down();
    client->link_up(now);
    EXPECT_EQ(next().type, dhcpv6_type::confirm);
    run(10s);
    EXPECT_EQ(client->state(), bound);
    EXPECT_EQ(owner.lease.addresses.size(), 1U);
    EXPECT_LT(owner.messages.size(), 6U);
}

TEST_F(dhcpv6, declines_an_address_that_another_node_has) // RFC 8415 §18.2.8
{
    bind();
    client->duplicate(v6("2001:db8::5"), now);
    EXPECT_TRUE(owner.lease.addresses.empty());
    const dhcpv6_message d = next();
    EXPECT_EQ(d.type, dhcpv6_type::decline);
    EXPECT_EQ(d.addresses.at(0).resources.at(0).address, v6("2001:db8::5"));
    EXPECT_FALSE(d.server_id.empty());
    for (unsigned n = 1; n < 4; ++n) EXPECT_EQ(next().type, dhcpv6_type::decline);
    EXPECT_EQ(next().type, dhcpv6_type::solicit);
}

TEST_F(dhcpv6, declines_all_that_are_taken_and_keeps_the_rest)
{
    begin();
    EXPECT_TRUE(hear(answer(next(), dhcpv6_type::advertise)));
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    for (const char* a : {"2001:db8::6", "2001:db8::7"})
        r.addresses[0].resources.push_back({v6(a), 128, preferred, valid, dhcpv6_status::success});
    EXPECT_TRUE(hear(r));
    client->duplicate(v6("2001:db8::5"), now);
    client->duplicate(v6("2001:db8::7"), now);
    client->duplicate(v6("2001:db8::99"), now);
    const dhcpv6_message d = next();
    EXPECT_EQ(d.type, dhcpv6_type::decline);
    EXPECT_EQ(d.addresses.at(0).resources.size(), 2U);
    EXPECT_EQ(owner.lease.addresses.size(), 1U);
    EXPECT_TRUE(hear(answer(d, dhcpv6_type::reply)));
    const dhcpv6_message again = next();
    EXPECT_EQ(again.type, dhcpv6_type::renew);
    EXPECT_EQ(again.addresses.at(0).resources.at(0).address, v6("2001:db8::6"));
}

TEST_F(dhcpv6, is_slow_where_everything_is_taken) // RFC 8415 §14.1
{
    begin();
    unsigned declined = 0;
    for (const time_point end = now + 1h; now < end;) {
        dhcpv6_message m = next();
        dhcpv6_message a = answer(m, m.type == dhcpv6_type::solicit ? dhcpv6_type::advertise : dhcpv6_type::reply);
        a.preference = 255;
        EXPECT_TRUE(hear(a));
        if (client->state() != bound) continue;
        ++declined;
        client->duplicate(v6("2001:db8::5"), now);
    }
    EXPECT_LT(declined, 70U);
    EXPECT_GT(declined, 50U);
}

TEST_F(dhcpv6, gets_a_prefix_to_delegate) // RFC 8415 §6.3
{
    options.delegate_prefix = true;
    make();
    bind();
    ASSERT_EQ(owner.lease.prefixes.size(), 1U);
    EXPECT_EQ(owner.lease.prefixes[0].address, v6("2001:db8:7::"));
    EXPECT_EQ(owner.lease.prefixes[0].length, 56U);
    client->link_down();
    client->link_up(now);
    const time_point up = now;
    EXPECT_EQ(next().type, dhcpv6_type::rebind) << "prefixes cannot be confirmed (§18.2.12)";
    EXPECT_EQ(client->state(), confirming);
    EXPECT_EQ(next().type, dhcpv6_type::rebind);
    EXPECT_LT(now - up, 3s) << "at the times of a Confirm";
    run(10s);
    EXPECT_EQ(client->state(), bound);
    EXPECT_EQ(owner.lease.prefixes.size(), 1U);
}

TEST_F(dhcpv6, a_prefix_is_taken_away_on_another_link)
{
    options.delegate_prefix = true;
    make();
    bind();
    client->link_down();
    client->link_up(now);
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    for (auto* all : {&r.addresses, &r.prefixes})
        (*all)[0].resources[0].preferred_lifetime = (*all)[0].resources[0].valid_lifetime = 0;
    EXPECT_TRUE(hear(r));
    EXPECT_EQ(owner.lease, dhcpv6_lease());
    EXPECT_EQ(next().type, dhcpv6_type::solicit);
}

} // namespace
} // namespace tapio::core::client::dhcpv6_renewal_test
