/// @file
/// A handler bound to its arguments, callable without arguments. Internal.
#pragma once

#include <tapio/core/config.hpp>

#include <boost/asio/associated_allocator.hpp>

#include <tuple>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// A handler bound to its arguments, with the handler's associated executor, allocator and cancellation slot.
template <class Handler, class... Args>
class bound_handler
{
public:
    bound_handler(Handler&& handler, Args... args) : handler_(std::move(handler)), args_(std::move(args)...) {}

    using allocator_type = boost::asio::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return boost::asio::get_associated_allocator(handler_); }

    void operator()() { std::apply(std::move(handler_), std::move(args_)); }

private:
    Handler handler_;
    std::tuple<Args...> args_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
