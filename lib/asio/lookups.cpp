// Lookups that wait for the stack's resolver: operations, and blocked callers.
#include "asio/engine.hpp"
#include "asio/name_query.hpp"
#include "asio/name_wait.hpp"

#include <tapio/detail/dns_query.hpp>
#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;
using core::client::dns_result;

} // namespace

// -- name_wait ----------------------------------------------------------------------------------------------------------------

void name_wait::resolved(core::client::lookup_id l, result&& r, core::time_point)
{
    const auto self = engine_.end_name_wait(key_of(l)); // until the end of this call
    end(take_(engine_.host(), std::move(r)), engine_.finished());
}

void name_wait::abort(operation_queue& done) { end(error::operation_aborted, done); }

void name_wait::end(const error_code& ec, operation_queue& done)
{
    if (caller_) {
        caller_->over = true;
        caller_->ec = ec;
    }
    if (op_ == nullptr) return;
    op_->result = ec;
    done.push(std::exchange(op_, nullptr));
}

// -- the engine's part ----------------------------------------------------------------------------------------------------------

void engine::wait_for_names(std::unique_ptr<name_wait> w, const start_names& start, core::time_point now)
{
    const name_wait_key k = w->key_of(start(host_, *w, now));
    name_waits_.emplace(k, std::move(w));
}

std::unique_ptr<name_wait> engine::end_name_wait(const name_wait_key& k) { return std::move(name_waits_.extract(k).mapped()); }

/// @param id of an operation; 0: all of the owner
std::vector<std::unique_ptr<name_wait>> engine::take_name_waits(const void* owner, std::uint64_t id, core::time_point now)
{
    std::vector<std::unique_ptr<name_wait>> out;
    for (auto at = name_waits_.lower_bound({owner, id, 0}); at != name_waits_.end();) {
        const name_wait_key& k = at->first;
        if (k.owner != owner || (id != 0 && k.operation != id)) break;
        host_.names().cancel(k.lookup, now);
        out.push_back(std::move(at->second));
        at = name_waits_.erase(at);
    }
    return out;
}

void engine::cancel_names(const void* owner, std::uint64_t id)
{
    user_turn t(*this);
    for (const auto& w : take_name_waits(owner, id, t.now())) w->abort(t.done());
}

void engine::discard_names(const void* owner)
{
    std::vector<operation*> gone;
    {
        const user_turn t(*this);
        for (const auto& w : take_name_waits(owner, 0, turn_began_)) gone.push_back(w->op());
    }
    for (operation* const op : gone) op->destroy();
}

/// Called by shutdown(), under the lock.
void engine::abort_names(operation_queue& done)
{
    for (const auto& [k, w] : name_waits_) {
        host_.names().cancel(k.lookup, turn_began_);
        w->abort(done);
    }
    name_waits_.clear();
}

// -- what is asked --------------------------------------------------------------------------------------------------------------

