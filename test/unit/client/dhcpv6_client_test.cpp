// The DHCPv6 client in virtual time, message by message (RFC 8415).
#include "base/split_mix.hpp"
#include "dhcpv6_holder.hpp"

namespace tapio::core::client::dhcpv6_client_test {
namespace {

using wire::dhcpv6_message;
using wire::dhcpv6_status;
using wire::dhcpv6_type;
using enum dhcpv6_state;

TEST_F(dhcpv6, gets_an_address_in_four_messages) // RFC 8415 §5, §18.2.1, §18.2.2
{
    begin();
    const dhcpv6_message s = next();
    EXPECT_EQ(s.type, dhcpv6_type::solicit);
    EXPECT_LE(now - start, 1s);
    EXPECT_EQ(s.client_id, options.duid);
    EXPECT_TRUE(s.server_id.empty());
    EXPECT_EQ(s.elapsed_time, 0);
    ASSERT_EQ(s.addresses.size(), 1U);
    EXPECT_EQ(s.addresses[0].id, 9U);
    EXPECT_TRUE(s.addresses[0].resources.empty());
    EXPECT_NE(std::find(s.requested.begin(), s.requested.end(), 82), s.requested.end()) << "SOL_MAX_RT (§21.7)";
    const time_point solicited = now;
    EXPECT_TRUE(hear(answer(s, dhcpv6_type::advertise)));
    const dhcpv6_message r = next();
    EXPECT_EQ(r.type, dhcpv6_type::request);
    EXPECT_GE(now - solicited, 1s) << "waits for further servers";
    EXPECT_LE(now - solicited, 1100ms);
    EXPECT_EQ(r.server_id, answer(s, dhcpv6_type::advertise).server_id);
    EXPECT_TRUE(hear(answer(r, dhcpv6_type::reply)));
    ASSERT_EQ(owner.lease.addresses.size(), 1U);
    EXPECT_EQ(owner.lease.addresses[0].address, v6("2001:db8::5"));
    EXPECT_EQ(owner.lease.addresses[0].valid_until, now + 3000s);
    EXPECT_EQ(owner.lease.dns_servers, std::vector{v6("2001:db8::53")});
    EXPECT_EQ(owner.lease.renewal, now + 1000s);
}

TEST_F(dhcpv6, chooses_the_server_with_the_highest_preference) // RFC 8415 §18.2.9
{
    begin();
    const dhcpv6_message s = next();
    EXPECT_TRUE(hear(answer(s, dhcpv6_type::advertise, std::byte{1})));
    dhcpv6_message better = answer(s, dhcpv6_type::advertise, std::byte{2});
    better.preference = 10;
    EXPECT_TRUE(hear(better));
    EXPECT_TRUE(hear(answer(s, dhcpv6_type::advertise, std::byte{3})));
    EXPECT_EQ(next().server_id, better.server_id);
}

TEST_F(dhcpv6, waits_for_no_other_server_after_preference_255)
{
    begin();
    const dhcpv6_message s = next();
    const time_point solicited = now;
    dhcpv6_message best = answer(s, dhcpv6_type::advertise);
    best.preference = 255;
    EXPECT_TRUE(hear(best));
    EXPECT_EQ(next().type, dhcpv6_type::request);
    EXPECT_EQ(now, solicited);
}

TEST_F(dhcpv6, takes_an_address_in_two_messages_if_the_server_can) // RFC 8415 §18.2.1
{
    begin();
    const dhcpv6_message s = next();
    EXPECT_TRUE(s.rapid_commit);
    dhcpv6_message r = answer(s, dhcpv6_type::reply);
    EXPECT_FALSE(hear(r));
    r.rapid_commit = true;
    EXPECT_TRUE(hear(r));
    EXPECT_EQ(client->state(), bound);
}

TEST_F(dhcpv6, repeats_a_solicit_with_doubled_and_varied_times) // RFC 8415 §15, §18.2.1
{
    begin();
    const dhcpv6_message first = next();
    double expected = 1;
    for (unsigned n = 0; n < 14; ++n) {
        const time_point before = now;
        const dhcpv6_message m = next();
        const double waited = std::chrono::duration<double>(now - before).count();
        EXPECT_TRUE(n > 0 || waited > 1.0);
        EXPECT_GE(waited, expected * 0.9);
        EXPECT_LE(waited, expected * 1.1);
        EXPECT_EQ(m.xid, first.xid);
        EXPECT_GT(m.elapsed_time, 90);
        expected = std::min(2 * waited, 3600.0);
    }
}

TEST_F(dhcpv6, takes_sol_max_rt_from_an_answer) // RFC 8415 §21.24
{
    begin();
    dhcpv6_message a = answer(next(), dhcpv6_type::advertise);
    a.sol_max_rt = 60;
    a.addresses[0] = refusal(dhcpv6_status::no_addresses);
    EXPECT_FALSE(hear(a)) << "no addresses";
    run(1h);
    const auto before = owner.messages.size();
    run(1h);
    EXPECT_GT(owner.messages.size() - before, 50U);
    EXPECT_LT(owner.messages.size() - before, 70U);
}

TEST_F(dhcpv6, an_answer_that_is_not_for_us_is_not_accepted) // RFC 8415 §16.3
{
    begin();
    const dhcpv6_message s = next();
    const auto spoiled = [&](auto spoil) {
        dhcpv6_message m = answer(s, dhcpv6_type::advertise);
        spoil(m);
        return hear(m);
    };
    EXPECT_FALSE(spoiled([](auto& m) { ++m.xid; }));
    EXPECT_FALSE(spoiled([](auto& m) { m.client_id.back() = std::byte{8}; }));
    EXPECT_FALSE(spoiled([](auto& m) { m.client_id.clear(); }));
    EXPECT_FALSE(spoiled([](auto& m) { m.server_id.clear(); }));
    EXPECT_FALSE(spoiled([](auto& m) { m.type = dhcpv6_type::solicit; }));
    EXPECT_FALSE(spoiled([](auto& m) { m.type = dhcpv6_type::reconfigure; }));
    EXPECT_FALSE(spoiled([](auto& m) { m.status = dhcpv6_status::unspecified_failure; }));
    EXPECT_FALSE(spoiled([](auto& m) { m.addresses[0].id = 1; }));
    EXPECT_FALSE(spoiled(
        [](auto& m) { m.addresses[0].resources[0].valid_lifetime = m.addresses[0].resources[0].preferred_lifetime = 0; }));
    for (const char* a : {"::", "::1", "fe80::1", "ff02::1", "::ffff:192.0.2.1"})
        EXPECT_FALSE(spoiled([a](auto& m) { m.addresses[0].resources[0].address = v6(a); })) << a;
    EXPECT_TRUE(spoiled([](auto&) {}));
}

TEST_F(dhcpv6, gives_up_a_silent_server_after_ten_requests) // RFC 8415 §18.2.2
{
    begin();
    EXPECT_TRUE(hear(answer(next(), dhcpv6_type::advertise)));
    for (unsigned n = 0; n < 10; ++n) EXPECT_EQ(next().type, dhcpv6_type::request);
    EXPECT_EQ(next().type, dhcpv6_type::solicit);
}

TEST_F(dhcpv6, looks_for_another_server_if_one_has_no_addresses)
{
    begin();
    EXPECT_TRUE(hear(answer(next(), dhcpv6_type::advertise)));
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.addresses[0] = refusal(dhcpv6_status::no_addresses);
    EXPECT_TRUE(hear(r));
    EXPECT_EQ(client->state(), soliciting);
    EXPECT_EQ(next().type, dhcpv6_type::solicit);
}

TEST_F(dhcpv6, requests_what_was_advertised) // RFC 8415 §18.2.2
{
    options.delegate_prefix = true;
    make();
    begin();
    EXPECT_TRUE(hear(answer(next(), dhcpv6_type::advertise)));
    const dhcpv6_message r = next();
    EXPECT_EQ(r.addresses.at(0).resources.at(0).address, v6("2001:db8::5"));
    EXPECT_EQ(r.prefixes.at(0).resources.at(0).address, v6("2001:db8:7::"));
}

TEST_F(dhcpv6, says_how_long_a_prefix_should_be) // RFC 8415 §18.2.1
{
    options.delegate_prefix = true;
    options.wanted_prefix_length = 60;
    make();
    begin();
    const dhcpv6_message s = next();
    ASSERT_EQ(s.prefixes.at(0).resources.size(), 1U);
    EXPECT_EQ(s.prefixes[0].resources[0].length, 60);
    EXPECT_TRUE(s.prefixes[0].resources[0].address.is_unspecified());
    EXPECT_TRUE(s.addresses.at(0).resources.empty());
}

TEST_F(dhcpv6, gives_back_an_address_without_the_prefix_that_it_did_not_get)
{
    options.delegate_prefix = true;
    options.wanted_prefix_length = 60;
    make();
    begin();
    dhcpv6_message a = answer(next(), dhcpv6_type::advertise);
    a.prefixes.clear();
    EXPECT_TRUE(hear(a));
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.prefixes.clear();
    EXPECT_TRUE(hear(r));
    client->release(now);
    const dhcpv6_message m = next();
    EXPECT_EQ(m.addresses.size(), 1U);
    EXPECT_TRUE(m.prefixes.empty());
}

TEST_F(dhcpv6, prefers_a_server_that_gives_more_among_equals) // RFC 8415 §18.2.9
{
    options.delegate_prefix = true;
    make();
    begin();
    const dhcpv6_message s = next();
    dhcpv6_message address_only = answer(s, dhcpv6_type::advertise, std::byte{1});
    address_only.prefixes[0] = refusal(dhcpv6_status::no_prefixes);
    EXPECT_TRUE(hear(address_only));
    EXPECT_TRUE(hear(answer(s, dhcpv6_type::advertise, std::byte{2})));
    EXPECT_EQ(next().server_id.back(), std::byte{2});
}

TEST_F(dhcpv6, takes_what_one_server_has_if_it_lacks_the_rest) // dnsmasq delegates no prefixes
{
    options.delegate_prefix = true;
    make();
    begin();
    dhcpv6_message a = answer(next(), dhcpv6_type::advertise);
    a.prefixes = {refusal(dhcpv6_status::no_prefixes)};
    EXPECT_TRUE(hear(a));
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.prefixes = {refusal(dhcpv6_status::no_prefixes)};
    EXPECT_TRUE(hear(r));
    EXPECT_EQ(client->state(), bound);
    EXPECT_EQ(owner.lease.addresses.size(), 1U);
    EXPECT_TRUE(owner.lease.prefixes.empty());
    EXPECT_EQ(next().prefixes.size(), 1U) << "the Renew asks again";
}

TEST_F(dhcpv6, what_hardly_lasts_or_is_far_too_big_is_no_offer)
{
    options.delegate_prefix = true;
    make();
    begin();
    const dhcpv6_message s = next();
    dhcpv6_message m = answer(s, dhcpv6_type::advertise);
    m.addresses.clear();
    m.prefixes[0].resources[0].length = 8;
    EXPECT_FALSE(hear(m)) << "its unreachable route would be most of the network";
    m = answer(s, dhcpv6_type::advertise);
    m.prefixes.clear();
    m.addresses[0].resources[0].valid_lifetime = m.addresses[0].resources[0].preferred_lifetime = 9;
    EXPECT_FALSE(hear(m)) << "9 s";
    m.addresses[0].resources[0].valid_lifetime = 10;
    EXPECT_TRUE(hear(m));
}

TEST_F(dhcpv6, servers_that_refuse_are_asked_less_and_less_often) // RFC 8415 §14.1
{
    begin();
    unsigned sent = 0;
    for (const time_point end = now + 1h; now < end; ++sent) {
        const dhcpv6_message m = next();
        dhcpv6_message a = answer(m, m.type == dhcpv6_type::solicit ? dhcpv6_type::advertise : dhcpv6_type::reply);
        a.preference = 255;
        if (m.type == dhcpv6_type::request) a.status = dhcpv6_status::unspecified_failure;
        EXPECT_TRUE(hear(a));
    }
    EXPECT_LT(sent, 2 * 70U);
    EXPECT_GT(sent, 2 * 50U);
}

TEST_F(dhcpv6, answers_of_other_servers_to_a_request_are_not_accepted)
{
    begin();
    EXPECT_TRUE(hear(answer(next(), dhcpv6_type::advertise)));
    const dhcpv6_message r = next();
    EXPECT_FALSE(hear(answer(r, dhcpv6_type::reply, std::byte{2})));
    EXPECT_FALSE(hear(answer(r, dhcpv6_type::advertise))) << "too late";
    EXPECT_TRUE(hear(answer(r, dhcpv6_type::reply)));
    EXPECT_FALSE(hear(answer(r, dhcpv6_type::reply))) << "twice";
}

TEST_F(dhcpv6, a_server_of_another_link_is_left) // RFC 8415 §18.2.10.1: NotOnLink in the answer to a Request
{
    begin();
    EXPECT_TRUE(hear(answer(next(), dhcpv6_type::advertise)));
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.addresses[0] = refusal(dhcpv6_status::not_on_link);
    EXPECT_TRUE(hear(r));
    EXPECT_EQ(next().type, dhcpv6_type::solicit);
}

TEST_F(dhcpv6, asks_for_servers_only) // RFC 8415 §18.2.6
{
    begin(dhcpv6_mode::stateless);
    const dhcpv6_message i = next();
    EXPECT_EQ(i.type, dhcpv6_type::information_request);
    EXPECT_TRUE(i.addresses.empty());
    EXPECT_NE(std::find(i.requested.begin(), i.requested.end(), 32), i.requested.end()) << "refresh time (§21.7)";
    EXPECT_NE(std::find(i.requested.begin(), i.requested.end(), 83), i.requested.end()) << "INF_MAX_RT";
    EXPECT_TRUE(hear(answer(i, dhcpv6_type::reply)));
    EXPECT_EQ(client->state(), informed);
    EXPECT_EQ(owner.lease.dns_servers, std::vector{v6("2001:db8::53")});
    const time_point told = now;
    EXPECT_EQ(next().type, dhcpv6_type::information_request);
    EXPECT_GE(now - told, 24h);
}

TEST_F(dhcpv6, asks_for_servers_again_when_it_is_told_but_not_too_often) // RFC 8415 §21.23
{
    for (const auto& [refresh, least] : {std::pair(3600U, 3600s), {1U, 600s}}) {
        make();
        begin(dhcpv6_mode::stateless);
        dhcpv6_message r = answer(next(), dhcpv6_type::reply);
        r.refresh_time = refresh;
        EXPECT_TRUE(hear(r));
        const time_point told = now;
        (void)next();
        EXPECT_GE(now - told, least);
        EXPECT_LE(now - told, least + 2s);
    }
}

TEST_F(dhcpv6, a_failure_of_the_server_is_no_information)
{
    begin(dhcpv6_mode::stateless);
    const dhcpv6_message i = next();
    dhcpv6_message r = answer(i, dhcpv6_type::reply);
    r.inf_max_rt = 60;
    r.status = dhcpv6_status::unspecified_failure;
    EXPECT_FALSE(hear(r));
    EXPECT_EQ(client->state(), informing);
    run(1h);
    EXPECT_GT(owner.messages.size(), 55U) << "INF_MAX_RT counts (§21.25)";
    EXPECT_LT(owner.messages.size(), 75U);
}

TEST_F(dhcpv6, each_server_is_listed_once_and_none_that_cannot_be)
{
    begin(dhcpv6_mode::stateless);
    dhcpv6_message r = answer(next(), dhcpv6_type::reply);
    r.dns_servers = {v6("::"), v6("2001:db8::53"), v6("ff02::1"), v6("fe80::53"), v6("2001:db8::53"), v6("::1")};
    EXPECT_TRUE(hear(r));
    EXPECT_EQ(owner.lease.dns_servers, (std::vector{v6("2001:db8::53"), v6("fe80::53")}));
}

TEST_F(dhcpv6, routers_may_ask_for_more_later_on)
{
    begin(dhcpv6_mode::stateless);
    EXPECT_TRUE(hear(answer(next(), dhcpv6_type::reply)));
    client->set_mode(dhcpv6_mode::stateful, now);
    EXPECT_EQ(next().type, dhcpv6_type::solicit);
    client->set_mode(dhcpv6_mode::none, now);
    EXPECT_EQ(client->state(), soliciting);
}

TEST_F(dhcpv6, gives_everything_back) // RFC 8415 §18.2.7
{
    bind();
    client->release(now);
    const dhcpv6_message r = next();
    EXPECT_EQ(r.type, dhcpv6_type::release);
    EXPECT_FALSE(r.server_id.empty());
    EXPECT_EQ(r.addresses.at(0).resources.size(), 1U);
    EXPECT_TRUE(owner.lease.addresses.empty());
    EXPECT_FALSE(r.requested.size());
    client->link_up(now);
    run(24h);
    EXPECT_EQ(owner.messages.size(), 3U) << "repeated, at most four in all";
    EXPECT_EQ(owner.messages.back().xid, r.xid);
    EXPECT_EQ(client->state(), off);
}

TEST_F(dhcpv6, says_once_what_it_gives_back_if_the_server_answers)
{
    bind();
    client->release(now);
    const dhcpv6_message r = next();
    EXPECT_EQ(client->state(), releasing);
    dhcpv6_message a = answer(r, dhcpv6_type::reply);
    EXPECT_FALSE(hear(answer(r, dhcpv6_type::reply, std::byte{2}))) << "another server";
    EXPECT_TRUE(hear(a));
    run(1h);
    EXPECT_TRUE(owner.messages.empty());
    EXPECT_EQ(client->state(), off);
    client->release(now);
    EXPECT_TRUE(owner.messages.empty());
}

TEST_F(dhcpv6, has_nothing_to_give_back_without_a_lease)
{
    begin();
    (void)next();
    client->release(now);
    run(1h);
    EXPECT_TRUE(owner.messages.empty());
    EXPECT_EQ(client->state(), off);
}

/// Answers at random, right and wrong ones, and events: no state hangs, nothing is sent in a hurry, nothing outlives its time.
TEST_F(dhcpv6, survives_what_a_network_may_do)
{
    options.delegate_prefix = true;
    make();
    begin();
    std::uint64_t state = 11;
    const auto below = [&state](std::uint64_t n) { return split_mix(state) % n; };
    const auto some = [&] { return static_cast<std::uint32_t>(below(1ULL << 32) >> below(32)); };
    dhcpv6_message last;
    std::size_t sent = 0, grants = 0;
    bool up = true;
    for (unsigned n = 0; n < 200'000; ++n) {
        for (; !owner.messages.empty(); owner.messages.pop_front(), ++sent) last = owner.messages.front();
        t1 = some(), t2 = some(), valid = some(), preferred = std::min(valid, some());
        dhcpv6_message m = answer(last, last.type == dhcpv6_type::solicit ? dhcpv6_type::advertise : dhcpv6_type::reply,
                                  static_cast<std::byte>(below(3)));
        if (below(6) == 0) m.type = static_cast<dhcpv6_type>(1 + below(11));
        if (below(8) == 0) m.status = static_cast<dhcpv6_status>(below(8));
        if (below(8) == 0) m.xid ^= 1;
        if (below(4) == 0) m.rapid_commit = true;
        if (below(4) == 0) m.preference = static_cast<std::uint8_t>(below(256));
        if (below(16) == 0) m.sol_max_rt = some(), m.refresh_time = some();
        for (auto* all : {&m.addresses, &m.prefixes})
            for (auto& a : *all) {
                if (below(8) == 0) a.status = static_cast<dhcpv6_status>(below(8));
                if (below(8) == 0)
                    a.resources[0].address = address_v6({0x20, 1, 0x0d, 0xb8, static_cast<unsigned char>(below(256))});
                if (below(16) == 0) a.resources.clear();
            }
        switch (below(12)) {
        case 0:
            if (below(16) == 0) (up = !up) ? client->link_up(now) : client->link_down();
            break;
        case 1:
            if (below(16) == 0 && !owner.lease.addresses.empty()) client->duplicate(owner.lease.addresses[0].address, now);
            break;
        case 2: run(std::chrono::milliseconds(below(100'000) >> below(10))); break;
        case 3: client->advance(now); break;
        default: grants += client->received(m, now) && client->state() == bound;
        }
        ASSERT_EQ(client->lease(), owner.lease);
        ASSERT_LE(owner.lease.addresses.size(), 8U);
        ASSERT_LE(owner.lease.prefixes.size(), 8U);
    }
    EXPECT_GT(grants, 500U);
    const auto minutes = static_cast<std::size_t>(std::chrono::duration_cast<std::chrono::minutes>(now - start).count());
    EXPECT_LT(sent, 150'000U + 60 * minutes);
}

} // namespace
} // namespace tapio::core::client::dhcpv6_client_test
