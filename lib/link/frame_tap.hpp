/// @file
/// A tap sees the frames of all interfaces, whole: as they came from the device, before segments are joined and padding is
/// removed, and as they leave for it, after segments were split. Raw Ethernet sockets are behind it. An interface without a tap
/// tests one pointer.
#pragma once

#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

namespace tapio::core::link {

class interface;

class frame_tap
{
public:
    virtual void received(const interface& by, const packet& frame, time_point now) = 0;
    virtual void sent(const interface& by, const packet& frame, time_point now) = 0;
    /// The interface has become usable, or is so no more, or has another device or MTU.
    virtual void state_changed(const interface& of) = 0;

protected:
    ~frame_tap() = default;
};

} // namespace tapio::core::link
