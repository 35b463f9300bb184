#include "client/dns_answer.hpp"

#include <algorithm>
#include <string>

namespace tapio::core::client {

namespace {

using dns::name;
using dns::record;
using dns::record_type;
using kind = dns_finding::kind;

std::vector<record> set_of(const std::vector<record>& all, const name& owner, record_type type)
{
    std::vector<record> out;
    for (const record& r : all)
        if ((r.type == type || type == record_type::any) && r.owner == owner) out.push_back(r);
    return out;
}

/// The CNAME record of `owner`; a name has one at most.
const record* cname_of(const std::vector<record>& all, const name& owner)
{
    const auto at =
        std::find_if(all.begin(), all.end(), [&](const record& r) { return r.type == record_type::cname && r.owner == owner; });
    return at == all.end() ? nullptr : &*at;
}

/// The SOA record of a zone that `n` is in.
std::optional<record> authority_of(const wire::dns_message& m, const name& n)
{
    const auto at = std::find_if(m.authorities.begin(), m.authorities.end(), [&n](const record& r) {
        return std::holds_alternative<dns::zone_authority>(r.data) && n.is_below(r.owner);
    });
    return at == m.authorities.end() ? std::nullopt : std::optional(*at);
}

/// RFC 2308 §5: the lesser of the SOA record's TTL and its MINIMUM field.
std::chrono::seconds negative_ttl(const record& soa)
{
    return std::chrono::seconds(std::min({soa.ttl, std::get<dns::zone_authority>(soa.data).minimum, std::uint32_t{0x7fff'ffff}}));
}

name text(const char* t) { return *name::parse(t); }

dns_finding found(record r)
{
    dns_finding f;
    f.what = kind::records;
    f.canonical = r.owner;
    f.sets.push_back({std::move(r)});
    return f;
}

dns_finding nothing(kind what, const name& n)
{
    dns_finding f;
    f.what = what;
    f.canonical = n;
    return f;
}

} // namespace

dns_finding read_answer(const wire::dns_message& m, const wire::dns_question& q)
{
    dns_finding out;
    out.canonical = q.name;
    for (;;) {
        auto set = set_of(m.answers, out.canonical, q.type);
        if (!set.empty()) {
            out.what = kind::records;
            out.sets.push_back(std::move(set));
            return out;
        }
        const record* const alias = q.type == record_type::cname ? nullptr : cname_of(m.answers, out.canonical);
        if (alias == nullptr) break;
        if (out.sets.size() == most_cnames) return out.what = kind::endless, out;
        out.sets.push_back({*alias});
        out.canonical = std::get<name>(alias->data);
    }
    out.authority = authority_of(m, out.canonical);
    if (out.authority) out.negative_ttl = negative_ttl(*out.authority);
    if (m.code == dns::response_code::name_error) {
        out.what = kind::no_name; // of the last name (RFC 6604 §3)
    } else {
        out.what = !out.sets.empty() && !out.authority ? kind::elsewhere : kind::no_data;
    }
    return out;
}

std::optional<dns_finding> special_answer(const name& n, record_type type)
{
    static const name localhost = text("localhost"), invalid = text("invalid"), onion = text("onion");
    static const name loopback_v4 = reverse_name(address_v4::loopback()), loopback_v6 = reverse_name(address_v6::loopback());
    if (n.is_root()) return std::nullopt;
    if (n.is_below(localhost)) {
        if (type == record_type::a) return found({n, type, 0, address_v4::loopback()});
        if (type == record_type::aaaa) return found({n, type, 0, address_v6::loopback()});
        return nothing(kind::no_data, n);
    }
    if (n.is_below(invalid) || n.is_below(onion)) return nothing(kind::no_name, n);
    if (n == loopback_v4 || n == loopback_v6) {
        if (type == record_type::ptr) return found({n, type, 0, localhost});
        return nothing(kind::no_data, n);
    }
    return std::nullopt;
}

name reverse_name(const address& a)
{
    std::string out;
    if (a.is_v4()) {
        const auto octets = a.to_v4().to_bytes();
        for (std::size_t i = octets.size(); i-- > 0;) out += std::to_string(octets[i]) + '.';
        return text((out + "in-addr.arpa").c_str());
    }
    constexpr char digits[] = "0123456789abcdef";
    const auto octets = a.to_v6().to_bytes();
    for (std::size_t i = octets.size(); i-- > 0;) {
        out += digits[octets[i] & 15U];
        out += '.';
        out += digits[octets[i] >> 4];
        out += '.';
    }
    return text((out + "ip6.arpa").c_str());
}

} // namespace tapio::core::client