namespace {

/// A lookup that needs DNS: how it begins, and what its result means.
struct question
{
    engine::start_names start;
    name_wait::take take;
};

question question_for(const name_query& q, const prepared_query& p, std::shared_ptr<resolved_names> into)
{
    return {[host = q.host, types = p.types](core::host& h, core::client::dns_sink& sink, core::time_point now) {
                return h.names().look_up(host, types, sink, now);
            },
            [q, port = p.port, into = std::move(into)](core::host& h, dns_result&& r) {
                return take_answer(h, q, port, std::move(r), *into);
            }};
}

question question_for(const core::address& a, std::shared_ptr<names_of_endpoint> into)
{
    return {[n = reverse_name_of(a)](core::host& h, core::client::dns_sink& sink, core::time_point now) {
                return h.names().query(n, core::dns::record_type::ptr, sink, now);
            },
            [into = std::move(into)](core::host&, dns_result&& r) { return take_answer(std::move(r), *into); }};
}

/// RFC 6761 is kept here, too: special names are answered by the resolver itself.
question question_for(const core::dns::name& n, core::dns::record_type type, std::shared_ptr<core::dns::answer> into)
{
    return {[n, type](core::host& h, core::client::dns_sink& sink, core::time_point now) {
                return h.names().query(n, type, sink, now);
            },
            [into = std::move(into)](core::host&, dns_result&& r) -> core::error_code {
                using outcome = dns_result::outcome;
                if (!r.answers.empty()) *into = std::move(r.answers.front());
                switch (r.what) {
                case outcome::found: return {};
                case outcome::no_data: return error::no_data;
                case outcome::no_name: return error::host_not_found;
                case outcome::failed:
                case outcome::refused: break;
                }
                return error::host_not_found_try_again;
            }};
}

void begin(const std::shared_ptr<engine>& e, question q, operation* op, const void* owner)
{
    engine::user_turn t(*e);
    if (e->is_shut_down()) {
        op->result = error::operation_aborted;
        return t.done().push(op);
    }
    e->wait_for_names(std::make_unique<name_wait>(*e, std::move(q.take), op, owner), q.start, t.now());
}

/// Waits for the result, as socket calls do.
core::error_code wait_for(const std::shared_ptr<engine>& e, question q)
{
    const auto caller = std::make_shared<name_wait::caller>();
    bool begun = false;
    for (;;) {
        std::uint64_t seen = 0;
        {
            engine::user_turn t(*e);
            if (caller->over) return caller->ec;
            if (e->is_shut_down()) return error::operation_aborted;
            if (!std::exchange(begun, true))
                e->wait_for_names(std::make_unique<name_wait>(*e, std::move(q.take), caller), q.start, t.now());
            t.settle();
            if (caller->over) return caller->ec;
            seen = e->turns() + 1; // the present turn is counted when it ends
        }
        if (e->wait_for_turn_after(seen) == engine::waited::for_ever)
            return make_error_code(boost::system::errc::resource_deadlock_would_occur);
    }
}

} // namespace

resolved_names resolve(boost::asio::execution_context& context, const name_query& q, boost::system::error_code& ec)
{
    const auto e = engine_of(context);
    prepared_query p = prepare(*e, q);
    ec = p.ec;
    if (p.over) return p.names;
    const auto into = std::make_shared<resolved_names>();
    ec = wait_for(e, question_for(q, p, into));
    return ec ? resolved_names() : *into;
}

names_of_endpoint resolve(boost::asio::execution_context& context, const core::endpoint& about, int socket_type,
                          boost::system::error_code& ec)
{
    const auto e = engine_of(context);
    const auto into = std::make_shared<names_of_endpoint>();
    ec = {};
    if (!prepare(*e, about, socket_type, *into)) ec = wait_for(e, question_for(about.address, into));
    return *into;
}

void dns_query::start(const std::shared_ptr<engine>& e, operation* op) const
{
    if (name) return begin(e, question_for(*name, type, answer), op, nullptr);
    op->result = error::invalid_argument;
    op->complete();
}

void dns_query::cancel(engine& e, std::uint64_t op_id) { e.cancel_names(nullptr, op_id); }

// -- name_lookups ---------------------------------------------------------------------------------------------------------------

void name_lookups::start(boost::asio::execution_context& context, const name_query& q, std::shared_ptr<resolved_names> into,
                         operation* op)
{
    const auto e = engine_of(context);
    prepared_query p = prepare(*e, q);
    if (p.over) {
        *into = std::move(p.names);
        op->result = p.ec;
        return op->complete();
    }
    uses(e);
    begin(e, question_for(q, p, std::move(into)), op, this);
}

void name_lookups::start(boost::asio::execution_context& context, const core::endpoint& about, int socket_type,
                         std::shared_ptr<names_of_endpoint> into, operation* op)
{
    const auto e = engine_of(context);
    if (prepare(*e, about, socket_type, *into)) return op->complete();
    uses(e);
    begin(e, question_for(about.address, std::move(into)), op, this);
}

void name_lookups::uses(const std::shared_ptr<engine>& e)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(engines_, [&](const auto& known) { return known.expired() || known.lock() == e; });
    engines_.push_back(e);
}

std::vector<std::shared_ptr<engine>> name_lookups::engines()
{
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<engine>> out;
    for (const auto& e : engines_)
        if (auto alive = e.lock()) out.push_back(std::move(alive));
    return out;
}

void name_lookups::cancel()
{
    for (const auto& e : engines()) e->cancel_names(this, 0);
}
void name_lookups::cancel(std::uint64_t id)
{
    for (const auto& e : engines()) e->cancel_names(this, id);
}
void name_lookups::discard()
{
    for (const auto& e : engines()) e->discard_names(this);
}

} // namespace tapio::detail
