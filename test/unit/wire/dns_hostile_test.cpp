// DNS messages that are wrong: each rule of RFC 9267, every truncation, and many random and damaged messages.
#include "support/repetitions.hpp"
#include "wire/dns.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace tapio::core::wire {
namespace {

using namespace std::string_literals;
using dns::name;
using dns::record_type;
using octets = std::vector<std::byte>;

octets raw(const std::string& text)
{
    const auto all = std::as_bytes(std::span(text));
    return octets(all.begin(), all.end());
}

const std::string one_question = "\0\1\x80\0\0\1\0\0\0\0\0\0"s; ///< a header; the question begins at 12
const std::string one_answer = "\0\1\x80\0\0\0\0\1\0\0\0\0"s;
const std::string type_a = "\0\1\0\1"s, ttl = "\0\0\0\x3c"s, in_type = "\0\1"s;

std::optional<dns_fault> fault_of(const std::string& message)
{
    const auto parsed = parse_dns(raw(message));
    return parsed ? std::nullopt : std::optional(parsed.error());
}

TEST(dns_hostile, pointers_that_do_not_lead_back)
{
    EXPECT_EQ(fault_of(one_question + "\xc0\x0c" + type_a), dns_fault::bad_pointer) << "to itself";
    EXPECT_EQ(fault_of(one_question + "\1a\xc0\x0c" + type_a), dns_fault::bad_pointer) << "to the labels before it";
    EXPECT_EQ(fault_of(one_question + "\1a\xc0\x0e" + type_a), dns_fault::bad_pointer) << "to itself, behind a label";
    EXPECT_EQ(fault_of(one_question + "\xc0\x0e\0"s + type_a), dns_fault::bad_pointer) << "forward";
    EXPECT_EQ(fault_of(one_question + "\xff\xff" + type_a), dns_fault::bad_pointer) << "beyond the end";
    EXPECT_EQ(fault_of(one_question + "\xc0\x04" + type_a), dns_fault::bad_pointer) << "into the header";
    EXPECT_EQ(fault_of(one_question + "\xc0"s), dns_fault::truncated) << "half a pointer";
}

/// Two names that point into each other: the second leads back, but the first would lead forward.
TEST(dns_hostile, pointers_in_a_circle)
{
    const std::string two = "\0\1\x80\0\0\1\0\1\0\0\0\0"s;
    EXPECT_EQ(fault_of(two + "\1a\xc0\x13" + type_a + "\1b\xc0\x0c" + type_a + ttl + "\0\4\1\2\3\4"s), dns_fault::bad_pointer);
}

/// Every pointer leads backwards to another pointer: legal, but only as many as a name may have labels are followed.
TEST(dns_hostile, a_long_chain_of_pointers)
{
    const auto chained = [](unsigned pointers) {
        std::string m = "\0\1\x80\0\0\1\0\1\0\0\0\0"s + "\1q\0"s + type_a;
        m += "\0"s + "\0\x63\0\1"s + ttl; // data of type 99 holds the chain
        const std::size_t size = pointers * 2 + 2;
        m += static_cast<char>(size >> 8);
        m += static_cast<char>(size & 255);
        m[7] = 2; // answers
        const auto begin = m.size();
        m += "\xc0\x0c";
        for (unsigned i = 0; i < pointers; ++i) {
            const std::size_t to = begin + i * 2;
            m += static_cast<char>(0xc0 | to >> 8);
            m += static_cast<char>(to & 255);
        }
        const std::size_t last = begin + pointers * 2;
        m += static_cast<char>(0xc0 | last >> 8);
        m += static_cast<char>(last & 255);
        return m + type_a + ttl + "\0\4\1\2\3\4"s;
    };
    EXPECT_FALSE(fault_of(chained(100)));
    EXPECT_EQ(fault_of(chained(200)), dns_fault::bad_pointer);
}

TEST(dns_hostile, labels_and_names_that_are_too_long)
{
    EXPECT_EQ(fault_of(one_question + "\x40" + std::string(64, 'a') + "\0"s + type_a), dns_fault::bad_label);
    EXPECT_EQ(fault_of(one_question + "\x80" + std::string(128, 'a') + "\0"s + type_a), dns_fault::bad_label);
    const std::string label = "\x3f" + std::string(63, 'a');
    EXPECT_FALSE(fault_of(one_question + label + label + label + "\x3d" + std::string(61, 'a') + "\0"s + type_a));
    EXPECT_EQ(fault_of(one_question + label + label + label + "\x3e" + std::string(62, 'a') + "\0"s + type_a),
              dns_fault::long_name);
    EXPECT_EQ(fault_of(one_question + std::string(65000, '\1')), dns_fault::long_name);
    EXPECT_EQ(fault_of(one_question + "\3www"), dns_fault::truncated) << "no root";
    EXPECT_EQ(fault_of(one_question + "\3ww"), dns_fault::truncated);
}

/// A name of 255 octets whose end is a pointer must not grow beyond that.
TEST(dns_hostile, a_name_that_grows_by_its_pointer)
{
    const std::string label = "\x3f" + std::string(63, 'a');
    const std::string two = "\0\1\x80\0\0\1\0\1\0\0\0\0"s;
    const std::string long_question = two + label + label + label + "\x3d" + std::string(61, 'a') + "\0"s + type_a;
    EXPECT_FALSE(fault_of(long_question + "\xc0\x0c" + type_a + ttl + "\0\4\1\2\3\4"s));
    EXPECT_EQ(fault_of(long_question + "\1a\xc0\x0c" + type_a + ttl + "\0\4\1\2\3\4"s), dns_fault::long_name);
}

TEST(dns_hostile, data_that_does_not_fit_its_length)
{
    const auto with = [](const std::string& type, const std::string& data) {
        const std::string size{static_cast<char>(data.size() >> 8), static_cast<char>(data.size() & 255)};
        return fault_of(one_answer + "\0"s + type + "\0\1"s + ttl + size + data);
    };
    EXPECT_FALSE(with("\0\1"s, "\1\2\3\4"));
    EXPECT_EQ(with("\0\1"s, "\1\2\3"), dns_fault::bad_data);
    EXPECT_EQ(with("\0\1"s, "\1\2\3\4\5"), dns_fault::bad_data);
    EXPECT_EQ(with("\0\x1c"s, std::string(15, 'a')), dns_fault::bad_data);
    EXPECT_EQ(with("\0\x1c"s, std::string(17, 'a')), dns_fault::bad_data);
    EXPECT_FALSE(with("\0\5"s, "\1a\0"s));
    EXPECT_EQ(with("\0\5"s, "\1a"s), dns_fault::bad_data);
    EXPECT_EQ(with("\0\5"s, "\1a\0\0"s), dns_fault::bad_data);
    EXPECT_EQ(with("\0\5"s, "\2a"s), dns_fault::bad_data);
    EXPECT_EQ(with("\0\5"s, ""s), dns_fault::bad_data);
    EXPECT_EQ(with("\0\xf"s, "\0"s), dns_fault::bad_data);
    EXPECT_EQ(with("\0\6"s, "\0\0"s + std::string(19, 'x')), dns_fault::bad_data);
    EXPECT_EQ(with("\0\6"s, "\0\0"s + std::string(21, 'x')), dns_fault::bad_data);
    EXPECT_FALSE(with("\0\x10"s, "\0"s));
    EXPECT_EQ(with("\0\x10"s, ""s), dns_fault::bad_data);
    EXPECT_EQ(with("\0\x10"s, "\5abc"s), dns_fault::bad_data);
    EXPECT_EQ(with("\0\x21"s, "\0\1\0\1\0\1"s), dns_fault::bad_data);
    EXPECT_FALSE(with("\0\x63"s, ""s));
}

/// The data of a record ends within the name of the next one: a name must not be read beyond its record.
TEST(dns_hostile, a_name_that_goes_on_behind_its_record)
{
    EXPECT_EQ(fault_of("\0\1\x80\0\0\0\0\1\0\0\0\0\0\0\5\0\1\0\0\0\0\0\2\1a\0"s), dns_fault::bad_data);
}

TEST(dns_hostile, counts_and_what_follows)
{
    EXPECT_EQ(fault_of(""), dns_fault::truncated);
    EXPECT_EQ(fault_of("\0\1\x80\0\0\2\0\0\0\0\0\0"s), dns_fault::too_many_questions);
    EXPECT_EQ(fault_of("\0\1\x80\0\0\0\xff\xff\0\0\0\0"s), dns_fault::too_many_records);
    EXPECT_EQ(fault_of("\0\1\x80\0\0\0\0\1\0\0\0\0"s), dns_fault::truncated);
    EXPECT_EQ(fault_of("\0\1\x80\0\0\0\0\0\0\0\0\0x"s), dns_fault::trailing_octets);
    EXPECT_FALSE(fault_of("\0\1\x80\0\0\0\0\0\0\0\0\0"s));
}

TEST(dns_hostile, edns_that_is_misplaced)
{
    const std::string opt = "\0\0\x29\4\xd0\0\0\0\0\0\0"s, header = "\0\1\x80\0\0\0\0\0\0\0\0"s;
    EXPECT_FALSE(fault_of(header + "\1" + opt));
    EXPECT_EQ(fault_of(header + "\2" + opt + opt), dns_fault::bad_edns);
    EXPECT_EQ(fault_of(header + "\1\1a" + opt), dns_fault::bad_edns) << "not the root's";
    EXPECT_EQ(fault_of("\0\1\x80\0\0\0\0\1\0\0\0\0"s + opt), dns_fault::bad_edns) << "among the answers";
    const std::string options = "\0\0\x29\4\xd0\0\0\0\0\0\6\0\x0f\0\2\0\0"s;
    EXPECT_FALSE(fault_of(header + "\1" + options));
}

TEST(dns_hostile, records_of_other_classes_are_skipped)
{
    const auto parsed = parse_dns(raw(one_answer + "\0\0\1\0\3"s + ttl + "\0\1x"s));
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->answers.empty());
}

