/// @file
/// Waits for the configuration of an interface (stack::async_configure, stack::async_wait_configuration). Internal.
#pragma once

#include <tapio/core/interface_configuration.hpp>
#include <tapio/core/time.hpp>
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

struct configuration_wait
{
    std::uint32_t interface = 0;
    std::optional<std::uint64_t> known;             ///< until the version differs from it; else until there is an address
    std::optional<core::configure_options> options; ///< what to begin with; none: nothing
    std::shared_ptr<core::interface_configuration> found{};
};

void start_configuration_wait(engine& e, configuration_wait w, operation* op);
void cancel_configuration_wait(engine& e, std::uint64_t op_id);

struct configuration_action
{
    std::shared_ptr<core::interface_configuration> found;

    bool perform(socket&, boost::system::error_code&) { return false; }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return bound_handler<Handler, boost::system::error_code, core::interface_configuration>(std::move(h), ec,
                                                                                                std::move(*found));
    }
};

/// The initiation function, with the executor_type that Asio's composed operations look for.
class initiate_configuration_wait
{
public:
    using executor_type = basic_stack_executor<boost::asio::io_context::executor_type>;

    initiate_configuration_wait(std::shared_ptr<engine> e, const executor_type& io) : engine_(std::move(e)), io_(io) {}
    executor_type get_executor() const noexcept { return io_; }

    template <class Handler>
    void operator()(Handler&& handler, configuration_wait w) const
    {
        auto h = std::forward<Handler>(handler);
        const auto slot = boost::asio::get_associated_cancellation_slot(h);
        const bool immediate = has_immediate_executor(h, io_);
        w.found = std::make_shared<core::interface_configuration>();
        operation* const op = make_operation(configuration_action{w.found}, h, io_);
        op->has_immediate_executor = immediate;
        op->identify(next_operation_id());
        const std::shared_ptr<engine> kept = engine_; // the handler may run before we return, and destroy the stack
        if (slot.is_connected()) watch(slot, kept, op->id);
        start_configuration_wait(*kept, std::move(w), op);
    }

private:
    template <class Slot>
    static void watch(Slot slot, const std::shared_ptr<engine>& e, std::uint64_t op_id)
    {
        slot.assign([weak = std::weak_ptr(e), op_id](boost::asio::cancellation_type type) {
            using boost::asio::cancellation_type;
            const auto any = cancellation_type::terminal | cancellation_type::partial | cancellation_type::total;
            if ((type & any) == cancellation_type::none) return;
            if (const auto alive = weak.lock()) cancel_configuration_wait(*alive, op_id);
        });
    }

    std::shared_ptr<engine> engine_;
    executor_type io_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
