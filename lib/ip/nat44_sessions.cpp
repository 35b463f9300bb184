// Sessions of nat44_table: filtering, timeouts, limits.
#include "ip/nat44_table.hpp"

#include <boost/assert.hpp>

#include <algorithm>

namespace tapio::core::ip {

using wire::ip_protocol;

/// The key of nat44_session.
nat44_key nat44_table::session_key(const nat44_mapping_entry& m, const nat44_endpoint& remote) const noexcept
{
    const bool is_tcp = m.protocol == ip_protocol::tcp;
    const bool has_address = is_tcp || options_.filtering != nat44_filtering::endpoint_independent;
    return {std::uint64_t{m.number} << 32 | (has_address ? remote.address : 0), is_tcp ? remote.port : 0U};
}

namespace {

/// The key of nat44_peer.
nat44_key peer_key(const nat44_key& session) noexcept { return {session.first, 0}; }

} // namespace

/// Whether a host may have one more session. @param host null: it has nothing yet
bool nat44_table::has_share_left(const nat44_host* host) const noexcept
{
    return !sessions_.full() && (host == nullptr || host->sessions < options_.max_sessions_per_host);
}

/// The mapping's session with `remote`; a new one is in the queue, but has no time yet. At a limit it takes the place of the
/// mapping's least recently used session.
nat44_session& nat44_table::session_of(nat44_mapping_entry& m, const nat44_endpoint& remote, time_point now)
{
    const nat44_key key = session_key(m, remote);
    if (nat44_session* const s = sessions_.find(key)) {
        if (s->expires <= now) s->tcp = nat44_tcp(); // not deleted yet
        return *s;
    }
    if (!has_share_left(m.host)) {
        BOOST_ASSERT(!m.sessions.empty()); // create() refuses a mapping that cannot have a session
        unlink(m.sessions.front());
    }
    nat44_session& s = sessions_.add(key);
    s.mapping = &m;
    s.timeout = timeout_of(s);
    ++m.host->sessions;
    if (m.protocol == ip_protocol::tcp) {
        nat44_peer* peer = peers_.find(peer_key(key));
        if (peer == nullptr) peer = &peers_.add(peer_key(key));
        ++peer->sessions;
    }
    m.sessions.push_back(s);
    queue(s.timeout).push_back(s);
    return s;
}

/// Deletes a session, and leaves the mapping even if it was the last one.
void nat44_table::unlink(nat44_session& s) noexcept
{
    nat44_mapping_entry& m = *s.mapping;
    m.sessions.erase(m.sessions.iterator_to(s));
    queue(s.timeout).erase(queue(s.timeout).iterator_to(s));
    --m.host->sessions;
    if (m.protocol == ip_protocol::tcp) {
        nat44_peer* const peer = peers_.find(peer_key(s.key));
        if (--peer->sessions == 0) peers_.erase(*peer);
    }
    sessions_.erase(s);
}

void nat44_table::erase(nat44_session& s) noexcept
{
    nat44_mapping_entry& m = *s.mapping;
    unlink(s);
    if (m.sessions.empty()) erase(m);
}

bool nat44_table::admit_inbound(nat44_mapping_entry& m, const nat44_endpoint& remote, std::uint8_t tcp_flags,
                                time_point now) noexcept
{
    if (m.is_forward()) return true;
    if (!passes_filter(m, remote, now)) return false;
    if (m.protocol != ip_protocol::tcp || remote.port == 0) return true;
    nat44_session* const s = sessions_.find(session_key(m, remote));
    if (s == nullptr || s->expires <= now) return true; // created by the answer, if there is one
    s->tcp.on_segment(nat44_direction::inbound, tcp_flags);
    // Packets from outside do not refresh: otherwise a peer could keep the mapping for ever (RFC 4787 §4.3).
    if (timeout_of(*s) != s->timeout) requeue(*s, now);
    return true;
}

/// RFC 4787 REQ-8, RFC 5382 REQ-3.
bool nat44_table::passes_filter(const nat44_mapping_entry& m, const nat44_endpoint& remote, time_point now) const noexcept
{
    const nat44_key key = session_key(m, remote);
    if (m.protocol == ip_protocol::tcp)
        return options_.filtering == nat44_filtering::endpoint_independent || peers_.find(peer_key(key)) != nullptr;
    const nat44_session* const s = sessions_.find(key);
    return s != nullptr && s->expires > now;
}

nat44_timeout nat44_table::timeout_of(const nat44_session& s) const noexcept
{
    switch (s.mapping->protocol) {
    case ip_protocol::tcp: return s.tcp.established() ? nat44_timeout::tcp_established : nat44_timeout::tcp_transitory;
    case ip_protocol::udp: return nat44_timeout::udp;
    default: return nat44_timeout::icmp;
    }
}

/// To the end of the queue of its timeout, which starts now.
void nat44_table::requeue(nat44_session& s, time_point now) noexcept
{
    auto& from = queue(s.timeout);
    s.timeout = timeout_of(s);
    s.expires = now + timeouts_[static_cast<std::size_t>(s.timeout)];
    auto& to = queue(s.timeout);
    to.splice(to.end(), from, from.iterator_to(s));
}

time_point nat44_table::next_deadline() const noexcept
{
    time_point first = never;
    for (const auto& q : queues_)
        if (!q.empty()) first = std::min(first, q.front().expires);
    return first;
}

void nat44_table::expire(time_point now, std::size_t at_most) noexcept
{
    const std::size_t before = mappings_.size();
    for (auto& q : queues_)
        for (; at_most > 0 && !q.empty() && q.front().expires <= now; --at_most) erase(q.front());
    counters_.expired += before - mappings_.size();
}

} // namespace tapio::core::ip
