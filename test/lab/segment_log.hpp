/// @file
/// What the first flow's sender has sent, and what it was told of it: the raw material of a time-sequence plot.
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/core/trace.hpp>

#include <cstdint>
#include <vector>

namespace tapio::lab {

/// Sequence numbers are octets of the stream, and do not wrap.
struct segment_event
{
    enum class type : std::uint8_t
    {
        sent,
        sent_again,
        acknowledged, ///< all before `end`
        sacked        ///< [begin, end)
    };
    type what{};
    core::duration at{};
    std::uint64_t begin = 0, end = 0;
};

/// Follows the connection whose segments it sees first, from `from` to `to`.
class segment_log final : public core::trace
{
public:
    segment_log(core::duration from, core::duration to) : from_(from), to_(to) {}
    void begin(core::time_point start) { start_ = start; }

    void sent(std::uint32_t interface, const core::packet& p, core::time_point now) override;
    void received(std::uint32_t interface, const core::packet& p, core::time_point now) override;

    const std::vector<segment_event>& events() const noexcept { return events_; }

private:
    std::uint64_t unwrap(std::uint32_t sequence) const noexcept; ///< the place nearest to what was sent last
    void add(segment_event::type what, std::uint64_t begin, std::uint64_t end, core::time_point now);

    core::duration from_, to_;
    core::time_point start_{};
    std::uint16_t port_ = 0; ///< of the sender
    std::uint32_t first_ = 0;
    std::uint64_t highest_ = 0, acknowledged_ = 0;
    std::vector<segment_event> events_;
};

} // namespace tapio::lab
