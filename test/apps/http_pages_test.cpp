#include "http_server/pages.hpp"
#include "http_server/status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace apps::http_server {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;

TEST(listing, links_to_names_that_need_escaping)
{
    const auto page = listing_page("/x/", {{"a <b>&.txt", false, 5}, {"sub", true, 4096}});
    EXPECT_THAT(page, HasSubstr("<a href=\"a%20%3Cb%3E%26.txt\">a &lt;b&gt;&amp;.txt</a></td><td>5<"));
    EXPECT_THAT(page, HasSubstr("<a href=\"sub/\">sub/</a></td><td><"));
    EXPECT_THAT(page, HasSubstr("../"));
}

TEST(listing, of_the_root_has_no_way_up) { EXPECT_THAT(listing_page("/", {}), Not(HasSubstr("../"))); }

TEST(status, shows_what_was_counted)
{
    server_counters server;
    server.requests = 3;
    tapio::core::host_counters host;
    host.tcp.passive_opens = 2;
    const auto lines = status_lines(17, server, host);
    EXPECT_THAT(lines, Contains(status_line("uptime_seconds", 17)));
    EXPECT_THAT(lines, Contains(status_line("server.requests", 3)));
    EXPECT_THAT(lines, Contains(status_line("tcp.passive_opens", 2)));
}

TEST(status, names_the_drops_that_happened_and_no_others)
{
    tapio::core::host_counters host;
    host.drops[tapio::core::drop_reason::udp_no_socket] = 4;
    const auto lines = status_lines(0, {}, host);
    EXPECT_THAT(lines, Contains(status_line("drop.udp_no_socket", 4)));
    EXPECT_THAT(lines, Not(Contains(Key("drop.tcp_no_socket"))));
}

TEST(status, is_rendered_as_text_and_as_json)
{
    const std::vector<status_line> lines{{"a", 1}, {"b.c", 2}};
    EXPECT_EQ(render_text(lines), "a 1\nb.c 2\n");
    EXPECT_EQ(render_json(lines), "{\n  \"a\": 1,\n  \"b.c\": 2\n}\n");
}

} // namespace
} // namespace apps::http_server
