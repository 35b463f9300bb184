// stack::async_drain: shuts a stack down after all written data and FINs have been acknowledged.
#include "asio/engine.hpp"

#include <tapio/detail/drain.hpp>
#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;

/// A user writes large data in parts, each from the completion handler of the previous one. A connection without a write for this
/// long is considered complete.
constexpr auto quiet = std::chrono::milliseconds(10);

} // namespace

/// One async_drain() in progress. Guarded by the engine's lock.
struct engine::drain
{
    operation* op = nullptr;
    std::vector<core::socket_id> unfinished; ///< connections that the drain waits for
    core::time_point deadline{};
    core::timer_node timer;
    bool over = false;
};

void engine::start_drain(core::duration timeout, operation* op)
{
    user_turn t(*this);
    if (shut_down_) {
        op->result = error::operation_aborted;
        return t.done().push(op);
    }
    for (socket* s : sockets_) s->finish(t.done());
    auto d = std::make_shared<drain>();
    d->op = op;
    d->unfinished = host_.tcp().unfinished();
    d->deadline = t.now() + std::max(timeout, core::duration::zero());
    d->timer.context = this;
    d->timer.fire = [](core::timer_node&, void* context, core::time_point) {
        auto* const self = static_cast<engine*>(context);
        if (!std::exchange(self->look_due_, true)) self->look_later();
    };
    looked_at_ = t.now();
    timers_.arm(d->timer, std::min(d->deadline, t.now() + quiet));
    drains_.push_back(std::move(d));
}

/// Posts drain_goes_on() behind the handlers that are ready to run: one of them may complete a write and begin the next.
void engine::look_later()
{
    boost::asio::post(driver(), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->drain_goes_on();
    });
}

/// Sends a FIN on each connection without a write for `quiet`. All sockets are checked together, at most once per `quiet`,
/// however many drains there are.
void engine::drain_goes_on()
{
    turn t(*this);
    if (shut_down_) return;
    for (const auto& d : drains_) d->over = d->over || d->deadline <= t.now();
    if (!ready_.empty() || !arrived_.empty()) return look_later();
    look_due_ = false;
    bool all = looked_at_ + quiet <= t.now();
    if (all) {
        looked_at_ = t.now();
        for (socket* s : sockets_) all = s->finish_if_quiet(t.now()) && all;
    }
    for (const auto& d : drains_)
        if (!d->over && !d->timer.armed()) timers_.arm(d->timer, all ? d->deadline : std::min(d->deadline, looked_at_ + quiet));
}

/// Completes the drains that have nothing left to wait for, or no time left. Called in every turn.
void engine::complete_drains()
{
    std::erase_if(drains_, [this](const std::shared_ptr<drain>& d) {
        auto& left = d->unfinished;
        while (!left.empty() && host_.tcp().is_finished(left.back())) left.pop_back();
        if (!left.empty() && !d->over) return false;
        timers_.cancel(d->timer);
        d->op->result = left.empty() ? boost::system::error_code() : error::timed_out;
        end_drained(d->op);
        return true;
    });
}

/// Shuts the stack down, then completes the operation. Posted, because this must happen without the lock, and not within a
/// handler of a device.
void engine::end_drained(operation* op)
{
    const auto destroy = [](operation* o) { o->destroy(); };
    boost::asio::post(
        driver(), [self = shared_from_this(), op = std::unique_ptr<operation, decltype(destroy)>(op, destroy)]() mutable {
            {
                const std::lock_guard lock(self->mutex_);
                self->drained_ = true;
            }
            const bool own_thread = self->own_io_ != nullptr; // shutdown() ends this thread: the handler is posted before it
            if (own_thread) op.release()->complete();
            self->shutdown();
            if (!own_thread) op.release()->complete();
        });
}

void engine::cancel_drain(std::uint64_t id)
{
    user_turn t(*this);
    std::erase_if(drains_, [&](const std::shared_ptr<drain>& d) {
        if (d->op->id != id) return false;
        timers_.cancel(d->timer);
        d->op->result = error::operation_aborted;
        t.done().push(d->op);
        return true;
    });
}

/// Called by shutdown(), under the lock.
void engine::abort_drains(operation_queue& done)
{
    for (const auto& d : std::exchange(drains_, {})) {
        timers_.cancel(d->timer);
        d->op->result = error::operation_aborted;
        done.push(d->op);
    }
}

void drain_request::start(const std::shared_ptr<engine>& e, operation* op) const { e->start_drain(timeout, op); }
void drain_request::cancel(engine& e, std::uint64_t op_id) { e.cancel_drain(op_id); }

/// Begins to drain the socket: a listener stops listening; a connection is closed after its last write (finish_if_quiet()).
void socket::finish(operation_queue& done)
{
    if (as_tcp() == nullptr) return;
    const auto listens = protocol_.get_option(id_, core::socket_option::accept_connections);
    if (listens && *listens != 0) {
        abort_all(done);
        (void)protocol_.shutdown(id_, core::shutdown_type::receive, engine_->turn_began());
        return;
    }
    wrote_ = true; // as if written now, so that `quiet` begins
    finishes_ = true;
}

/// Sends the FIN if nothing was written since the last call. @return false: call again after `quiet`
bool socket::finish_if_quiet(core::time_point now)
{
    if (!finishes_) return true;
    const bool writes = !pending_[static_cast<std::size_t>(direction::write)].empty();
    const bool wrote = wrote_;
    wrote_ = false;
    if (wrote || writes) return false;
    finishes_ = false;
    (void)protocol_.shutdown(id_, core::shutdown_type::send, now);
    return true;
}

} // namespace tapio::detail
