/// @file
/// The executor of a stack. It passes everything on to the io_context's executor, but its context is that of the stack, so that
/// I/O objects made from it (`tcp::socket s(co_await this_coro::executor)`) find their stack. Internal.
#pragma once

#include <tapio/core/config.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

template <class Inner>
class basic_stack_executor
{
    template <class P>
    static constexpr bool names_context =
        std::is_same_v<P, boost::asio::execution::context_t> ||
        std::is_same_v<P, boost::asio::execution::context_as_t<boost::asio::execution_context&>>;

public:
    basic_stack_executor(Inner inner, boost::asio::execution_context& context) noexcept
        : inner_(std::move(inner)), context_(&context)
    {
    }

    /// any_io_executor queries context_as<execution_context&>, templates query context: both get the stack's context.
    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept { return *context_; }
    boost::asio::execution_context& query(boost::asio::execution::context_as_t<boost::asio::execution_context&>) const noexcept
    {
        return *context_;
    }
    template <class P>
    requires(!names_context<P> && boost::asio::can_query<const Inner&, P>::value) auto query(const P& p) const noexcept ->
        typename boost::asio::query_result<const Inner&, P>::type
    {
        return boost::asio::query(inner_, p);
    }

    template <class P>
    requires(boost::asio::can_require<const Inner&, P>::value) auto require(const P& p) const
    {
        return wrap(boost::asio::require(inner_, p));
    }
    template <class P>
    requires(boost::asio::can_prefer<const Inner&, P>::value &&
             !boost::asio::can_require<const Inner&, P>::value) auto prefer(const P& p) const
    {
        return wrap(boost::asio::prefer(inner_, p));
    }

    template <class Function>
    void execute(Function&& f) const
    {
        inner_.execute(std::forward<Function>(f));
    }

    friend bool operator==(const basic_stack_executor& a, const basic_stack_executor& b) noexcept
    {
        return a.context_ == b.context_ && a.inner_ == b.inner_;
    }
    friend bool operator!=(const basic_stack_executor& a, const basic_stack_executor& b) noexcept { return !(a == b); }

    bool running_in_this_thread() const noexcept { return inner_.running_in_this_thread(); }

private:
    template <class Other>
    basic_stack_executor<std::decay_t<Other>> wrap(Other&& other) const
    {
        return {std::forward<Other>(other), *context_};
    }

    Inner inner_;
    boost::asio::execution_context* context_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
