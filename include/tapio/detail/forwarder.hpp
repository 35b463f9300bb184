/// @file
/// Forwarders, for the classes of tcp_forwarder.hpp and udp_forwarder.hpp: plain functions, implemented in lib/asio. Internal.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/event_sink.hpp>
#include <tapio/core/forwarder_options.hpp>
#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/cancellation.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/operation.hpp>
#include <tapio/detail/socket.hpp>
#include <tapio/stack.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// The forwarder of a transport of a stack, with the operations that wait for flows.
class forwarder final : public core::event_sink, public std::enable_shared_from_this<forwarder>
{
public:
    forwarder(std::shared_ptr<engine> owner, socket_kind kind) noexcept;
    ~forwarder();
    /// @return null if there is an error
    static std::shared_ptr<forwarder> open(stack& s, socket_kind kind, const core::forwarder_options& options, error_code& ec);
    void close();

    /// Completes when a flow is there, which is written to `into` then.
    void next(operation* op, std::shared_ptr<core::taken_flow> into);
    void cancel();
    void cancel(std::uint64_t id);

    // Decisions about a flow; all but the first may come too late without harm.
    std::shared_ptr<socket> accept(std::uint64_t id, core::family f, error_code& ec);
    void refuse(std::uint64_t id, core::refusal how, const std::optional<core::address>& from);
    void drop(std::uint64_t id);
    std::vector<std::byte> first_payload(std::uint64_t id) const;
    bool waits(std::uint64_t id) const;

    void ready(core::readiness what, core::time_point now) override;
    void detach(operation_queue& done); ///< the stack is shut down; under the lock

private:
    friend class engine;

    struct waiting
    {
        operation* op = nullptr;
        std::shared_ptr<core::taken_flow> into;
    };
    core::flow_forwarder& of_host() const;
    void abort(operation_queue& done);

    std::shared_ptr<engine> engine_;
    const socket_kind kind_;
    std::uint32_t slot_ = 0; ///< in the engine's list
    bool open_ = false;      ///< under the lock
    std::deque<waiting> waiting_;
};

/// One flow that the user has taken and not decided about.
class flow
{
public:
    flow(std::shared_ptr<forwarder> by, const core::taken_flow& taken) noexcept : by_(std::move(by)), taken_(taken) {}
    flow(const flow&) = delete;
    flow& operator=(const flow&) = delete;
    ~flow() { drop(); }

    const core::flow_facts& facts() const noexcept { return taken_.facts; }
    std::vector<std::byte> first_payload() const { return by_ ? by_->first_payload(taken_.id) : std::vector<std::byte>(); }
    bool waits() const { return by_ != nullptr && by_->waits(taken_.id); }
    std::shared_ptr<socket> accept(error_code& ec)
    {
        const auto by = std::exchange(by_, nullptr);
        if (!by) return ec = boost::asio::error::connection_aborted, nullptr;
        return by->accept(taken_.id, core::family_of(taken_.facts.destination.address), ec);
    }
    void refuse(core::refusal how, const std::optional<core::address>& from)
    {
        if (const auto by = std::exchange(by_, nullptr)) by->refuse(taken_.id, how, from);
    }
    void drop()
    {
        if (const auto by = std::exchange(by_, nullptr)) by->drop(taken_.id);
    }

private:
    std::shared_ptr<forwarder> by_; ///< null: decided
    core::taken_flow taken_;
};

/// async_next(): the handler gets a Request made of the flow.
template <class Request>
struct next_flow_action
{
    std::shared_ptr<forwarder> by;
    std::shared_ptr<core::taken_flow> into;
    boost::asio::any_io_executor executor;

    bool perform(socket&, error_code&) { return false; }
    template <class Handler>
    auto bind(Handler&& h, error_code ec) &&
    {
        Request r;
        if (!ec) r = Request(std::make_unique<flow>(std::move(by), *into), executor);
        return bound_handler<Handler, error_code, Request>(std::move(h), ec, std::move(r));
    }
};

template <class Request>
class initiate_next_flow
{
public:
    using executor_type = boost::asio::any_io_executor;

    initiate_next_flow(std::shared_ptr<forwarder> f, executor_type io) : forwarder_(std::move(f)), io_(std::move(io)) {}
    executor_type get_executor() const noexcept { return io_; }

    template <class Handler>
    void operator()(Handler&& handler) const
    {
        auto h = std::forward<Handler>(handler);
        const auto slot = boost::asio::get_associated_cancellation_slot(h);
        const bool immediate = has_immediate_executor(h, io_);
        const auto into = std::make_shared<core::taken_flow>();
        operation* const op = make_operation(next_flow_action<Request>{forwarder_, into, io_}, h, io_);
        op->has_immediate_executor = immediate;
        op->identify(next_operation_id());
        const std::shared_ptr<forwarder> kept = forwarder_; // the handler may run before we return
        if (!kept) return fail(op, boost::asio::error::bad_descriptor);
        watch_cancellation(slot, kept, [id = std::uint64_t{op->id}](forwarder& of) { of.cancel(id); });
        kept->next(op, into);
    }

private:
    std::shared_ptr<forwarder> forwarder_;
    executor_type io_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
