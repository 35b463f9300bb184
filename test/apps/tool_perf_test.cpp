// iperf3's messages, and a whole test between both roles of `tapio perf` on a wire in memory.
#include "tapio/memory_hosts.hpp"
#include "tapio/perf.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <vector>

namespace apps::tools {
namespace {

using testing::HasSubstr;

TEST(perf_messages, parameters_go_there_and_back)
{
    perf_parameters p;
    p.udp = p.reverse = p.wide_counters = true;
    p.parallel = 3;
    p.length = 1200;
    p.bandwidth = 5'000'000;
    const auto q = parse_perf_parameters(to_json(p));
    EXPECT_TRUE(q.udp && q.reverse && q.wide_counters && !q.bidirectional);
    EXPECT_EQ(q.parallel, 3U);
    EXPECT_EQ(q.length, 1200U);
    EXPECT_EQ(q.bandwidth, 5'000'000U);
}

TEST(perf_messages, of_iperf3_are_understood)
{
    const auto p =
        parse_perf_parameters(R"({"tcp":true,"omit":0,"time":0,"num":204800,"blockcount":0,"parallel":3,"bidirectional":true,)"
                              R"("len":131072,"pacing_timer":1000,"client_version":"3.12"})");
    EXPECT_FALSE(p.udp);
    EXPECT_EQ(p.octets, 204800U);
    EXPECT_EQ(p.streams(), 6U);
    EXPECT_TRUE(p.sends(true, 2));
    EXPECT_FALSE(p.sends(true, 3)); // the second half is the server's
    EXPECT_TRUE(p.sends(false, 3));

    const auto r = parse_perf_results(
        R"({"cpu_util_total":20.5,"sender_has_retransmits":18446744073709551615,"congestion_used":"bbr","streams":[)"
        R"({"id":1,"bytes":131072,"retransmits":18446744073709551615,"jitter":0,"errors":0,"packets":0,)"
        R"("start_time":0,"end_time":0.5}]})");
    ASSERT_EQ(r.streams.size(), 1U);
    EXPECT_EQ(r.streams[0].octets, 131072U);
    EXPECT_EQ(r.streams[0].retransmits, -1); // "unknown"
    EXPECT_DOUBLE_EQ(r.streams[0].seconds, 0.5);
}

TEST(perf_messages, that_ask_for_too_much_are_refused)
{
    for (const char* bad : {"", "[]", "{\"parallel\":0}", "{\"parallel\":1000000}", "{\"len\":0}", "{\"len\":4294967295}",
                            "{\"udp\":true,\"len\":4}", "{\"time\":-1}", "{\"time\":\"x\"}"})
        EXPECT_THROW(parse_perf_parameters(bad), std::exception) << bad;
    for (const char* bad : {"", "{}", "{\"streams\":[1]}", "{\"streams\":[{\"bytes\":-1}]}"})
        EXPECT_THROW(parse_perf_results(bad), std::exception) << bad;
}

TEST(perf_messages, number_streams_as_iperf3_does)
{
    EXPECT_EQ(perf_stream_id(0), 1);
    EXPECT_EQ(perf_stream_id(1), 3);
    EXPECT_EQ(perf_stream_id(2), 4);
}

TEST(perf_udp, header_goes_there_and_back)
{
    std::vector<std::byte> octets(16);
    perf_udp_header{1, 2, 0x1'0000'0003}.write(octets, true);
    EXPECT_EQ(perf_udp_header::read(octets, true).sequence, 0x1'0000'0003U);
    perf_udp_header{1, 2, 3}.write(octets, false);
    EXPECT_EQ(perf_udp_header::read(octets, false).sequence, 3U);
    EXPECT_EQ(perf_udp_header::read(octets, false).microseconds, 2U);
}

TEST(perf_udp, counts_losses_and_takes_back_those_that_came_late)
{
    perf_udp_receiver r;
    for (const std::uint64_t sequence : {1U, 2U, 5U, 3U}) r.take(sequence, 0.01);
    EXPECT_EQ(r.packets(), 5);
    EXPECT_EQ(r.lost(), 1);
    EXPECT_EQ(r.out_of_order(), 1);
    EXPECT_DOUBLE_EQ(r.jitter(), 0);
    r.take(6, 0.026); // 16 ms more in transit: a sixteenth of that
    EXPECT_NEAR(r.jitter(), 0.001, 1e-9);
    r.take(std::uint64_t{1} << 63U, 0.026);
    EXPECT_EQ(r.lost(), 1) << "nobody has sent so many";
}

/// A host, and another that serves tests.
struct served
{
    served()
    {
        memory_hosts::configure(own);
        boost::asio::co_spawn(io, server.run(false), boost::asio::detached);
    }

