/// @file
/// The device interface: where packets leave and enter a stack. Implement it to attach a stack to a medium of your own.
#pragma once

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>
#include <tapio/detail/clocks.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#pragma GCC visibility push(default)

namespace tapio {

using core::device_info;
using core::packet;

/// What a device tells the stack that it is attached to. Every call may come on any thread on which the device's
/// executor runs handlers, or (in-memory devices) from within another stack's run; never while the device is inside one
/// of the calls below.
class device_receiver
{
public:
    /// A packet came off the medium. Call it for a whole batch, then `end_batch()` once: timers, acknowledgements and
    /// wake-ups are decided there.
    virtual void receive(packet&& p) = 0;

    /// @param goes_on more waits on the medium, and another end_batch() follows soon, if need be of a batch without packets: an
    ///     acknowledgement may wait for it, a fraction of a millisecond
    virtual void end_batch(bool goes_on = false) = 0;

    /// The stack's time, real or virtual: a device that delays packets goes by it.
    virtual core::time_point now() const = 0;

    /// The same as time of day, since the UNIX epoch: what a capture is stamped with. The system's clock, or virtual.
    virtual std::chrono::nanoseconds time_of_day() const { return detail::read_clock(CLOCK_REALTIME); }

    /// After `transmit()` has answered false: there is room again.
    virtual void writable() = 0;

    /// `info()` has another link state or MTU now.
    virtual void changed() {}

    /// The device is gone (unplugged, deleted); nothing more will come.
    virtual void failed(boost::system::error_code why) = 0;

protected:
    ~device_receiver() = default;
};

/// One medium, attached to at most one stack at a time. What stands around another device is made of device_decorator.
/// Thread safety: the stack serialises its calls (they come under the stack's lock). The device must not call its
/// receiver from within them: what it has to say, it says from a handler on its executor, or after `poll()`.
class device
{
public:
    virtual ~device() = default;

    /// What the stack has to know. Constant while attached, except that `link_up` and `mtu` may change: then
    /// `receiver.changed()` follows.
    virtual device_info info() const = 0;

    /// Begins delivery to `receiver`, from handlers that run on `executor`, until `stop()`. Called once.
    virtual void start(boost::asio::any_io_executor executor, device_receiver& receiver) = 0;

    /// Sends one packet. True: taken (or dropped as the medium would); the packet is moved from. False: full; the
    /// packet is left as it was, and `receiver.writable()` follows when there is room.
    virtual bool transmit(packet& p) = 0;

    /// Several, in this order. @return how many were taken, all of them but when it is full, as above
    virtual std::size_t transmit_several(std::span<packet* const> packets)
    {
        std::size_t taken = 0;
        while (taken < packets.size() && transmit(*packets[taken])) ++taken;
        return taken;
    }

    /// All that was taken is on its way when this returns. Called under the stack's lock at the end of each run in
    /// which it was called. False: full, as above; it is called again after `receiver.writable()`.
    virtual bool flush() { return true; }

    /// Packets that were taken, and that the medium then refused for good (its link is down, no memory, too large).
    virtual std::uint64_t transmit_errors() const { return 0; }

    /// Ends delivery. After it has returned no handler of the device touches the receiver any more, even if already
    /// queued.
    virtual void stop() = 0;

    /// Media within the process: the stack calls `deliver()`, without its lock, after each run of its own in which it has sent
    /// something, so that it can be with the other end at once, inside the user's call. Never from within a call of the
    /// receiver's.
    virtual bool in_memory() const { return false; }
    virtual void deliver() {}

    /// Media that hold packets back: when `advance()` is wanted. Asked after each run of the stack, under its lock.
    virtual core::time_point next_deadline() const { return core::never; }

    /// That time has come: delivers what is due. Called by the stack without its lock.
    virtual void advance() {}

    /// A descriptor that is readable when packets have come, or -1; and what reads them, as its handler would. For a stack
    /// that a blocked caller drives (see stack.hpp), while the executor may be run by nobody, on that caller's thread; and after
    /// a batch, to have the next without a way through the executor, in one of its handlers. Without the stack's lock.
    virtual int poll_descriptor() const { return -1; }
    virtual void poll() {}
};

} // namespace tapio

#pragma GCC visibility pop
