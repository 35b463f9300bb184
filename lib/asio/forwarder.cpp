// Forwarders of flows: operations that wait for flows, and the user's decisions.
#include "asio/core_calls.hpp"
#include "asio/engine.hpp"
#include "base/pooled.hpp"
#include "core/flow_forwarder.hpp"

#include <tapio/detail/forwarder.hpp>

#include <algorithm>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;

} // namespace

forwarder::forwarder(std::shared_ptr<engine> owner, socket_kind kind) noexcept : engine_(std::move(owner)), kind_(kind) {}

core::flow_forwarder& forwarder::of_host() const
{
    core::host& h = engine_->host();
    if (kind_ == socket_kind::tcp) return h.tcp().forwarder();
    return h.udp().forwarder();
}

std::shared_ptr<forwarder> forwarder::open(stack& s, socket_kind kind, const core::forwarder_options& options, error_code& ec)
{
    const std::shared_ptr<engine> owner = engine_of(s.context());
    const auto made = std::make_shared<forwarder>(owner, kind);
    engine::user_turn t(*owner);
    if (owner->is_shut_down()) return ec = error::bad_descriptor, nullptr;
    ec = made->of_host().open(options, *made);
    if (ec) return nullptr;
    made->open_ = true;
    owner->enlist(made.get());
    return made;
}

forwarder::~forwarder() { close(); }

void forwarder::close()
{
    engine::user_turn t(*engine_);
    if (!std::exchange(open_, false)) return;
    engine_->delist(this);
    of_host().close();
    abort(t.done());
}

void forwarder::abort(operation_queue& done)
{
    for (const waiting& w : std::exchange(waiting_, {})) {
        w.op->result = error::operation_aborted;
        done.push(w.op);
    }
}

void forwarder::detach(operation_queue& done)
{
    open_ = false;
    of_host().close();
    abort(done);
}

void forwarder::next(operation* op, std::shared_ptr<core::taken_flow> into)
{
    {
        engine::user_turn t(*engine_);
        const auto taken = open_ && waiting_.empty() ? of_host().take() : std::nullopt;
        if (taken) *into = *taken;
        if (!open_) op->result = error::bad_descriptor;
        if (open_ && !taken) return waiting_.push_back({op, std::move(into)});
        if (!op->has_immediate_executor) return t.done().push(op);
    }
    op->complete_at_once();
}

void forwarder::ready(core::readiness, core::time_point)
{
    while (!waiting_.empty()) {
        const auto taken = of_host().take();
        if (!taken) return;
        const waiting first = std::move(waiting_.front());
        waiting_.pop_front();
        *first.into = *taken;
        engine_->finished().push(first.op);
    }
}

void forwarder::cancel()
{
    engine::user_turn t(*engine_);
    abort(t.done());
}

void forwarder::cancel(std::uint64_t id)
{
    engine::user_turn t(*engine_);
    const auto at = std::find_if(waiting_.begin(), waiting_.end(), [id](const waiting& w) { return w.op->id == id; });
    if (at == waiting_.end()) return;
    at->op->result = error::operation_aborted;
    t.done().push(at->op);
    waiting_.erase(at);
}

std::shared_ptr<socket> forwarder::accept(std::uint64_t id, core::family f, error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::connection_aborted, nullptr;
    const auto made = of_host().accept(id, t.now());
    ec = made ? error_code() : made.error();
    if (ec) return nullptr;
    core::socket_protocol& protocol =
        kind_ == socket_kind::tcp ? static_cast<core::socket_protocol&>(t.host().tcp()) : t.host().udp();
    const auto s = std::allocate_shared<socket>(core::pooling_allocator<socket>(), engine_, protocol, *made, f);
    engine_->enlist(s.get());
    protocol.set_owner(*made, s.get());
    return s;
}

void forwarder::refuse(std::uint64_t id, core::refusal how, const std::optional<core::address>& from)
{
    engine::user_turn t(*engine_);
    if (open_) of_host().refuse(id, how, from, t.now());
}

void forwarder::drop(std::uint64_t id)
{
    engine::user_turn t(*engine_);
    if (open_) of_host().drop(id);
}

std::vector<std::byte> forwarder::first_payload(std::uint64_t id) const
{
    const engine::user_turn t(*engine_);
    const core::packet p = open_ ? of_host().first_payload(id) : core::packet();
    std::vector<std::byte> out(p.size());
    p.copy_to(out);
    return out;
}

bool forwarder::waits(std::uint64_t id) const
{
    return engine_->look([&](const core::host&) { return open_ && of_host().waits(id); });
}

} // namespace tapio::detail
