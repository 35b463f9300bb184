/// @file
/// The part of an I/O object of tapio (socket, acceptor, resolver, timer) that holds its service, its state there and its
/// executor. As Asio's own class, except that it looks the service up in the stack's own registry; all other services of a
/// stack's context are those of the io_context. Internal.
#pragma once

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <memory>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// Base class of the services of which each stack has its own.
class stack_service : public boost::asio::execution_context::service
{
protected:
    using service::service;
};

/// The context in which services of tapio are looked up: for a stack's context its own registry, else `context` itself.
boost::asio::execution_context& home_of_services(boost::asio::execution_context& context);

template <class Service>
Service& use_stack_service(boost::asio::execution_context& context)
{
    return boost::asio::use_service<Service>(home_of_services(context));
}

template <class Service, class Executor>
class io_object
{
public:
    using service_type = Service;
    using implementation_type = typename Service::implementation_type;
    using executor_type = Executor;

    explicit io_object(int, const Executor& e) : service_(&use_stack_service<Service>(context_of(e))), executor_(e)
    {
        service_->construct(implementation_);
    }
    template <class ExecutionContext>
    explicit io_object(int, int, ExecutionContext& context)
        : service_(&use_stack_service<Service>(context)), executor_(context.get_executor())
    {
        service_->construct(implementation_);
    }
    io_object(const io_object&) = delete;
    io_object& operator=(const io_object&) = delete;
    io_object(io_object&& other) : service_(other.service_), executor_(other.executor_)
    {
        service_->move_construct(implementation_, other.implementation_);
    }
    /// Moves from an object of the same service with another executor type.
    template <class Executor1>
    io_object(io_object<Service, Executor1>&& other) : service_(&other.get_service()), executor_(other.get_executor())
    {
        service_->move_construct(implementation_, other.get_implementation());
    }
    /// Moves from an object of another service (another protocol).
    template <class Service1, class Executor1>
    io_object(io_object<Service1, Executor1>&& other)
        : service_(&use_stack_service<Service>(context_of(other.get_executor()))), executor_(other.get_executor())
    {
        service_->converting_move_construct(implementation_, other.get_service(), other.get_implementation());
    }
    ~io_object() { service_->destroy(implementation_); }

    io_object& operator=(io_object&& other)
    {
        if (this == &other) return *this;
        service_->move_assign(implementation_, *other.service_, other.implementation_);
        std::destroy_at(&executor_); // executors need not be assignable
        std::construct_at(&executor_, other.executor_);
        service_ = other.service_;
        return *this;
    }

    const executor_type& get_executor() noexcept { return executor_; }
    service_type& get_service() { return *service_; }
    const service_type& get_service() const { return *service_; }
    implementation_type& get_implementation() { return implementation_; }
    const implementation_type& get_implementation() const { return implementation_; }

private:
    template <class T>
    static boost::asio::execution_context& context_of(const T& executor)
    {
        if constexpr (boost::asio::execution::is_executor<T>::value) {
            return boost::asio::query(executor, boost::asio::execution::context);
        } else {
            return executor.context();
        }
    }

    service_type* service_;
    implementation_type implementation_;
    executor_type executor_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
