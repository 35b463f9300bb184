/// @file
/// The service of Asio's waitable timer, for tapio's clock: a thin template over detail::timer. Internal.
#pragma once

#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/cancellation.hpp>
#include <tapio/detail/io_object.hpp>
#include <tapio/detail/service_objects.hpp>
#include <tapio/detail/timer.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/execution_context.hpp>

#include <memory>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

std::uint64_t next_operation_id() noexcept;

struct timer_action
{
    bool perform(socket&, boost::system::error_code&) { return false; }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return bound_handler<Handler, boost::system::error_code>(std::move(h), ec);
    }
};

template <class Traits>
class timer_service : public stack_service
{
public:
    using key_type = timer_service;
    inline static boost::asio::execution_context::id id;

    using time_type = typename Traits::time_type;
    using duration_type = typename Traits::duration_type;
    using error_code = boost::system::error_code;

    struct implementation_type
    {
        std::shared_ptr<detail::timer> timer;
        time_type expiry{};
        implementation_type* next = nullptr;
        implementation_type* previous = nullptr;
    };

    explicit timer_service(boost::asio::execution_context& context) : stack_service(context), objects_(context) {}

    void shutdown() override
    {
        std::vector<std::shared_ptr<detail::timer>> all;
        objects_.clear([&](implementation_type& i) {
            if (i.timer) all.push_back(std::exchange(i.timer, nullptr));
        });
        for (const auto& t : all) t->discard();
    }

    void construct(implementation_type& impl)
    {
        objects_.add(impl);
        impl.timer = detail::timer::make(context());
    }
    void destroy(implementation_type& impl)
    {
        if (const auto t = std::exchange(impl.timer, nullptr)) t->cancel();
        objects_.remove(impl);
    }
    void move_construct(implementation_type& impl, implementation_type& other)
    {
        objects_.add(impl);
        take(impl, other);
    }
    void move_assign(implementation_type& impl, timer_service& service_of_other, implementation_type& other)
    {
        if (impl.timer) impl.timer->cancel();
        objects_.remove(impl);
        service_of_other.objects_.add(impl); // the object belongs to that service from now on
        take(impl, other);
    }
    void converting_move_construct(implementation_type& impl, timer_service&, implementation_type& other)
    {
        move_construct(impl, other);
    }
    void converting_move_assign(implementation_type& impl, timer_service& s, implementation_type& other)
    {
        move_assign(impl, s, other);
    }

    std::size_t cancel(implementation_type& impl, error_code& ec)
    {
        ec = {};
        return impl.timer ? impl.timer->cancel() : 0;
    }
    std::size_t cancel_one(implementation_type& impl, error_code& ec)
    {
        ec = {};
        return impl.timer ? impl.timer->cancel_one() : 0;
    }
    time_type expiry(const implementation_type& impl) const { return impl.expiry; }
    time_type expires_at(const implementation_type& impl) const { return impl.expiry; }
    duration_type expires_from_now(const implementation_type& impl) const { return Traits::subtract(impl.expiry, now(impl)); }
    std::size_t expires_at(implementation_type& impl, const time_type& when, error_code& ec)
    {
        ec = {};
        impl.expiry = when;
        return impl.timer ? impl.timer->expires_at(to_core(when)) : 0;
    }
    std::size_t expires_after(implementation_type& impl, const duration_type& after, error_code& ec)
    {
        return expires_at(impl, Traits::add(now(impl), after), ec);
    }
    std::size_t expires_from_now(implementation_type& impl, const duration_type& after, error_code& ec)
    {
        return expires_after(impl, after, ec);
    }

    void wait(implementation_type& impl, error_code& ec)
    {
        ec = {};
        if (impl.timer) impl.timer->wait(to_core(impl.expiry));
    }
    template <class Handler, class IoExecutor>
    void async_wait(implementation_type& impl, Handler& handler, const IoExecutor& io)
    {
        const auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto* const op = make_operation(timer_action{}, handler, io);
        op->identify(next_operation_id());
        const std::shared_ptr<detail::timer> t = impl.timer;
        watch_cancellation(slot, t, [id = std::uint64_t{op->id}](detail::timer& of) { of.cancel(id); });
        t->start(op);
    }

private:
    static core::time_point to_core(const time_type& t)
    {
        return core::time_point(std::chrono::duration_cast<core::duration>(t.time_since_epoch()));
    }
    static time_type now(const implementation_type& impl)
    {
        return time_type(
            std::chrono::duration_cast<duration_type>((impl.timer ? impl.timer->now() : thread_time()).time_since_epoch()));
    }
    static void take(implementation_type& impl, implementation_type& other)
    {
        impl.timer = std::exchange(other.timer, nullptr);
        impl.expiry = std::exchange(other.expiry, time_type());
        if (impl.timer) other.timer = impl.timer->another(); // a moved-from timer of Asio can be used again
    }
    service_objects<implementation_type> objects_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
