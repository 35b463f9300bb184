#include "client/mdns_querier.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tapio::core::client {

namespace {

using own_parts = std::vector<std::pair<dns::record_type, mdns_own>>;

constexpr std::size_t room_for_questions = mdns_payload / 2; // octets; the rest is for known answers

/// As in links of one's own, so that a user can connect to it.
dns::record with_zone(const wire::mdns_record& r, link_zone link)
{
    dns::record out = r;
    if (const auto* const v6 = std::get_if<address_v6>(&out.data)) out.data = in_zone(*v6, link).to_v6();
    return out;
}

} // namespace

void mdns_querier::set_links(std::set<link_zone> links, time_point now)
{
    for (const link_zone l : links_)
        if (!links.contains(l)) cache_.forget(l);
    const bool is_more = !std::includes(links_.begin(), links_.end(), links.begin(), links.end());
    links_ = std::move(links);
    if (!is_more) return;
    for (auto& [key, q] : questions_) { // there are hosts that have not heard them
        q.next = now;
        q.interval = first_interval;
        q.first = true;
    }
    if (!questions_.empty()) soonest_ = now;
}

// -- lookups ----------------------------------------------------------------------------------------------------------------

lookup_id mdns_querier::start(const dns::name& n, own_parts asked, duration patience, dns_sink& sink, time_point now)
{
    const lookup_id id = ++last_id_;
    if (lookups_.size() + finished_.size() >= most_lookups) {
        dns_result refused;
        refused.what = dns_result::outcome::refused;
        finished_.push_back({id, &sink, std::move(refused)});
        return id;
    }
    lookup& l = lookups_[id];
    l.name = n;
    l.sink = &sink;
    for (auto& [type, own] : asked) l.parts.push_back({type, std::move(own)});
    const auto complete = [&](const part& p) { return look(l, p, now).complete; };
    if (links_.empty() || std::all_of(l.parts.begin(), l.parts.end(), complete)) return finish(id, now, true), id;
    set_end(id, l, now + patience);
    for (const part& p : l.parts)
        if (!complete(p)) ask(n, p.type, id, now);
    (void)finish_if_complete(id, now); // what is known already may be enough
    send_due(now);
    return id;
}

void mdns_querier::set_end(lookup_id id, lookup& l, time_point at)
{
    ends_.erase({l.ends, id});
    l.ends = at;
    ends_.emplace(at, id);
}

void mdns_querier::cancel(lookup_id id)
{
    const auto at = lookups_.find(id);
    if (at == lookups_.end()) return void(std::erase_if(finished_, [id](const finished& f) { return f.id == id; }));
    leave_questions(id, at->second);
    lookups_.erase(at);
}

void mdns_querier::leave_questions(lookup_id id, const lookup& l)
{
    ends_.erase({l.ends, id});
    for (const part& p : l.parts) {
        const auto q = questions_.find({l.name, p.type});
        if (q == questions_.end()) continue;
        q->second.waiting.erase(id);
        if (q->second.waiting.empty()) questions_.erase(q);
    }
}

/// What is known of one type of the name. Records that several hosts may have are never complete.
mdns_querier::found mdns_querier::look(const lookup& l, const part& p, time_point now)
{
    found f;
    f.complete = p.own.is_unique;
    for (const wire::mdns_record& r : p.own.records) f.records.push_back(r);
    const auto add = [&](const mdns_cache::hit& h) {
        dns::record r = with_zone(h.record, h.link);
        if (std::find(f.records.begin(), f.records.end(), r) == f.records.end()) f.records.push_back(std::move(r));
    };
    if (p.own.is_unique) return f;
    for (const auto& h : cache_.find(l.name, p.type, std::nullopt, now)) {
        f.complete = f.complete || (h.record.flush && p.type != dns::record_type::any);
        add(h);
    }
    if (!f.records.empty()) return f;
    for (const auto& h : cache_.find(l.name, dns::record_type::nsec, std::nullopt, now)) {
        const auto* const types = std::get_if<dns::unknown_data>(&h.record.data);
        f.denied = f.denied || (types != nullptr && !wire::nsec_allows(*types, p.type));
    }
    f.complete = f.denied;
    return f;
}

/// Ends the lookup if nothing more is to come. Otherwise the first part of an answer shortens the wait for others.
bool mdns_querier::finish_if_complete(lookup_id id, time_point now)
{
    lookup& l = lookups_.at(id);
    bool all = true, any = false;
    for (const part& p : l.parts) {
        const found f = look(l, p, now);
        all = all && f.complete;
        any = any || f.complete || !f.records.empty();
    }
    if (all) return finish(id, now, false), true;
    if (any && !std::exchange(l.any_answer, true)) set_end(id, l, std::min(l.ends, now + more_may_come));
    return false;
}

void mdns_querier::finish(lookup_id id, time_point now, bool from_cache)
{
    const auto at = lookups_.find(id);
    lookup& l = at->second;
    dns_result r;
    r.asked = !links_.empty();
    bool exists = false;
    for (const part& p : l.parts) {
        found f = look(l, p, now);
        exists = exists || f.denied || p.own.is_unique;
        dns::answer a;
        a.canonical = l.name;
        a.from_cache = from_cache;
        a.authoritative = !from_cache && !f.records.empty(); // a host is the authority for its names (RFC 6762 §18.4)
        if (!f.records.empty()) r.what = dns_result::outcome::found;
        a.records = std::move(f.records);
        r.answers.push_back(std::move(a));
    }
    if (r.what != dns_result::outcome::found) r.what = exists ? dns_result::outcome::no_data : dns_result::outcome::no_name;
    for (dns::answer& a : r.answers)
        if (r.what == dns_result::outcome::no_name) a.code = dns::response_code::name_error;
    finished_.push_back({id, l.sink, std::move(r)});
    leave_questions(id, l);
    lookups_.erase(at);
}

