/// @file
/// Waits for a change of an interface's state (stack::async_wait_interface). Internal.
#pragma once

#include <tapio/core/interface_status.hpp>
#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/operation.hpp>
#include <tapio/detail/stack_executor.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

std::uint64_t next_operation_id() noexcept;

struct interface_wait
{
    std::uint32_t interface = 0;
    std::optional<core::interface_state>
        known; ///< completes at once if the state differs from it; none: waits for the next change
};

void start_interface_wait(engine& e, const interface_wait& w, operation* op);
void cancel_interface_wait(engine& e, std::uint64_t op_id);

struct interface_wait_action
{
    core::interface_state state = core::interface_state::up;

    bool perform(socket&, boost::system::error_code&) { return false; }
    void tell(unsigned s) noexcept { state = static_cast<core::interface_state>(s); }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return bound_handler<Handler, boost::system::error_code, core::interface_state>(std::move(h), ec, state);
    }
};

/// The initiation function, with the executor_type that Asio's composed operations look for.
class initiate_interface_wait
{
public:
    using executor_type = basic_stack_executor<boost::asio::io_context::executor_type>;

    initiate_interface_wait(std::shared_ptr<engine> e, const executor_type& io) : engine_(std::move(e)), io_(io) {}
    executor_type get_executor() const noexcept { return io_; }

    template <class Handler>
    void operator()(Handler&& handler, const interface_wait& w) const
    {
        auto h = std::forward<Handler>(handler);
        const auto slot = boost::asio::get_associated_cancellation_slot(h);
        const bool immediate = has_immediate_executor(h, io_);
        operation* const op = make_operation(interface_wait_action{}, h, io_);
        op->has_immediate_executor = immediate;
        op->identify(next_operation_id());
        const std::shared_ptr<engine> kept = engine_; // the handler may run before we return, and destroy the stack
        if (slot.is_connected()) watch(slot, kept, op->id);
        start_interface_wait(*kept, w, op);
    }

private:
    template <class Slot>
    static void watch(Slot slot, const std::shared_ptr<engine>& e, std::uint64_t op_id)
    {
        slot.assign([weak = std::weak_ptr(e), op_id](boost::asio::cancellation_type type) {
            using boost::asio::cancellation_type;
            const auto any = cancellation_type::terminal | cancellation_type::partial | cancellation_type::total;
            if ((type & any) == cancellation_type::none) return;
            if (const auto alive = weak.lock()) cancel_interface_wait(*alive, op_id);
        });
    }

    std::shared_ptr<engine> engine_;
    executor_type io_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
