// // HTTP header fields of the server: dates (RFC 9110 §5.6.7), ranges (§14), conditional requests (§13).
#include "http_server/fields.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace apps::http_server {
namespace {

constexpr std::time_t november_1994 = 784111777; // the example of RFC 9110 §5.6.7

TEST(http_date, is_written_as_the_rfc_shows_it)
{
    EXPECT_EQ(format_date(november_1994), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(format_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(format_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST(http_date, is_read_back)
{
    for (const std::time_t when : {std::time_t(0), november_1994, std::time_t(951782400), std::time_t(4102444799)})
        EXPECT_EQ(parse_date(format_date(when)), when);
    EXPECT_EQ(parse_date(" Sun, 06 Nov 1994 08:49:37 GMT "), november_1994);
}

class bad_date : public testing::TestWithParam<const char*>
{
};

TEST_P(bad_date, is_not_understood) { EXPECT_FALSE(parse_date(GetParam())); }

INSTANTIATE_TEST_SUITE_P(dates, bad_date,
                         testing::Values("", "yesterday", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                                         "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
                                         "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
                                         "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT ",
                                         "Sun, 06 Nov 1994 08:-9:37 GMT"));

struct range_case
{
    const char* field;
    std::uint64_t size;
    byte_range expected;
};

std::ostream& operator<<(std::ostream& out, const range_case& c) { return out << c.field << " of " << c.size; }

class honoured_range : public testing::TestWithParam<range_case>
{
};

TEST_P(honoured_range, selects_these_octets)
{
    const auto [field, size, expected] = GetParam();
    const auto answer = parse_range(field, size);
    ASSERT_TRUE(std::holds_alternative<byte_range>(answer));
    EXPECT_EQ(std::get<byte_range>(answer), expected);
}

INSTANTIATE_TEST_SUITE_P(
    ranges, honoured_range,
    testing::Values(range_case{"bytes=0-499", 10000, {0, 500}}, range_case{"bytes=500-999", 10000, {500, 500}},
                    range_case{"bytes=-500", 10000, {9500, 500}}, range_case{"bytes=9500-", 10000, {9500, 500}},
                    range_case{"bytes=0-0", 10000, {0, 1}}, range_case{"bytes=-1", 10000, {9999, 1}},
                    range_case{"bytes=9999-9999", 10000, {9999, 1}}, range_case{"bytes=0-99999", 10, {0, 10}},
                    range_case{"bytes=-99999", 10, {0, 10}}, range_case{" bytes= 2-3 ", 10, {2, 2}},
                    range_case{"bytes=0-18446744073709551615", 10, {0, 10}}));

class ignored_range : public testing::TestWithParam<const char*>
{
};

TEST_P(ignored_range, gets_everything) { EXPECT_TRUE(std::holds_alternative<whole_content>(parse_range(GetParam(), 1000))); }

INSTANTIATE_TEST_SUITE_P(ranges, ignored_range,
                         testing::Values("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=1-2,4-5", "lines=1-2",
                                         "bytes=1-2-3", "bytes=+1-2", "bytes=1-x", "bytes=99999999999999999999-", "bytes=--1",
                                         "bytes=0-99999999999999999999"));

class unsatisfiable : public testing::TestWithParam<std::pair<const char*, std::uint64_t>>
{
};

TEST_P(unsatisfiable, is_told_so)
{
    EXPECT_TRUE(std::holds_alternative<unsatisfiable_range>(parse_range(GetParam().first, GetParam().second)));
}

INSTANTIATE_TEST_SUITE_P(ranges, unsatisfiable,
                         testing::Values(std::pair("bytes=10-", 10), std::pair("bytes=10-20", 10), std::pair("bytes=-0", 10),
                                         std::pair("bytes=0-", 0), std::pair("bytes=-5", 0)));

TEST(content_range, names_the_last_octet)
{
    EXPECT_EQ(content_range({0, 500}, 1234), "bytes 0-499/1234");
    EXPECT_EQ(unsatisfied_content_range(1234), "bytes */1234");
}

TEST(if_modified_since, holds_from_the_very_second_on)
{
    EXPECT_TRUE(is_not_modified(format_date(november_1994), november_1994));
    EXPECT_TRUE(is_not_modified(format_date(november_1994 + 1), november_1994));
    EXPECT_FALSE(is_not_modified(format_date(november_1994 - 1), november_1994));
    EXPECT_FALSE(is_not_modified("", november_1994));
    EXPECT_FALSE(is_not_modified("rubbish", november_1994));
}

TEST(if_range, wants_the_exact_date)
{
    EXPECT_TRUE(is_range_current("", november_1994));
    EXPECT_TRUE(is_range_current(format_date(november_1994), november_1994));
    EXPECT_FALSE(is_range_current(format_date(november_1994 + 1), november_1994));
    EXPECT_FALSE(is_range_current("\"an-entity-tag\"", november_1994));
}

} // namespace
} // namespace apps::http_server
