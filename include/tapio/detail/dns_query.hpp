/// @file
/// dns::async_query for any completion token: a thin template over plain functions. Internal.
#pragma once

#include <tapio/core/dns.hpp>
#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/names.hpp>
#include <tapio/detail/operation.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

std::uint64_t next_operation_id() noexcept;

struct dns_action
{
    std::shared_ptr<core::dns::answer> into;

    bool perform(socket&, boost::system::error_code&) { return false; }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return bound_handler<Handler, boost::system::error_code, core::dns::answer>(std::move(h), ec, std::move(*into));
    }
};

template <class Executor>
class dns_initiation
{
public:
    dns_initiation(std::shared_ptr<engine> e, Executor io) : engine_(std::move(e)), io_(std::move(io)) {}

    using executor_type = Executor;
    executor_type get_executor() const noexcept { return io_; }

    template <class Handler>
    void operator()(Handler&& handler, const std::optional<core::dns::name>& n, core::dns::record_type type) const
    {
        std::decay_t<Handler> own(std::forward<Handler>(handler));
        const auto slot = boost::asio::get_associated_cancellation_slot(own);
        const auto into = std::make_shared<core::dns::answer>();
        operation* const op = make_operation(dns_action{into}, own, io_);
        op->identify(next_operation_id());
        if (!n) {
            op->result = boost::asio::error::invalid_argument;
            return op->complete();
        }
        if (slot.is_connected()) watch(slot, op->id);
        start_query(engine_, *n, type, into, op);
    }

private:
    template <class Slot>
    void watch(Slot slot, std::uint64_t id) const
    {
        slot.assign([weak = std::weak_ptr(engine_), id](boost::asio::cancellation_type type) {
            using boost::asio::cancellation_type;
            const auto any = cancellation_type::terminal | cancellation_type::partial | cancellation_type::total;
            if ((type & any) != cancellation_type::none) cancel_query(weak, id);
        });
    }

    std::shared_ptr<engine> engine_;
    Executor io_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
