/// @file
/// stack::async_drain. Internal.
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/detail/engine_operation.hpp>

#include <cstdint>
#include <memory>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

struct drain_action
{
    bool perform(socket&, boost::system::error_code&) { return false; }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return bound_handler<Handler, boost::system::error_code>(std::move(h), ec);
    }
};

struct drain_request
{
    core::duration timeout{};

    drain_action action() const { return {}; }
    void start(const std::shared_ptr<engine>& e, operation* op) const;
    static void cancel(engine& e, std::uint64_t op_id);
};

} // namespace tapio::detail

#pragma GCC visibility pop
