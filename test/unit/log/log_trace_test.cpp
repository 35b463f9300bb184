// The trace subscriber for Boost.Log: which records a sink gets.
#include "core/host.hpp"

#include <tapio/log.hpp>

#include <boost/log/attributes/value_extraction.hpp>
#include <boost/log/core.hpp>
#include <boost/log/sinks/basic_sink_backend.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/trivial.hpp>
#include <boost/smart_ptr/make_shared.hpp>

#include <gtest/gtest.h>

namespace tapio {
namespace {

namespace logging = boost::log;
using namespace std::chrono_literals;

struct kept_lines : logging::sinks::basic_formatted_sink_backend<char, logging::sinks::synchronized_feeding>
{
    void consume(const logging::record_view& r, const std::string& text)
    {
        const auto severity = logging::extract<logging::trivial::severity_level>("Severity", r);
        const auto channel = logging::extract<std::string>("Channel", r);
        times.push_back(*logging::extract<std::string>("StackTime", r));
        lines.push_back(std::string(logging::trivial::to_string(*severity)) + ' ' + *channel + ' ' + text);
    }
    std::vector<std::string> lines, times;
};

class log_trace : public testing::Test
{
protected:
    log_trace()
    {
        sink = boost::make_shared<logging::sinks::synchronous_sink<kept_lines>>();
        logging::core::get()->add_sink(sink);
    }
    ~log_trace() override { logging::core::get()->remove_sink(sink); }

    /// A connection over the loopback of a host, opened and reset; and a datagram to a closed port.
    void happen(const log_options& options)
    {
        const auto subscriber = make_log_trace(options);
        core::host_options host_options;
        std::array<std::byte, 32> seed{};
        core::host h(host_options, seed);
        h.set_trace(subscriber.get());
        core::time_point now{1h};
        const core::endpoint at{core::address_v4::loopback(), 80};
        const auto listener = *h.tcp().open(core::family::v4);
        ASSERT_FALSE(h.tcp().bind(listener, at));
        ASSERT_FALSE(h.tcp().listen(listener, 1, now));
        const auto client = *h.tcp().open(core::family::v4);
        (void)h.tcp().connect(client, at, now);
        for (int i = 0; i < 10; ++i) h.advance(now);
        const auto u = *h.udp().open(core::family::v4);
        const std::byte octet{};
        const std::array<core::const_bytes, 1> one{core::const_bytes(&octet, 1)};
        ASSERT_TRUE(h.udp().send(u, one, &at, now));
        for (int i = 0; i < 10; ++i) h.advance(now);
    }
    bool says(const std::string& part) const
    {
        const auto& lines = sink->locked_backend()->lines;
        return std::any_of(lines.begin(), lines.end(), [&](const std::string& l) { return l.find(part) != std::string::npos; });
    }
    std::size_t count() const { return sink->locked_backend()->lines.size(); }

    boost::shared_ptr<logging::sinks::synchronous_sink<kept_lines>> sink;
};

TEST_F(log_trace, states_and_drops)
{
    happen({});
    EXPECT_TRUE(says("info tapio tcp 127.0.0.1:"));
    EXPECT_TRUE(says(" 127.0.0.1:80: SYN-SENT -> ESTABLISHED"));
    EXPECT_TRUE(says("SYN-RECEIVED -> ESTABLISHED"));
    EXPECT_TRUE(says("debug tapio interface 0: dropped 29 octets: udp_no_socket (UDP: no socket bound): 127.0.0.1:"));
    EXPECT_TRUE(says(" > 127.0.0.1:80 udp 1 octets"));
    EXPECT_FALSE(says("trace tapio"));
}

TEST_F(log_trace, retransmissions)
{
    const auto subscriber = make_log_trace();
    subscriber->tcp_retransmitted({core::address_v4::loopback(), 80}, {core::address_v6::loopback(), 9}, 77, 1448, {});
    EXPECT_TRUE(says("debug tapio tcp 127.0.0.1:80 [::1]:9: retransmits 1448 octets at 77"));
}

TEST_F(log_trace, interfaces)
{
    const auto subscriber = make_log_trace();
    core::interface_status now{"tap0", core::interface_state::up, true, 1500, {}, {}};
    subscriber->interface_changed(1, now, {});
    EXPECT_TRUE(says("info tapio interface 1 tap0: up, MTU 1500"));
    now.state = core::interface_state::down;
    now.enabled = false;
    subscriber->interface_changed(1, now, {});
    EXPECT_TRUE(says("warning tapio interface 1 tap0: down, MTU 1500, disabled"));
    now.enabled = true;
    subscriber->interface_changed(1, now, {});
    EXPECT_TRUE(says("warning tapio interface 1 tap0: down, MTU 1500 (the device is down or has no link: was it brought up?)"));
    now.enabled = false;
    now.state = core::interface_state::not_present;
    now.why = boost::system::error_code(ENODEV, boost::system::system_category());
    subscriber->interface_changed(1, now, {});
    EXPECT_TRUE(says("warning tapio interface 1 tap0: notPresent, MTU 1500, disabled (No such device)"));
    make_log_trace({.interfaces = false})->interface_changed(1, now, {});
    EXPECT_EQ(count(), 4U);
}

TEST_F(log_trace, records_have_the_time_of_the_stack)
{
    const auto subscriber = make_log_trace();
    const core::endpoint e{core::address_v4::loopback(), 80};
    subscriber->tcp_state_changed(e, e, core::tcp_state::listen, core::tcp_state::syn_received, core::time_point(1h + 1450ms));
    subscriber->tcp_retransmitted(e, e, 77, 1448, core::time_point(7us));
    const core::packet p;
    subscriber->dropped(1, core::drop_reason::udp_no_socket, p, core::time_point(2s));
    subscriber->interface_changed(1, {}, core::time_point(3s));
    EXPECT_EQ(sink->locked_backend()->times, (std::vector<std::string>{"3601.450000", "0.000007", "2.000000", "3.000000"}));
}

TEST_F(log_trace, packets_on_request_under_the_channel_asked_for)
{
    happen({.channel = "there", .packets = true, .drops = false, .tcp = false});
    EXPECT_TRUE(says("trace there interface 0: sent 29 octets: 127.0.0.1:"));
    EXPECT_TRUE(says("trace there interface 0: received 29 octets: 127.0.0.1:"));
    EXPECT_TRUE(says(" > 127.0.0.1:80 udp 1 octets"));
    EXPECT_TRUE(says(" > 127.0.0.1:80 tcp [S] seq "));
    EXPECT_TRUE(says(" tcp [S.] seq "));
    EXPECT_FALSE(says("debug") || says("info"));
}

TEST_F(log_trace, a_filter_of_the_users_decides)
{
    logging::core::get()->set_filter([](const logging::attribute_value_set&) { return false; });
    happen({});
    logging::core::get()->reset_filter();
    EXPECT_EQ(count(), 0U);
}

} // namespace
} // namespace tapio
