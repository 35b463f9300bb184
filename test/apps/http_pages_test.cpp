#include "http_server/lists.hpp"
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
    EXPECT_EQ(render_json(lines, "\"x\": []"), "{\n  \"a\": 1,\n  \"b.c\": 2,\n  \"x\": []\n}\n");
}

/// One of each.
host_lists some_lists()
{
    const auto at = [](const char* a) { return boost::asio::ip::make_address(a); };
    host_lists out;
    tapio::core::connection_info c{{at("198.18.0.2"), 80}, {at("198.18.0.1"), 40000}};
    c.state = tapio::core::tcp_state::established;
    c.send_queue = 5;
    c.timer = tapio::core::tcp_timer::retransmit;
    c.timer_expires = std::chrono::milliseconds(200);
    out.connections.push_back(c);
    tapio::core::interface_info i;
    i.id = 1;
    i.status.name = "tap0";
    i.status.mtu = 1500;
    i.mac = tapio::core::mac_address{{2, 0, 0, 0, 0, 1}};
    i.addresses.push_back({at("198.18.0.2"), 24});
    i.counters.in_packets = 7;
    out.interfaces.push_back(i);
    out.neighbors.push_back({1, at("198.18.0.1"), std::nullopt, tapio::core::neighbor_state::incomplete, 2});
    out.routes.push_back({at("0.0.0.0"), 0, at("198.18.0.1"), 1, 0});
    return out;
}

TEST(status, lists_what_the_host_has)
{
    const std::string text = render_text(some_lists());
    EXPECT_THAT(text, HasSubstr("connection state=ESTABLISHED local=198.18.0.2:80 remote=198.18.0.1:40000 timer=retransmit "
                                "receive_queue=0 send_queue=5 retransmissions=0 detached=0 at_rest=0 timer_ms=200\n"));
    EXPECT_THAT(text, HasSubstr("interface name=tap0 state=up mac=02:00:00:00:00:01 addresses=198.18.0.2/24 number=1 mtu=1500"));
    EXPECT_THAT(text, HasSubstr(" in_packets=7"));
    EXPECT_THAT(text, HasSubstr("neighbor address=198.18.0.1 mac=none state=incomplete interface=1 waiting=2\n"));
    EXPECT_THAT(text, HasSubstr("route network=0.0.0.0/0 gateway=198.18.0.1 interface=1 metric=0\n"));
    const std::string json = render_json({}, render_json(some_lists()));
    EXPECT_THAT(json, HasSubstr("\"connections\": [\n    {\"state\": \"ESTABLISHED\", \"local\": \"198.18.0.2:80\", "));
    EXPECT_THAT(json, HasSubstr("\"send_queue\": 5"));
    EXPECT_THAT(json, HasSubstr("\"routes\": [\n    {\"network\": \"0.0.0.0/0\""));
}

TEST(status, lists_so_many_connections_and_says_how_many_more)
{
    host_lists many;
    many.connections.resize(most_listed + 3);
    EXPECT_THAT(render_text(many), HasSubstr("\nconnections_not_listed 3\n"));
    EXPECT_THAT(render_json(many), HasSubstr("\"connections_not_listed\": 3"));
    EXPECT_THAT(render_text(host_lists()), testing::IsEmpty());
}

} // namespace
} // namespace apps::http_server
