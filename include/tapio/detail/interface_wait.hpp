/// @file
/// Waits for a change of an interface's state (stack::async_wait_interface). Internal.
#pragma once

#include <tapio/core/interface_status.hpp>
#include <tapio/detail/engine_operation.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

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

struct interface_wait
{
    std::uint32_t interface = 0;
    /// Completes at once if the state differs from it; none: waits for the next change.
    std::optional<core::interface_state> known;

    interface_wait_action action() const { return {}; }
    void start(const std::shared_ptr<engine>& e, operation* op) const;
    static void cancel(engine& e, std::uint64_t op_id);
};

} // namespace tapio::detail

#pragma GCC visibility pop
