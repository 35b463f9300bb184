/// @file
/// The service of Asio's resolver, for protocols of tapio. Internal.
#pragma once

#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/io_object.hpp>
#include <tapio/detail/names.hpp>
#include <tapio/detail/operation.hpp>
#include <tapio/detail/timer_service.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/basic_resolver_query.hpp>
#include <boost/asio/ip/basic_resolver_results.hpp>

#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// Lookups finish at once, in memory; their handlers are posted.
template <class Protocol>
class name_service : public stack_service
{
public:
    using key_type = name_service;
    inline static boost::asio::execution_context::id id;

    struct implementation_type
    {
    };
    using error_code = boost::system::error_code;
    using endpoint_type = typename Protocol::endpoint;
    using query_type = boost::asio::ip::basic_resolver_query<Protocol>;
    using results_type = boost::asio::ip::basic_resolver_results<Protocol>;

    explicit name_service(boost::asio::execution_context& context) : stack_service(context) {}
    void shutdown() override {}

    void construct(implementation_type&) {}
    void destroy(implementation_type&) {}
    void move_construct(implementation_type&, implementation_type&) {}
    void move_assign(implementation_type&, name_service&, implementation_type&) {}
    void converting_move_construct(implementation_type&, name_service&, implementation_type&) {}
    void converting_move_assign(implementation_type&, name_service&, implementation_type&) {}
    void cancel(implementation_type&) {} // no lookup is ever pending

    results_type resolve(implementation_type&, const query_type& q, error_code& ec)
    {
        const auto& hints = q.hints();
        const resolved_names found =
            detail::resolve(context(), {q.host_name(), q.service_name(), hints.ai_flags, hints.ai_family, hints.ai_socktype}, ec);
        std::vector<endpoint_type> endpoints;
        for (const core::endpoint& e : found.endpoints) endpoints.push_back(from_core<endpoint_type>(e));
        if (ec || endpoints.empty()) return results_type();
        return results_type::create(endpoints.begin(), endpoints.end(), found.canonical_host, q.service_name());
    }
    results_type resolve(implementation_type&, const endpoint_type& e, error_code& ec)
    {
        ec = {};
        const names_of_endpoint names = detail::resolve(context(), to_core(e), e.protocol().type());
        return results_type::create(e, names.host, names.service);
    }
    template <class Question, class Handler, class IoExecutor>
    void async_resolve(implementation_type& impl, const Question& question, Handler& handler, const IoExecutor& io)
    {
        error_code ec;
        results_type results = resolve(impl, question, ec);
        auto* const op = make_operation(answer{std::move(results)}, handler, io);
        op->result = ec;
        op->complete();
    }

private:
    struct answer
    {
        results_type results;

        bool perform(socket&, error_code&) { return true; }
        template <class Handler>
        auto bind(Handler&& h, error_code ec) &&
        {
            return bound_handler<Handler, error_code, results_type>(std::move(h), ec, std::move(results));
        }
    };
};

} // namespace tapio::detail

#pragma GCC visibility pop
