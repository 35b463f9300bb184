#include "lab/lossy_transfer.hpp"

#include "support/world/stream_user.hpp"

namespace tapio::lab {

lossy_outcome transfer(const lossy_path& p)
{
    using test::stream_user;
    test::world net(p.seed);
    host& a = net.add_host();
    host& b = net.add_host();
    test::world::wire_options wire;
    wire.forth.delay = p.rtt / 2;
    wire.back.delay = p.rtt - p.rtt / 2;
    wire.forth.drop = wire.back.drop = p.loss;
    const auto& between = net.join(a, "198.18.0.1", b, "198.18.0.2", wire);
    const endpoint to = test::make_endpoint("198.18.0.2", 80);
    test::acceptor_user receiver(b, to, 1, {.peer_salt = 3}, net.now());
    stream_user sender(a, test::start_connect(a, to, net.now()), {.to_send = p.size, .salt = 3});
    const time_point start = net.now();
    lossy_outcome out;
    out.complete = net.run_until([&] { return !receiver.users().empty() && receiver.users()[0]->received() == p.size; },
                                 std::chrono::hours(1));
    out.took = net.now() - start;
    out.dropped = between.forth.counters().dropped;
    out.retransmissions = a.counters().tcp.retrans_segs;
    out.timeouts = a.counters().tcp.timeouts;
    out.tail_probes = a.counters().tcp.tail_probes;
    return out;
}

} // namespace tapio::lab