/// A message with records of every type, compressed.
dns_message sample(std::mt19937& random)
{
    const auto label = [&] { return std::string(1 + random() % 12, static_cast<char>('a' + random() % 26)); };
    const auto n = [&] { return *name::parse(label() + "." + (random() % 2 == 0 ? "sub.Example.com" : "example.com")); };
    dns_message m;
    m.id = static_cast<std::uint16_t>(random());
    m.response = true;
    m.question = dns_question{n(), record_type::a, dns_class_in};
    for (auto* const section : {&m.answers, &m.authorities, &m.additionals})
        for (auto i = random() % 6; i > 0; --i) {
            switch (random() % 8) {
            case 0: section->push_back({n(), record_type::a, 1, address_v4(0xc0000201U)}); break;
            case 1: section->push_back({n(), record_type::aaaa, 1, address_v6::loopback()}); break;
            case 2: section->push_back({n(), record_type::cname, 1, n()}); break;
            case 3: section->push_back({n(), record_type::mx, 1, dns::mail_exchange{1, n()}}); break;
            case 4: section->push_back({n(), record_type::srv, 1, dns::service_location{1, 2, 3, n()}}); break;
            case 5: section->push_back({n(), record_type::soa, 1, dns::zone_authority{n(), n(), 1, 2, 3, 4, 5}}); break;
            case 6: section->push_back({n(), record_type::txt, 1, dns::text_strings{label(), label()}}); break;
            default: section->push_back({n(), record_type(250), 1, dns::unknown_data(random() % 40)}); break;
            }
        }
    if (random() % 2 == 0) m.edns = dns_edns{1232, 0};
    return m;
}

