// Autoconfigured addresses: lifetimes (RFC 4862 §5.5), stable identifiers and their retries (RFC 7217), temporary addresses
// (RFC 8981).
#include "ip/interface_identifier.hpp"
#include "slaac_host.hpp"

#include <set>

namespace tapio::core::ip {
namespace {

constexpr const char* prefix = "2001:db8:1::";

class slaac_address : public slaac_host
{
protected:
    slaac_address() { link_up(); }

    address_v6 stable(const char* of_prefix, std::uint8_t dad_counter) const
    {
        return join(a6(of_prefix), stable_identifier(secret, a6(of_prefix), options().net_iface, dad_counter));
    }
    autoconfigured_address only() const
    {
        const auto all = of(prefix);
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? autoconfigured_address{} : all[0];
    }
    std::chrono::seconds remaining() const ///< valid lifetime of the address
    {
        return std::chrono::duration_cast<std::chrono::seconds>(autoconf->addresses().at(1).valid_until - now);
    }
};

// -- making (RFC 4862 §5.5.3) ---------------------------------------------------------------------------------------

TEST_F(slaac_address, autonomous_prefix_gives_a_stable_address) // (d); RFC 7217 §5
{
    hear_prefix(prefix, 3600s, 1800s);
    EXPECT_EQ(only().address, stable(prefix, 0));
    EXPECT_EQ(only().prefix_length, 64U);
    EXPECT_EQ(only().preferred_until, now + 1800s);
    EXPECT_EQ(only().valid_until, now + 3600s);
    EXPECT_FALSE(only().deprecated || only().temporary);
    hear_prefix(prefix, 3600s, 1800s);
    EXPECT_EQ(owner.addresses.size(), 2U);
    EXPECT_EQ(of("fe80::").at(0).address, stable("fe80::", 0));
}

TEST_F(slaac_address, same_prefix_gives_the_same_address_again_and_another_interface_another) // RFC 7217 §4
{
    hear_prefix(prefix, 3600s, 1800s);
    const address_v6 first = only().address;
    autoconf->reset();
    link_up();
    hear_prefix(prefix, 3600s, 1800s);
    EXPECT_EQ(only().address, first);
    autoconf->reset();
    autoconfiguration_options other = options();
    other.net_iface = "02:00:00:00:00:03";
    autoconf.emplace(other, random, owner);
    link_up();
    hear_prefix(prefix, 3600s, 1800s);
    EXPECT_NE(only().address, first);
}

TEST_F(slaac_address, prefix_without_the_flag_gives_none) // (a)
{
    auto ra = advertisement(prefix, 3600s, 1800s);
    ra.prefixes[0].autonomous = false;
    hear(ra);
    EXPECT_TRUE(of(prefix).empty());
}

TEST_F(slaac_address, prefix_preferred_for_longer_than_valid_is_ignored) // (c)
{
    hear_prefix(prefix, 1800s, 1801s);
    EXPECT_TRUE(of(prefix).empty());
    hear_prefix(prefix, 1800s, 1800s);
    EXPECT_EQ(of(prefix).size(), 1U);
    hear_prefix(prefix, 1800s, std::chrono::seconds(wire::infinite_lifetime));
    EXPECT_EQ(autoconf->addresses().at(1).preferred_until, now + 1800s);
}

TEST_F(slaac_address, prefix_of_another_length_than_64_is_ignored) // (d)
{
    for (const unsigned length : {0U, 63U, 65U, 128U}) hear_prefix(prefix, 3600s, 1800s, length);
    EXPECT_EQ(owner.addresses.size(), 1U);
}

TEST_F(slaac_address, valid_lifetime_zero_makes_none) // (d)
{
    hear_prefix(prefix, 0s, 0s);
    EXPECT_EQ(owner.verified.size(), 1U) << "the link-local address alone";
}

TEST_F(slaac_address, prefix_that_is_not_preferred_makes_a_deprecated_address) // (d)
{
    hear_prefix(prefix, 3600s, 0s);
    EXPECT_TRUE(only().deprecated);
    hear_prefix(prefix, 3600s, 1800s);
    EXPECT_FALSE(only().deprecated);
}

// -- lifetimes (RFC 4862 §5.5.3 (e), §5.5.4) ------------------------------------------------------------------------

TEST_F(slaac_address, is_deprecated_then_removed) // RFC 4862 §5.5.4
{
    hear_prefix(prefix, 3600s, 1800s);
    at(1799s);
    EXPECT_FALSE(only().deprecated);
    at(1800s);
    EXPECT_TRUE(only().deprecated);
    at(3599s);
    EXPECT_EQ(of(prefix).size(), 1U);
    at(3600s);
    EXPECT_TRUE(of(prefix).empty());
    EXPECT_EQ(autoconf->addresses().size(), 1U);
}

TEST_F(slaac_address, infinite_lifetimes_do_not_end)
{
    hear_prefix(prefix, std::chrono::seconds(wire::infinite_lifetime), std::chrono::seconds(wire::infinite_lifetime));
    at(24h * 365 * 2);
    EXPECT_EQ(only().valid_until, never);
    EXPECT_FALSE(only().deprecated);
}

TEST_F(slaac_address, preferred_lifetime_zero_deprecates_at_once_and_may_be_raised_again) // renumbering, RFC 4861 §6.3.4
{
    hear_prefix(prefix, 86400s, 43200s);
    hear_prefix(prefix, 86400s, 0s);
    EXPECT_TRUE(only().deprecated);
    hear_prefix(prefix, 86400s, 43200s);
    EXPECT_FALSE(only().deprecated);
    at(10s);
    hear_prefix(prefix, 86400s, 43200s);
    at(43209s);
    EXPECT_FALSE(only().deprecated) << "renewed";
    at(43210s);
    EXPECT_TRUE(only().deprecated);
}

TEST_F(slaac_address, valid_lifetime_of_more_than_two_hours_counts) // (e) 1
{
    hear_prefix(prefix, 86400s, 60s);
    hear_prefix(prefix, 7201s, 60s);
    EXPECT_EQ(remaining(), 7201s);
}

TEST_F(slaac_address, valid_lifetime_longer_than_what_remains_counts) // (e) 1
{
    hear_prefix(prefix, 100s, 60s);
    hear_prefix(prefix, 101s, 60s);
    EXPECT_EQ(remaining(), 101s);
}

TEST_F(slaac_address, shorter_valid_lifetime_is_ignored_once_less_than_two_hours_remain) // (e) 2
{
    hear_prefix(prefix, 7200s, 60s);
    hear_prefix(prefix, 10s, 5s);
    EXPECT_EQ(remaining(), 7200s);
    at(1000s);
    hear_prefix(prefix, 0s, 0s);
    EXPECT_EQ(remaining(), 6200s);
    at(7200s);
    EXPECT_TRUE(of(prefix).empty());
}

TEST_F(slaac_address, valid_lifetime_is_cut_to_two_hours_at_most) // (e) 3
{
    hear_prefix(prefix, 86400s, 60s);
    hear_prefix(prefix, 0s, 0s);
    EXPECT_EQ(remaining(), 7200s);
    hear_prefix("2001:db8:2::", std::chrono::seconds(wire::infinite_lifetime), 60s);
    hear_prefix("2001:db8:2::", 1s, 1s);
    EXPECT_EQ(autoconf->addresses().at(2).valid_until, now + 2h);
}

// -- duplicates (RFC 4862 §5.4.5, RFC 7217 §6) ----------------------------------------------------------------------

TEST_F(slaac_address, duplicate_is_replaced_within_a_second_by_the_next_identifier)
{
    hear_prefix(prefix, 3600s, 1800s);
    autoconf->duplicate(only().address, now);
    EXPECT_TRUE(of(prefix).empty());
    const time_point retry = autoconf->next_deadline();
    EXPECT_LT(retry, now + 1s);
    at(1s);
    EXPECT_EQ(only().address, stable(prefix, 1));
    EXPECT_EQ(autoconf->addresses().at(1).valid_until, start + 3600s);
    EXPECT_TRUE(owner.failures.empty());
}

TEST_F(slaac_address, after_three_retries_no_address_is_made)
{
    hear_prefix(prefix, 36000s, 18000s);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(only().address, stable(prefix, static_cast<std::uint8_t>(i)));
        EXPECT_TRUE(owner.failures.empty());
        autoconf->duplicate(only().address, now);
        at(elapsed() + 1s);
    }
    EXPECT_TRUE(of(prefix).empty());
    EXPECT_EQ(owner.failures, (std::vector{std::pair(a6(prefix), false)}));
    hear_prefix(prefix, 36000s, 18000s);
    at(1000s);
    EXPECT_TRUE(of(prefix).empty()) << "advertisements do not start it again";
    autoconf->link_down(now);
    link_up();
    EXPECT_EQ(only().address, stable(prefix, 0)) << "the link does";
}

TEST_F(slaac_address, duplicate_link_local_address_is_replaced_too)
{
    autoconf->duplicate(stable("fe80::", 0), now);
    EXPECT_TRUE(owner.addresses.empty());
    at(1s);
    EXPECT_EQ(owner.addresses.begin()->first, stable("fe80::", 1));
    for (int i = 0; i < 3; ++i) {
        autoconf->duplicate(owner.addresses.begin()->first, now);
        at(elapsed() + 1s);
    }
    EXPECT_TRUE(owner.addresses.empty());
    EXPECT_EQ(owner.failures, (std::vector{std::pair(a6("fe80::"), false)}));
}

TEST_F(slaac_address, deprecated_duplicate_is_replaced_by_a_deprecated_address)
{
    hear_prefix(prefix, 3600s, 0s);
    autoconf->duplicate(only().address, now);
    at(1s);
    EXPECT_TRUE(only().deprecated);
}

TEST_F(slaac_address, prefix_that_ends_before_the_retry_makes_none)
{
    hear_prefix(prefix, 1s, 1s);
    at(999'999us);
    autoconf->duplicate(only().address, now);
    at(10s);
    EXPECT_TRUE(of(prefix).empty());
    EXPECT_EQ(owner.verified.size(), 2U) << "the link-local address and the first one";
}

TEST_F(slaac_address, duplicate_of_an_unknown_address_is_ignored)
{
    autoconf->duplicate(a6("2001:db8::9"), now);
    EXPECT_EQ(owner.addresses.size(), 1U);
}

// -- temporary addresses (RFC 8981) ---------------------------------------------------------------------------------

class slaac_temporary : public slaac_host
{
protected:
    slaac_temporary() { link_up_with_temporary_addresses(); }

    std::vector<autoconfigured_address> temporaries(const char* of_prefix = prefix) const
    {
        auto all = of(of_prefix);
        std::erase_if(all, [](const auto& a) { return !a.temporary; });
        return all;
    }
    std::size_t preferred(const char* of_prefix = prefix) const
    {
        const auto all = temporaries(of_prefix);
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& a) { return !a.deprecated; }));
    }
    /// Advertises the prefix every half hour.
    void advertise_for(duration d, std::chrono::seconds valid = 30 * 24h, std::chrono::seconds preferred_lifetime = 7 * 24h)
    {
        for (const time_point end = now + d; now < end; at(elapsed() + 30min)) hear_prefix(prefix, valid, preferred_lifetime);
    }
};

