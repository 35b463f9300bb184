/// @file
/// The segments sent and the ACKs received by the first flow's sender: the data of a time-sequence diagram.
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/core/trace.hpp>

#include <cstdint>
#include <vector>

namespace tapio::lab {

/// Sequence numbers are positions in the stream, and do not wrap.
struct segment_event
{
    enum class type : std::uint8_t
    {
        sent,
        sent_again,
        acknowledged, ///< everything before `end`
        sacked        ///< [begin, end)
    };
    type what{};
    core::duration at{};
    std::uint64_t begin = 0, end = 0;
};

/// Records the first connection that it sees, from `from` to `to`.
class segment_log final : public core::trace
{
public:
    segment_log(core::duration from, core::duration to) : from_(from), to_(to) {}
    void begin(core::time_point start) { start_ = start; }

    void sent(std::uint32_t interface, const core::packet& p, core::time_point now) override;
    void received(std::uint32_t interface, const core::packet& p, core::time_point now) override;

    const std::vector<segment_event>& events() const noexcept { return events_; }

private:
    std::uint64_t unwrap(std::uint32_t sequence) const noexcept; ///< the position nearest to the last octet sent
    void add(segment_event::type what, std::uint64_t begin, std::uint64_t end, core::time_point now);

    core::duration from_, to_;
    core::time_point start_{};
    std::uint16_t port_ = 0; ///< the sender's port; 0: no segment seen yet
    std::uint32_t first_ = 0;
    std::uint64_t highest_ = 0, acknowledged_ = 0;
    std::vector<segment_event> events_;
};

} // namespace tapio::lab
