// The queries that lookups wait for: their turn, servers, deadlines, and what their end means for lookups and cache.
#include "client/dns_client.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core::client {

namespace {

using memory = std::vector<std::pair<endpoint, time_point>>;

bool holds(const memory& m, const endpoint& e)
{
    return std::any_of(m.begin(), m.end(), [&](const auto& s) { return s.first == e; });
}

void forget(memory& m, const endpoint& e)
{
    std::erase_if(m, [&](const auto& s) { return s.first == e; });
}

void remember_server(memory& m, const endpoint& e, time_point until, std::size_t most)
{
    forget(m, e);
    if (m.size() >= most) m.erase(m.begin());
    m.emplace_back(e, until);
}

} // namespace

/// The servers in the order in which a new query asks them: those that have not answered lately come last.
std::vector<dns_query::server_choice> dns_client::server_order(time_point now)
{
    for (memory* const m : {&silent_, &in_clear_}) std::erase_if(*m, [now](const auto& s) { return s.second <= now; });
    std::vector<dns_query::server_choice> out;
    for (const endpoint& e : options_.servers) out.push_back({e, options_.tls_fallback && holds(in_clear_, e)});
    if (options_.rotate && !out.empty())
        std::rotate(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(rotation_++ % out.size()), out.end());
    std::stable_partition(out.begin(), out.end(), [this](const auto& s) { return !holds(silent_, s.at); });
    return out;
}

void dns_client::note_server(const endpoint& server, bool answers, time_point now)
{
    answers ? forget(silent_, server) : remember_server(silent_, server, now + failure_memory, 2 * most_servers);
}

void dns_client::note_failure(const dns_query& q, time_point now)
{
    if (q.secure() && options_.tls_fallback)
        remember_server(in_clear_, q.server(), now + clear_memory, 2 * most_servers);
    else
        note_server(q.server(), false, now);
}

void dns_client::start_next(time_point now)
{
    const query_id id = queued_.extract(queued_.begin()).value();
    query& q = queries_.at(id);
    q.active = true;
    ++active_;
    ++counters_.queries;
    carry_out(id, q.machine.start(now), now);
}

/// Does what follows from a call, one thing after the other: there is no recursion, whatever follows from what.
void dns_client::run(time_point now)
{
    for (;;) {
        if (!ended_.empty()) {
            const auto [id, has_answer] = ended_.front();
            ended_.pop_front();
            if (queries_.contains(id)) has_answer ? answered(id, now) : failed(id, now);
        } else if (!unsettled_.empty()) {
            const lookup_id id = unsettled_.front();
            unsettled_.pop_front();
            settle(id, now);
        } else if (active_ < options_.most_queries && !queued_.empty()) {
            start_next(now);
        } else {
            return;
        }
    }
}

void dns_client::set_deadline(query_id id, query& q)
{
    if (q.deadline == q.machine.deadline()) return;
    if (q.deadline != never) deadlines_.erase({q.deadline, id});
    q.deadline = q.machine.deadline();
    if (q.deadline != never) deadlines_.emplace(q.deadline, id);
}

bool dns_client::send(query_id id, step s, time_point now)
{
    const dns_query& q = queries_.at(id).machine;
    if (s == step::send_datagram) {
        ++counters_.datagrams;
        return transport_.send_datagram(id, q.server(), q.message(), now);
    }
    if (s == step::open_stream) {
        ++counters_.streams;
        return transport_.open_stream(id, q.server(), q.message(), now);
    }
    ++counters_.secure_streams;
    return transport_.open_secure(id, q.server(), q.message(), now);
}

/// What dns_query has decided. A message that cannot be sent leads to the next server at once.
void dns_client::carry_out(query_id id, step s, time_point now)
{
    query& q = queries_.at(id);
    while ((s == step::send_datagram || s == step::open_stream || s == step::open_secure) && !send(id, s, now)) {
        ++counters_.unreachable;
        if (s == step::open_secure) note_failure(q.machine, now);
        s = q.machine.unreachable(now);
    }
    set_deadline(id, q);
    if (s == step::answered || s == step::failed) ended_.emplace_back(id, s == step::answered);
}

/// Takes the query out of all lists, and closes its socket. @return the parts that waited for it
std::set<dns_client::waiting_part> dns_client::remove(query_id id, time_point now)
{
    const auto at = queries_.find(id);
    query& q = at->second;
    if (q.deadline != never) deadlines_.erase({q.deadline, id});
    const auto joined = by_question_.find({q.machine.question().type, q.machine.question().name});
    if (joined != by_question_.end() && joined->second == id) by_question_.erase(joined); // there may be a newer one
    if (q.active) {
        --active_;
        transport_.close(id, now);
    } else {
        queued_.erase(id);
    }
    auto waiting = std::move(q.waiting);
    queries_.erase(at);
    return waiting;
}