TEST_F(slaac_temporary, is_made_with_the_stable_address) // RFC 8981 §3.4 (3) to (6)
{
    hear_prefix(prefix, 30 * 24h, 7 * 24h);
    EXPECT_EQ(of(prefix).size(), 2U);
    ASSERT_EQ(temporaries().size(), 1U);
    EXPECT_EQ(temporaries()[0].valid_until, now + 48h);
    EXPECT_LE(temporaries()[0].preferred_until, now + 24h);
    EXPECT_GE(temporaries()[0].preferred_until, now + 24h * 6 / 10) << "DESYNC_FACTOR is at most 0.4 preferred lifetimes";
    EXPECT_TRUE(temporaries("fe80::").empty());
    hear_prefix(prefix, 30 * 24h, 7 * 24h);
    EXPECT_EQ(temporaries().size(), 1U);
}

TEST_F(slaac_temporary, identifiers_of_two_prefixes_and_of_two_attachments_differ) // RFC 8981 §3.3
{
    std::set<std::string> identifiers;
    for (int i = 0; i < 2; ++i) {
        for (const char* p : {"2001:db8:1::", "2001:db8:2::"}) {
            hear_prefix(p, 30 * 24h, 7 * 24h);
            identifiers.insert(temporaries(p).at(0).address.to_string().substr(std::string(p).size() - 1));
        }
        autoconf->reset();
        link_up();
    }
    EXPECT_EQ(identifiers.size(), 4U);
}

