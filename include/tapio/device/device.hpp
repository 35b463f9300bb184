/// @file
/// The device interface: how a stack sends and receives packets. Implement it to attach a stack to a medium of your own; to
/// change what another device does, derive from device_decorator (device/decorator.hpp) instead.
///
/// A device usually works so: start() stores the receiver and waits for input on the executor. A handler there calls
/// receiver.receive() for each packet that has come, then receiver.end_batch(). For output the stack calls transmit() for each
/// packet, then flush().
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

/// The stack, as its device sees it.
/// @par Contract  a device calls these members one at a time: from handlers on its executor, from poll(), advance() or deliver(),
///   but never from within one of its other members, which the stack calls with its lock held
/// @par Lifetime  from start() until stop() has returned
class device_receiver
{
public:
    /// A packet came from the medium. Call it for each packet of a batch, then `end_batch()` once, where the stack handles them.
    /// The packet begins with the header that device_info::link names; packet::offload tells what the medium says of it.
    virtual void receive(packet&& p) = 0;

    /// Ends a batch: the stack handles its packets, arms timers, sends acknowledgements and wakes waiting operations.
    /// @param goes_on  true if more packets wait on the medium. Acknowledgements may then be delayed by a fraction of a
    ///   millisecond until the next end_batch(), which must follow soon, even if no packet comes
    virtual void end_batch(bool goes_on = false) = 0;

    /// The stack's time, real or virtual, by which a device delays packets.
    virtual core::time_point now() const = 0;

    /// The time of day since the UNIX epoch, from the system's clock or virtual: the time stamps of a capture.
    virtual std::chrono::nanoseconds time_of_day() const { return detail::read_clock(CLOCK_REALTIME); }

    /// There is room again, after `transmit()` or `flush()` returned false.
    virtual void writable() = 0;

    /// The link state or the MTU in `info()` changed.
    virtual void changed() {}

    /// The device is gone (unplugged, deleted) and delivers nothing more: its interface becomes `not_present`.
    /// @param why  becomes interface_status::why
    virtual void failed(boost::system::error_code why) = 0;

protected:
    ~device_receiver() = default;
};

/// One medium, attached to one stack. The stack owns the device and destroys it after stop().
/// @par Thread safety  transmit(), transmit_several(), flush(), transmit_errors(), next_deadline() and in_memory() are called one
///   at a time, with the stack's lock held; within them the device must not call its receiver. start(), stop(), deliver(),
///   advance() and poll() are called without the lock. info() and poll_descriptor() are called with or without it, on any thread
///   that drives the stack
class device
{
public:
    virtual ~device() = default;

    /// Name, link type, MTU, offload and so on. Constant while attached, except `link_up` and `mtu`: after these change the
    /// device calls `receiver.changed()`.
    virtual device_info info() const = 0;

    /// Begins delivery to `receiver`, from handlers on `executor`, until `stop()`. Called once.
    virtual void start(boost::asio::any_io_executor executor, device_receiver& receiver) = 0;

    /// Sends one packet. The packet fits the MTU, or device_info::offload allows a larger one.
    /// @return true: accepted (or dropped, as the medium would), and `p` is moved from. false: no room; `p` is unchanged, and the
    ///   device calls `receiver.writable()` when there is room
    virtual bool transmit(packet& p) = 0;

    /// Sends several packets, in this order. @return how many were accepted; fewer than all means no room, as above
    virtual std::size_t transmit_several(std::span<packet* const> packets)
    {
        std::size_t taken = 0;
        while (taken < packets.size() && transmit(*packets[taken])) ++taken;
        return taken;
    }

    /// Sends what the device has accepted but still holds back, to send it in a batch. Called after one or more calls of
    /// transmit() or transmit_several(). @return false: no room, as above; called again after `receiver.writable()`
    virtual bool flush() { return true; }

    /// How many accepted packets the medium then refused for good: link down, no memory, too large. Counted as out_errors.
    virtual std::uint64_t transmit_errors() const { return 0; }

    /// Ends delivery. After it has returned, no handler of the device uses the receiver, not even one that is queued already. It
    /// may wait for a handler that is running on another thread, and may be called more than once.
    virtual void stop() = 0;

    /// True for media within the process. The stack then calls `deliver()` after it has sent something, so that the packets reach
    /// the other end at once, within the user's call; not, however, within a call of the receiver.
    virtual bool in_memory() const { return false; }
    virtual void deliver() {}

    /// For media that delay packets: when `advance()` is to be called next; `core::never`: not at all.
    virtual core::time_point next_deadline() const { return core::never; }

    /// Delivers what is due now. Called without the stack's lock.
    virtual void advance() {}

    /// A file descriptor that is readable when packets have come, or -1; and poll(), which reads these packets as the device's
    /// handler would. A synchronous call that drives the stack itself (see stack.hpp) uses both on its own thread, because
    /// perhaps nobody runs the executor. The stack also calls poll() in a handler after a batch, to read the next one sooner.
    virtual int poll_descriptor() const { return -1; }
    virtual void poll() {}
};

} // namespace tapio

#pragma GCC visibility pop
