/// @file
/// The messages of iperf3 (its protocol has no specification; these are the facts that its exchanges show). A test has a control
/// connection, on which the parties send one another states, an octet each, and JSON texts with their length in front; and data
/// streams. The client begins every TCP connection with the test's cookie; a UDP stream begins with a greeting and an answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace apps::tools {

enum class perf_state : signed char
{
    server_error = -2, ///< two numbers of 32 bits follow
    access_denied = -1,
    test_start = 1,
    test_running = 2,
    test_end = 4,
    parameter_exchange = 9,
    create_streams = 10,
    server_terminate = 11,
    client_terminate = 12,
    exchange_results = 13,
    display_results = 14,
    done = 16
};

inline constexpr std::uint16_t perf_port = 5201;

using perf_cookie = std::array<char, 37>; ///< 36 letters and digits, and a zero
perf_cookie make_perf_cookie();

/// What a UDP stream begins with: the client's greeting and the server's answer.
inline constexpr std::array<char, 4> perf_greeting{'9', '8', '7', '6'}, perf_answer{'6', '7', '8', '9'};

/// What the client asks for.
struct perf_parameters
{
    bool udp = false, reverse = false, bidirectional = false;
    unsigned time = 10, omit = 0;   ///< seconds
    std::uint64_t octets = 0;       ///< end after so many instead of `time`; 0: not
    unsigned parallel = 1;          ///< streams, in each direction
    unsigned length = 128 * 1024;   ///< octets of a write, or of a UDP datagram
    std::uint64_t bandwidth = 0;    ///< bit/s of each stream; 0: no limit
    bool wide_counters = false;     ///< sequence numbers of UDP have 64 bits
    std::string congestion_control; ///< empty: the host's

    unsigned streams() const { return parallel * (bidirectional ? 2 : 1); }
    /// Whether the party sends on stream `index`: with `bidirectional`, the client does on the first half.
    bool sends(bool is_client, unsigned index) const
    {
        const bool client_sends = bidirectional ? index < parallel : !reverse;
        return client_sends == is_client;
    }
};

std::string to_json(const perf_parameters& p);
/// @throws std::runtime_error if the text is not what it should be, or asks for what nobody can give
perf_parameters parse_perf_parameters(const std::string& text);

struct perf_stream_result
{
    int id = 0;
    std::uint64_t octets = 0;
    std::int64_t retransmits = -1; ///< segments; -1: unknown, as at a receiver
    double jitter = 0;             ///< seconds; of a UDP receiver
    std::int64_t lost = 0, packets = 0;
    double seconds = 0;
};

struct perf_results
{
    double cpu_total = 0, cpu_user = 0, cpu_system = 0; ///< per cent of one processor
    int sender_has_retransmits = -1;
    std::string congestion_control;
    std::vector<perf_stream_result> streams;
};

std::string to_json(const perf_results& r);
/// @throws std::runtime_error
perf_results parse_perf_results(const std::string& text);

/// The number of the stream in the results: 1, 3, 4, 5 ...
inline int perf_stream_id(unsigned index) { return index == 0 ? 1 : static_cast<int>(index) + 2; }

/// Time and sequence number at the beginning of each UDP datagram.
struct perf_udp_header
{
    std::uint32_t seconds = 0, microseconds = 0;
    std::uint64_t sequence = 0;

    static constexpr std::size_t size(bool wide) { return wide ? 16 : 12; }
    void write(std::span<std::byte> to, bool wide) const;                    ///< @pre `to` is long enough
    static perf_udp_header read(std::span<const std::byte> from, bool wide); ///< @pre likewise
};

/// Loss and jitter (RFC 1889 §A.8) of a stream of UDP datagrams.
class perf_udp_receiver
{
public:
    /// @param transit  time of reception less time of sending, seconds; the clocks need not agree
    void take(std::uint64_t sequence, double transit);
    void reset(); ///< forgets what was counted, not the sequence number

    double jitter() const { return jitter_; }
    std::int64_t lost() const { return lost_; }
    std::int64_t packets() const { return static_cast<std::int64_t>(highest_ - first_); } ///< that should have come
    std::int64_t out_of_order() const { return out_of_order_; }

private:
    std::uint64_t highest_ = 0, first_ = 0;
    std::int64_t lost_ = 0, out_of_order_ = 0;
    double jitter_ = 0, last_transit_ = 0;
    bool any_ = false;
};

} // namespace apps::tools