TEST_F(slaac_temporary, lifetimes_are_at_most_those_of_the_prefix) // RFC 8981 §3.4 (4)
{
    hear_prefix(prefix, 3600s, 1800s);
    EXPECT_EQ(temporaries().at(0).preferred_until, now + 1800s);
    EXPECT_EQ(temporaries().at(0).valid_until, now + 3600s);
    at(1800s);
    EXPECT_EQ(preferred(), 0U);
    EXPECT_EQ(temporaries().size(), 1U);
    at(3600s);
    EXPECT_TRUE(of(prefix).empty());
}

TEST_F(slaac_temporary, advertisements_extend_it_up_to_its_own_limits_only) // RFC 8981 §3.4 (1)
{
    advertise_for(60h);
    std::map<address_v6, time_point> first_seen;
    for (; elapsed() < 240h; at(elapsed() + 10min)) {
        if (elapsed() % 30min == 0s) hear_prefix(prefix, 30 * 24h, 7 * 24h);
        for (const auto& t : temporaries()) {
            const time_point since = first_seen.emplace(t.address, now).first->second;
            EXPECT_LE(now - since, 48h);
            EXPECT_TRUE(t.deprecated || now - since <= 24h);
        }
    }
    EXPECT_GT(first_seen.size(), 8U);
}

