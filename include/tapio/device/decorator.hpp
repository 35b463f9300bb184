/// @file
/// The base class of devices that wrap another device: `capture()` and `impaired()` use it, and your own can.
///
///     /// Sets the DSCP "expedited forwarding" (RFC 3246) in all outgoing packets of a device of bare IP packets.
///     class marking final : public tapio::device_decorator
///     {
///     public:
///         using device_decorator::device_decorator;
///         ~marking() override { stop(); }
///         bool transmit(tapio::packet& p) override
///         {
///             constexpr std::byte expedited[] = {std::byte{46 << 2}};
///             tapio::core::overwrite(p, 1, expedited);
///             tapio::core::update_checksums(p, info().link);
///             return device_decorator::transmit(p);
///         }
///     };
///     tapio::stack stack(io, std::make_unique<marking>(tapio::open_tun({.name = "tun0"})));
///
/// A decorator attaches to a stack as any device, also by `stack::add_device` and `stack::replace_device`, and may wrap another
/// decorator. For decorators that change packets see <tapio/core/checksum.hpp>.
#pragma once

#include <tapio/device/device.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio {

/// Passes every call on, in both directions; override those that are to do something else. The contracts of device and
/// device_receiver hold; in particular a decorator must not call its receiver from within transmit() or flush(), nor after stop()
/// has returned. Outgoing packets reach `transmit()` one at a time, in order; a decorator that does not look at them may override
/// `transmit_several()` to pass them on together.
/// @par Lifetime  owns the inner device. A derived class must call stop() in its destructor, because handlers of the inner device
///   may be running in its functions until then
class device_decorator : public device, protected device_receiver
{
public:
    explicit device_decorator(std::unique_ptr<device> inner) : inner_(std::move(inner)) {}
    ~device_decorator() override { inner_->stop(); }

    // -- called by the stack: passed on to the inner device
    device_info info() const override { return inner_->info(); }
    void start(boost::asio::any_io_executor executor, device_receiver& receiver) override
    {
        outer_ = &receiver;
        inner_->start(std::move(executor), *this);
    }
    bool transmit(packet& p) override { return inner_->transmit(p); }
    bool flush() override { return inner_->flush(); }
    std::uint64_t transmit_errors() const override { return inner_->transmit_errors(); }
    void stop() override { inner_->stop(); }
    bool in_memory() const override { return inner_->in_memory(); }
    void deliver() override { inner_->deliver(); }
    core::time_point next_deadline() const override { return inner_->next_deadline(); }
    void advance() override { inner_->advance(); }
    int poll_descriptor() const override { return inner_->poll_descriptor(); }
    void poll() override { inner_->poll(); }

protected:
    // -- called by the inner device: passed on to the stack
    void receive(packet&& p) override { outer_->receive(std::move(p)); }
    void end_batch(bool goes_on) override { outer_->end_batch(goes_on); }
    core::time_point now() const override { return outer_->now(); }
    std::chrono::nanoseconds time_of_day() const override { return outer_->time_of_day(); }
    void writable() override { outer_->writable(); }
    void changed() override { outer_->changed(); }
    void failed(boost::system::error_code why) override { outer_->failed(why); }

    device& inner() const noexcept { return *inner_; }
    device_receiver& outer() const noexcept { return *outer_; } ///< @pre between start() and the end of stop()

private:
    const std::unique_ptr<device> inner_;
    device_receiver* outer_ = nullptr;
};

} // namespace tapio

#pragma GCC visibility pop
