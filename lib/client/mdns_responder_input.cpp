// What other hosts ask, and what they say of our names.
#include "client/mdns_responder.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace tapio::core::client {

namespace {

using dns::record_type;

constexpr std::uint32_t longest_legacy_ttl = 10;                  // s (RFC 6762 §6.7)
constexpr auto least_delay = std::chrono::milliseconds(20);       // §6
constexpr duration delay_spread = std::chrono::milliseconds(100); // ibid.
constexpr auto truncated_delay = std::chrono::milliseconds(400);  // §7.2
constexpr std::size_t nothing_contested = static_cast<std::size_t>(-1);

std::vector<wire::mdns_record> records_at(const std::vector<mdns_owned>& all, const std::vector<std::size_t>& at)
{
    std::vector<wire::mdns_record> out;
    for (const std::size_t i : at) out.push_back(all[i].record);
    return out;
}

} // namespace

/// What a querier has told that it knows (§7.1). A long list is searched as fast as a short one.
class mdns_responder::known_answers
{
public:
    explicit known_answers(const std::vector<wire::mdns_record>& all)
    {
        for (const wire::mdns_record& r : all) {
            std::uint32_t& ttl = ttls_[{r.owner, r.type, wire::data_of(r)}];
            ttl = std::max(ttl, r.ttl);
        }
    }
    /// The querier has it, and for long enough.
    bool contains(const wire::mdns_record& r) const
    {
        if (ttls_.empty()) return false;
        const auto at = ttls_.find({r.owner, r.type, wire::data_of(r)});
        return at != ttls_.end() && at->second >= r.ttl / 2;
    }

private:
    std::map<std::tuple<dns::name, record_type, std::vector<std::byte>>, std::uint32_t> ttls_;
};

// -- queries ----------------------------------------------------------------------------------------------------------------

void mdns_responder::receive_query(const mdns_source& s, const wire::mdns_message& query, time_point now)
{
    const auto at = links_.find(s.link);
    if (at == links_.end() || query.opcode != 0 || query.code != 0) return; // §18.3, §18.11
    if (!s.to_group && !s.on_link) return;                                  // §5.5
    link& l = at->second;
    break_ties(l, query, now);
    if (!query.questions.empty()) return answer(s, l, query, now);
    const known_answers known(query.answers);
    for (delayed& d : l.waiting) // §7.2: the rest of what the querier knows
        if (d.from == s.from.address)
            std::erase_if(d.answers, [&](std::size_t i) { return known.contains(l.records[i].record); });
}

/// §8.2: another host probes for a name that we probe for. If its records are the later ones, we wait, and it will have the name.
void mdns_responder::break_ties(link& l, const wire::mdns_message& query, time_point now)
{
    if (query.authorities.empty()) return;
    for (std::size_t i = 0; i < l.groups.size(); ++i) {
        progress& p = l.groups[i];
        if (p.at != stage::probing) continue;
        std::vector<dns::record> theirs;
        for (const wire::mdns_record& r : query.authorities)
            if (r.owner == groups_[i].name) theirs.push_back(r);
        if (!theirs.empty() && compare_probes(proposed(l, i), std::move(theirs)) < 0) p = {stage::probing, 0, now + lost_tie};
    }
}

/// The records that answer questions of the query, each once. @param wants_unicast of which questions
mdns_responder::indices mdns_responder::matching(const link& l, const wire::mdns_message& query, bool wants_unicast)
{
    std::set<std::size_t> out;
    for (const wire::mdns_question& q : query.questions) {
        if (q.unicast != wants_unicast) continue;
        const auto found = answers_to(l.records, q.name, q.type, [&](const mdns_owned& o) { return l.is_usable(o); });
        out.insert(found.begin(), found.end());
    }
    return {out.begin(), out.end()};
}

void mdns_responder::answer(const mdns_source& s, link& l, const wire::mdns_message& query, time_point now)
{
    const bool legacy = s.from.port != wire::mdns_port;
    const indices wants_group = matching(l, query, false), wants_unicast = matching(l, query, true);
    if (legacy) {
        indices both;
        std::set_union(wants_group.begin(), wants_group.end(), wants_unicast.begin(), wants_unicast.end(),
                       std::back_inserter(both));
        return answer_legacy(s, l, query, both, now);
    }
    const known_answers known(query.answers);
    std::set<std::size_t> alone, all; // to the querier, to the group
    for (const auto* const list : {&wants_group, &wants_unicast})
        for (const std::size_t i : *list) {
            const mdns_owned& o = l.records[i];
            if (known.contains(o.record)) continue;
            // §5.4: the group hears it once in a while all the same
            const bool recent = o.sent_within(std::chrono::seconds(o.record.ttl) / 4, now);
            const bool unicast = !s.to_group || (list == &wants_unicast && s.on_link && recent);
            (unicast ? alone : all).insert(i);
        }
    for (const std::size_t i : all) alone.erase(i);
    if (!alone.empty()) answer_alone(s, l, indices(alone.begin(), alone.end()), query.truncated, now);
    if (!all.empty()) answer_all(s, l, indices(all.begin(), all.end()), query, now);
}

