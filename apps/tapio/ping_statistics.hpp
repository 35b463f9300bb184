/// @file
/// What ping counts and measures, with the words of iputils' ping.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace apps::tools {

/// Least, mean and largest round trip, and the population's standard deviation ("mdev").
class rtt_statistics
{
public:
    using duration = std::chrono::nanoseconds;

    void add(duration d);

    std::uint64_t count() const { return count_; }
    duration min() const { return min_; }
    duration max() const { return max_; }
    duration mean() const;
    duration deviation() const;

private:
    std::uint64_t count_ = 0;
    duration min_{}, max_{};
    double sum_ = 0, squares_ = 0; ///< of nanoseconds
};

class ping_statistics
{
public:
    using clock = std::chrono::steady_clock;

    /// What a reply is to the statistics.
    enum class reply
    {
        first,
        duplicate,
        unexpected ///< no request with this sequence number was sent
    };

    void sent(std::uint16_t sequence, clock::time_point when);
    /// @param rtt  set unless the reply is unexpected
    reply received(std::uint16_t sequence, clock::time_point when, std::chrono::nanoseconds& rtt);
    void error() { ++errors_; }

    std::uint64_t transmitted() const { return transmitted_; }
    std::uint64_t received() const { return rtt_.count(); }
    std::uint64_t duplicates() const { return duplicates_; }
    std::uint64_t errors() const { return errors_; }
    const rtt_statistics& rtt() const { return rtt_; }
    double loss_percent() const;

    /// The two lines that end ping's output, each with its newline. @param elapsed  from the first to the last request or reply
    std::string text(std::chrono::nanoseconds elapsed) const;

private:
    struct request
    {
        clock::time_point when;
        bool answered = false;
    };
    std::unordered_map<std::uint16_t, request> requests_; ///< by sequence number; the latest with each
    std::uint64_t transmitted_ = 0, duplicates_ = 0, errors_ = 0;
    rtt_statistics rtt_;
};

} // namespace apps::tools
