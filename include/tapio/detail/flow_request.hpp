/// @file
/// What tcp_forwarder and udp_forwarder, and their requests, have in common. Internal.
#pragma once

#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/forwarder.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <optional>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// The members of a request that do not depend on the transport.
template <class Protocol>
class flow_request
{
public:
    using executor_type = boost::asio::any_io_executor;
    using endpoint_type = typename Protocol::endpoint;

    executor_type get_executor() const { return executor_; } ///< of the socket that accepting makes
    /// Whether the request names a flow: false after a move, or if it was default-constructed.
    explicit operator bool() const noexcept { return flow_ != nullptr; }
    endpoint_type source() const { return from_core<endpoint_type>(flow_->facts().source); }           ///< the client
    endpoint_type destination() const { return from_core<endpoint_type>(flow_->facts().destination); } ///< whom it wants to reach
    unsigned interface() const noexcept { return flow_->facts().interface; } ///< that received the first packet
    unsigned hop_limit() const noexcept { return flow_->facts().hop_limit; } ///< TTL of the first packet
    /// Whether a decision still has an effect: the client has not given up, and the time for a decision is not over.
    bool is_pending() const { return flow_ && flow_->waits(); }

    /// Tells the client, at most once. @param from  the source of the ICMP error, such as a router beyond that has reported it;
    /// none: the destination of the flow
    void refuse(core::refusal how = core::refusal::reset, const std::optional<core::address>& from = {})
    {
        if (flow_) flow_->refuse(how, from);
    }
    void drop() ///< tells nobody; so does the destructor of an undecided request
    {
        if (flow_) flow_->drop();
    }

protected:
    flow_request() = default;
    flow_request(std::unique_ptr<flow> f, executor_type executor) : flow_(std::move(f)), executor_(std::move(executor)) {}
    flow_request(flow_request&&) noexcept = default;
    flow_request& operator=(flow_request&&) noexcept = default;
    ~flow_request() = default;

    std::unique_ptr<flow> flow_;
    executor_type executor_;
};

/// The members of a forwarder that do not depend on the transport.
template <class Request>
class flow_forwarder
{
public:
    using executor_type = boost::asio::any_io_executor;
    using request_type = Request;

    executor_type get_executor() const noexcept { return executor_; }
    bool is_open() const noexcept { return forwarder_ != nullptr; }

    /// Waits for a flow.
    /// @param token  completion signature `void(error_code, request)`
    /// @par Errors  operation_aborted (cancelled, closed, or the stack was shut down) · bad_descriptor (the forwarder is closed)
    /// @par Cancellation  terminal, partial, total: operation_aborted; no flow is lost
    template <class Token = boost::asio::default_completion_token_t<executor_type>>
    auto async_next(Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(boost::system::error_code, Request)>(
            initiate_next_flow<Request>(forwarder_, executor_), token);
    }
    void cancel() ///< pending async_next() complete with operation_aborted
    {
        if (forwarder_) forwarder_->cancel();
    }
    /// As cancel(); flows that were not decided about are dropped, and later ones are answered as if there had been no forwarder.
    void close()
    {
        if (const auto f = std::exchange(forwarder_, nullptr)) f->close();
    }

protected:
    flow_forwarder(stack& s, socket_kind kind, const core::forwarder_options& options, const char* name)
        : executor_(s.get_executor())
    {
        boost::system::error_code ec;
        forwarder_ = forwarder::open(s, kind, options, ec);
        if (ec) throw boost::system::system_error(ec, name);
    }
    flow_forwarder(flow_forwarder&&) noexcept = default;
    flow_forwarder& operator=(flow_forwarder&& other)
    {
        close();
        forwarder_ = std::move(other.forwarder_);
        executor_ = std::move(other.executor_);
        return *this;
    }
    ~flow_forwarder() { close(); }

private:
    std::shared_ptr<forwarder> forwarder_;
    executor_type executor_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
