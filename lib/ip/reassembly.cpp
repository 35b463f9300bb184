#include "ip/reassembly.hpp"

#include "ip/fragment_rules.hpp"

namespace tapio::core::ip {

reassembly::result reassembly::add(rx_packet& p, time_point now)
{
    lost_.clear();
    ++counters_.reasm_reqds;
    if (const auto refused = check_fragment(p)) {
        ++counters_.reasm_fails;
        return {{}, refused->why, refused->problem};
    }
    datagram_table::entry* e = table_.find(p);
    if (e != nullptr)
        if (const auto why = e->content.check(p, options_.fragments)) return discard(*e, *why);
    if (!make_room(p, e)) return {{}, drop_reason::ip_fragment_table_full, {}};
    if (e == nullptr) e = &table_.add(p, now);
    e->content.add(p);
    table_.update(*e);
    return e->content.is_whole() ? finish(p, *e) : result{};
}

/// The fragment does not belong to the others of its datagram.
reassembly::result reassembly::discard(datagram_table::entry& e, drop_reason why)
{
    if (why != drop_reason::ip_fragment_duplicate && !e.content.is_discarded()) {
        give_up(e, why);
        e.content.discard();
        table_.update(e);
    }
    return {{}, why, {}};
}

void reassembly::give_up(datagram_table::entry& e, drop_reason why)
{
    ++counters_.reasm_fails;
    lost_.push_back({why, e.content.interface(), e.content.fragments()});
}

/// @return false: there is none, or the fragment's own datagram had to be evicted
bool reassembly::make_room(const rx_packet& p, const datagram_table::entry* own)
{
    if (!table_.may_fit(p)) return ++counters_.reasm_fails, false;
    while (datagram_table::entry* const victim = table_.in_the_way(p, own)) {
        if (!victim->content.is_discarded()) give_up(*victim, drop_reason::ip_fragment_table_full);
        const bool is_own = victim == own;
        table_.erase(*victim);
        if (is_own) return false;
    }
    return true;
}

/// A fragment header within a fragment, which no sender has a reason for, is refused (as by Linux).
reassembly::result reassembly::finish(rx_packet& p, datagram_table::entry& e)
{
    result out;
    out.whole = e.content.take_whole();
    table_.erase(e);
    if (out.whole->fragment) {
        ++counters_.reasm_fails;
        out.dropped = drop_reason::ip_bad_fragment;
        p = std::move(*out.whole);
        out.whole.reset();
    } else {
        ++counters_.reasm_oks;
    }
    return out;
}

std::optional<reassembly::expired_datagram> reassembly::expire(time_point now)
{
    while (datagram_table::entry* const e = table_.due(now)) {
        std::optional<expired_datagram> out;
        if (!e->content.is_discarded()) {
            ++counters_.reasm_fails;
            ++counters_.reasm_timeout;
            const lost_datagram lost{drop_reason::ip_fragment_timeout, e->content.interface(), e->content.fragments()};
            out = expired_datagram{lost, e->content.take_first()};
        }
        table_.erase(*e);
        if (out) return out;
    }
    return std::nullopt;
}

} // namespace tapio::core::ip
