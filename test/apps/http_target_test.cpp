// // Request targets (RFC 9112 §3.2): decoding, rejected paths, percent-encoding, HTML escaping, media types.
#include "http_server/target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace apps::http_server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct accepted_target
{
    const char* text;
    const char* path;
};

class good_target : public testing::TestWithParam<accepted_target>
{
};

TEST_P(good_target, becomes_this_path)
{
    const auto parsed = parse_target(GetParam().text);
    ASSERT_TRUE(parsed) << GetParam().text;
    EXPECT_EQ(parsed->path(), GetParam().path);
}

INSTANTIATE_TEST_SUITE_P(targets, good_target,
                         testing::Values(accepted_target{"/", "/"}, accepted_target{"/a", "/a"}, accepted_target{"/a/", "/a/"},
                                         accepted_target{"/a/b.txt", "/a/b.txt"}, accepted_target{"//a///b", "/a/b"},
                                         accepted_target{"/a%20b", "/a b"}, accepted_target{"/%41", "/A"},
                                         accepted_target{"/%e2%82%ac", "/\xe2\x82\xac"}, accepted_target{"/a?b/../c", "/a"},
                                         accepted_target{"/a..b", "/a..b"}, accepted_target{"/a.", "/a."},
                                         accepted_target{"http://host/a", "/a"}, accepted_target{"http://host:80", "/"},
                                         accepted_target{"http://host?q", "/"}, accepted_target{"/a%25b", "/a%b"},
                                         accepted_target{"/x://y", "/x:/y"}));

class bad_target : public testing::TestWithParam<const char*>
{
};

TEST_P(bad_target, names_nothing) { EXPECT_FALSE(parse_target(GetParam())); }

INSTANTIATE_TEST_SUITE_P(targets, bad_target,
                         testing::Values("", "a", "*", "host:80", "/..", "/../etc/passwd", "/a/../b", "/%2e%2e/a", "/%2E./a",
                                         "/.%2e/a", "/.", "/./a", "/.git/config", "/%2ehidden", "/a%2fb", "/..%2f..%2fetc",
                                         "/a%00b", "/%", "/%4", "/%zz", "/%+1", "/% 1", "http://host/../a"));

TEST(target, keeps_the_query_apart_and_undecoded)
{
    const auto parsed = parse_target("/status?json=%20");
    ASSERT_TRUE(parsed);
    EXPECT_THAT(parsed->segments, ElementsAre("status"));
    EXPECT_EQ(parsed->query, "json=%20");
}

TEST(target, of_the_root_is_a_directory_without_segments)
{
    const auto parsed = parse_target("/");
    ASSERT_TRUE(parsed);
    EXPECT_THAT(parsed->segments, IsEmpty());
    EXPECT_TRUE(parsed->is_directory);
}

TEST(target, refuses_names_that_no_file_system_holds)
{
    EXPECT_TRUE(parse_target('/' + std::string(255, 'a')));
    EXPECT_FALSE(parse_target('/' + std::string(256, 'a')));
}

TEST(percent_encode, leaves_unreserved_characters_alone)
{
    EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
    EXPECT_EQ(percent_encode("a b/%\"\xff"), "a%20b%2F%25%22%FF");
}

TEST(percent_encode, is_undone_by_parsing)
{
    std::string every;
    for (int c = 1; c < 256; ++c)
        if (c != '/') every += static_cast<char>(c);
    const auto parsed = parse_target('/' + percent_encode(every));
    ASSERT_TRUE(parsed);
    EXPECT_THAT(parsed->segments, ElementsAre(every));
}

TEST(html_escape, disarms_markup) { EXPECT_EQ(html_escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"); }

TEST(media_type, follows_the_extension_whatever_its_case)
{
    EXPECT_EQ(media_type("index.html"), "text/html; charset=utf-8");
    EXPECT_EQ(media_type("a.b.PNG"), "image/png");
    EXPECT_EQ(media_type("a.unknown"), "application/octet-stream");
    EXPECT_EQ(media_type("html"), "application/octet-stream");
}

} // namespace
} // namespace apps::http_server
