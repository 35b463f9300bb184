/// @file
/// Waits for the configuration of an interface (stack::async_configure, stack::async_wait_configuration). Internal.
#pragma once

#include <tapio/core/interface_configuration.hpp>
#include <tapio/detail/engine_operation.hpp>

#include <cstdint>
#include <memory>
#include <optional>

#pragma GCC visibility push(default)

namespace tapio::detail {

struct configuration_wait
{
    std::uint32_t interface = 0;
    std::optional<std::uint64_t> known;                     ///< until the version differs from it; else until there is an address
    std::optional<core::configure_options> options;         ///< what to begin with; none: nothing
    std::shared_ptr<core::interface_configuration> found{}; ///< made by action()

    result_action<core::interface_configuration> action()
    {
        found = std::make_shared<core::interface_configuration>();
        return {found};
    }
    void start(const std::shared_ptr<engine>& e, operation* op) const;
    static void cancel(engine& e, std::uint64_t op_id);
};

} // namespace tapio::detail

#pragma GCC visibility pop