TEST_F(slaac_temporary, next_one_is_made_before_the_last_is_deprecated) // RFC 8981 §3.5, REGEN_ADVANCE of §3.8
{
    hear_prefix(prefix, 30 * 24h, 7 * 24h);
    const autoconfigured_address first = temporaries().at(0);
    at(first.preferred_until - start - 5s - 1ns);
    EXPECT_EQ(temporaries().size(), 1U);
    at(first.preferred_until - start - 5s);
    EXPECT_EQ(temporaries().size(), 2U);
    EXPECT_EQ(preferred(), 2U);
    at(first.preferred_until - start);
    EXPECT_EQ(preferred(), 1U);
    EXPECT_TRUE(owner.addresses[first.address].deprecated);
}

TEST_F(slaac_temporary, longer_retransmission_timer_means_an_earlier_successor) // REGEN_ADVANCE, RFC 8981 §3.8
{
    auto ra = advertisement(prefix, 30 * 24h, 7 * 24h);
    ra.retransmit_time = 10'000;
    hear(ra);
    const autoconfigured_address first = temporaries().at(0);
    at(first.preferred_until - start - 32s - 1ns);
    EXPECT_EQ(temporaries().size(), 1U);
    at(first.preferred_until - start - 32s);
    EXPECT_EQ(temporaries().size(), 2U);
}

TEST_F(slaac_temporary, one_is_always_preferred_and_the_number_is_bounded)
{
    hear_prefix(prefix, 30 * 24h, 7 * 24h);
    std::size_t most = 0;
    for (; elapsed() < 60 * 24h; at(elapsed() + 1h)) {
        hear_prefix(prefix, 30 * 24h, 7 * 24h);
        ASSERT_GE(preferred(), 1U);
        ASSERT_LE(preferred(), 2U);
        most = std::max(most, temporaries().size());
    }
    EXPECT_GE(most, 3U);
    EXPECT_LE(most, slaac_addresses::most_temporaries);
}

TEST_F(slaac_temporary, none_is_made_of_a_prefix_that_is_hardly_preferred) // RFC 8981 §3.4 (5)
{
    hear_prefix(prefix, 3600s, 5s);
    EXPECT_TRUE(temporaries().empty());
    EXPECT_EQ(of(prefix).size(), 1U);
    hear_prefix(prefix, 3600s, 6s);
    EXPECT_EQ(temporaries().size(), 1U);
}

TEST_F(slaac_temporary, deprecated_prefix_deprecates_it_and_no_successor_is_made) // RFC 8981 §3.4, §3.5
{
    hear_prefix(prefix, 30 * 24h, 7 * 24h);
    hear_prefix(prefix, 30 * 24h, 0s);
    EXPECT_EQ(preferred(), 0U);
    EXPECT_EQ(temporaries().size(), 1U);
    at(47h);
    EXPECT_EQ(temporaries().size(), 1U);
    at(49h);
    EXPECT_TRUE(temporaries().empty());
}

