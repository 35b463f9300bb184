#include "ip/datagram_table.hpp"

#include <algorithm>
#include <tuple>

namespace tapio::core::ip {

namespace {

/// Octets of a node of std::map: links and colour, value, and what malloc() adds.
template <class Key, class T>
constexpr std::size_t node_memory = 6 * sizeof(void*) + sizeof(std::pair<const Key, T>);

/// Memory of the largest datagram in fragments of at least 552 octets of payload, each in a block twice its size.
constexpr std::size_t one_datagram = 192 * 1024; // octets

constexpr std::size_t little = 256; // a source holds little below the memory of all divided by this

} // namespace

datagram_table::datagram_key datagram_table::key_of(const rx_packet& p) noexcept
{
    const auto& w = p.flow.words();
    const std::uint64_t rest = p.flow.is_v4() ? w[1] : w[1] & ~std::uint64_t{0xff};
    return {w[0], rest, w[2], w[3], w[4], std::uint64_t{p.place.identification} << 32 | p.interface};
}

datagram_table::source_key datagram_table::source_of(const rx_packet& p) noexcept
{
    const std::uint64_t interface = std::uint64_t{p.interface} << 1;
    if (p.flow.is_v4()) return {interface, p.flow.v4_addresses() >> 32};
    return {interface | 1, p.flow.v6_words(0)[0]};
}

std::size_t datagram_table::most_added(const rx_packet& p) noexcept
{
    return partial_datagram::most_added(p) + node_memory<datagram_key, entry> + node_memory<source_key, source> +
           node_memory<rank, source*>;
}

datagram_table::entry* datagram_table::find(const rx_packet& p) noexcept
{
    const auto at = entries_.find(key_of(p));
    return at == entries_.end() ? nullptr : &at->second;
}

bool datagram_table::may_fit(const rx_packet& p) const noexcept
{
    return most_added(p) <= std::min(options_.memory, options_.source_memory) && options_.datagrams > 0 &&
           options_.source_datagrams > 0;
}

datagram_table::entry* datagram_table::in_the_way(const rx_packet& p, const entry* own) noexcept
{
    const std::size_t octets = most_added(p), more = own == nullptr ? 1 : 0;
    if (const auto at = sources_.find(source_of(p)); at != sources_.end()) {
        source& s = at->second;
        if (s.held + octets > options_.source_memory || s.count + more > options_.source_datagrams) return &s.datagrams.front();
    }
    if (memory_ + octets > options_.memory || size() + more > options_.datagrams)
        return &ranks_.begin()->second->datagrams.front();
    return nullptr;
}

datagram_table::entry& datagram_table::add(const rx_packet& p, time_point now)
{
    const auto at = entries_.try_emplace(key_of(p), p).first;
    entry& e = at->second;
    e.key_ = &at->first;
    e.serial_ = ++last_serial_;
    e.source_ = &find_or_add_source(p, e.serial_);
    const bool v4 = p.flow.is_v4();
    e.deadline_ = now + (v4 ? options_.v4_timeout : options_.v6_timeout);
    ages_[v4 ? 0 : 1].push_back(e);
    e.source_->datagrams.push_back(e);
    ++e.source_->count;
    update(e);
    return e;
}

datagram_table::source& datagram_table::find_or_add_source(const rx_packet& p, std::uint64_t serial)
{
    const auto [at, fresh] = sources_.try_emplace(source_of(p));
    source& s = at->second;
    if (!fresh) return s;
    s.key = at->first;
    s.place = {0, serial};
    ranks_.emplace(s.place, &s);
    memory_ += node_memory<source_key, source> + node_memory<rank, source*>;
    return s;
}

void datagram_table::update(entry& e)
{
    const std::size_t now = node_memory<datagram_key, entry> + e.content.held();
    memory_ += now - e.charge_;
    e.source_->held += now - e.charge_;
    e.charge_ = now;
    rearrange(*e.source_);
}

datagram_table::rank datagram_table::rank_of(const source& s) const noexcept
{
    const bool holds_little = s.held < options_.memory / little || (s.count == 1 && s.held <= one_datagram);
    return {holds_little ? 0 : s.held, s.datagrams.front().serial_};
}

void datagram_table::rearrange(source& s)
{
    const rank r = rank_of(s);
    if (!(r < s.place) && !(s.place < r)) return;
    auto node = ranks_.extract(s.place);
    node.key() = s.place = r;
    ranks_.insert(std::move(node));
}

void datagram_table::erase(entry& e)
{
    source& s = *e.source_;
    memory_ -= e.charge_;
    s.held -= e.charge_;
    --s.count;
    entries_.erase(entries_.find(*e.key_)); // leaves its lists
    if (s.count != 0) return rearrange(s);
    memory_ -= node_memory<source_key, source> + node_memory<rank, source*>;
    ranks_.erase(s.place);
    sources_.erase(sources_.find(s.key));
}

datagram_table::entry* datagram_table::due(time_point now) noexcept
{
    for (auto& list : ages_)
        if (!list.empty() && list.front().deadline_ <= now) return &list.front();
    return nullptr;
}

} // namespace tapio::core::ip
