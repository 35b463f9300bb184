// Lookups: names to try, CNAME records, the cache, stale records.
#include "client/dns_client.hpp"

#include <algorithm>

namespace tapio::core::client {

namespace {

using dns::name;
using dns::record_type;
using outcome = dns_result::outcome;
using kind = dns_finding::kind;

constexpr std::uint16_t dns_port = 53;
constexpr unsigned most_ndots = 15;
constexpr auto longest_stale = std::chrono::hours(24 * 30);

std::vector<name> parsed_names(const std::vector<std::string>& texts, std::size_t most)
{
    std::vector<name> out;
    for (const std::string& t : texts)
        if (const auto n = name::parse(t); n && out.size() < most) out.push_back(*n);
    return out;
}

/// Dots that separate labels; an escaped one does not, but names with such dots are rare enough not to matter for ndots.
std::size_t dots_of(std::string_view text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '.')); }

dns_finding::kind finding_of(dns_cache::kind k) noexcept
{
    return k == dns_cache::kind::records ? kind::records : k == dns_cache::kind::no_data ? kind::no_data : kind::no_name;
}

} // namespace

dns_client::dns_client(const dns_options& options, dns_transport& transport, random_source& random)
    : transport_(transport), random_(random), cache_(options)
{
    configure(options);
}

void dns_client::configure(const dns_options& options)
{
    const dns_options before = std::exchange(options_, options);
    if (options_.servers.size() > most_servers) options_.servers.resize(most_servers);
    for (endpoint& e : options_.servers)
        if (e.port == 0) e.port = dns_port;
    options_.ndots = std::min(options.ndots, most_ndots);
    options_.serve_stale = std::clamp<std::chrono::seconds>(options.serve_stale, std::chrono::seconds(0), longest_stale);
    options_.most_queries = std::max<std::size_t>(options.most_queries, 1);
    search_ = parsed_names(options.search, most_search_domains);
    cache_.configure(options_);
    if (before.tls != options_.tls) in_clear_.clear();
    if (options_.servers == before.servers && options_.tls == before.tls) return;
    by_question_.clear(); // another network may have other names, and queries under way ask the servers of before
    cache_.clear();
}

std::vector<name> dns_client::candidates(std::string_view text) const
{
    const auto given = name::parse(text);
    if (!given) return {};
    if (text.ends_with('.') || special_answer(*given, record_type::a)) return {*given};
    std::vector<name> out;
    const bool first = dots_of(text) >= options_.ndots;
    if (first) out.push_back(*given);
    for (const name& domain : search_)
        if (auto whole = *given + domain) out.push_back(std::move(*whole));
    if (!first) out.push_back(*given);
    return out;
}

// -- lookups ----------------------------------------------------------------------------------------------------------------

lookup_id dns_client::start(dns_request request, dns_sink& sink, time_point now)
{
    const lookup_id id = ++last_id_;
    ++counters_.lookups;
    lookup l;
    l.request = std::move(request);
    l.sink = &sink;
    const bool usable = !l.request.names.empty() && !l.request.types.empty();
    const bool room = lookups_.size() + finished_.size() < most_lookups;
    lookup& kept = lookups_.emplace(id, std::move(l)).first->second;
    if (!room) ++counters_.refused_lookups;
    if (!usable || !room) return finish(id, room ? outcome::no_name : outcome::refused), id;
    begin_name(id, kept, now);
    unsettled_.push_back(id);
    run(now);
    return id;
}

void dns_client::begin_name(lookup_id id, lookup& l, time_point now)
{
    l.parts.clear();
    for (const record_type t : l.request.types) {
        part p;
        p.type = t;
        p.answer.canonical = l.request.names[l.at];
        l.parts.push_back(std::move(p));
    }
    for (std::size_t i = 0; i < l.parts.size(); ++i) follow(id, i, now);
}

