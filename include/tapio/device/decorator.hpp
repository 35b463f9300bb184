/// @file
/// The base of devices that stand around another one: `capture()` and `impaired()` are made of it, and so can yours be.
///
///     /// Marks all that leaves with DSCP "expedited forwarding" (RFC 3246), for a device of bare IP packets.
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
/// It attaches to a stack as any device, also by `stack::add_device` and `stack::replace_device`, and may stand around another
/// decorator. For packets that are changed see <tapio/core/checksum.hpp>.
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

/// Passes everything on, both ways. Override what is to be otherwise; the rules for device and device_receiver hold, above all:
/// nothing is said to the receiver from within a call of the stack's, nor after stop() has returned.
/// Outgoing packets come to `transmit()` one by one, in their order, whichever way the stack hands them over; a decorator that
/// leaves them alone may override `transmit_several()` to pass them on together.
/// @par Lifetime  owns the inner device. A derived class calls stop() in its destructor: handlers of the inner device may be in
///   one of its functions until then
class device_decorator : public device, protected device_receiver
{
public:
    explicit device_decorator(std::unique_ptr<device> inner) : inner_(std::move(inner)) {}
    ~device_decorator() override { inner_->stop(); }

    // -- of the stack: on to the inner device
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
    // -- of the inner device: on to the stack
    void receive(packet&& p) override { outer_->receive(std::move(p)); }
    void end_batch(bool goes_on) override { outer_->end_batch(goes_on); }
    core::time_point now() const override { return outer_->now(); }
    std::chrono::nanoseconds time_of_day() const override { return outer_->time_of_day(); }
    void writable() override { outer_->writable(); }
    void changed() override { outer_->changed(); }
    void failed(boost::system::error_code why) override { outer_->failed(why); }

    device& inner() const noexcept { return *inner_; }
    device_receiver& outer() const noexcept { return *outer_; } ///< from start() until stop() has returned

private:
    const std::unique_ptr<device> inner_;
    device_receiver* outer_ = nullptr;
};

} // namespace tapio

#pragma GCC visibility pop