bool mdns_querier::deliver(time_point now)
{
    if (finished_.empty()) return false;
    finished f = std::move(finished_.front());
    finished_.pop_front();
    f.sink->resolved(f.id, std::move(f.result), now);
    return true;
}

// -- messages ---------------------------------------------------------------------------------------------------------------

/// Only what a response says of the names that it answers for: there is no bailiwick, since every host may answer (§6).
void mdns_querier::receive(link_zone link, const wire::mdns_message& response, time_point now)
{
    if (!links_.contains(link)) return;
    std::set<lookup_id> concerned;
    for (const auto* const section : {&response.answers, &response.additionals})
        for (const wire::mdns_record& r : *section) {
            cache_.add(link, r, now);
            for (auto q = questions_.lower_bound({r.owner, dns::record_type(0)}); q != questions_.end(); ++q) {
                if (!(q->first.first == r.owner)) break;
                concerned.insert(q->second.waiting.begin(), q->second.waiting.end());
            }
        }
    for (const lookup_id id : concerned) (void)finish_if_complete(id, now);
}

void mdns_querier::heard(link_zone link, const wire::mdns_message& query, time_point now)
{
    if (query.truncated) return; // what its sender knows is said in further messages
    for (const wire::mdns_question& a : query.questions) {
        if (a.unicast) continue; // and so may the answer be
        cache_.asked(link, a, query.answers, now);
        const auto q = questions_.find({a.name, a.type});
        if (query.answers.empty() && q != questions_.end()) q->second.heard[link] = now; // else answers may be left out
    }
}

/// A question that was asked some time ago is asked anew at once; the interval is never less than a second (§5.2).
void mdns_querier::ask(const dns::name& n, dns::record_type type, lookup_id id, time_point now)
{
    const auto [at, is_new] = questions_.try_emplace({n, type});
    question& q = at->second;
    q.waiting.insert(id);
    if (is_new) q.next = now;
    const bool just_asked = q.interval == 2 * first_interval;
    if (!is_new && !q.first && !just_asked) {
        q.next = std::max(now, q.next - q.interval / 2 + first_interval);
        q.interval = first_interval;
    }
    soonest_ = std::min(soonest_, q.next);
}

void mdns_querier::advance(time_point now)
{
    while (!ends_.empty() && ends_.begin()->first <= now) finish(ends_.begin()->second, now, false);
    send_due(now);
}

/// All that is due goes into as few messages as possible (§5.3).
void mdns_querier::send_due(time_point now)
{
    if (now < soonest_) return;
    std::vector<std::pair<question_key, question*>> due;
    for (auto& [key, q] : questions_)
        if (q.next <= now) due.emplace_back(key, &q);
    for (const link_zone link : links_) {
        wire::mdns_message m;
        std::size_t octets = 0;
        for (const auto& [key, q] : due) {
            const auto heard = q->heard.find(link);
            if (!q->first && heard != q->heard.end() && now - heard->second < first_interval) continue; // §7.3
            if (octets > room_for_questions || m.questions.size() == wire::most_mdns_questions) {
                send(link, std::exchange(m, {}), now);
                octets = 0;
            }
            m.questions.push_back({key.first, key.second, q->first});
            octets += key.first.wire_size() + 4;
        }
        if (!m.questions.empty()) send(link, std::move(m), now);
    }
    for (const auto& [key, q] : due) {
        q->next = now + q->interval;
        q->interval *= 2;
        q->first = false;
    }
    soonest_ = never;
    for (const auto& [key, q] : questions_) soonest_ = std::min(soonest_, q.next);
}

/// §7.1: what is known with more than half of its TTL. A record that would not fit into a message is left out.
void mdns_querier::add_known(wire::mdns_message& m, link_zone link, time_point now)
{
    for (const wire::mdns_question& q : m.questions)
        for (auto& h : cache_.find(q.name, q.type, link, now)) {
            if (!h.is_young || wire::size_of(h.record) > mdns_payload / 2) continue;
            h.record.flush = false; // §10.2: it is for responses
            m.answers.push_back(std::move(h.record));
        }
}

/// §7.2: known answers that do not fit follow in messages without questions.
void mdns_querier::send(link_zone link, wire::mdns_message&& m, time_point now)
{
    add_known(m, link, now);
    for (;;) {
        std::size_t left = 0;
        (void)wire::make_mdns(m, mdns_payload, &left);
        m.truncated = left > 0;
        transport_.send(link, nullptr, wire::make_mdns(m, mdns_payload), now);
        if (left == 0) return;
        m.questions.clear();
        m.answers.erase(m.answers.begin(), m.answers.end() - static_cast<std::ptrdiff_t>(left));
    }
}

time_point mdns_querier::next_deadline() const noexcept
{
    if (!finished_.empty()) return time_point::min();
    return std::min(soonest_, ends_.empty() ? never : ends_.begin()->first);
}

} // namespace tapio::core::client