/// Goes from CNAME to CNAME as far as is known, then waits for a query.
void dns_client::follow(lookup_id id, std::size_t index, time_point now)
{
    lookup& l = lookups_.at(id);
    part& p = l.parts[index];
    p.answer.from_cache = true;
    if (follow_known(p, now, false)) {
        l.asked = true;
        p.answer.authoritative = p.answer.encrypted = false;
        ++counters_.cache_hits;
        if (p.answer.stale) ++counters_.stale_answers;
        return;
    }
    p.answer.from_cache = false;
    wait(id, l, index, now);
}

/// @param stale  expired records will do
/// @return false: a server must be asked about `p.answer.canonical`
bool dns_client::follow_known(part& p, time_point now, bool stale)
{
    while (!p.over) {
        if (auto special = special_answer(p.answer.canonical, p.type)) {
            accept(p, std::move(*special));
            break;
        }
        auto hit = cache_.find(p.answer.canonical, p.type, now, stale);
        dns_finding f;
        f.canonical = p.answer.canonical;
        if (hit) {
            f.what = finding_of(hit->what);
        } else {
            hit = p.type == record_type::cname || p.type == record_type::any
                      ? std::nullopt
                      : cache_.find(p.answer.canonical, record_type::cname, now, stale);
            if (!hit || hit->what != dns_cache::kind::records) return false;
            f.what = kind::elsewhere;
            f.canonical = std::get<name>(hit->records.front().data);
        }
        p.answer.stale = p.answer.stale || hit->stale;
        if (!hit->records.empty()) f.sets.push_back(std::move(hit->records));
        accept(p, std::move(f));
    }
    return true;
}

/// Adds what was found to the answer, and ends the part unless a CNAME leads elsewhere.
void dns_client::accept(part& p, dns_finding&& f)
{
    const bool last_is_data = f.what == kind::records;
    p.cnames += static_cast<unsigned>(f.sets.size()) - (last_is_data ? 1 : 0);
    for (auto& set : f.sets) p.answer.records.insert(p.answer.records.end(), set.begin(), set.end());
    p.answer.canonical = std::move(f.canonical);
    p.answer.authority = std::move(f.authority);
    if (p.cnames > most_cnames || f.what == kind::endless) {
        p.over = p.failed = true;
        p.answer.code = dns::response_code::server_failure;
        return;
    }
    if (f.what == kind::elsewhere) return;
    p.over = true;
    p.found = last_is_data;
    p.exists = f.what != kind::no_name;
    p.answer.code = p.exists ? dns::response_code::no_error : dns::response_code::name_error;
}

/// Joins the query about the same question, or makes it. Without servers the name is unknown.
void dns_client::wait(lookup_id id, lookup& l, std::size_t index, time_point now)
{
    part& p = l.parts[index];
    const question_key key(p.type, p.answer.canonical);
    auto at = by_question_.find(key);
    if (at == by_question_.end()) {
        const auto servers = server_order(now);
        if (servers.empty()) {
            p.over = true;
            p.exists = false;
            p.answer.code = dns::response_code::name_error;
            return;
        }
        const query_id q = ++last_id_;
        const wire::dns_question question{p.answer.canonical, p.type, wire::dns_class_in};
        queries_.emplace(q, query{dns_query(question, servers, options_, random_), {}});
        at = by_question_.emplace(key, q).first;
        queued_.insert(q);
    } else {
        ++counters_.shared;
    }
    l.asked = true;
    p.waits_for = at->second;
    queries_.at(at->second).waiting.emplace(id, index);
    const bool may_be_stale = options_.serve_stale.count() > 0;
    if (may_be_stale && l.stale_at == never) stale_deadline(id, l, now + stale_patience);
}

