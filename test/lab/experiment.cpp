#include "lab/experiment.hpp"

#include "support/world/stream_user.hpp"

#include <algorithm>
#include <array>
#include <memory>

namespace tapio::lab {

namespace {

using namespace std::chrono_literals;
using test::agent;
using test::make_endpoint;

constexpr std::size_t packet_size = 1500; // octets

/// Writes as much as the send buffer takes.
class source final : public agent
{
public:
    source(host& h, tcp_id id) : host_(h), id_(id) { host_.tcp().set_owner(id_, this); }
    void ready(readiness what, time_point now) override
    {
        static const std::vector<std::byte> zeros(1 << 18);
        const std::array<const_bytes, 1> all{zeros};
        while (any(what & readiness::writable) && host_.tcp().send(id_, all, now)) {}
    }
    tcp_info info(time_point now) const
    {
        const auto i = host_.tcp().info(id_, now);
        return i ? *i : tcp_info{};
    }

private:
    host& host_;
    tcp_id id_;
};

/// Reads all data received.
class sink final : public agent
{
public:
    sink(host& h, tcp_id id) : host_(h), id_(id) { host_.tcp().set_owner(id_, this); }
    void ready(readiness, time_point now) override
    {
        static std::vector<std::byte> scratch(1 << 18);
        const std::array<mutable_bytes, 1> all{scratch};
        for (;;) {
            const auto n = host_.tcp().receive(id_, all, {}, now);
            if (!n || *n == 0) return;
            received += *n;
        }
    }
    std::uint64_t received = 0; ///< octets

private:
    host& host_;
    tcp_id id_;
};

class sinks final : public agent
{
public:
    sinks(host& h, time_point now) : host_(h), id_(*h.tcp().open(family::v4))
    {
        (void)host_.tcp().bind(id_, make_endpoint("198.18.0.2", 80));
        (void)host_.tcp().listen(id_, 64, now);
        host_.tcp().set_owner(id_, this);
    }
    void ready(readiness, time_point now) override
    {
        endpoint peer;
        while (const auto s = host_.tcp().accept(id_, peer, now)) {
            all.push_back(std::make_unique<sink>(host_, *s));
            all.back()->ready(readiness::readable, now);
        }
    }
    std::vector<std::unique_ptr<sink>> all;

private:
    host& host_;
    tcp_id id_;
};

duration packet_time(const cell& c)
{
    return duration(static_cast<duration::rep>(8e9 * packet_size / static_cast<double>(c.rate)));
}

test::world::wire_options wire_of(const cell& c)
{
    test::world::wire_options w;
    w.mtu = packet_size;
    w.forth.rate = c.rate;
    w.forth.queue_limit = std::max<std::size_t>(
        static_cast<std::size_t>(c.queue * static_cast<double>(bandwidth_delay_product(c))), 10 * packet_size);
    if (c.ecn) w.forth.mark_above = std::max(w.forth.queue_limit / 6, 3 * packet_size);
    w.forth.drop = c.loss;
    w.forth.delay = c.rtt / 2;
    w.forth.reorder = c.reordering;
    w.forth.reorder_delay = c.reorder_delay != duration::zero() ? c.reorder_delay : packet_time(c);
    w.forth.reorder_steps = c.reorder_delay != duration::zero() ? 1 : 8;
    w.forth.stall = c.stall;
    w.forth.stall_every = c.stall_every;
    w.back.delay = c.rtt / 2;
    return w;
}

host_options options_of(const cell& c)
{
    host_options o;
    // Buffers that are never the limit: at most twice the path and its queue are in flight, and a segment lost two or three times
    // keeps the data of several RTTs behind it from being read.
    const std::uint64_t wanted = 10 * bandwidth_delay_product(c) + (1 << 20);
    const auto most = static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, 512U << 20));
    if (!c.tuned) o.tcp.receive_buffer = o.tcp.send_buffer = most;
    o.tcp.receive_buffer_limit = o.tcp.send_buffer_limit = o.tcp.window_scale_capacity = most;
    o.tcp.offer_ecn = c.ecn;
    o.congestion_control = c.congestion_control;
    o.transmit_queue = 1 << 20;
    return o;
}

double jain(const std::vector<double>& x)
{
    double sum = 0, squares = 0;
    for (const double v : x) sum += v, squares += v * v;
    return squares == 0 ? 0 : sum * sum / (static_cast<double>(x.size()) * squares);
}

} // namespace

std::uint64_t bandwidth_delay_product(const cell& c)
{
    return static_cast<std::uint64_t>(static_cast<double>(c.rate) / 8 * std::chrono::duration<double>(c.rtt).count());
}

outcome run(const cell& c, const std::function<void(const snapshot&)>& watch, duration interval, segment_log* segments)
{
    test::world net(c.seed);
    host& a = net.add_host(options_of(c));
    host& b = net.add_host(options_of(c));
    const auto& wire = net.join(a, "198.18.0.1", b, "198.18.0.2", wire_of(c));
    sinks receivers(b, net.now());
    if (segments != nullptr) {
        segments->begin(net.now());
        a.set_trace(segments);
    }
    std::vector<std::unique_ptr<source>> senders;
    for (unsigned i = 0; i < c.flows; ++i)
        senders.push_back(std::make_unique<source>(a, test::start_connect(a, make_endpoint("198.18.0.2", 80), net.now())));

    const time_point start = net.now();
    duration queued{}, most{};
    std::uint64_t looks = 0;
    const auto pass = [&](duration length, bool measured) {
        for (const time_point end = net.now() + length; net.now() < end;) {
            net.run_for(std::min(interval, end - net.now()));
            const duration q = wire.forth.queueing_delay(net.now());
            if (measured) queued += q, most = std::max(most, q), ++looks;
            if (watch) watch({net.now() - start, senders[0]->info(net.now()), q});
        }
    };
    pass(c.start_up, false);
    std::vector<std::uint64_t> before;
    for (const auto& s : receivers.all) before.push_back(s->received);
    const std::uint64_t packets_before = wire.forth.delivered();
    pass(c.length, true);

    outcome out;
    const double seconds = std::chrono::duration<double>(c.length).count();
    for (std::size_t i = 0; i < receivers.all.size(); ++i) {
        const std::uint64_t base = i < before.size() ? before[i] : 0;
        out.flows.push_back(8 * static_cast<double>(receivers.all[i]->received - base) / seconds);
        out.goodput += out.flows.back();
    }
    out.flows.resize(c.flows);
    out.packets = wire.forth.delivered() - packets_before;
    out.utilisation = 8 * static_cast<double>(out.packets) * packet_size / seconds / static_cast<double>(c.rate);
    out.fairness = jain(out.flows);
    out.queue_mean = looks == 0 ? duration::zero() : queued / static_cast<duration::rep>(looks);
    out.queue_most = most;
    out.retransmissions = a.counters().tcp.retrans_segs;
    out.dropped = wire.forth.counters().dropped + wire.forth.counters().queue_dropped;
    out.timeouts = a.counters().tcp.timeouts;
    out.tail_probes = a.counters().tcp.tail_probes;
    return out;
}

} // namespace tapio::lab
