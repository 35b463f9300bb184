#include "core/host.hpp"

#include "client/mdns_names.hpp"
#include "core/mdns_node.hpp"
#include "core/name_client.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tapio::core {

host::host(const host_options& options, std::span<const std::byte, random_source::seed_size> seed)
    : options_(options),
      random_(seed),
      network_(options_, random_, counters_),
      udp_(network_, random_, events_, options_, counters_.udp),
      raw_(network_, events_, options_),
      ping_(network_, random_, events_, options_),
      link_(network_, events_, options_),
      tcp_(network_, timers_, random_, events_, options_, counters_.tcp),
      dhcp_(network_, udp_, random_)
{
    network_.add_transport(ip_protocol::tcp, tcp_);
    network_.add_transport(ip_protocol::udp, udp_);
    network_.set_raw(raw_);
    network_.set_echo(ping_);
}

host::~host() = default;

/// Delivers loopback packets until none are left, at most 64 rounds: then next_deadline() returns time_point::min(), so that
/// devices and other work are not starved.
void host::advance(time_point now)
{
    timers_.advance(now);
    network_.advance(now);
    dhcp_.advance(now);
    tcp_.forwarder().advance(now);
    udp_.forwarder().advance(now);
    if (mdns_) mdns_->advance(now);
    if (names_) names_->advance(now);
    tcp_.next_turn(now);
    for (unsigned round = 0; round < 64; ++round) {
        if (tcp_.wants_flush()) tcp_.flush(now);
        if (!network_.loopback_waits() || !network_.run_loopback(now)) break;
    }
    if (tcp_.wants_flush()) tcp_.flush(now);
}

time_point host::next_deadline() const
{
    if (wants_advance()) return time_point::min();
    return std::min({timers_.next_deadline(), network_.next_deadline(), tcp_.next_deadline(), tcp_.forwarder().next_deadline(),
                     udp_.forwarder().next_deadline(), dhcp_.next_deadline(), names_ ? names_->next_deadline() : never,
                     mdns_ ? mdns_->next_deadline() : never});
}

name_client& host::names()
{
    if (!names_) names_ = std::make_unique<name_client>(network_, dhcp_, udp_, tcp_, random_);
    return *names_;
}

bool host::deliver_names(time_point now) { return names_->deliver(now) || (mdns_ && mdns_->deliver(now)); }

/// Shards would answer each other's queries, and each would see a part of the responses only.
void host::set_dns(const dns_options& options, time_point now)
{
    const bool multicast = options.mdns != mdns_use::none && options_.shards == 1;
    if (multicast || mdns_) mdns().ask(multicast, now);
    names().configure(options, multicast ? mdns_.get() : nullptr);
}

mdns_node& host::mdns()
{
    if (!mdns_) mdns_ = std::make_unique<mdns_node>(network_, udp_, random_);
    return *mdns_;
}

error_code host::publish(const mdns_options& options, time_point now)
{
    if (!client::is_valid(options)) return errno_code(EINVAL);
    if (options_.shards > 1) return errno_code(EOPNOTSUPP);
    return mdns().publish(options, now);
}

mdns_status host::published() const { return mdns_ ? mdns_->status() : mdns_status(); }

void host::say_goodbye(interface_id interface, time_point now)
{
    if (!mdns_) return;
    for (const auto& i : network_.interfaces().all())
        if (i->id() == interface || (i->carrier() != nullptr && i->carrier()->id() == interface)) mdns_->leave(i->id(), now);
}

void host::say_goodbye(time_point now)
{
    if (mdns_) mdns_->say_goodbye(now);
    dhcp_.shut_down(now);
}

bool host::replace_device(interface_id interface, const device_info& info, time_point now)
{
    const bool changed = network_.replace_device(interface, info, now);
    if (mdns_) mdns_->replaced(interface, now);
    return changed;
}

} // namespace tapio::core