    boost::asio::io_context io{1};
    memory_hosts others{io};
    tapio::stack own{io, others.take_wire()};
    perf_server server{io, others.near_host(), perf_port, {.silent = true}};
};

/// Both roles, with the options that a case sets.
void test_in_memory(perf_parameters p)
{
    served s;
    auto& io = s.io;
    perf_client client(io, s.own, p, {.json = true});
    std::exception_ptr failed;
    testing::internal::CaptureStdout();
    boost::asio::co_spawn(io, client.run({boost::asio::ip::make_address("198.18.0.2"), perf_port}), [&](std::exception_ptr e) {
        failed = e;
        io.stop();
    });
    io.run_for(std::chrono::seconds(30));
    const std::string said = testing::internal::GetCapturedStdout();
    EXPECT_FALSE(failed);
    EXPECT_THAT(said, HasSubstr("\"sum_received\": {\"seconds\""));
    EXPECT_THAT(said, testing::Not(HasSubstr("\"bytes\": 0, \"bits"))) << said;
}

TEST(perf_roles, agree_over_tcp_in_both_directions)
{
    perf_parameters p;
    p.octets = 2'000'000;
    p.parallel = 2;
    test_in_memory(p);
    p.reverse = true;
    test_in_memory(p);
    p.reverse = false;
    p.bidirectional = true;
    test_in_memory(p);
}

TEST(perf_roles, agree_over_udp_in_both_directions)
{
    perf_parameters p;
    p.udp = true;
    p.length = 1000;
    p.octets = 100'000;
    p.bandwidth = 50'000'000;
    test_in_memory(p);
    p.reverse = true;
    test_in_memory(p);
}

/// What iperf3 -R does, which reads its stream block by block: one whose end never comes would hold up the exchange of results.
boost::asio::awaitable<void> read_whole_blocks(boost::asio::io_context& io, tapio::stack& own, bool& ended)
{
    namespace asio = boost::asio;
    using tapio::ip::tcp;
    const tcp::endpoint server(boost::asio::ip::make_address("198.18.0.2"), perf_port);
    const perf_cookie cookie = make_perf_cookie();
    perf_parameters p;
    p.reverse = true;
    tcp::socket first(own), stream(own);
    co_await first.async_connect(server, asio::use_awaitable);
    co_await asio::async_write(first, asio::buffer(cookie), asio::use_awaitable);
    perf_control control(std::move(first));
    EXPECT_EQ(co_await control.receive_state(), perf_state::parameter_exchange);
    co_await control.send_text(to_json(p));
    EXPECT_EQ(co_await control.receive_state(), perf_state::create_streams);
    co_await stream.async_connect(server, asio::use_awaitable);
    co_await asio::async_write(stream, asio::buffer(cookie), asio::use_awaitable);
    EXPECT_EQ(co_await control.receive_state(), perf_state::test_start);
    EXPECT_EQ(co_await control.receive_state(), perf_state::test_running);

    co_await control.send_state(perf_state::test_end);
    boost::system::error_code error;
    std::vector<std::byte> block(p.length);
    while (!error) co_await asio::async_read(stream, asio::buffer(block), asio::redirect_error(asio::use_awaitable, error));
    EXPECT_EQ(error, asio::error::eof);
    EXPECT_EQ(co_await control.receive_state(), perf_state::exchange_results);
    ended = true;
    io.stop();
}

TEST(perf_server, ends_its_streams_with_the_test)
{
    served s;
    bool ended = false;
    boost::asio::co_spawn(s.io, read_whole_blocks(s.io, s.own, ended), boost::asio::detached);
    s.io.run_for(std::chrono::seconds(10));
    EXPECT_TRUE(ended);
}

} // namespace
} // namespace apps::tools
