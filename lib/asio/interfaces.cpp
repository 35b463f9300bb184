// Interfaces: changes of state, operations that wait for them, replacement of devices, counters.
#include "asio/check_options.hpp"
#include "asio/engine.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>

namespace tapio {

namespace detail {

/// Takes over link state and MTU from the device. May be called before the device has started, and after it was replaced.
void engine::note_link(attachment& a, turn& t)
{
    if (a.replaced || shut_down_) return;
    const device_info info = a.medium->info();
    if (t.host().set_link(a.id, info.link_up, info.mtu, t.now())) tell_waiters(a.id, t.done());
}

core::error_code engine::replace(core::interface_id id, std::unique_ptr<device> medium)
{
    if (!medium) return core::errno_code(EINVAL);
    check(medium->info());
    const auto fresh = std::make_shared<attachment>(*this, std::move(medium));
    std::shared_ptr<attachment> old;
    {
        turn t(*this);
        const auto at = std::find_if(devices_.begin(), devices_.end(), [id](const auto& a) { return a->id == id; });
        if (at == devices_.end()) return core::errno_code(ENODEV);
        old = std::exchange(*at, fresh);
        old->replaced = true;
        fresh->id = id;
        fresh->full = true; // send nothing before start()
        fresh->errors_before = old->errors_before + old->medium->transmit_errors();
        has_in_memory_ = has_in_memory_ || fresh->medium->in_memory();
        if (t.host().replace_device(id, fresh->medium->info(), t.now())) tell_waiters(id, t.done());
    }
    old->medium->stop(); // without the lock: a handler of the device may be waiting for the lock
    fresh->medium->start(driver().get_executor(), *fresh);
    turn t(*this);
    fresh->full = false;
    note_link(*fresh, t);
    return {};
}

core::error_code engine::set_enabled(core::interface_id id, bool yes)
{
    turn t(*this);
    if (id >= host_.net().interfaces().size()) return core::errno_code(ENODEV);
    if (!yes) {
        host_.say_goodbye(id, t.now());
        settle(t.now(), t.done()); // while it can be sent
    }
    if (host_.set_enabled(id, yes, t.now())) tell_waiters(id, t.done());
    return {};
}

core::interface_counters engine::counters(core::interface_id id) const
{
    const std::lock_guard lock(mutex_);
    if (id >= host_.net().interfaces().size()) return {};
    core::interface_counters c = host_.net().interface(id).counters();
    for (const auto& a : devices_)
        if (a->id == id) c.out_errors += a->errors_before + a->medium->transmit_errors();
    return c;
}

std::vector<core::interface_info> engine::interfaces() const
{
    const std::lock_guard lock(mutex_);
    std::vector<core::interface_info> out = host_.net().list_interfaces();
    for (const auto& a : devices_) out[a->id].counters.out_errors += a->errors_before + a->medium->transmit_errors();
    return out;
}

void engine::wait_for_change(const interface_wait& w, operation* op)
{
    {
        user_turn t(*this);
        if (!finishes_at_once(w, *op)) {
            if (interface_waits_.size() <= w.interface) interface_waits_.resize(w.interface + 1);
            return interface_waits_[w.interface].push(op);
        }
        if (!op->has_immediate_executor) return t.done().push(op);
    }
    op->complete_at_once();
}

bool engine::finishes_at_once(const interface_wait& w, operation& op) const
{
    const bool exists = w.interface < host_.net().interfaces().size();
    if (shut_down_) {
        op.result = boost::asio::error::operation_aborted;
    } else if (!exists) {
        op.result = core::errno_code(ENODEV);
    }
    if (!exists) return true;
    const core::interface_state now = host_.net().interface(w.interface).status().state;
    op.tell(static_cast<unsigned>(now));
    return shut_down_ || (w.known && *w.known != now);
}

void engine::tell_waiters(core::interface_id id, operation_queue& done)
{
    for (const auto& i : host_.net().interfaces().all()) // its VLANs have changed, too
        if (i->carrier() != nullptr && i->carrier()->id() == id) tell_waiters(i->id(), done);
    if (id >= interface_waits_.size()) return;
    const auto state = static_cast<unsigned>(host_.net().interface(id).status().state);
    while (operation* const op = interface_waits_[id].pop()) {
        op->tell(state);
        done.push(op);
    }
}

void engine::cancel_wait(std::uint64_t op_id)
{
    user_turn t(*this);
    for (core::interface_id id = 0; id < interface_waits_.size(); ++id) {
        operation* const op = interface_waits_[id].remove(op_id);
        if (op == nullptr) continue;
        op->tell(static_cast<unsigned>(host_.net().interface(id).status().state));
        op->result = boost::asio::error::operation_aborted;
        return t.done().push(op);
    }
}

void engine::abort_waits(operation_queue& done)
{
    for (core::interface_id id = 0; id < interface_waits_.size(); ++id) {
        while (operation* const op = interface_waits_[id].pop()) {
            op->tell(static_cast<unsigned>(host_.net().interface(id).status().state));
            op->result = boost::asio::error::operation_aborted;
            done.push(op);
        }
    }
}

void interface_wait::start(const std::shared_ptr<engine>& e, operation* op) const { e->wait_for_change(*this, op); }
void interface_wait::cancel(engine& e, std::uint64_t op_id) { e.cancel_wait(op_id); }

} // namespace detail

namespace {

void check(boost::system::error_code ec, const char* what)
{
    if (ec) throw boost::system::system_error(ec, what);
}

} // namespace

void stack::replace_device(interface_id interface, std::unique_ptr<device> medium)
{
    check(engine_->replace(interface, std::move(medium)), "replace_device");
}

core::interface_status stack::interface_status(interface_id interface) const
{
    return engine_->look([interface](const core::host& h) {
        if (interface >= h.net().interfaces().size()) check(core::errno_code(ENODEV), "interface_status");
        return h.net().interface(interface).status();
    });
}

void stack::set_interface_up(interface_id interface, bool up) { check(engine_->set_enabled(interface, up), "set_interface_up"); }

void stack::remove_address(const boost::asio::ip::address& address)
{
    detail::engine::turn t(*engine_);
    check(t.host().remove_address(address, t.now()), "remove_address");
}

void stack::remove_route(const boost::asio::ip::address& network, unsigned prefix_length, const boost::asio::ip::address& gateway,
                         interface_id interface)
{
    detail::engine::turn t(*engine_);
    check(t.host().remove_route(network, prefix_length, gateway, interface), "remove_route");
}

void stack::add_route(const route_info& r)
{
    detail::engine::turn t(*engine_);
    check(t.host().add_route(r), "add_route");
}

void stack::remove_route(const route_info& r)
{
    detail::engine::turn t(*engine_);
    check(t.host().remove_route(r), "remove_route");
}

void stack::replace_route(const route_info& r)
{
    detail::engine::turn t(*engine_);
    check(t.host().replace_route(r), "replace_route");
}

void stack::set_forwarding(const core::forwarding_options& options)
{
    detail::engine::turn t(*engine_);
    t.host().set_forwarding(options);
}

void stack::add_hook(std::shared_ptr<core::packet_hook> hook)
{
    if (!hook) check(core::errno_code(EINVAL), "add_hook: null");
    detail::engine::turn t(*engine_);
    t.host().add_hook(std::move(hook));
}

void stack::remove_hook(const std::shared_ptr<core::packet_hook>& hook)
{
    detail::engine::turn t(*engine_);
    t.host().remove_hook(hook);
}

void stack::accept_any_destination(interface_id interface, bool yes)
{
    detail::engine::turn t(*engine_);
    check(t.host().accept_any_destination(interface, yes), "accept_any_destination");
}

stack::interface_id stack::add_vlan(interface_id carrier, std::uint16_t id)
{
    detail::engine::turn t(*engine_);
    const auto added = t.host().add_vlan(carrier, id);
    check(added ? boost::system::error_code() : added.error(), "add_vlan");
    return *added;
}

void stack::proxy_neighbors(interface_id interface, bool yes)
{
    detail::engine::turn t(*engine_);
    check(t.host().proxy_neighbors(interface, yes), "proxy_neighbors");
}

interface_counters stack::counters(interface_id interface) const { return engine_->counters(interface); }

} // namespace tapio
