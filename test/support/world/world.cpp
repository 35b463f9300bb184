// // The world's loop: hosts and wires in a fixed order, so that runs are reproducible.
#include "support/world/world.hpp"

#include "base/split_mix.hpp"
#include "support/at_rest.hpp"

#include <stdexcept>

namespace tapio::test {

std::array<std::byte, 32> make_seed(std::uint64_t n)
{
    std::array<std::byte, 32> out{};
    for (std::byte& b : out) b = static_cast<std::byte>(split_mix(n));
    return out;
}

void direction::push(packet p, time_point now)
{
    if (sees) sees(p);
    if (p.size() - link_header_ > largest) return;
    scratch_.clear();
    model_.send(std::move(p), link_header_, now, scratch_);
    for (impairment::arrival& a : scratch_) arrivals_.emplace(a.at, travelling{++sent_, std::move(a.packet)});
}

bool direction::pop(packet& out, time_point now)
{
    const auto first = arrivals_.begin();
    if (first == arrivals_.end() || first->first > now) return false;
    out = std::move(first->second.content);
    if (first->second.number < newest_) ++overtaken_;
    newest_ = std::max(newest_, first->second.number);
    arrivals_.erase(first);
    ++delivered_;
    return true;
}

world::world(std::uint64_t seed) : seed_(seed) {}

host& world::add_host(const host_options& options)
{
    const auto seed = make_seed(seed_ * 1000 + hosts_.size());
    hosts_.push_back(std::make_unique<host>(resting_if_asked(options), seed));
    return *hosts_.back();
}

world::end world::plug(host& h, const std::string& address, const wire_options& options, direction& out)
{
    device_info info;
    info.link = options.link;
    info.mtu = mtu_in_test_family(options.mtu);
    info.queue_length = options.queue_length;
    info.offload.gso = options.offload;
    end e{0, h.add_interface(info), &out, options.offload};
    while (hosts_.at(e.host).get() != &h) ++e.host;
    if (h.add_address(e.interface, in_test_family(address), prefix_in_test_family(24), now_)) throw std::runtime_error("address");
    return e;
}

wire_between& world::join(host& a, const std::string& a_address, host& b, const std::string& b_address,
                          const wire_options& options)
{
    const std::uint64_t seed = seed_ * 7919 + wires_.size() * 2;
    const std::size_t header = options.link == link_type::ethernet ? 14 : 0;
    wires_.push_back(
        std::make_unique<wire_between>(direction(options.forth, seed, header), direction(options.back, seed + 1, header)));
    wire_between& w = *wires_.back();
    const end one = plug(a, a_address, options, w.forth);
    ends_.emplace_back(one, plug(b, b_address, options, w.back));
    return w;
}

/// Runs the hosts in order: timers, then output, then events.
bool world::step_hosts()
{
    bool busy = false;
    for (const auto& h : hosts_) {
        if (h->next_deadline() <= now_) h->advance(now_), busy = true;
        busy = h->dispatch_events(now_) || busy;
    }
    const auto drain = [&](const end& e) {
        packet p;
        while (hosts_[e.host]->next_packet(e.interface, p, now_)) e.out->push(std::move(p), now_), busy = true;
    };
    for (const auto& [a, b] : ends_) drain(a), drain(b);
    return busy;
}

/// Delivers the packets that are due, wire by wire in a fixed order.
bool world::step_wires()
{
    bool busy = false;
    packet p;
    const auto deliver = [&](direction& from, const end& to) {
        std::vector<packet> batch;
        while (from.pop(p, now_)) {
            ++packets_;
            busy = true;
            if (!to.offload) {
                hosts_[to.host]->receive(to.interface, std::move(p), now_);
            } else { // in one slice, as read from a device
                const block whole(p.size());
                p.copy_to({whole.data(), p.size()});
                batch.emplace_back(whole.share(0, p.size()));
            }
        }
        hosts_[to.host]->receive(to.interface, batch, now_);
    };
    for (std::size_t i = 0; i < wires_.size(); ++i) {
        deliver(wires_[i]->forth, ends_[i].second);
        deliver(wires_[i]->back, ends_[i].first);
    }
    if (busy)
        for (const auto& h : hosts_) h->advance(now_);
    return busy;
}

void world::settle()
{
    for (unsigned round = 0; step_hosts() | step_wires(); ++round)
        if (round > 1'000'000) throw std::runtime_error("the world does not settle: something spins without time passing");
}

time_point world::next_deadline() const
{
    time_point next = never;
    for (const auto& h : hosts_) next = std::min(next, h->next_deadline());
    for (const auto& w : wires_) next = std::min({next, w->forth.next_deadline(), w->back.next_deadline()});
    return next;
}

bool world::run_until(const std::function<bool()>& done, duration limit)
{
    const time_point last = now_ + limit;
    for (;;) {
        settle();
        if (done()) return true;
        const time_point next = std::max(next_deadline(), now_);
        if (next > last) break;
        now_ = next;
    }
    now_ = last;
    return false;
}

void world::run_for(duration length)
{
    run_until([] { return false; }, length);
}

} // namespace tapio::test
