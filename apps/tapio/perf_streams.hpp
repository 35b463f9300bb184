/// @file
/// The data streams of an iperf3 test: each sends or receives over TCP or UDP until it is stopped, and counts.
#pragma once

#include "tapio/perf_protocol.hpp"

#include <tapio/core/slice.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace apps::tools {

class perf_stream
{
public:
    using clock = std::chrono::steady_clock;

    perf_stream(unsigned index, bool sending) : id_(perf_stream_id(index)), sending_(sending) {}
    virtual ~perf_stream() = default;
    perf_stream(const perf_stream&) = delete;
    perf_stream& operator=(const perf_stream&) = delete;

    virtual boost::asio::awaitable<void> run() = 0; ///< until stop(), or the peer ends the stream
    virtual void stop() = 0;                        ///< nothing is sent, nor counted, any more
    virtual void end() {}                           ///< after stop(): the peer reads the end of the stream
    virtual void reset() { octets_ = 0; }           ///< forgets what was counted ("omit")
    virtual perf_stream_result result() const = 0;  ///< without `seconds`
    virtual std::string congestion_control() const { return {}; }

    int id() const { return id_; }
    bool sending() const { return sending_; }
    std::uint64_t octets() const { return octets_; }

protected:
    const int id_;
    const bool sending_;
    std::uint64_t octets_ = 0;
    bool stopped_ = false;
};

/// How much a sender may send, and when: a rate, and an amount that all streams of a test share.
struct perf_budget
{
    std::uint64_t rate = 0;            ///< bit/s of each stream; 0: no limit
    std::uint64_t octets = 0;          ///< of all streams; 0: no limit
    std::uint64_t spent = 0;           ///< octets
    std::function<void()> exhausted{}; ///< called when `octets` are spent

    bool is_spent() const { return octets != 0 && spent >= octets; }
    void spend(std::uint64_t n)
    {
        const bool before = is_spent();
        spent += n;
        if (!before && is_spent() && exhausted) exhausted();
    }
};

std::unique_ptr<perf_stream> make_tcp_stream(boost::asio::io_context& io, tapio::ip::tcp::socket socket, unsigned index,
                                             bool sending, const perf_parameters& p, std::shared_ptr<perf_budget> budget);

/// @param socket  shared by the streams of a server; `peer` is where this one's datagrams go
std::unique_ptr<perf_stream> make_udp_stream(boost::asio::io_context& io, std::shared_ptr<tapio::ip::udp::socket> socket,
                                             const tapio::ip::udp::endpoint& peer, unsigned index, bool sending,
                                             const perf_parameters& p, std::shared_ptr<perf_budget> budget);

/// Gives a datagram that a shared socket received to the UDP stream of its sender.
void deliver(perf_stream& udp_stream, std::span<const std::byte> datagram);

} // namespace apps::tools
