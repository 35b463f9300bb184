// Domain names and DNS messages: round trips, the examples of RFC 1035, compression, limits of size.
#include "wire/dns.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tapio::core::wire::dns_test {
namespace {

using dns::name;
using dns::record;
using dns::record_type;

using octets = std::vector<std::byte>;

name n(const std::string& text)
{
    const auto out = name::parse(text);
    EXPECT_TRUE(out) << text;
    return out.value_or(name());
}
address_v4 v4(const char* text) { return boost::asio::ip::make_address_v4(text); }
address_v6 v6(const char* text) { return boost::asio::ip::make_address_v6(text); }

octets raw(const std::string& text)
{
    const auto all = std::as_bytes(std::span(text));
    return octets(all.begin(), all.end());
}

TEST(dns_name, presentation_format)
{
    EXPECT_EQ(n("www.example.com").labels(), "\3www\7example\3com");
    EXPECT_EQ(n("www.example.com."), n("WWW.Example.COM"));
    EXPECT_EQ(n(".").labels(), "");
    EXPECT_EQ(n(".").to_string(), ".");
    EXPECT_EQ(n("Www.Example.com.").to_string(), "Www.Example.com");
    EXPECT_EQ(n("a\\.b.c").labels(), "\3a.b\1c");
    EXPECT_EQ(n("a\\.b.c").to_string(), "a\\.b.c");
    EXPECT_EQ(n("a\\\\b").to_string(), "a\\\\b");
    EXPECT_EQ(n("a\\032b\\000\\255").to_string(), "a\\032b\\000\\255");
    EXPECT_EQ(n("\\097").to_string(), "a");
    EXPECT_EQ(n("_ldap._tcp.example").count(), 3U);
}

TEST(dns_name, what_is_no_name)
{
    for (const char* const text : {"", "..", ".a", "a..b", "a\\", "a\\1", "a\\25", "a\\256", "a\\1x2"})
        EXPECT_FALSE(name::parse(text)) << text;
    const std::string label(63, 'x');
    EXPECT_TRUE(name::parse(label));
    EXPECT_FALSE(name::parse(label + 'x'));
    const std::string three = label + '.' + label + '.' + label + '.'; // 192 octets on the wire
    EXPECT_EQ(n(three + std::string(61, 'y')).wire_size(), 255U);
    EXPECT_FALSE(name::parse(three + std::string(62, 'y')));
    EXPECT_FALSE(name::parse(three + std::string(50, 'y') + "." + std::string(11, 'z')));
    EXPECT_FALSE(name::parse(std::string(100'000, 'x')));
}

TEST(dns_name, of_labels_checks_lengths)
{
    EXPECT_TRUE(name::of_labels("\1a\2bc"));
    EXPECT_TRUE(name::of_labels(""));
    EXPECT_FALSE(name::of_labels("\2a"));
    EXPECT_FALSE(name::of_labels(std::string("\1a\0", 3)));
    EXPECT_FALSE(name::of_labels("\x40" + std::string(64, 'a')));
    EXPECT_FALSE(name::of_labels(std::string(256, '\1')));
}

TEST(dns_name, comparisons_ignore_case_and_nothing_else)
{
    EXPECT_EQ(n("aZ.example"), n("Az.EXAMPLE"));
    EXPECT_FALSE(n("aZ.example").same_case(n("Az.EXAMPLE")));
    EXPECT_NE(n("a.b"), n("a\\.b"));
    EXPECT_NE(n("@"), n("`")); // 0x40 and 0x60 differ as letters of two cases do
    EXPECT_NE(n("["), n("{"));
    EXPECT_FALSE(n("A") < n("a") || n("a") < n("A"));
    EXPECT_TRUE(n("a") < n("B"));
}

TEST(dns_name, ancestors)
{
    EXPECT_TRUE(n("www.Example.com").is_below(n("eXample.com")));
    EXPECT_TRUE(n("example.com").is_below(n("example.com")));
    EXPECT_TRUE(n("example.com").is_below(n(".")));
    EXPECT_FALSE(n("example.com").is_below(n("www.example.com")));
    EXPECT_FALSE(n("badexample.com").is_below(n("example.com")));
    EXPECT_FALSE(n("x\\007example.com").is_below(n("example.com"))) << "a length octet within a label";
    EXPECT_EQ(n("www.example.com").parent(), n("example.com"));
    EXPECT_EQ(n(".").parent(), n("."));
    EXPECT_EQ(*(n("www") + n("example.com")), n("www.example.com"));
    EXPECT_FALSE(n(std::string(63, 'x') + "." + std::string(63, 'x') + "." + std::string(63, 'x')) + n(std::string(63, 'y')));
}

dns_message full_message()
{
    dns_message m;
    m.id = 0x1234;
    m.response = m.authoritative = m.recursion_desired = m.recursion_available = true;
    m.question = dns_question{n("Host.Example.com"), record_type::any, dns_class_in};
    const name host = n("Host.Example.com");
    m.answers = {
        {host, record_type::a, 60, v4("192.0.2.1")},
        {host, record_type::aaaa, 61, v6("2001:db8::1")},
        {host, record_type::mx, 62, dns::mail_exchange{10, n("mail.Example.com")}},
        {host, record_type::txt, 63, dns::text_strings{"one", "", std::string(255, 'x')}},
        {n("alias.example.com"), record_type::cname, 64, host},
        {n("_sip._udp.example.com"), record_type::srv, 65, dns::service_location{1, 2, 5060, n("sip.example.com")}},
        {n("1.2.0.192.in-addr.arpa"), record_type::ptr, 66, host},
        {host, record_type(99), 67, dns::unknown_data(raw("anything"))},
        {host, record_type(65), 68, dns::unknown_data{}},
    };
    m.authorities = {{n("example.com"), record_type::ns, 3600, n("ns.example.com")},
                     {n("example.com"), record_type::soa, 3600,
                      dns::zone_authority{n("ns.example.com"), n("host\\.master.example.com"), 2026112801, 1, 2, 3, 4}}};
    m.additionals = {{n("ns.example.com"), record_type::a, 5, v4("192.0.2.2")}};
    m.edns = dns_edns{1232, 0};
    return m;
}

void expect_same(const dns_message& a, const dns_message& b)
{
    EXPECT_EQ(static_cast<const dns_head&>(a), static_cast<const dns_head&>(b));
    EXPECT_EQ(a.edns, b.edns);
    const auto same = [](const std::vector<record>& x, const std::vector<record>& y) {
        ASSERT_EQ(x.size(), y.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            EXPECT_EQ(x[i], y[i]) << x[i].owner.to_string() << " " << i;
            EXPECT_TRUE(x[i].owner.same_case(y[i].owner));
            EXPECT_EQ(x[i].ttl, y[i].ttl);
        }
    };
    same(a.answers, b.answers);
    same(a.authorities, b.authorities);
    same(a.additionals, b.additionals);
}

TEST(dns_message, everything_comes_back)
{
    const dns_message m = full_message();
    const auto parsed = parse_dns(make_dns(m));
    ASSERT_TRUE(parsed);
    expect_same(*parsed, m);
    const auto head = parse_dns_head(make_dns(m));
    ASSERT_TRUE(head);
    EXPECT_EQ(*head, static_cast<const dns_head&>(m));
}

TEST(dns_message, response_codes_beyond_four_bits_use_edns)
{
    dns_message m = full_message();
    m.code = dns::response_code::bad_version;
    const auto parsed = parse_dns(make_dns(m));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->code, dns::response_code::bad_version);
}

TEST(dns_message, a_query_is_exactly_these_octets)
{
    dns_message m;
    m.id = 0xabcd;
    m.recursion_desired = true;
    m.question = dns_question{n("ExAmple.com"), record_type::aaaa, dns_class_in};
    m.edns = dns_edns{1232, 0};
    using namespace std::string_literals;
    EXPECT_EQ(make_dns(m), raw("\xab\xcd\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\7ExAmple\3com\0\0\x1c\0\1"
                               "\0\0\x29\x04\xd0\0\0\0\0\0\0"s));
}

/// RFC 1035 §4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root, with its pointers.
TEST(dns_message, the_compression_of_rfc_1035)
{
    using namespace std::string_literals;
    dns_message m;
    m.question = dns_question{n("F.ISI.ARPA"), record_type::a, dns_class_in};
    for (const char* const owner : {"FOO.F.ISI.ARPA", "ARPA", "."})
        m.answers.push_back({n(owner), record_type::a, 0, address_v4()});
    const octets made = make_dns(m);
    const std::string fixed = "\0\1\0\1\0\0\0\0\0\4\0\0\0\0"s;
    EXPECT_EQ(made, raw("\0\0\0\0\0\1\0\3\0\0\0\0\1F\3ISI\4ARPA\0\0\1\0\1\3FOO\xc0\x0c"s + fixed + "\xc0\x12"s + fixed + "\0"s +
                        fixed));
    const auto parsed = parse_dns(made);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->answers[0].owner, n("foo.f.isi.arpa"));
    EXPECT_EQ(parsed->answers[1].owner, n("arpa"));
    EXPECT_TRUE(parsed->answers[2].owner.is_root());
}

TEST(dns_message, what_does_not_fit_is_left_out_whole)
{
    dns_message m = full_message();
    const octets whole = make_dns(m);
    for (std::size_t limit = 80; limit < whole.size(); ++limit) {
        const octets made = make_dns(m, limit);
        ASSERT_LE(made.size(), limit);
        const auto parsed = parse_dns(made);
        ASSERT_TRUE(parsed) << limit;
        EXPECT_EQ(parsed->edns, m.edns);
        EXPECT_EQ(parsed->question, m.question);
        const bool all = parsed->answers.size() == m.answers.size() && parsed->authorities.size() == m.authorities.size();
        EXPECT_EQ(parsed->truncated, !all) << limit; // RFC 2181 §9
        EXPECT_TRUE(parsed->answers.size() == m.answers.size() || (parsed->authorities.empty() && parsed->additionals.empty()));
    }
}

TEST(dns_message, names_beyond_the_reach_of_pointers_are_written_out)
{
    dns_message m;
    m.question = dns_question{n("example.com"), record_type::txt, dns_class_in};
    for (int i = 0; i < 100; ++i)
        m.answers.push_back(
            {n("t" + std::to_string(i) + ".example.com"), record_type::txt, 1, dns::text_strings{std::string(250, 'x')}});
    m.answers.push_back({n("far.far.example.org"), record_type::cname, 1, n("far.example.org")});
    m.answers.push_back({n("far.example.org"), record_type::cname, 1, n("far.far.example.org")});
    const auto parsed = parse_dns(make_dns(m));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->answers, m.answers);
}

TEST(dns_message, a_ttl_with_its_highest_bit_set_is_0)
{
    dns_message m;
    m.answers = {{n("a"), record_type::a, 0x8000'0000, v4("192.0.2.1")}, {n("a"), record_type::a, 0x7fff'ffff, v4("192.0.2.1")}};
    const auto parsed = parse_dns(make_dns(m));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->answers[0].ttl, 0U); // RFC 2181 §8
    EXPECT_EQ(parsed->answers[1].ttl, 0x7fff'ffffU);
}

} // namespace
} // namespace tapio::core::wire::dns_test
