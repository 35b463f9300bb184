// The user's timers, in the engine's timer wheel.
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>
#include <tapio/detail/timer.hpp>

#include <boost/asio/error.hpp>

namespace tapio::detail {

/// Guarded by the engine's lock.
struct timer::state
{
    core::timer_node node;
    core::time_point expiry{};
    operation_queue waiting;
    engine* owner = nullptr;

    static void fire(core::timer_node&, void* context, core::time_point)
    {
        state& self = *static_cast<state*>(context);
        self.owner->finished().append(self.waiting);
    }
};

timer::timer(std::shared_ptr<engine> owner) : engine_(std::move(owner)), state_(std::make_unique<state>())
{
    state_->owner = engine_.get();
    state_->node.fire = &state::fire;
    state_->node.context = state_.get();
    const engine::user_turn t(*engine_);
    engine_->enlist(this);
}

timer::~timer()
{
    engine::user_turn t(*engine_);
    abort(t.done());
    engine_->delist(this);
}

std::shared_ptr<timer> timer::make(boost::asio::execution_context& context)
{
    return std::shared_ptr<timer>(new timer(engine_of_timers(context)));
}

std::shared_ptr<timer> timer::another() const { return std::shared_ptr<timer>(new timer(engine_)); }

core::time_point timer::now() const { return engine_->now(); }

std::size_t timer::abort(operation_queue& done, std::size_t most)
{
    std::size_t n = 0;
    for (; n < most; ++n) {
        operation* const op = state_->waiting.pop();
        if (op == nullptr) break;
        op->result = boost::asio::error::operation_aborted;
        done.push(op);
    }
    if (state_->waiting.empty()) engine_->timers().cancel(state_->node);
    return n;
}

std::size_t timer::expires_at(core::time_point expiry)
{
    engine::user_turn t(*engine_);
    const std::size_t n = abort(t.done());
    state_->expiry = expiry;
    return n;
}

std::size_t timer::cancel()
{
    engine::user_turn t(*engine_);
    return abort(t.done());
}

std::size_t timer::cancel_one()
{
    engine::user_turn t(*engine_);
    return abort(t.done(), 1);
}

void timer::cancel(std::uint64_t id)
{
    engine::user_turn t(*engine_);
    operation* const op = state_->waiting.remove(id);
    if (op == nullptr) return;
    op->result = boost::asio::error::operation_aborted;
    t.done().push(op);
    if (state_->waiting.empty()) engine_->timers().cancel(state_->node);
}

void timer::start(operation* op)
{
    engine::user_turn t(*engine_);
    if (engine_->is_shut_down()) {
        op->result = boost::asio::error::operation_aborted;
        return t.done().push(op);
    }
    state_->waiting.push(op);
    engine_->timers().arm(state_->node, std::max(state_->expiry, core::time_point{}));
}

void timer::wait(core::time_point expiry) { engine_->wait_until(expiry); }

void timer::discard()
{
    operation_queue gone;
    {
        const engine::user_turn t(*engine_);
        gone.append(state_->waiting);
        engine_->timers().cancel(state_->node);
    }
    while (operation* const op = gone.pop()) op->destroy();
}

} // namespace tapio::detail
