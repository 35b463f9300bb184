#include "client/dns_cache.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tapio::core::client {

namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr unsigned any_type = 0x1'0000; ///< in the key of "no such name"

struct heap_octets
{
    std::size_t operator()(const dns::name& n) const { return n.labels().capacity(); }
    std::size_t operator()(const dns::mail_exchange& mx) const { return mx.exchange.labels().capacity(); }
    std::size_t operator()(const dns::service_location& srv) const { return srv.target.labels().capacity(); }
    std::size_t operator()(const dns::zone_authority& soa) const
    {
        return soa.primary.labels().capacity() + soa.mailbox.labels().capacity();
    }
    std::size_t operator()(const dns::text_strings& strings) const
    {
        std::size_t n = strings.capacity() * sizeof(std::string);
        for (const std::string& s : strings) n += s.capacity();
        return n;
    }
    std::size_t operator()(const dns::unknown_data& octets) const { return octets.capacity(); }
    template <class Address>
    std::size_t operator()(const Address&) const
    {
        return 0;
    }
};

/// Seconds, rounded down: a TTL must not be prolonged.
std::uint32_t left_of(std::uint32_t ttl, duration age)
{
    const auto past = std::chrono::duration_cast<seconds>(age + 1s - 1ns).count();
    return past >= ttl ? 0 : static_cast<std::uint32_t>(ttl - past);
}

} // namespace

void dns_cache::configure(const dns_options& options)
{
    options_ = options;
    shrink();
}

std::string dns_cache::key_of(const dns::name& n, unsigned type)
{
    std::string key{static_cast<char>(type >> 16), static_cast<char>(type >> 8 & 255), static_cast<char>(type & 255)};
    return key += n.lower_case().labels();
}

std::size_t dns_cache::size_of(const entry& e)
{
    constexpr std::size_t nodes = 12 * sizeof(void*); // of list and map
    std::size_t n = sizeof(entry) + nodes + sizeof(index::value_type) + 2 * e.key.capacity();
    n += e.records.capacity() * sizeof(dns::record);
    for (const dns::record& r : e.records) n += r.owner.labels().capacity() + std::visit(heap_octets{}, r.data);
    return n;
}

std::optional<dns_cache::hit> dns_cache::find(const dns::name& n, dns::record_type type, time_point now, bool stale)
{
    if (index_.empty()) return std::nullopt;
    if (auto found = find(key_of(n, static_cast<unsigned>(type)), now, stale)) return found;
    return find(key_of(n, any_type), now, stale);
}

std::optional<dns_cache::hit> dns_cache::find(const std::string& key, time_point now, bool stale)
{
    const auto at = index_.find(key);
    if (at == index_.end()) return std::nullopt;
    entry& e = *at->second;
    const bool expired = now >= e.expires;
    const bool positive = e.what == kind::records;
    if (expired && (!positive || now >= e.expires + options_.serve_stale)) return erase(at), std::nullopt;
    if (expired && !stale && now >= e.retry) return std::nullopt;
    used_.splice(used_.begin(), used_, at->second);
    hit out{e.what, e.records, expired};
    const auto age = now - e.stored;
    for (dns::record& r : out.records) r.ttl = expired ? static_cast<std::uint32_t>(stale_ttl.count()) : left_of(r.ttl, age);
    return out;
}

void dns_cache::add(std::vector<dns::record> set, time_point now)
{
    if (set.empty()) return;
    entry e;
    e.key = key_of(set.front().owner, static_cast<unsigned>(set.front().type));
    auto ttl = static_cast<std::uint32_t>(std::clamp<std::int64_t>(options_.longest_ttl.count(), 0, 0x7fff'ffff));
    for (const dns::record& r : set) ttl = std::min(ttl, r.ttl);
    for (dns::record& r : set) r.ttl = ttl;
    erase(key_of(set.front().owner, any_type));
    if (ttl == 0) return erase(e.key);
    e.records = std::move(set);
    e.stored = now;
    e.expires = now + seconds(ttl);
    put(std::move(e));
}

void dns_cache::add_negative(const dns::name& n, dns::record_type type, kind what, seconds ttl, time_point now)
{
    erase(key_of(n, static_cast<unsigned>(type)));
    ttl = std::min(ttl, options_.longest_negative_ttl);
    if (ttl <= 0s) return;
    entry e;
    e.key = key_of(n, what == kind::no_name ? any_type : static_cast<unsigned>(type));
    e.what = what;
    e.stored = now;
    e.expires = now + ttl;
    put(std::move(e));
}

void dns_cache::postpone(const dns::name& n, dns::record_type type, time_point t)
{
    const auto at = index_.find(key_of(n, static_cast<unsigned>(type)));
    if (at != index_.end()) at->second->retry = t;
}

void dns_cache::put(entry e)
{
    erase(e.key);
    e.octets = size_of(e);
    if (options_.cache_entries == 0 || e.octets > options_.cache_octets) return;
    octets_ += e.octets;
    used_.push_front(std::move(e));
    index_[used_.front().key] = used_.begin();
    shrink();
}

void dns_cache::erase(const std::string& key)
{
    if (const auto at = index_.find(key); at != index_.end()) erase(at);
}

void dns_cache::erase(index::iterator at)
{
    octets_ -= at->second->octets;
    used_.erase(at->second);
    index_.erase(at);
}

void dns_cache::shrink()
{
    while (index_.size() > options_.cache_entries || octets_ > options_.cache_octets) erase(index_.find(used_.back().key));
}

void dns_cache::clear()
{
    used_.clear();
    index_.clear();
    octets_ = 0;
}

} // namespace tapio::core::client
