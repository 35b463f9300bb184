/// @file
/// What both roles of an iperf3 test share: the control connection, the streams, and what is printed.
#pragma once

#include "tapio/perf_streams.hpp"

#include <tapio/stack.hpp>

#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <string>
#include <vector>

namespace apps::tools {

/// The control connection: states, and JSON texts with their length in front.
class perf_control
{
public:
    explicit perf_control(tapio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

    // These throw boost::system::system_error if the connection ends.
    boost::asio::awaitable<void> send_state(perf_state s);
    boost::asio::awaitable<perf_state> receive_state();
    boost::asio::awaitable<void> send_text(std::string text);
    boost::asio::awaitable<std::string> receive_text(); ///< @throws std::runtime_error if it is too long
    boost::asio::awaitable<std::string> receive_server_error();

    tapio::ip::tcp::socket& socket() { return socket_; }

private:
    tapio::ip::tcp::socket socket_;
};

/// How a test reports.
struct perf_report_options
{
    bool json = false;
    bool silent = false; ///< prints nothing
    std::chrono::nanoseconds interval = std::chrono::seconds(1);
};

/// The streams of one test, from their start to the results.
class perf_session : public std::enable_shared_from_this<perf_session>
{
public:
    using clock = perf_stream::clock;

    perf_session(boost::asio::io_context& io, bool is_client, const perf_parameters& p, const perf_report_options& o);
    ~perf_session();

    const perf_parameters& parameters() const { return parameters_; }
    const std::shared_ptr<perf_budget>& budget() const { return budget_; }
    std::vector<std::shared_ptr<perf_stream>>& streams() { return streams_; }
    bool is_complete() const { return streams_.size() == parameters_.streams(); }
    bool sends(std::size_t index) const { return parameters_.sends(is_client_, static_cast<unsigned>(index)); }

    void add_tcp(tapio::ip::tcp::socket socket);
    void add_udp(std::shared_ptr<tapio::ip::udp::socket> socket, const tapio::ip::udp::endpoint& peer);

    void start(); ///< all streams and the lines about the intervals
    void stop();
    perf_results results() const;
    /// Prints the results of both parties, or the JSON object.
    void print(const perf_results& theirs) const;

private:
    struct interval_line
    {
        double from = 0, to = 0;
        std::uint64_t octets = 0;
    };
    struct end_sum; ///< what the streams of one direction add up to

    static boost::asio::awaitable<void> report_intervals(std::shared_ptr<perf_session> self);
    void print_interval(double from, double to);
    void print_titles() const;
    void reset();
    end_sum sum(const perf_results& r, bool of_senders, bool client_sends) const;
    void print_direction(const perf_results& sender, const perf_results& receiver, bool client_sends) const;
    std::string json(const perf_results& theirs) const;
    double elapsed() const;

    boost::asio::io_context& io_;
    const bool is_client_;
    const perf_parameters parameters_;
    const perf_report_options report_;
    std::shared_ptr<perf_budget> budget_ = std::make_shared<perf_budget>();
    std::vector<std::shared_ptr<perf_stream>> streams_;
    std::vector<std::uint64_t> last_octets_; ///< of each stream, at the end of the last interval
    std::vector<interval_line> intervals_;   ///< for --json
    boost::asio::steady_timer timer_;
    clock::time_point begin_{}, end_{};
    double cpu_user_ = 0, cpu_system_ = 0; ///< seconds, at the beginning
    bool running_ = false;
};

} // namespace apps::tools
