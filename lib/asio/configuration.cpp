// How interfaces are configured: stack::configure, and operations that wait for a configuration.
#include "asio/engine.hpp"

#include <tapio/detail/configuration_wait.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <utility>

namespace tapio {

namespace detail {

namespace error = boost::asio::error;

/// An operation that waits. Guarded by the engine's lock.
struct engine::configuring
{
    operation* op = nullptr;
    configuration_wait wait;
    core::timer_node timer;
    std::uint64_t seen = 0; ///< version of the configuration that was looked at
    bool over = false;      ///< its time is
};

namespace {

bool reaches_beyond_the_link(const core::interface_configuration::own_address& a, core::configure_options::waiting wanted)
{
    using waiting = core::configure_options::waiting;
    if (a.origin == core::address_origin::link_local || core::needs_zone(a.address)) return false;
    return wanted == waiting::any || a.address.is_v4() == (wanted == waiting::v4);
}

/// What the operation waits for has happened.
bool is_fulfilled(const configuration_wait& w, const core::interface_configuration& present)
{
    if (w.known) return *w.known != present.version;
    const auto wanted = w.options->wait_for;
    return std::any_of(present.addresses.begin(), present.addresses.end(),
                       [wanted](const auto& a) { return reaches_beyond_the_link(a, wanted); });
}

} // namespace

/// @return the error with which the operation completes at once; none too if it is fulfilled, which settle() finds
core::error_code engine::begin_configuration(const configuration_wait& w, core::time_point now)
{
    if (shut_down_) return error::operation_aborted;
    if (w.interface >= host_.net().interfaces().size()) return core::errno_code(ENODEV);
    return w.options ? host_.configure(w.interface, *w.options, now) : core::error_code();
}

void engine::wait_for_configuration(const configuration_wait& w, operation* op)
{
    {
        user_turn t(*this);
        op->result = begin_configuration(w, t.now());
        const bool exists = w.interface < host_.net().interfaces().size();
        const bool at_once = op->result || is_fulfilled(w, host_.configuration(w.interface));
        if (exists) *w.found = host_.configuration(w.interface);
        if (!at_once) {
            auto c = std::make_shared<configuring>();
            c->op = op;
            c->timer.context = c.get();
            c->timer.fire = [](core::timer_node&, void* self, core::time_point) { static_cast<configuring*>(self)->over = true; };
            if (w.options && w.options->timeout > core::duration::zero()) timers_.arm(c->timer, t.now() + w.options->timeout);
            c->seen = w.found->version;
            c->wait = w;
            return configuring_.push_back(std::move(c));
        }
        if (!op->has_immediate_executor) return t.done().push(op);
    }
    op->complete_at_once();
}

/// Completes the operations that have nothing left to wait for, or no time left. Called in every turn.
void engine::complete_configurations(operation_queue& done)
{
    std::erase_if(configuring_, [&](const std::shared_ptr<configuring>& c) {
        const std::uint64_t version = host_.net().interface(c->wait.interface).configuration;
        if (std::exchange(c->seen, version) == version && !c->over) return false;
        *c->wait.found = host_.configuration(c->wait.interface);
        if (!is_fulfilled(c->wait, *c->wait.found)) {
            if (!c->over) return false;
            c->op->result = error::timed_out;
        }
        timers_.cancel(c->timer);
        done.push(c->op);
        return true;
    });
}

void engine::cancel_configuration(std::uint64_t op_id)
{
    user_turn t(*this);
    const auto at = std::find_if(configuring_.begin(), configuring_.end(), [op_id](const auto& c) { return c->op->id == op_id; });
    if (at == configuring_.end()) return;
    end_configuration(**at, t.done());
    configuring_.erase(at);
}

void engine::end_configuration(configuring& c, operation_queue& done)
{
    timers_.cancel(c.timer);
    *c.wait.found = host_.configuration(c.wait.interface);
    c.op->result = error::operation_aborted;
    done.push(c.op);
}

/// Called by shutdown(), under the lock.
void engine::abort_configurations(operation_queue& done)
{
    for (const auto& c : std::exchange(configuring_, {})) end_configuration(*c, done);
}

void configuration_wait::start(const std::shared_ptr<engine>& e, operation* op) const { e->wait_for_configuration(*this, op); }
void configuration_wait::cancel(engine& e, std::uint64_t op_id) { e.cancel_configuration(op_id); }

} // namespace detail

void stack::configure(interface_id interface, const core::configure_options& options)
{
    detail::engine::turn t(*engine_);
    if (const auto failed = t.host().configure(interface, options, t.now()))
        throw boost::system::system_error(failed, "configure");
}

void stack::release_lease(interface_id interface)
{
    detail::engine::turn t(*engine_);
    if (const auto failed = t.host().release_lease(interface, t.now()))
        throw boost::system::system_error(failed, "release_lease");
}

core::interface_configuration stack::configuration(interface_id interface) const
{
    return engine_->look([interface](const core::host& h) {
        if (interface >= h.net().interfaces().size())
            throw boost::system::system_error(core::errno_code(ENODEV), "configuration");
        return h.configuration(interface);
    });
}

} // namespace tapio
