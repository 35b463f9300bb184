// Depends on boost::asio::detail: the timer queues of Asio's deadline_timer_service.
#include "asio/asio_timers.hpp"

#include <tapio/detail/clocks.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_timer.hpp>

#include <algorithm>
#include <limits>

namespace tapio::detail {

namespace {

namespace internal = boost::asio::detail;

template <class Clock>
using service_of = internal::deadline_timer_service<internal::chrono_time_traits<Clock, boost::asio::wait_traits<Clock>>>;
using steady_service = service_of<std::chrono::steady_clock>;
using system_service = service_of<std::chrono::system_clock>;

// A service's queue is private, but the arguments of an explicit instantiation may name private members ([temp.spec.general]).
struct steady_queue
{
    friend internal::timer_queue_base& queue_of(steady_queue, steady_service& s);
};
struct system_queue
{
    friend internal::timer_queue_base& queue_of(system_queue, system_service& s);
};
template <class Tag, class Service, auto Queue>
struct reach
{
    friend internal::timer_queue_base& queue_of(Tag, Service& s) { return s.*Queue; }
};
template struct reach<steady_queue, steady_service, &steady_service::timer_queue_>;
template struct reach<system_queue, system_service, &system_service::timer_queue_>;

/// Calls `f(queue)` for each of the two services that the io_context has.
template <class F>
void for_each_queue(boost::asio::io_context& io, F&& f)
{
    if (boost::asio::has_service<steady_service>(io)) f(queue_of(steady_queue(), boost::asio::use_service<steady_service>(io)));
    if (boost::asio::has_service<system_service>(io)) f(queue_of(system_queue(), boost::asio::use_service<system_service>(io)));
}

} // namespace

bool std_clock_is_virtual() noexcept
{
    return std::chrono::steady_clock::now().time_since_epoch() == thread_time().time_since_epoch();
}

core::duration next_asio_timer(boost::asio::io_context& io)
{
    constexpr long never = std::numeric_limits<long>::max(); // microseconds
    long next = never;
    for_each_queue(io, [&](internal::timer_queue_base& q) { next = std::min(next, q.wait_duration_usec(never)); });
    constexpr long most = core::duration::max() / std::chrono::microseconds(1);
    return next >= most ? core::duration::max() : core::duration(std::chrono::microseconds(next));
}

void fire_asio_timers(boost::asio::io_context& io)
{
    internal::op_queue<internal::scheduler_operation> ready;
    for_each_queue(io, [&](internal::timer_queue_base& q) { q.get_ready_timers(ready); });
    if (!ready.empty()) boost::asio::use_service<internal::io_context_impl>(io).post_deferred_completions(ready);
}

void early_timer::arm(boost::asio::io_context& io)
{
    if (!boost::asio::has_service<steady_service>(io) || std_clock_is_virtual()) return;
    if (!timer_) timer_.emplace(io);
    timer_->expires_after(ahead);
    timer_->async_wait([](const boost::system::error_code&) {});
}

} // namespace tapio::detail
