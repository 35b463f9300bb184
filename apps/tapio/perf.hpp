/// @file
/// The two roles of `tapio perf`.
#pragma once

#include "tapio/network.hpp"
#include "tapio/perf_session.hpp"

#include <memory>
#include <string>

namespace apps::tools {

/// Runs one test with a server, then returns. @throws std::runtime_error, boost::system::system_error
class perf_client
{
public:
    perf_client(boost::asio::io_context& io, tapio::stack& stack, const perf_parameters& p, const perf_report_options& o);
    ~perf_client();

    boost::asio::awaitable<void> run(tapio::ip::tcp::endpoint server);
    void interrupt(); ///< ends the test early; its results are still exchanged and printed

private:
    boost::asio::awaitable<bool> act(perf_state s); ///< false: the test is over
    boost::asio::awaitable<void> create_streams();
    boost::asio::awaitable<void> add_tcp_stream();
    boost::asio::awaitable<void> add_udp_stream();
    boost::asio::awaitable<void> receive_udp(std::shared_ptr<tapio::ip::udp::socket> socket, std::size_t index);
    boost::asio::awaitable<void> exchange_results();
    void begin();
    void end();

    boost::asio::io_context& io_;
    tapio::stack& stack_;
    tapio::ip::tcp::endpoint server_;
    const perf_cookie cookie_ = make_perf_cookie();
    std::shared_ptr<perf_session> session_;
    std::unique_ptr<perf_control> control_;
    boost::asio::steady_timer time_; ///< of the test
    bool ended_ = false;
    perf_results theirs_;
};

/// Serves tests, one at a time, as iperf3's server does.
class perf_server
{
public:
    perf_server(boost::asio::io_context& io, tapio::stack& stack, std::uint16_t port, const perf_report_options& o);
    ~perf_server();

    /// @param once  return after one test
    boost::asio::awaitable<void> run(bool once);

private:
    struct test; ///< the one that runs

    boost::asio::awaitable<void> greet(tapio::ip::tcp::socket socket);
    boost::asio::awaitable<void> serve(std::shared_ptr<test> t);
    boost::asio::awaitable<void> carry_out(test& t);
    boost::asio::awaitable<void> receive_udp();
    void take(std::span<const std::byte> datagram, const tapio::ip::udp::endpoint& from);

    boost::asio::io_context& io_;
    const std::uint16_t port_;
    const perf_report_options report_;
    tapio::ip::tcp::acceptor acceptor_;
    std::shared_ptr<tapio::ip::udp::socket> udp_;
    std::shared_ptr<test> test_; ///< null: none runs
    bool once_ = false;
};

} // namespace apps::tools