/// Ends the lookup, or goes on with the next name, when all parts are over.
void dns_client::settle(lookup_id id, time_point now)
{
    for (;;) {
        const auto at = lookups_.find(id);
        if (at == lookups_.end()) return;
        lookup& l = at->second;
        const auto all = [&](auto f) { return std::all_of(l.parts.begin(), l.parts.end(), f); };
        const auto any = [&](auto f) { return std::any_of(l.parts.begin(), l.parts.end(), f); };
        if (!all([](const part& p) { return p.over; })) return;
        if (any([](const part& p) { return p.found; })) return finish(id, outcome::found);
        const bool failed = any([](const part& p) { return p.failed; });
        l.any_failed = l.any_failed || failed;
        if (!failed && !l.no_data && any([](const part& p) { return p.exists; })) {
            l.no_data.emplace();
            for (part& p : l.parts) l.no_data->push_back(p.answer);
        }
        const bool silent = any([](const part& p) { return p.silent; }); // the servers would be silent about other names, too
        if (silent || ++l.at == l.request.names.size())
            return finish(id, l.any_failed ? outcome::failed : l.no_data ? outcome::no_data : outcome::no_name);
        begin_name(id, l, now);
    }
}

void dns_client::finish(lookup_id id, outcome what)
{
    const auto at = lookups_.find(id);
    lookup& l = at->second;
    dns_result r;
    r.what = what;
    r.asked = l.asked;
    if (what == outcome::no_data && l.no_data) {
        r.answers = std::move(*l.no_data);
    } else {
        for (part& p : l.parts) r.answers.push_back(std::move(p.answer));
    }
    if (l.stale_at != never) stale_deadlines_.erase({l.stale_at, id});
    finished_.push_back({id, l.sink, std::move(r)});
    lookups_.erase(at);
}

void dns_client::cancel(lookup_id id, time_point now)
{
    const auto at = lookups_.find(id);
    if (at == lookups_.end()) return void(std::erase_if(finished_, [id](const finished& f) { return f.id == id; }));
    for (std::size_t i = 0; i < at->second.parts.size(); ++i) leave_query(id, i, at->second.parts[i], false, now);
    if (at->second.stale_at != never) stale_deadlines_.erase({at->second.stale_at, id});
    lookups_.erase(at);
    run(now);
}

bool dns_client::deliver(time_point now)
{
    if (finished_.empty()) return false;
    finished f = std::move(finished_.front());
    finished_.pop_front();
    f.sink->resolved(f.id, std::move(f.result), now);
    return true;
}

// -- stale records ----------------------------------------------------------------------------------------------------------

/// Answers with what the cache still has, if it leads to records.
bool dns_client::use_stale(const lookup& l, part& p, time_point now)
{
    if (options_.serve_stale.count() == 0) return false;
    part tried;
    tried.type = p.type;
    tried.answer.canonical = l.request.names[l.at];
    tried.answer.from_cache = true;
    if (!follow_known(tried, now, true) || !tried.found) return false;
    ++counters_.stale_answers;
    p = std::move(tried);
    return true;
}

/// The question has failed: for a while its stale records are used without asking, and those of CNAME records on the way to them.
void dns_client::postpone(const wire::dns_question& q, time_point now)
{
    name n = q.name;
    for (unsigned i = 0; i <= most_cnames; ++i) {
        cache_.postpone(n, q.type, now + failure_memory);
        if (cache_.find(n, q.type, now, true)) return;
        const auto hit = cache_.find(n, record_type::cname, now, true);
        if (!hit || hit->what != dns_cache::kind::records) return;
        cache_.postpone(n, record_type::cname, now + failure_memory);
        n = std::get<name>(hit->records.front().data);
    }
}

void dns_client::stale_deadline(lookup_id id, lookup& l, time_point at)
{
    if (l.stale_at != never) stale_deadlines_.erase({l.stale_at, id});
    l.stale_at = at;
    if (at != never) stale_deadlines_.emplace(at, id);
}

/// @param keep  the query goes on, for the cache
void dns_client::leave_query(lookup_id id, std::size_t index, part& p, bool keep, time_point now)
{
    if (p.waits_for == 0) return;
    const query_id q = std::exchange(p.waits_for, 0);
    query& left = queries_.at(q);
    left.waiting.erase({id, index});
    left.kept = left.kept || keep;
    if (left.waiting.empty() && !left.kept) (void)remove(q, now);
}

} // namespace tapio::core::client