void dns_client::remember(const wire::dns_question& q, const dns_finding& f, time_point now)
{
    for (const auto& set : f.sets)
        if (q.type != dns::record_type::any) cache_.add(set, now);
    if (f.what == dns_finding::kind::no_data)
        cache_.add_negative(f.canonical, q.type, dns_cache::kind::no_data, f.negative_ttl, now);
    if (f.what == dns_finding::kind::no_name)
        cache_.add_negative(f.canonical, q.type, dns_cache::kind::no_name, f.negative_ttl, now);
}

void dns_client::answered(query_id id, time_point now)
{
    query& q = queries_.at(id);
    const wire::dns_question question = q.machine.question();
    const bool authoritative = q.machine.response().authoritative, encrypted = q.machine.secure();
    note_server(q.machine.server(), true, now);
    const dns_finding found = read_answer(q.machine.response(), question);
    remember(question, found, now);
    const auto waiting = remove(id, now);
    for (const auto& [l, index] : waiting) {
        lookup& waits = lookups_.at(l);
        part& p = waits.parts[index];
        p.waits_for = 0;
        p.answer.authoritative = authoritative;
        p.answer.encrypted = encrypted;
        accept(p, dns_finding(found));
        if (!p.over) follow(l, index, now);
    }
    for (const auto& [l, index] : waiting) unsettled_.push_back(l);
}

void dns_client::failed(query_id id, time_point now)
{
    const query& q = queries_.at(id);
    const wire::dns_question question = q.machine.question();
    const auto code = q.machine.failure();
    ++counters_.failures;
    if (options_.serve_stale.count() > 0) postpone(question, now);
    const auto waiting = remove(id, now);
    for (const auto& [l, index] : waiting) {
        lookup& waits = lookups_.at(l);
        part& p = waits.parts[index];
        p.waits_for = 0;
        if (use_stale(waits, p, now)) continue;
        p.over = p.failed = true;
        p.silent = code == dns::response_code::no_error;
        p.answer.code = p.silent ? dns::response_code::server_failure : code;
    }
    for (const auto& [l, index] : waiting) unsettled_.push_back(l);
}

void dns_client::receive_datagram(query_id id, const_bytes message, time_point now)
{
    const auto at = queries_.find(id);
    if (at == queries_.end() || !at->second.active) return;
    const unsigned before = at->second.machine.mismatches();
    const step s = at->second.machine.receive_datagram(message, now);
    note_mismatches(at->second, before);
    carry_out(id, s, now);
    run(now);
}

void dns_client::receive_stream(query_id id, const_bytes octets, time_point now)
{
    const auto at = queries_.find(id);
    if (at == queries_.end() || !at->second.active) return;
    const unsigned before = at->second.machine.mismatches();
    const step s = at->second.machine.receive_stream(octets, now);
    note_mismatches(at->second, before);
    carry_out(id, s, now);
    run(now);
}

void dns_client::unreachable(query_id id, time_point now)
{
    const auto at = queries_.find(id);
    if (at == queries_.end() || !at->second.active) return;
    ++counters_.unreachable;
    note_failure(at->second.machine, now);
    carry_out(id, at->second.machine.unreachable(now), now);
    run(now);
}

void dns_client::advance(time_point now)
{
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const query_id id = deadlines_.begin()->second;
        query& q = queries_.at(id);
        ++counters_.timeouts;
        note_failure(q.machine, now);
        carry_out(id, q.machine.advance(now), now);
    }
    run(now);
    while (!stale_deadlines_.empty() && stale_deadlines_.begin()->first <= now) {
        const lookup_id id = stale_deadlines_.begin()->second;
        lookup& l = lookups_.at(id);
        stale_deadline(id, l, never);
        for (std::size_t i = 0; i < l.parts.size(); ++i) {
            part& p = l.parts[i];
            const query_id q = p.waits_for;
            if (q == 0 || !use_stale(l, p, now)) continue;
            part waited;
            waited.waits_for = q;
            leave_query(id, i, waited, true, now);
        }
        // A name of one family has nothing stale to say of the other one, for which it would be waited in vain.
        const bool enough = std::any_of(l.parts.begin(), l.parts.end(), [](const part& p) { return p.found; });
        for (std::size_t i = 0; enough && i < l.parts.size(); ++i) {
            part& p = l.parts[i];
            if (p.over) continue;
            leave_query(id, i, p, true, now);
            p.over = p.failed = true;
        }
        unsettled_.push_back(id);
    }
    run(now);
}

time_point dns_client::next_deadline() const noexcept
{
    if (!finished_.empty()) return time_point::min();
    const time_point a = deadlines_.empty() ? never : deadlines_.begin()->first;
    const time_point b = stale_deadlines_.empty() ? never : stale_deadlines_.begin()->first;
    return std::min(a, b);
}

} // namespace tapio::core::client
