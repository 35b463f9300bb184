/// @file
/// The service of Asio's resolver, for protocols of tapio. Internal.
#pragma once

#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/cancellation.hpp>
#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/io_object.hpp>
#include <tapio/detail/names.hpp>
#include <tapio/detail/operation.hpp>
#include <tapio/detail/service_objects.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/basic_resolver_query.hpp>
#include <boost/asio/ip/basic_resolver_results.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

std::uint64_t next_operation_id() noexcept;

template <class Protocol>
class name_service : public stack_service
{
public:
    using key_type = name_service;
    inline static boost::asio::execution_context::id id;

    struct implementation_type
    {
        std::shared_ptr<name_lookups> lookups; ///< null until the first asynchronous one
        implementation_type* next = nullptr;
        implementation_type* previous = nullptr;
    };
    using error_code = boost::system::error_code;
    using endpoint_type = typename Protocol::endpoint;
    using query_type = boost::asio::ip::basic_resolver_query<Protocol>;
    using results_type = boost::asio::ip::basic_resolver_results<Protocol>;

    explicit name_service(boost::asio::execution_context& context) : stack_service(context), objects_(context) {}
    void shutdown() override
    {
        std::vector<std::shared_ptr<name_lookups>> all;
        objects_.clear([&](implementation_type& i) {
            if (i.lookups) all.push_back(std::exchange(i.lookups, nullptr));
        });
        for (const auto& l : all) l->discard();
    }

    void construct(implementation_type& impl) { objects_.add(impl); }
    void destroy(implementation_type& impl)
    {
        cancel(impl);
        objects_.remove(impl);
    }
    void move_construct(implementation_type& impl, implementation_type& other)
    {
        objects_.add(impl);
        impl.lookups = std::exchange(other.lookups, nullptr);
    }
    void move_assign(implementation_type& impl, name_service& service_of_other, implementation_type& other)
    {
        cancel(impl);
        objects_.remove(impl);
        service_of_other.objects_.add(impl); // the object belongs to that service from now on
        impl.lookups = std::exchange(other.lookups, nullptr);
    }
    void converting_move_construct(implementation_type& impl, name_service&, implementation_type& other)
    {
        move_construct(impl, other);
    }
    void converting_move_assign(implementation_type& impl, name_service& s, implementation_type& other)
    {
        move_assign(impl, s, other);
    }
    void cancel(implementation_type& impl)
    {
        if (impl.lookups) impl.lookups->cancel();
    }

    results_type resolve(implementation_type&, const query_type& q, error_code& ec)
    {
        const resolved_names found = detail::resolve(context(), to_query(q), ec);
        return ec ? results_type() : results_of(found, q.service_name());
    }
    results_type resolve(implementation_type&, const endpoint_type& e, error_code& ec)
    {
        const names_of_endpoint names = detail::resolve(context(), to_core(e), e.protocol().type(), ec);
        return ec ? results_type() : results_type::create(e, names.host, names.service);
    }
    template <class Handler, class IoExecutor>
    void async_resolve(implementation_type& impl, const query_type& q, Handler& handler, const IoExecutor& io)
    {
        const auto into = std::make_shared<resolved_names>();
        operation* const op = prepare(impl, forward_answer{into, q.service_name()}, handler, io);
        impl.lookups->start(context(), to_query(q), into, op);
    }
    template <class Handler, class IoExecutor>
    void async_resolve(implementation_type& impl, const endpoint_type& e, Handler& handler, const IoExecutor& io)
    {
        const auto into = std::make_shared<names_of_endpoint>();
        operation* const op = prepare(impl, reverse_answer{into, e}, handler, io);
        impl.lookups->start(context(), to_core(e), e.protocol().type(), into, op);
    }

private:
    static name_query to_query(const query_type& q)
    {
        const auto& hints = q.hints();
        return {q.host_name(), q.service_name(), hints.ai_flags, hints.ai_family, hints.ai_socktype};
    }
    static results_type results_of(const resolved_names& found, const std::string& service)
    {
        std::vector<endpoint_type> endpoints;
        for (const core::endpoint& e : found.endpoints) endpoints.push_back(from_core<endpoint_type>(e));
        if (endpoints.empty()) return results_type();
        return results_type::create(endpoints.begin(), endpoints.end(), found.canonical_host, service);
    }

    struct forward_answer
    {
        std::shared_ptr<resolved_names> found;
        std::string service;

        bool perform(socket&, error_code&) { return true; }
        template <class Handler>
        auto bind(Handler&& h, error_code ec) &&
        {
            return bound_handler<Handler, error_code, results_type>(std::move(h), ec,
                                                                    ec ? results_type() : results_of(*found, service));
        }
    };
    struct reverse_answer
    {
        std::shared_ptr<names_of_endpoint> names;
        endpoint_type endpoint;

        bool perform(socket&, error_code&) { return true; }
        template <class Handler>
        auto bind(Handler&& h, error_code ec) &&
        {
            return bound_handler<Handler, error_code, results_type>(
                std::move(h), ec, ec ? results_type() : results_type::create(endpoint, names->host, names->service));
        }
    };

    template <class Action, class Handler, class IoExecutor>
    static operation* prepare(implementation_type& impl, Action action, Handler& handler, const IoExecutor& io)
    {
        if (!impl.lookups) impl.lookups = std::make_shared<name_lookups>();
        const auto slot = boost::asio::get_associated_cancellation_slot(handler);
        operation* const op = make_operation(std::move(action), handler, io);
        op->identify(next_operation_id());
        watch_cancellation(slot, impl.lookups, [id = std::uint64_t{op->id}](name_lookups& of) { of.cancel(id); });
        return op;
    }
    service_objects<implementation_type> objects_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
