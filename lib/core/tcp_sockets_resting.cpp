// Idle connections: host_options::awake_connections of them stay awake; the others rest in less memory until they are used.
#include "core/tcp_sockets.hpp"

#include <utility>

namespace tapio::core {

tcp_socket& tcp_sockets::make_socket(tcp_id& id)
{
    id = sockets_.insert();
    return sockets_.find(id)->awake();
}

/// Moves the socket to memory with or without room for a connection, which is most of a socket's memory: a listener needs none.
/// Precondition: no connection. Cancels the socket's timer.
tcp_socket& tcp_sockets::set_room(tcp_id id, tcp_socket& s, bool room)
{
    if (s.connection.has_room() == room) return s;
    const auto move = [&](auto to) -> tcp_socket& {
        tcp_socket& moved = *to;
        static_cast<tcp_socket_state&>(moved) = std::move(static_cast<tcp_socket_state&>(s));
        events_.replace(s.event, moved.event);
        sockets_.find(id)->become(std::move(to));
        return moved;
    };
    return room ? move(std::make_unique<tcp_socket_with_room>()) : move(std::make_unique<tcp_socket>());
}

/// Updates the idle list after activity on the socket. The caller must not use references to sockets afterwards: this one and
/// others may have gone to rest.
void tcp_sockets::note_idle(tcp_id id, tcp_socket& s, time_point now)
{
    const bool idle = !s.listener && !s.detached && s.connection->may_rest(time_point::max()); // as soon as the pacer allows it
    if (!idle) return s.idle.leave();
    idle_.push(s.idle, id);
    let_rest(now);
}

/// Puts the longest idle connections to rest while more than `awake_limit_` are awake.
void tcp_sockets::let_rest(time_point now)
{
    constexpr int at_a_time = 8; // bounds the work: connections that cannot rest yet are moved to the end of the list
    for (int i = 0; i < at_a_time && idle_.size() > awake_limit_; ++i) {
        const tcp_id id = idle_.front();
        tcp_socket_slot& slot = *sockets_.find(id);
        tcp_socket& s = slot.awake();
        if (s.may_rest(now)) {
            slot.become(std::make_unique<resting_socket>(
                resting_socket{s, s.event.owner(), shelf_.share(s.options), s.connection->rest()}));
            ++counters_.at_rest;
        } else {
            idle_.push(s.idle, id);
        }
    }
}

void tcp_sockets::wake(tcp_id id, tcp_socket_slot& slot)
{
    resting_socket& from = slot.resting();
    auto woken = std::make_unique<tcp_socket_with_room>();
    tcp_socket& s = *woken;
    static_cast<tcp_socket_facts&>(s) = from.facts;
    s.event.set_owner(from.owner);
    s.options = *from.options;
    s.hash = table_hash(s.flow);
    s.route = net_.routes().none(); // looked up before the next segment
    tcp::connection_setup setup;
    setup.options = s.options;
    setup.crowd = &crowd_;
    setup.budget = &budget_;
    s.connection.emplace(std::move(from.connection), setup, counters_);
    slot.become(std::move(woken));
    idle_.push(s.idle, id);
    --counters_.at_rest;
    ++counters_.wakes;
}

} // namespace tapio::core
