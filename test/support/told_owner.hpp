/// @file
/// A socket owner that records its notifications.
#pragma once

#include <tapio/core/event_sink.hpp>

namespace tapio::core {

struct told_owner final : event_sink
{
    void ready(readiness what, time_point) override
    {
        told |= what;
        ++times;
    }

    readiness told = readiness::none;
    unsigned times = 0;
};

} // namespace tapio::core
