// The cache: TTLs, negative entries, stale records, bounds.
#include "unit/client/dns_world.hpp"

namespace tapio::core::client {
namespace {

using kind = dns_cache::kind;

struct dns_cache_test : testing::Test
{
    dns_options options;
    dns_cache cache{options};
    time_point now{1h};
    void use(const dns_options& o) { cache.configure(options = o); }
};

TEST_F(dns_cache_test, records_live_for_their_ttl_and_it_goes_down)
{
    cache.add({a_record("a.example", "192.0.2.1", 60)}, now);
    EXPECT_EQ(cache.find(n("A.Example"), record_type::a, now)->records.at(0).ttl, 60U);
    EXPECT_EQ(cache.find(n("a.example"), record_type::a, now + 1ms)->records.at(0).ttl, 59U) << "rounded down";
    EXPECT_EQ(cache.find(n("a.example"), record_type::a, now + 59s)->records.at(0).ttl, 1U);
    EXPECT_FALSE(cache.find(n("a.example"), record_type::aaaa, now));
    EXPECT_FALSE(cache.find(n("b.a.example"), record_type::a, now));
    EXPECT_FALSE(cache.find(n("a.example"), record_type::a, now + 60s));
    EXPECT_EQ(cache.size(), 0U);
    EXPECT_EQ(cache.octets(), 0U);
}

TEST_F(dns_cache_test, the_least_ttl_of_a_set_counts_for_all)
{
    cache.add({a_record("a.example", "192.0.2.1", 60), a_record("a.example", "192.0.2.2", 10)}, now); // RFC 2181 §5.2
    EXPECT_EQ(cache.find(n("a.example"), record_type::a, now)->records.at(0).ttl, 10U);
    EXPECT_FALSE(cache.find(n("a.example"), record_type::a, now + 10s));
}

TEST_F(dns_cache_test, a_ttl_of_0_is_not_kept_and_replaces_what_was)
{
    cache.add({a_record("a.example", "192.0.2.1", 60)}, now);
    cache.add({a_record("a.example", "192.0.2.2", 0)}, now);
    EXPECT_FALSE(cache.find(n("a.example"), record_type::a, now));
}

TEST_F(dns_cache_test, long_ttls_are_cut)
{
    cache.add({a_record("a.example", "192.0.2.1", 0x7fff'ffff)}, now);
    EXPECT_EQ(cache.find(n("a.example"), record_type::a, now)->records.at(0).ttl, 86'400U);
    cache.add_negative(n("b.example"), record_type::a, kind::no_name, std::chrono::seconds(0x7fff'ffff), now);
    EXPECT_TRUE(cache.find(n("b.example"), record_type::a, now + 3h - 1s));
    EXPECT_FALSE(cache.find(n("b.example"), record_type::a, now + 3h));
}

TEST_F(dns_cache_test, negative_entries)
{
    cache.add_negative(n("none.example"), record_type::a, kind::no_name, 60s, now);
    cache.add_negative(n("some.example"), record_type::a, kind::no_data, 60s, now);
    EXPECT_EQ(cache.find(n("none.example"), record_type::mx, now)->what, kind::no_name);
    EXPECT_EQ(cache.find(n("some.example"), record_type::a, now)->what, kind::no_data);
    EXPECT_FALSE(cache.find(n("some.example"), record_type::mx, now));
    EXPECT_FALSE(cache.find(n("none.example"), record_type::a, now + 60s));
    cache.add_negative(n("x.example"), record_type::a, kind::no_data, 0s, now);
    EXPECT_FALSE(cache.find(n("x.example"), record_type::a, now)) << "without an SOA (RFC 2308 §5)";
}

TEST_F(dns_cache_test, what_exists_replaces_what_did_not_and_the_reverse)
{
    cache.add_negative(n("a.example"), record_type::mx, kind::no_name, 60s, now);
    cache.add({a_record("a.example", "192.0.2.1")}, now);
    EXPECT_FALSE(cache.find(n("a.example"), record_type::mx, now));
    cache.add_negative(n("a.example"), record_type::a, kind::no_name, 60s, now);
    EXPECT_EQ(cache.find(n("a.example"), record_type::a, now)->what, kind::no_name);
}

TEST_F(dns_cache_test, stale_records_are_found_only_when_asked_for)
{
    options.serve_stale = 1h;
    use(options);
    cache.add({a_record("a.example", "192.0.2.1", 60)}, now);
    EXPECT_FALSE(cache.find(n("a.example"), record_type::a, now + 60s));
    const auto stale = cache.find(n("a.example"), record_type::a, now + 60s, true);
    ASSERT_TRUE(stale);
    EXPECT_TRUE(stale->stale);
    EXPECT_EQ(stale->records.at(0).ttl, 30U); // RFC 8767 §4
    cache.postpone(n("a.example"), record_type::a, now + 90s);
    EXPECT_TRUE(cache.find(n("a.example"), record_type::a, now + 89s));
    EXPECT_FALSE(cache.find(n("a.example"), record_type::a, now + 90s));
    EXPECT_FALSE(cache.find(n("a.example"), record_type::a, now + 1h + 60s, true));
    EXPECT_EQ(cache.size(), 0U);
}

TEST_F(dns_cache_test, what_was_used_longest_ago_makes_room)
{
    options.cache_entries = 3;
    use(options);
    for (const char* const host : {"a", "b", "c"}) cache.add({a_record(host, "192.0.2.1")}, now);
    EXPECT_TRUE(cache.find(n("a"), record_type::a, now));
    cache.add({a_record("d", "192.0.2.1")}, now);
    EXPECT_FALSE(cache.find(n("b"), record_type::a, now));
    for (const char* const host : {"a", "c", "d"}) EXPECT_TRUE(cache.find(n(host), record_type::a, now)) << host;
    options.cache_entries = 1;
    use(options);
    EXPECT_EQ(cache.size(), 1U);
    options.cache_entries = 0;
    use(options);
    cache.add({a_record("a", "192.0.2.1")}, now);
    EXPECT_EQ(cache.size(), 0U);
}

TEST_F(dns_cache_test, octets_are_bounded_whatever_the_records_are)
{
    options.cache_octets = 20'000;
    options.cache_entries = 1'000'000;
    use(options);
    for (int i = 0; i < 10'000; ++i) {
        const std::string host = "h" + std::to_string(i) + ".example";
        cache.add({{n(host), record_type::txt, 60, dns::text_strings(static_cast<std::size_t>(i % 40), std::string(200, 'x'))}},
                  now);
        cache.add_negative(n("n" + host), record_type::a, kind::no_name, 60s, now);
        ASSERT_LE(cache.octets(), 20'000U);
    }
    EXPECT_GT(cache.size(), 3U);
    const std::size_t before = cache.size();
    cache.add({{n("big"), record_type::txt, 60, dns::text_strings(200, std::string(200, 'x'))}}, now);
    EXPECT_FALSE(cache.find(n("big"), record_type::txt, now)) << "larger than all of the cache";
    EXPECT_EQ(cache.size(), before);
    cache.clear();
    EXPECT_EQ(cache.octets(), 0U);
}

// -- through the client ---------------------------------------------------------------------------------------------------------

dns_options with_stale()
{
    dns_options o = dns_world::options();
    o.servers.resize(1);
    o.serve_stale = 24h;
    return o;
}

/// A record that has expired, and the lookup that asks for it again.
struct stale_world : dns_world
{
    stale_world() : dns_world(with_stale())
    {
        (void)look_up("www.example.com");
        answer({alias("www.example.com", "a.example.com", 60), a_record("a.example.com", "192.0.2.1", 60)});
        pass(61s);
    }
};

TEST(dns_serve_stale, a_server_that_answers_is_preferred)
{
    stale_world w;
    const auto l = w.look_up("www.example.com");
    w.pass(1799ms);
    EXPECT_FALSE(w.results.contains(l));
    w.answer({a_record("www.example.com", "192.0.2.2")});
    EXPECT_EQ(w.addresses(l), "192.0.2.2");
    EXPECT_FALSE(w.result(l).answers[0].stale);
}

TEST(dns_serve_stale, after_1800_ms_stale_records_answer_and_the_query_goes_on)
{
    stale_world w;
    const auto l = w.look_up("www.example.com");
    w.pass(1800ms);
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
    EXPECT_TRUE(w.result(l).answers[0].stale && w.result(l).answers[0].from_cache);
    EXPECT_EQ(w.result(l).answers[0].records.back().ttl, 30U);
    EXPECT_EQ(w.client.counters().stale_answers, 1U);
    EXPECT_EQ(w.open.size(), 1U);
    w.answer({a_record("www.example.com", "192.0.2.3")});
    EXPECT_EQ(w.addresses(w.look_up("www.example.com")), "192.0.2.3") << "the cache is fresh";
}

TEST(dns_serve_stale, a_failure_is_remembered_for_half_a_minute)
{
    stale_world w;
    const auto l = w.look_up("www.example.com");
    w.refuse({}, response_code::server_failure);
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
    EXPECT_TRUE(w.result(l).answers[0].stale);
    w.pass(29s);
    EXPECT_EQ(w.addresses(w.look_up("www.example.com")), "192.0.2.1") << "at once";
    EXPECT_TRUE(w.sent.empty());
    w.pass(1s);
    (void)w.look_up("www.example.com");
    EXPECT_FALSE(w.sent.empty()) << "asked again";
}

TEST(dns_serve_stale, no_such_name_is_an_answer_and_not_a_failure)
{
    stale_world w;
    const auto l = w.look_up("www.example.com");
    w.refuse({soa("example.com", 60)}, response_code::name_error);
    EXPECT_EQ(w.result(l).what, outcome::no_name);
}

TEST(dns_serve_stale, is_off_by_default)
{
    dns_options o = dns_world::options();
    o.servers.resize(1);
    dns_world w(o);
    (void)w.look_up("www.example.com");
    w.answer({a_record("www.example.com", "192.0.2.1", 60)});
    w.pass(61s);
    const auto l = w.look_up("www.example.com");
    w.pass(1h);
    EXPECT_EQ(w.result(l).what, outcome::failed);
}

TEST(dns_caching, an_answer_is_asked_for_again_when_its_ttl_is_over)
{
    dns_world w;
    (void)w.look_up("www.example.com");
    w.answer({a_record("www.example.com", "192.0.2.1", 60)});
    w.pass(59s);
    (void)w.look_up("www.example.com");
    EXPECT_TRUE(w.sent.empty());
    w.pass(1s);
    (void)w.look_up("www.example.com");
    EXPECT_EQ(w.sent.size(), 1U);
}

TEST(dns_caching, an_answer_with_a_ttl_of_0_is_used_once_by_all_that_wait)
{
    dns_world w;
    const auto l = w.look_up("www.example.com"), m = w.look_up("www.example.com");
    w.answer({a_record("www.example.com", "192.0.2.1", 0)});
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
    EXPECT_EQ(w.addresses(m), "192.0.2.1");
    (void)w.look_up("www.example.com");
    EXPECT_EQ(w.sent.size(), 1U);
}

TEST(dns_caching, negative_answers_last_as_the_soa_says)
{
    for (const auto& [minimum, ttl] : std::to_array<std::pair<std::uint32_t, std::uint32_t>>({{60, 3600}, {3600, 60}})) {
        dns_world w;
        (void)w.look_up("none.example.com");
        w.refuse({soa("example.com", minimum, ttl)}, response_code::name_error);
        w.pass(59s);
        (void)w.look_up("none.example.com");
        EXPECT_TRUE(w.sent.empty());
        w.pass(1s);
        (void)w.look_up("none.example.com");
        EXPECT_EQ(w.sent.size(), 1U);
    }
    dns_world w;
    (void)w.look_up("none.example.com");
    w.refuse({soa("example.net", 60)}, response_code::name_error);
    (void)w.look_up("none.example.com");
    EXPECT_EQ(w.sent.size(), 1U) << "the SOA of another zone";
}

} // namespace
} // namespace tapio::core::client
