#include "client/mdns_records.hpp"

#include "client/dns_answer.hpp"
#include "client/mdns_names.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace tapio::core::client {

namespace {

using dns::record_type;

/// Adds records, each once.
class record_maker
{
public:
    void add(std::size_t group, const dns::name& owner, record_type type, std::uint32_t ttl, dns::record_data data, bool unique)
    {
        mdns_owned o;
        o.record = {{owner, type, ttl, std::move(data)}, unique};
        o.group = group;
        const auto same = [&](const mdns_owned& known) { return known.record == o.record; };
        if (std::none_of(all_.begin(), all_.end(), same)) all_.push_back(std::move(o));
    }

    void add_host(std::size_t group, const dns::name& host, const std::vector<address>& addresses)
    {
        for (const address& a : addresses) {
            if (a.is_v4()) add(group, host, record_type::a, mdns_host_ttl, a.to_v4(), true);
            if (a.is_v6()) add(group, host, record_type::aaaa, mdns_host_ttl, without_zone(a).to_v6(), true);
            add(group, reverse_name(without_zone(a)), record_type::ptr, mdns_host_ttl, host, true);
        }
    }

    void add_service(std::size_t group, const mdns_group& g, const dns::name& host)
    {
        const dns::name type = service_type_name(g.service->type);
        add(group, g.name, record_type::srv, mdns_host_ttl, dns::service_location{0, 0, g.service->port, host}, true);
        add(group, g.name, record_type::txt, mdns_other_ttl, text_of(*g.service), true);
        add(group, type, record_type::ptr, mdns_other_ttl, g.name, false);
        for (const std::string& s : g.service->subtypes)
            add(group, service_subtype_name(s, g.service->type), record_type::ptr, mdns_other_ttl, g.name, false);
        add(group, service_types_name(), record_type::ptr, mdns_other_ttl, type, false);
    }

    /// RFC 6762 §6.1: says which types there are, for each name that is unique.
    std::vector<mdns_owned> take() &&
    {
        const std::size_t n = all_.size();
        for (std::size_t i = 0; i < n; ++i) {
            if (!all_[i].record.flush) continue;
            std::vector<record_type> types;
            for (std::size_t k = 0; k < n; ++k)
                if (all_[k].record.owner == all_[i].record.owner) types.push_back(all_[k].record.type);
            const dns::name owner = all_[i].record.owner;
            add(all_[i].group, owner, record_type::nsec, mdns_host_ttl, wire::make_nsec(owner, std::move(types)), true);
        }
        return std::move(all_);
    }

private:
    /// RFC 6763 §6.1: at least one string, which may be empty.
    static dns::text_strings text_of(const mdns_service& s)
    {
        return s.text.empty() ? dns::text_strings{std::string()} : dns::text_strings(s.text);
    }

    std::vector<mdns_owned> all_;
};

using comparable = std::pair<unsigned, std::vector<std::byte>>; ///< type and data; the class is IN in all

std::vector<comparable> comparables(const std::vector<dns::record>& all)
{
    std::vector<comparable> out;
    for (const dns::record& r : all) out.emplace_back(static_cast<unsigned>(r.type), wire::data_of(r));
    std::sort(out.begin(), out.end());
    return out;
}

std::optional<dns::name> target_of(const dns::record& r)
{
    if (r.type == record_type::ptr) return std::get<dns::name>(r.data);
    if (r.type == record_type::srv) return std::get<dns::service_location>(r.data).target;
    const bool of_host = r.type == record_type::a || r.type == record_type::aaaa;
    return of_host ? std::optional(r.owner) : std::nullopt;
}

} // namespace

void mdns_group::rename(unsigned to)
{
    number = to;
    name = service == nullptr ? prepend(host_label(wanted, number), local_domain())
                              : prepend(instance_label(wanted, number), service_type_name(service->type));
}

bool mdns_group::is_same(const mdns_group& other) const noexcept
{
    if ((service == nullptr) != (other.service == nullptr) || wanted != other.wanted) return false;
    return service == nullptr || service->type == other.service->type;
}

std::vector<mdns_owned> make_records(const std::vector<mdns_group>& groups, const std::vector<address>& addresses)
{
    record_maker out;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (groups[i].service == nullptr)
            out.add_host(i, groups[i].name, addresses);
        else
            out.add_service(i, groups[i], groups.front().name);
    }
    return std::move(out).take();
}

std::vector<std::size_t> additionals_to(const std::vector<mdns_owned>& all, const std::vector<std::size_t>& answers)
{
    std::vector<std::size_t> chosen = answers;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const auto target = target_of(all[chosen[i]].record);
        for (std::size_t k = 0; target && k < all.size(); ++k) {
            const bool fits = all[k].record.owner == *target && all[k].record.flush;
            if (fits && std::find(chosen.begin(), chosen.end(), k) == chosen.end()) chosen.push_back(k);
        }
    }
    chosen.erase(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(answers.size()));
    std::stable_partition(chosen.begin(), chosen.end(), [&](std::size_t k) { return !all[k].is_nsec(); });
    return chosen;
}

int compare_probes(std::vector<dns::record> ours, std::vector<dns::record> theirs)
{
    const auto a = comparables(ours), b = comparables(theirs);
    return a < b ? -1 : a == b ? 0 : 1;
}

} // namespace tapio::core::client