TEST_F(slaac_temporary, alternating_preferred_lifetimes_do_not_make_new_ones)
{
    for (int i = 0; i < 1000; ++i) hear_prefix(prefix, 30 * 24h, std::array{0s, 5s, 6s, 3600s}[i % 4]);
    EXPECT_EQ(temporaries().size(), 1U);
}

TEST_F(slaac_temporary, duplicate_is_replaced_at_once_three_times_at_most) // RFC 8981 §3.4 (7)
{
    hear_prefix(prefix, 30 * 24h, 7 * 24h);
    std::set<address_v6> all;
    for (int i = 0; i < 4; ++i) {
        ASSERT_EQ(temporaries().size(), 1U);
        EXPECT_TRUE(owner.failures.empty());
        all.insert(temporaries()[0].address);
        autoconf->duplicate(temporaries()[0].address, now);
    }
    EXPECT_EQ(all.size(), 4U);
    EXPECT_TRUE(temporaries().empty());
    EXPECT_EQ(owner.failures, (std::vector{std::pair(a6(prefix), true)}));
    advertise_for(72h);
    EXPECT_TRUE(temporaries().empty()) << "for as long as the host is on this link";
    EXPECT_EQ(of(prefix).size(), 1U) << "the stable address is not concerned";
    autoconf->link_down(now);
    link_up();
    EXPECT_EQ(temporaries().size(), 1U);
}

TEST_F(slaac_temporary, conflicts_of_earlier_ones_do_not_count) // RFC 8981 §3.4 (7): in succession
{
    hear_prefix(prefix, 30 * 24h, 7 * 24h);
    for (int day = 0; day < 10; ++day) {
        for (int i = 0; i < 3; ++i) autoconf->duplicate(temporaries().back().address, now);
        const auto all = temporaries();
        const auto last =
            std::max_element(all.begin(), all.end(), [](auto& a, auto& b) { return a.preferred_until < b.preferred_until; });
        at(last->preferred_until - start);
        hear_prefix(prefix, 30 * 24h, 7 * 24h);
        ASSERT_GE(preferred(), 1U);
    }
    EXPECT_TRUE(owner.failures.empty());
}

TEST_F(slaac_temporary, each_prefix_with_temporary_addresses_has_room_for_its_successors)
{
    constexpr std::array prefixes{"2001:db8:1::", "2001:db8:2::", "2001:db8:3::", "2001:db8:4::", "2001:db8:5::"};
    for (; elapsed() < 20 * 24h; at(elapsed() + 1h)) {
        for (const char* p : prefixes) hear_prefix(p, 30 * 24h, 7 * 24h);
        for (int i = 0; i < 3; ++i) ASSERT_GE(preferred(prefixes[i]), 1U);
        ASSERT_EQ(of(prefixes[3]).size(), 1U) << "the fourth has a stable address alone";
        ASSERT_TRUE(of(prefixes[4]).empty());
        ASSERT_LE(owner.addresses.size(), 1 + slaac_addresses::most_addresses);
    }
}

TEST_F(slaac_temporary, prefix_may_take_the_place_of_one_that_has_ended)
{
    for (const char* p : {"2001:db8:1::", "2001:db8:2::", "2001:db8:3::"}) hear_prefix(p, 7200s, 7200s);
    hear_prefix("2001:db8:4::", 30 * 24h, 7 * 24h);
    EXPECT_EQ(temporaries("2001:db8:4::").size(), 0U);
    at(7200s);
    EXPECT_EQ(temporaries("2001:db8:4::").size(), 1U);
}

TEST_F(slaac_temporary, lifetimes_too_short_for_a_successor_make_none)
{
    autoconf->reset();
    autoconfiguration_options o = options(true);
    o.temporary_preferred = 5s;
    o.temporary_valid = 10s;
    autoconf.emplace(o, random, owner);
    link_up();
    hear_prefix(prefix, 30 * 24h, 7 * 24h);
    at(1h);
    EXPECT_TRUE(temporaries().empty());
}

} // namespace
} // namespace tapio::core::ip
