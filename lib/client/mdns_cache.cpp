#include "client/mdns_cache.hpp"

#include <algorithm>
#include <chrono>

namespace tapio::core::client {

void mdns_cache::add(link_zone link, const wire::mdns_record& r, time_point now)
{
    const key where(r.owner, static_cast<std::uint16_t>(r.type), link);
    const auto known = index_.find(where);
    if (known != index_.end() && r.flush) replace_older(known->second, now);
    if (known != index_.end()) {
        const set all = known->second;
        const auto same = std::find_if(all.begin(), all.end(), [&](auto e) { return e->record.data == r.data; });
        if (same != all.end() && r.ttl == 0) {
            (*same)->expires = std::min((*same)->expires, now + grace); // RFC 6762 §10.1
            return;
        }
        if (same != all.end()) erase(*same);
        if (same == all.end() && all.size() >= most_of_set)
            erase(*std::min_element(all.begin(), all.end(), [](auto a, auto b) { return a->expires < b->expires; }));
    }
    if (r.ttl == 0) return;
    entry e{where, r, now, now + std::chrono::seconds(std::min(r.ttl, longest_ttl))};
    e.octets = sizeof(entry) + 2 * r.owner.wire_size() + 2 * wire::size_of(r);
    octets_ += e.octets;
    used_.push_front(std::move(e));
    index_[where].push_back(used_.begin());
    shrink();
}

/// RFC 6762 §10.2: those received in the last second may be from the same announcement.
void mdns_cache::replace_older(const set& all, time_point now)
{
    for (const auto e : all)
        if (e->stored + grace < now) e->expires = std::min(e->expires, now + grace);
}

/// @param visit is called with each set of the name, and with the link where it was heard
template <class Visit>
void mdns_cache::visit_sets(const dns::name& n, dns::record_type type, std::optional<link_zone> link, Visit visit)
{
    const bool any = type == dns::record_type::any;
    const auto number = static_cast<std::uint16_t>(type);
    for (auto at = index_.lower_bound({n, any ? std::uint16_t{0} : number, link_zone{0}}); at != index_.end(); ++at) {
        const auto& [owner, of_type, heard_at] = at->first;
        if (!(owner == n) || (!any && of_type != number)) break;
        if (!link || heard_at == *link) visit(at->second, heard_at);
    }
}

std::vector<mdns_cache::hit> mdns_cache::find(const dns::name& n, dns::record_type type, std::optional<link_zone> link,
                                              time_point now)
{
    std::vector<hit> out;
    std::vector<entries::iterator> expired;
    visit_sets(n, type, link, [&](const set& all, link_zone heard_at) {
        for (const auto e : all) {
            if (e->expires <= now) {
                expired.push_back(e);
                continue;
            }
            used_.splice(used_.begin(), used_, e);
            hit h{e->record, heard_at, e->expires - now > (e->expires - e->stored) / 2};
            h.record.ttl = static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(e->expires - now).count());
            out.push_back(std::move(h));
        }
    });
    for (const auto e : expired) erase(e);
    return out;
}

void mdns_cache::asked(link_zone link, const wire::mdns_question& q, const std::vector<wire::mdns_record>& known_to_it,
                       time_point now)
{
    constexpr unsigned enough = 2;
    visit_sets(q.name, q.type, link, [&](const set& all, link_zone) {
        for (const auto e : all) {
            if (e->stored + grace > now) continue; // a host does not say it again within a second (RFC 6762 §6.2)
            const auto same = [&](const wire::mdns_record& r) { return r.type == e->record.type && r.data == e->record.data; };
            if (std::any_of(known_to_it.begin(), known_to_it.end(), same)) continue; // nor to somebody who knows it (§7.1)
            if (++e->missed >= enough) e->expires = std::min(e->expires, now + late);
        }
    });
}

void mdns_cache::forget(link_zone link)
{
    for (auto at = used_.begin(); at != used_.end();) {
        const auto here = at++;
        if (std::get<link_zone>(here->where) == link) erase(here);
    }
}

void mdns_cache::clear()
{
    index_.clear();
    used_.clear();
    octets_ = 0;
}

void mdns_cache::erase(entries::iterator at)
{
    const auto of = index_.find(at->where);
    std::erase(of->second, at);
    if (of->second.empty()) index_.erase(of);
    octets_ -= at->octets;
    used_.erase(at);
}

void mdns_cache::shrink()
{
    while (!used_.empty() && (used_.size() > most_records_ || octets_ > most_octets_)) erase(std::prev(used_.end()));
}

} // namespace tapio::core::client