TEST(dns_hostile, every_truncation_of_a_message_is_refused)
{
    std::mt19937 random(1);
    for (int i = 0; i < 100; ++i) {
        const octets whole = make_dns(sample(random));
        ASSERT_TRUE(parse_dns(whole));
        for (std::size_t size = 0; size < whole.size(); ++size) ASSERT_FALSE(parse_dns(const_bytes(whole).first(size))) << size;
    }
}

/// What is parsed of 120,000 random and damaged messages is within bounds and, emitted and parsed again, the same.
TEST(dns_hostile, damaged_messages)
{
    std::mt19937 random(7);
    std::size_t accepted = 0, refused = 0;
    for (std::size_t i = 0; i < test::repetitions(120'000); ++i) {
        octets m;
        if (i % 8 == 0) {
            m.resize(random() % 64);
            for (std::byte& b : m) b = static_cast<std::byte>(random() % 3 == 0 ? random() : random() % 4);
        } else {
            m = make_dns(sample(random));
            for (auto n = 1 + random() % 4; n > 0; --n) {
                std::byte& b = m[random() % m.size()];
                b = random() % 2 == 0 ? static_cast<std::byte>(random()) : static_cast<std::byte>(0xc0 | random() % 4);
            }
            if (random() % 8 == 0) m.resize(random() % m.size());
        }
        const auto parsed = parse_dns(m);
        parsed ? ++accepted : ++refused;
        if (!parsed) continue;
        std::size_t records = parsed->answers.size() + parsed->authorities.size() + parsed->additionals.size();
        ASSERT_LE(records * 11, m.size());
        for (const auto& r : parsed->answers) ASSERT_LE(r.owner.wire_size(), 255U);
        const auto again = parse_dns(make_dns(*parsed));
        ASSERT_TRUE(again);
        ASSERT_EQ(again->answers, parsed->answers);
        ASSERT_EQ(again->authorities, parsed->authorities);
        ASSERT_EQ(again->question, parsed->question);
    }
    EXPECT_GT(accepted, test::repetitions(20'000)); // damage within names and numbers often leaves a valid message
    EXPECT_GT(refused, test::repetitions(20'000));
}

/// The longest message, all of whose names are the longest one by a pointer, costs a bounded amount of memory.
TEST(dns_hostile, as_many_long_names_as_possible)
{
    const std::string label = "\x3f" + std::string(63, 'a');
    std::string m = "\0\1\x80\0\0\1\4\0\0\0\0\0"s + label + label + label + "\x3d" + std::string(61, 'a') + "\0"s + type_a;
    for (int i = 0; i < 1024; ++i) m += "\xc0\x0c\0\6\0\1"s + ttl + "\0\x18\xc0\x0c\xc0\x0c"s + std::string(20, 'x');
    ASSERT_LE(m.size(), longest_dns_message);
    const auto parsed = parse_dns(raw(m));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->answers.size(), most_dns_records);
    m[7] = 1;
    EXPECT_EQ(fault_of(m), dns_fault::too_many_records);
}

} // namespace
} // namespace tapio::core::wire