/// §6.7: to a resolver that knows DNS alone.
void mdns_responder::answer_legacy(const mdns_source& s, link& l, const wire::mdns_message& query, const indices& found,
                                   time_point now)
{
    if (!s.on_link || found.empty()) return;
    wire::mdns_message m;
    m.id = query.id;
    m.response = true;
    m.questions = query.questions;
    m.answers = records_at(l.records, found);
    m.additionals = records_at(l.records, additionals_to(l.records, found));
    for (wire::mdns_question& q : m.questions) q.unicast = false;
    for (auto* const section : {&m.answers, &m.additionals})
        for (wire::mdns_record& r : *section) {
            r.ttl = std::min(r.ttl, longest_legacy_ttl);
            r.flush = false;
        }
    transport_.send(s.link, &s.from, wire::make_mdns(m, mdns_payload), now);
}

/// To the querier alone. Answers that other hosts may have, too, wait, so that not all come at once (§6).
void mdns_responder::answer_alone(const mdns_source& s, link& l, const indices& found, bool truncated, time_point now)
{
    const bool unique = std::all_of(found.begin(), found.end(), [&](std::size_t i) { return l.records[i].record.flush; });
    if (unique && !truncated)
        return respond(s.link, &s.from, records_at(l.records, found), records_at(l.records, additionals_to(l.records, found)),
                       now);
    const duration wait = (truncated ? duration(truncated_delay) : duration(least_delay)) + random_up_to(delay_spread);
    delay(l, {now + wait, s.from.address, s.from, found});
}

/// To the group. A probe is answered at once (§8.1), and so are questions about what is ours alone (§6).
void mdns_responder::answer_all(const mdns_source& s, link& l, const indices& found, const wire::mdns_message& query,
                                time_point now)
{
    const bool probe = !query.authorities.empty();
    const bool unique = std::all_of(found.begin(), found.end(), [&](std::size_t i) { return l.records[i].record.flush; });
    if (probe || (unique && !query.truncated)) return send_to_group(s.link, l, found, probe ? probe_gap : least_gap, now);
    const duration wait = (query.truncated ? duration(truncated_delay) : duration(least_delay)) + random_up_to(delay_spread);
    delay(l, {now + wait, s.from.address, std::nullopt, found});
}

void mdns_responder::delay(link& l, delayed d)
{
    if (l.waiting.size() < most_delayed) l.waiting.push_back(std::move(d));
}

/// §6.2: a record that was multicast within `gap` is left out.
void mdns_responder::send_to_group(link_zone zone, link& l, const indices& found, duration gap, time_point now)
{
    indices sent;
    for (const std::size_t i : found)
        if (!l.records[i].sent_within(gap, now)) sent.push_back(i);
    if (sent.empty()) return;
    const indices more = additionals_to(l.records, sent);
    for (const std::size_t i : sent) l.records[i].sent = now;
    for (const std::size_t i : more) l.records[i].sent = now;
    respond(zone, nullptr, records_at(l.records, sent), records_at(l.records, more), now);
}

/// What is due, as far as it is still true. Responses to the group become one (§6.4).
void mdns_responder::send_delayed(link_zone zone, link& l, time_point now)
{
    std::vector<delayed> due;
    for (delayed& d : l.waiting)
        if (d.due <= now) due.push_back(std::move(d));
    if (due.empty()) return;
    std::erase_if(l.waiting, [now](const delayed& d) { return d.due <= now; });
    std::set<std::size_t> to_group;
    for (const delayed& d : due) {
        indices found;
        for (const std::size_t i : d.answers)
            if (l.is_usable(l.records[i])) found.push_back(i);
        if (!d.to) to_group.insert(found.begin(), found.end());
        if (d.to && !found.empty())
            respond(zone, &*d.to, records_at(l.records, found), records_at(l.records, additionals_to(l.records, found)), now);
    }
    send_to_group(zone, l, indices(to_group.begin(), to_group.end()), least_gap, now);
}

// -- responses --------------------------------------------------------------------------------------------------------------

/// The record is not said to the group any more, although somebody has asked for it.
void mdns_responder::withdraw(link& l, std::size_t record)
{
    for (delayed& d : l.waiting)
        if (!d.to) std::erase(d.answers, record);
}

/// §7.4: what another host has just said need not be said again; with a TTL that is less than ours it must be. §8.1 and §9:
/// conflicts.
void mdns_responder::receive_response(link_zone zone, const wire::mdns_message& response, time_point now)
{
    const auto at = links_.find(zone);
    if (at == links_.end() || response.opcode != 0 || response.code != 0) return;
    for (const auto* const section : {&response.answers, &response.additionals})
        for (const wire::mdns_record& r : *section) {
            link& l = at->second;
            for (std::size_t i = 0; !l.waiting.empty() && i < l.records.size(); ++i)
                if (l.records[i].record == r && r.ttl >= l.records[i].record.ttl) withdraw(l, i);
            const std::size_t group = contested(l, r);
            if (group == nothing_contested) continue;
            progress& p = l.groups[group];
            if (p.at == stage::probing)
                rename(group, now);
            else
                probe_again(p, now); // §9: the probes tell whose the name is
        }
}

/// @return the group whose name another host has, too. Before the first probe nothing is contested: what is said of many names at
/// once cannot make us go through all of them.
std::size_t mdns_responder::contested(const link& l, const wire::mdns_record& r) const
{
    if (r.ttl == 0 || r.type == record_type::nsec) return nothing_contested;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        if (!(groups_[i].name == r.owner) || is_ours(r)) continue;
        const bool same_type = std::any_of(l.records.begin(), l.records.end(), [&](const mdns_owned& o) {
            return o.group == i && o.record.owner == r.owner && o.record.type == r.type;
        });
        const bool probing = l.groups[i].at == stage::probing;
        if (probing ? l.groups[i].sent > 0 : same_type) return i;
    }
    return nothing_contested;
}

} // namespace tapio::core::client
