/// @file
/// tapio::async_connect: carries out what happy_eyeballs decides, with resolvers, a timer and sockets. Internal.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/cancellation.hpp>
#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/happy_eyeballs.hpp>
#include <tapio/steady_timer.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/wait_traits.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// Everything happens on a strand of the socket's executor.
template <class Protocol, class Executor, class Handler>
class connect_operation : public std::enable_shared_from_this<connect_operation<Protocol, Executor, Handler>>
{
public:
    using socket_type = boost::asio::basic_stream_socket<Protocol, Executor>;
    using resolver_type = boost::asio::ip::basic_resolver<Protocol, Executor>;
    using endpoint_type = typename Protocol::endpoint;
    using error_code = boost::system::error_code;

    connect_operation(socket_type& target, Handler handler)
        : target_(target),
          strand_(boost::asio::make_strand(target.get_executor())),
          work_(boost::asio::get_associated_executor(handler, target.get_executor())),
          handler_(std::move(handler)),
          resolvers_{resolver_type(target.get_executor()), resolver_type(target.get_executor())},
          timer_(target.get_executor()),
          plan_(context_of(target.get_executor()))
    {
    }

    void start(const std::string& host, const std::string& service)
    {
        const auto slot = boost::asio::get_associated_cancellation_slot(*handler_);
        watch_cancellation(slot, this->shared_from_this(), [](connect_operation& of) { of.cancel(); });
        boost::asio::post(strand_, [self = this->shared_from_this(), host, service] {
            self->resolve(core::family::v6, Protocol::v6(), host, service);
            self->resolve(core::family::v4, Protocol::v4(), host, service);
        });
    }

private:
    template <class E>
    static boost::asio::execution_context& context_of(const E& executor)
    {
        if constexpr (boost::asio::execution::is_executor<E>::value)
            return boost::asio::query(executor, boost::asio::execution::context);
        else
            return executor.context();
    }

    /// Without an address of the family the stack does not ask for any.
    void resolve(core::family f, const Protocol& p, const std::string& host, const std::string& service)
    {
        if (!handler_) return;
        resolver_type& r = resolvers_[f == core::family::v6 ? 1 : 0];
        r.async_resolve(p, host, service, boost::asio::ip::resolver_base::address_configured,
                        boost::asio::bind_executor(strand_, [self = this->shared_from_this(),
                                                             f](error_code ec, const typename resolver_type::results_type& all) {
                            std::vector<core::endpoint> found;
                            for (const auto& entry : all) found.push_back(to_core(entry.endpoint()));
                            self->plan_.resolved(f, ec, std::move(found));
                            self->go_on();
                        }));
    }

    void go_on()
    {
        if (!handler_) return;
        while (const auto to = plan_.next()) attempt(*to);
        if (plan_.is_over()) return finish(plan_.error(), endpoint_type());
        const auto wait = plan_.wait();
        if (!wait) return;
        timer_.expires_after(std::chrono::duration_cast<steady_clock::duration>(*wait));
        timer_.async_wait(boost::asio::bind_executor(strand_, [self = this->shared_from_this()](error_code ec) {
            if (!ec) self->go_on();
        }));
    }

    void attempt(const core::endpoint& to)
    {
        const std::size_t i = attempts_.size();
        attempts_.emplace_back(target_.get_executor());
        const auto endpoint = from_core<endpoint_type>(to);
        attempts_[i].async_connect(
            endpoint, boost::asio::bind_executor(strand_, [self = this->shared_from_this(), i, endpoint](error_code ec) {
                self->attempted(i, endpoint, ec);
            }));
    }

    void attempted(std::size_t i, const endpoint_type& endpoint, const error_code& ec)
    {
        if (!handler_) return;
        if (ec) {
            error_code ignored;
            attempts_[i].close(ignored);
            plan_.failed(ec);
            return go_on();
        }
        target_ = std::move(attempts_[i]);
        finish({}, endpoint);
    }

    void finish(const error_code& ec, const endpoint_type& endpoint)
    {
        Handler handler = std::move(*handler_);
        handler_.reset();
        for (resolver_type& r : resolvers_) r.cancel();
        timer_.cancel();
        for (socket_type& s : attempts_) {
            error_code ignored;
            s.close(ignored);
        }
        const auto on = work_->get_executor();
        boost::asio::post(on, bound_handler<Handler, error_code, endpoint_type>(std::move(handler), ec, endpoint));
        work_.reset();
    }

    void cancel()
    {
        boost::asio::post(strand_, [weak = this->weak_from_this()] {
            const auto self = weak.lock();
            if (self && self->handler_) self->finish(boost::asio::error::operation_aborted, endpoint_type());
        });
    }

    using handler_executor = boost::asio::associated_executor_t<Handler, Executor>;

    socket_type& target_;
    boost::asio::strand<Executor> strand_;
    std::optional<boost::asio::executor_work_guard<handler_executor>> work_;
    std::optional<Handler> handler_; ///< none: the operation is over
    resolver_type resolvers_[2];     ///< IPv4, IPv6
    boost::asio::basic_waitable_timer<steady_clock, boost::asio::wait_traits<steady_clock>, Executor> timer_;
    happy_eyeballs plan_;
    std::deque<socket_type> attempts_;
};

template <class Protocol, class Executor>
class connect_initiation
{
public:
    using executor_type = Executor;

    explicit connect_initiation(boost::asio::basic_stream_socket<Protocol, Executor>& socket) : socket_(&socket) {}
    executor_type get_executor() const noexcept { return socket_->get_executor(); }

    template <class Handler>
    void operator()(Handler&& handler, const std::string& host, const std::string& service) const
    {
        using operation_type = connect_operation<Protocol, Executor, std::decay_t<Handler>>;
        std::make_shared<operation_type>(*socket_, std::forward<Handler>(handler))->start(host, service);
    }

private:
    boost::asio::basic_stream_socket<Protocol, Executor>* socket_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
