// The state of an interface and what follows from it for queued packets; drops.
#include "link/interface.hpp"

#include <string>

namespace tapio::core::link {

interface_status interface::status() const { return {info_.name, state_, enabled_, info_.mtu, why_, last_change_}; }

void interface::tell_trace(time_point now) const
{
    if (recorder_.to != nullptr) recorder_.to->interface_changed(id_, status(), now);
}

interface::change interface::set_link(bool up, std::size_t mtu, time_point now)
{
    const bool resized = mtu != info_.mtu;
    info_.mtu = mtu;
    info_.link_up = up;
    if (resized) transmit_.set_device(info_);
    if (update_state(now)) return change::state;
    return resized ? change::mtu : change::none;
}

interface::change interface::set_enabled(bool yes, time_point now)
{
    enabled_ = yes;
    return update_state(now) ? change::state : change::none;
}

interface::change interface::lost(error_code why, time_point now)
{
    present_ = false;
    why_ = why;
    return update_state(now) ? change::state : change::none;
}

interface::change interface::replace_device(const device_info& info, time_point now)
{
    discard_output(now);
    info_ = info;
    transmit_.set_device(info);
    present_ = true;
    why_ = {};
    return update_state(now) ? change::state : change::device;
}

void interface::follow_carrier()
{
    const std::string name = carrier_->info_.name + "." + std::to_string(vlan_);
    info_ = carrier_->info_;
    info_.name = name;
    info_.link_up = carrier_->is_up();
    present_ = carrier_->state_ != interface_state::not_present;
    why_ = carrier_->why_;
    if (!info_.link_up) state_ = present_ ? interface_state::down : interface_state::not_present;
}

interface::change interface::follow_carrier(time_point now)
{
    const auto before = state_;
    const std::size_t mtu = info_.mtu;
    follow_carrier();
    state_ = before;
    if (update_state(now)) return change::state;
    return info_.mtu != mtu ? change::mtu : change::device;
}

/// @return true if the state has changed
bool interface::update_state(time_point now)
{
    const auto fit = info_.link_up && enabled_ ? interface_state::up : interface_state::down;
    const interface_state state = present_ ? fit : interface_state::not_present;
    if (state == state_) return false;
    state_ = state;
    last_change_ = now;
    ++counters_.state_changes;
    if (!is_up()) discard_output(now);
    return true;
}

/// Drops queued packets and those that wait for a neighbour's address, as when a cable is pulled out.
void interface::discard_output(time_point now)
{
    const auto discard = [&](const packet& p) { refused(drop_reason::interface_down, p, now); };
    transmit_.clear(discard);
    for (const packet& p : neighbors.forget_all()) discard(p);
}

void interface::discard_input(std::uint64_t packets) noexcept { dropped(drop_reason::interface_down, packets); }

void interface::dropped(drop_reason why, const packet& p, time_point now)
{
    ++recorder_.counters.drops[why];
    ++counters_.in_discards;
    if (recorder_.to != nullptr) recorder_.to->dropped(id_, why, p, now);
}

void interface::dropped(drop_reason why, std::uint64_t packets) noexcept
{
    recorder_.counters.drops[why] += packets;
    counters_.in_discards += packets;
}

void interface::refused(drop_reason why, const packet& p, time_point now)
{
    ++recorder_.counters.drops[why];
    ++counters_.out_discards;
    if (recorder_.to != nullptr) recorder_.to->dropped(id_, why, p, now);
}

} // namespace tapio::core::link
