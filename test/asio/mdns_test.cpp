// Multicast DNS through the API: resolvers and queries, names that stacks publish, lost packets, the end of a stack.
#include "named_hosts.hpp"

#include <set>
#include <vector>

namespace tapio::test {
namespace {

using dns::record;
using ip::tcp;

/// The peer is what is found; there is no server.
struct mdns : testing::Test, named_hosts
{
    explicit mdns(const core::impairment_options& wire = {}) : named_hosts(wire)
    {
        options.mdns = mdns_use::local_names;
        use({});
    }
    void publish(stack& s, mdns_options o)
    {
        s.publish(o);
        EXPECT_TRUE(time.run_until([&] { return s.published().published; }, 1min));
    }
    std::vector<record> ask(const std::string& name, record_type type, error_code expected = {})
    {
        std::optional<std::vector<record>> out;
        dns::async_query(*client, name, type, [&](error_code ec, dns::answer a) {
            EXPECT_EQ(ec, expected);
            out = std::move(a.records);
        });
        EXPECT_TRUE(time.run_until([&] { return out.has_value(); }, 1min));
        return out.value_or(std::vector<record>());
    }
};

TEST_F(mdns, a_resolver_finds_a_stack_by_its_name)
{
    publish(*peer, {.host_name = "printer"});
    EXPECT_EQ(peer->published().host_name, "printer.local");
    const auto o = resolve("printer.local");
    EXPECT_FALSE(o.ec);
    for (const char* a : {"192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"})
        EXPECT_NE(o.text.find(a), std::string::npos) << a << " in " << o.text;
    EXPECT_GT(client->published().cache_records, 0U);
}

TEST_F(mdns, and_connects_to_its_link_local_address)
{
    publish(*peer, {.host_name = "printer"});
    tcp::acceptor acceptor(*peer, {tcp::v6(), 80});
    bool accepted = false, connected = false;
    acceptor.async_accept([&](error_code ec, tcp::socket) { accepted = !ec; });
    tcp::resolver r(*client);
    tcp::socket s(*client);
    r.async_resolve(tcp::v6(), "printer.local", "80", [&](error_code ec, tcp::resolver::results_type found) {
        ASSERT_FALSE(ec);
        for (const auto& e : found)
            if (e.endpoint().address().to_v6().is_link_local()) {
                s.async_connect(e.endpoint(), [&](error_code failed) { connected = !failed; });
                return;
            }
        ADD_FAILURE() << "no link-local address";
    });
    EXPECT_TRUE(time.run_until([&] { return accepted && connected; }, 10s));
}

TEST_F(mdns, a_name_that_nobody_has)
{
    const auto began = time.now();
    const auto o = resolve("nobody.local");
    EXPECT_EQ(o.ec, boost::asio::error::host_not_found);
    EXPECT_EQ(o.at - began, options.timeout);
    EXPECT_TRUE(ask("nobody.local", record_type::txt, boost::asio::error::host_not_found).empty());
}

TEST_F(mdns, services_are_found_by_their_type)
{
    publish(*peer,
            {.host_name = "printer", .services = {{"Front desk", "_http._tcp", 80, {"path=/"}}, {"", "_ipp._tcp", 631, {}}}});
    EXPECT_EQ(peer->published().services,
              (std::vector<std::string>{"Front\\032desk._http._tcp.local", "printer._ipp._tcp.local"}));
    const auto found = ask("_http._tcp.local", record_type::ptr);
    ASSERT_EQ(found.size(), 1U);
    const auto instance = std::get<dns::name>(found[0].data).to_string();
    EXPECT_EQ(instance, "Front\\032desk._http._tcp.local");
    const auto at = ask(instance, record_type::srv);
    ASSERT_EQ(at.size(), 1U);
    EXPECT_EQ(std::get<dns::service_location>(at[0].data).port, 80);
    EXPECT_EQ(std::get<dns::service_location>(at[0].data).target, *dns::name::parse("printer.local"));
    const auto text = ask(instance, record_type::txt);
    ASSERT_EQ(text.size(), 1U);
    EXPECT_EQ(std::get<dns::text_strings>(text[0].data), dns::text_strings{"path=/"});
    EXPECT_TRUE(ask(instance, record_type::a, boost::asio::error::no_data).empty());
}

TEST_F(mdns, a_stack_that_shuts_down_takes_its_name_back)
{
    publish(*peer, {.host_name = "printer"});
    EXPECT_FALSE(resolve("printer.local").ec);
    peer->shutdown();
    time.run_for(2s);
    EXPECT_EQ(resolve("printer.local").ec, boost::asio::error::host_not_found);
}

TEST_F(mdns, a_stack_that_is_drained_takes_its_name_back)
{
    publish(*peer, {.host_name = "printer"});
    EXPECT_FALSE(resolve("printer.local").ec);
    bool over = false;
    peer->async_drain(1min, [&](error_code ec) { over = !ec; });
    EXPECT_TRUE(time.run_until([&] { return over; }, 2min));
    time.run_for(2s);
    EXPECT_EQ(resolve("printer.local").ec, boost::asio::error::host_not_found);
}

TEST_F(mdns, an_interface_that_is_disabled_takes_its_name_back)
{
    publish(*peer, {.host_name = "printer"});
    EXPECT_FALSE(resolve("printer.local").ec);
    peer->set_interface_up(1, false);
    time.run_for(2s);
    EXPECT_EQ(resolve("printer.local").ec, boost::asio::error::host_not_found);
    EXPECT_FALSE(peer->published().published);
    peer->set_interface_up(1, true);
    EXPECT_TRUE(time.run_until([&] { return peer->published().published; }, 1min));
    EXPECT_FALSE(resolve("printer.local").ec);
}

TEST_F(mdns, a_stack_finds_itself)
{
    publish(*client, {.host_name = "myself", .services = {{"", "_http._tcp", 80, {}}}});
    const auto o = resolve("myself.local");
    EXPECT_NE(o.text.find("192.0.2.1"), std::string::npos);
    EXPECT_EQ(ask("_http._tcp.local", record_type::ptr).size(), 1U);
}

TEST_F(mdns, reverse_names_of_link_local_addresses)
{
    peer->add_address(make_address("169.254.1.2"), 16);
    publish(*peer, {.host_name = "printer"});
    const auto found = ask("2.1.254.169.in-addr.arpa", record_type::ptr);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(std::get<dns::name>(found[0].data).to_string(), "printer.local");
    tcp::resolver r(*client);
    std::string name;
    r.async_resolve(tcp::endpoint(make_address("169.254.1.2"), 80), [&](error_code ec, const tcp::resolver::results_type& all) {
        EXPECT_FALSE(ec);
        if (!all.empty()) name = all.begin()->host_name();
    });
    EXPECT_TRUE(time.run_until([&] { return !name.empty(); }, 10s));
    EXPECT_EQ(name, "printer.local");
}

TEST_F(mdns, a_cancelled_query_and_a_stack_that_ends)
{
    tcp::resolver r(*client);
    error_code cancelled;
    r.async_resolve("nobody.local", "80", [&](error_code ec, const tcp::resolver::results_type&) { cancelled = ec; });
    time.run_for(100ms);
    r.cancel();
    EXPECT_TRUE(time.run_until([&] { return bool(cancelled); }, 1s));
    EXPECT_EQ(cancelled, boost::asio::error::operation_aborted);
    error_code ended;
    r.async_resolve("nobody.local", "80", [&](error_code ec, const tcp::resolver::results_type&) { ended = ec; });
    time.run_for(100ms);
    client->shutdown();
    EXPECT_TRUE(time.run_until([&] { return bool(ended); }, 1s));
    EXPECT_EQ(ended, boost::asio::error::operation_aborted);
}

TEST_F(mdns, what_cannot_be_published_is_an_exception)
{
    EXPECT_THROW(peer->publish({.host_name = "a.b"}), boost::system::system_error);
    EXPECT_THROW(peer->publish({.host_name = "a", .services = {{"", "http", 80, {}}}}), boost::system::system_error);
    ip::udp::socket taken(*peer, ip::udp::endpoint(ip::udp::v4(), 5353));
    try {
        peer->publish({.host_name = "printer"});
        ADD_FAILURE() << "the port was taken";
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), boost::asio::error::address_in_use);
    }
}

struct lossy_mdns : mdns
{
    static core::impairment_options wire()
    {
        core::impairment_options o;
        o.drop = 0.3;
        return o;
    }
    lossy_mdns() : mdns(wire()) {}
};

TEST_F(lossy_mdns, lost_packets_are_made_up_for)
{
    for (int i = 0; i < 10; ++i) {
        const std::string name = "n" + std::to_string(i);
        publish(*peer, {.host_name = name});
        EXPECT_FALSE(resolve(name + ".local").ec) << name;
    }
}

} // namespace
} // namespace tapio::test
