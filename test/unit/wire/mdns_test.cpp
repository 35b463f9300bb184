// Messages of multicast DNS.
#include "wire/mdns.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace tapio::core::wire::mdns_test {
namespace {

using dns::name;
using dns::record_type;

name n_of(const char* text) { return name::parse(text).value(); }
std::vector<std::byte> octets_of(std::initializer_list<unsigned> values, const std::string& tail = {})
{
    std::vector<std::byte> out;
    for (const unsigned v : values) out.push_back(static_cast<std::byte>(v));
    for (const char c : tail) out.push_back(static_cast<std::byte>(c));
    return out;
}

mdns_message full_message()
{
    mdns_message m;
    m.response = true;
    m.questions = {{n_of("a.local"), record_type::any, true}, {n_of("b.local"), record_type::a, false}};
    m.answers = {{{n_of("a.local"), record_type::a, 120, address_v4(0xc0000201)}, true},
                 {{n_of("_x._tcp.local"), record_type::ptr, 4500, n_of("s._x._tcp.local")}, false}};
    m.authorities = {{{n_of("s._x._tcp.local"), record_type::srv, 120, dns::service_location{0, 0, 80, n_of("a.local")}}, false}};
    m.additionals = {{{n_of("s._x._tcp.local"), record_type::txt, 4500, dns::text_strings{"k=v", ""}}, true}};
    return m;
}

TEST(mdns, a_message_survives_its_trip)
{
    const mdns_message m = full_message();
    const auto octets = make_mdns(m, longest_mdns_message);
    EXPECT_EQ(octets[2], std::byte{0x84}) << "QR and AA (RFC 6762 §18.4)";
    const auto back = parse_mdns(octets);
    ASSERT_TRUE(back);
    EXPECT_TRUE(back->response);
    EXPECT_EQ(back->questions, m.questions);
    for (const auto section : {&mdns_message::answers, &mdns_message::authorities, &mdns_message::additionals}) {
        ASSERT_EQ(((*back).*section).size(), (m.*section).size());
        for (std::size_t i = 0; i < (m.*section).size(); ++i) {
            EXPECT_EQ(((*back).*section)[i], (m.*section)[i]);
            EXPECT_EQ(((*back).*section)[i].flush, (m.*section)[i].flush);
            EXPECT_EQ(((*back).*section)[i].ttl, (m.*section)[i].ttl);
        }
    }
}

TEST(mdns, classes_other_than_in_are_left_out)
{
    auto octets = octets_of({0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0});
    const auto add = [&](std::initializer_list<unsigned> values) {
        const auto more = octets_of(values);
        octets.insert(octets.end(), more.begin(), more.end());
    };
    add({1, 'a', 0, 0, 1, 0, 3});    // class CH
    add({1, 'b', 0, 0, 1, 0, 255});  // any class
    add({1, 'c', 0, 0, 1, 0x80, 1}); // QU
    add({1, 'd', 0, 0, 1, 0x80, 3, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4});
    const auto m = parse_mdns(octets);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->questions, (std::vector<mdns_question>{{n_of("b"), record_type::a, false}, {n_of("c"), record_type::a, true}}));
    EXPECT_TRUE(m->answers.empty());
}

TEST(mdns, bounds_of_questions_and_records)
{
    mdns_message m;
    m.questions.assign(most_mdns_questions, {n_of("a"), record_type::a, false});
    EXPECT_TRUE(parse_mdns(make_mdns(m, 65535)));
    m.questions.push_back(m.questions.front());
    const auto refused = parse_mdns(make_mdns(m, 65535));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), dns_fault::too_many_questions);
    const auto liar = parse_mdns(octets_of({0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
    ASSERT_FALSE(liar);
    EXPECT_EQ(liar.error(), dns_fault::too_many_records);
}

TEST(mdns, records_that_do_not_fit_are_left_out_of_the_end)
{
    mdns_message m;
    for (int i = 0; i < 100; ++i)
        m.answers.push_back({{n_of("t.local"), record_type::txt, 1, dns::text_strings{std::string(100, 'x')}}, false});
    m.additionals = m.answers;
    std::size_t left = 0;
    const auto octets = make_mdns(m, 1440, &left);
    EXPECT_LE(octets.size(), 1440U);
    const auto back = parse_mdns(octets);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->answers.size() + left, 100U);
    EXPECT_GT(back->answers.size(), 10U);
    EXPECT_TRUE(back->additionals.empty());
    EXPECT_FALSE(back->truncated);
}

TEST(mdns, the_size_of_a_record_is_that_without_compression)
{
    for (const auto& r : full_message().answers) {
        mdns_message m;
        m.answers = {r};
        EXPECT_GE(12 + size_of(r), make_mdns(m, 9000).size());
    }
}

TEST(mdns, nsec_of_types_up_to_255)
{
    const auto nsec = make_nsec(n_of("a.local"), {record_type::a, record_type::aaaa, record_type(300)});
    EXPECT_EQ(nsec, octets_of({1, 'a', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 4, 0x40, 0, 0, 0x08}));
    EXPECT_TRUE(nsec_allows(nsec, record_type::a));
    EXPECT_TRUE(nsec_allows(nsec, record_type::aaaa));
    EXPECT_FALSE(nsec_allows(nsec, record_type::srv));
    EXPECT_FALSE(nsec_allows(nsec, record_type::any)) << "255 is in the bitmap's reach";
    EXPECT_TRUE(nsec_allows(nsec, record_type(256))) << "nothing is said of it";
    EXPECT_FALSE(nsec_allows(octets_of({0xc0, 12, 0, 1, 0x40}), record_type::aaaa)) << "a compressed name";
}

TEST(mdns, nsec_that_is_malformed_denies_nothing)
{
    const auto whole = make_nsec(n_of("a.local"), {record_type::a});
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_TRUE(nsec_allows({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, record_type::srv)) << size;
    EXPECT_TRUE(nsec_allows(octets_of({0, 1, 1, 0x40}), record_type::aaaa)) << "another window";
    EXPECT_TRUE(nsec_allows(octets_of({0xc0}), record_type::aaaa));
}

TEST(mdns, damaged_messages_are_refused_or_read_within_their_bounds)
{
    const auto whole = make_mdns(full_message(), 9000);
    std::mt19937 random(1);
    for (int i = 0; i < 50'000; ++i) {
        auto o = whole;
        for (auto k = 1 + random() % 4; k > 0; --k) o[random() % o.size()] = static_cast<std::byte>(random());
        if (random() % 4 == 0) o.resize(random() % o.size());
        const auto m = parse_mdns(o);
        if (m) (void)make_mdns(*m, 1440);
    }
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(parse_mdns(const_bytes(whole).first(size)));
}

} // namespace
} // namespace tapio::core::wire::mdns_test
