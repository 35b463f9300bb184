// TIME-WAIT after the user has closed the socket (RFC 9293 §3.6.1): only a time_wait_table entry is kept. A segment of the peer
// turns it into a connection again.
#include "core/tcp_sockets.hpp"

namespace tapio::core {

namespace {

constexpr auto granularity = std::chrono::milliseconds(10); // entries that end within this time are removed together

} // namespace

void tcp_sockets::let_wait(tcp_id id, tcp_socket& s)
{
    const time_point end = s.connection->next_deadline();
    if (!waiting_.takes(end)) return arm(id, s, end); // not in order: the connection was revived, or has another 2 MSL
    time_wait_table::entry e;
    e.flow = s.flow;
    e.memory = s.connection->remember();
    e.end = end;
    e.device = s.device;
    e.ttl = s.options.ttl;
    e.own_ttl = s.options.own_ttl;
    e.tos = s.options.tos;
    e.reuse_address = s.reuse_address;
    if (waiting_.size() >= waiting_limit_) forget_waiting(waiting_.oldest(), end - s.connection->options().time_wait);
    connections_.rename(s.hash, id, waiting_.add(e));
    erase(id, s);
    if (!waiting_timer_.armed()) watch_waiting(time_point::min());
}

/// A segment arrived for an entry: turns the entry into a connection in TIME-WAIT.
tcp_socket& tcp_sockets::revive(tcp_id waiting, tcp_id& id, time_point now)
{
    const time_wait_table::entry e = waiting_.take(waiting);
    tcp_socket& s = make_socket(id);
    s.flow = e.flow;
    s.hash = table_hash(s.flow);
    s.family = family_of(s.local_address());
    s.options = defaults_;
    s.options.ttl = e.ttl;
    s.options.own_ttl = e.own_ttl;
    s.options.tos = e.tos;
    s.congestion = default_congestion_;
    s.detached = true;
    s.reuse_address = e.reuse_address;
    s.device = e.device;
    const auto found = net_.routes().find(s.remote_address(), s.local_address(), e.device);
    s.route = found ? found->route : net_.routes().none();
    tcp::connection_setup setup = setup_for(s, *s.route, s.flow.family());
    setup.timestamp_offset = e.memory.timestamp_offset;
    setup.secret = random_.next_u32();
    s.connection.emplace(std::move(setup), counters_);
    s.connection->wait_again(e.memory, e.end, now);
    connections_.rename(s.hash, waiting, id);
    return s;
}

void tcp_sockets::forget_waiting(tcp_id waiting, time_point now)
{
    const time_wait_table::entry e = waiting_.take(waiting);
    leave_table(waiting, table_hash(e.flow), e.flow.destination_port(), e.reuse_address);
    if (trace* const t = net_.tracer())
        t->tcp_state_changed(e.flow.destination(), e.flow.source(), tcp_state::time_wait, tcp_state::closed, now);
}

void tcp_sockets::waiting_ended(time_point now)
{
    for (tcp_id oldest = waiting_.oldest(); oldest && waiting_.at(oldest).end <= now; oldest = waiting_.oldest())
        forget_waiting(oldest, now);
    watch_waiting(now + granularity);
}

void tcp_sockets::watch_waiting(time_point earliest)
{
    const tcp_id oldest = waiting_.oldest();
    if (!oldest) return;
    waiting_timer_.fire = [](timer_node& self, void*, time_point at) {
        static_cast<tcp_sockets*>(self.context)->waiting_ended(at);
    };
    waiting_timer_.context = this;
    timers_.arm(waiting_timer_, std::max(waiting_.at(oldest).end, earliest));
}

} // namespace tapio::core
