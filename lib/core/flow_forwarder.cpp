#include "core/flow_forwarder.hpp"

namespace tapio::core {

error_code flow_forwarder::open(const forwarder_options& options, event_sink& owner)
{
    if (flows_) return errno_code(EADDRINUSE);
    options_ = options;
    flows_.emplace(options, key_);
    event_.set_owner(&owner);
    return {};
}

void flow_forwarder::close()
{
    event_.set_owner(nullptr);
    flows_.reset();
}

std::optional<taken_flow> flow_forwarder::take()
{
    entry* const e = flows_ ? flows_->take() : nullptr;
    if (e == nullptr) return std::nullopt;
    const ip::rx_packet& first = e->held.packets.front();
    return taken_flow{e->id, {e->flow.source(), e->flow.destination(), first.interface, first.ttl}};
}

packet flow_forwarder::first_payload(std::uint64_t id)
{
    const entry* const e = find_undecided(id);
    if (e == nullptr || e->held.packets.front().payload_at == 0) return {};
    const ip::rx_packet& first = e->held.packets.front();
    packet p = first.contents;
    p.consume(first.payload_at);
    return p;
}

bool flow_forwarder::offer(ip::rx_packet& p, time_point now)
{
    held_packets held;
    held.packets.push_back(std::move(p));
    const flow_key flow = held.packets.front().flow;
    if (entry* const e = flows_->add(flow, std::move(held), now); e != nullptr)
        return events_.push(event_, readiness::readable), true;
    p = std::move(held.packets.front());
    return false;
}

void flow_forwarder::refuse(std::uint64_t id, refusal how, const std::optional<address>& from, time_point now)
{
    entry* const e = find_undecided(id);
    if (e == nullptr) return;
    std::vector<ip::rx_packet> packets = std::move(e->held.packets);
    forget(*e);
    ip::rx_packet& first = packets.front();
    if (!refuse_by_transport(first, how, now)) net_.refuse(first, how, from, now);
}

void flow_forwarder::drop(std::uint64_t id)
{
    if (entry* const e = find_undecided(id)) forget(*e);
}

} // namespace tapio::core
