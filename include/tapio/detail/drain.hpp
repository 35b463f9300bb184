/// @file
/// stack::async_drain for any completion token: a thin template over plain functions. Internal.
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/operation.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

std::uint64_t next_operation_id() noexcept;
void start_drain(const std::shared_ptr<engine>& e, core::duration timeout, operation* op);
void cancel_drain(const std::weak_ptr<engine>& e, std::uint64_t id);

struct drain_action
{
    bool perform(socket&, boost::system::error_code&) { return false; }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return bound_handler<Handler, boost::system::error_code>(std::move(h), ec);
    }
};

template <class Executor>
class drain_initiation
{
public:
    drain_initiation(std::shared_ptr<engine> e, Executor io) : engine_(std::move(e)), io_(std::move(io)) {}

    using executor_type = Executor;
    executor_type get_executor() const noexcept { return io_; }

    template <class Handler>
    void operator()(Handler&& handler, core::duration timeout) const
    {
        std::decay_t<Handler> own(std::forward<Handler>(handler));
        const auto slot = boost::asio::get_associated_cancellation_slot(own);
        operation* const op = make_operation(drain_action{}, own, io_);
        op->identify(next_operation_id());
        if (slot.is_connected()) watch(slot, op->id);
        start_drain(engine_, timeout, op);
    }

private:
    template <class Slot>
    void watch(Slot slot, std::uint64_t id) const
    {
        slot.assign([weak = std::weak_ptr(engine_), id](boost::asio::cancellation_type type) {
            using boost::asio::cancellation_type;
            const auto any = cancellation_type::terminal | cancellation_type::partial | cancellation_type::total;
            if ((type & any) != cancellation_type::none) cancel_drain(weak, id);
        });
    }

    std::shared_ptr<engine> engine_;
    Executor io_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
