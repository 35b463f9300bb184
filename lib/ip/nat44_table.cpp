// Mappings: creation, limits, forwards. Sessions are in nat44_sessions.cpp.
#include "ip/nat44_table.hpp"

#include <algorithm>

namespace tapio::core::ip {

nat44_table::nat44_table(const nat44_options& options, std::span<const std::byte, random_source::seed_size> seed)
    : options_(options),
      timeouts_{options.udp_timeout, options.icmp_timeout, options.tcp_transitory_timeout, options.tcp_established_timeout},
      random_(seed),
      pairing_key_(random_.make_key()),
      mappings_(options.max_mappings + options.forwards.size(), random_.make_key()),
      outside_(options.max_mappings + options.forwards.size(), random_.make_key()),
      hosts_(options.max_mappings, random_.make_key()),
      sessions_(options.max_sessions, random_.make_key()),
      peers_(options.max_sessions, random_.make_key())
{
    set_outside_addresses(options.outside_addresses);
}

void nat44_table::set_outside_addresses(const std::vector<address_v4>& addresses)
{
    clear();
    addresses_ = addresses;
    for (const nat44_forward& f : options_.forwards) add_forward(f);
}

bool nat44_table::is_outside_address(std::uint32_t a) const noexcept
{
    return std::any_of(addresses_.begin(), addresses_.end(), [a](const address_v4& o) { return o.to_uint() == a; });
}

std::uint32_t nat44_table::outside_address_for(std::uint32_t inside) const noexcept
{
    if (addresses_.size() == 1) return addresses_.front().to_uint();
    return addresses_[siphash_1_3(pairing_key_, inside, 0) % addresses_.size()].to_uint();
}

nat44_mapping_entry* nat44_table::find_inside(wire::ip_protocol protocol, const nat44_endpoint& inside) const noexcept
{
    return mappings_.find(nat44_key_of(protocol, inside));
}

nat44_mapping_entry* nat44_table::find_outside(wire::ip_protocol protocol, const nat44_endpoint& outside) const noexcept
{
    const nat44_outside* const o = outside_.find(nat44_key_of(protocol, outside));
    return o == nullptr ? nullptr : o->mapping;
}

nat44_mapping_entry* nat44_table::map_outbound(wire::ip_protocol protocol, const nat44_endpoint& inside,
                                               const nat44_endpoint& remote, std::uint8_t tcp_flags, time_point now)
{
    nat44_mapping_entry* m = find_inside(protocol, inside);
    if (m == nullptr) m = create(protocol, inside);
    if (m == nullptr) {
        ++counters_.refused;
        return nullptr;
    }
    if (m->is_forward()) return m;
    nat44_session& s = session_of(*m, remote, now);
    s.tcp.on_segment(nat44_direction::outbound, tcp_flags);
    requeue(s, now);
    m->sessions.splice(m->sessions.end(), m->sessions, m->sessions.iterator_to(s));
    return m;
}

/// A mapping without sessions; the caller adds one. Null: a limit is reached, or no port is free.
nat44_mapping_entry* nat44_table::create(wire::ip_protocol protocol, const nat44_endpoint& inside)
{
    if (addresses_.empty() || mappings_.size() - forwards_ >= options_.max_mappings) return nullptr;
    const nat44_key host_key{inside.address, 0};
    nat44_host* host = hosts_.find(host_key);
    if (!has_share_left(host) || (host != nullptr && host->mappings >= options_.max_mappings_per_host)) return nullptr;
    const std::uint32_t address = outside_address_for(inside.address);
    const bool keep_parity = protocol == wire::ip_protocol::udp; // RFC 4787 REQ-4
    const auto port = ports_of(address, protocol).take(inside.port, keep_parity, random_);
    if (!port) return nullptr;
    if (host == nullptr) host = &hosts_.add(host_key);
    nat44_mapping_entry& m = add_mapping(protocol, inside, {address, *port});
    m.host = host;
    ++host->mappings;
    ++counters_.created;
    return &m;
}

nat44_mapping_entry& nat44_table::add_mapping(wire::ip_protocol protocol, const nat44_endpoint& inside,
                                              const nat44_endpoint& outside)
{
    nat44_mapping_entry& m = mappings_.add(nat44_key_of(protocol, inside));
    m.protocol = protocol;
    m.inside = inside;
    m.outside = outside;
    outside_.add(nat44_key_of(protocol, outside)).mapping = &m;
    return m;
}

/// Precondition: the mapping has no sessions
void nat44_table::erase(nat44_mapping_entry& m) noexcept
{
    outside_.erase(*outside_.find(nat44_key_of(m.protocol, m.outside)));
    if (m.is_forward()) {
        --forwards_;
    } else if (--m.host->mappings == 0) {
        hosts_.erase(*m.host);
    }
    if (const auto ports = ports_.find({m.outside.address, m.protocol}); ports != ports_.end())
        ports->second.give_back(m.outside.port);
    mappings_.erase(m);
}

/// Does nothing if the forward's address is not an outside address at present.
void nat44_table::add_forward(const nat44_forward& f)
{
    if (addresses_.empty()) return;
    const std::uint32_t address = f.outside.is_unspecified() ? addresses_.front().to_uint() : f.outside.to_uint();
    const auto protocol = static_cast<wire::ip_protocol>(f.protocol);
    const nat44_endpoint outside(address, f.outside_port);
    if (!is_outside_address(address) || find_outside(protocol, outside) != nullptr) return;
    ports_of(address, protocol).take(f.outside_port);
    add_mapping(protocol, nat44_endpoint(f.inside), outside);
    ++forwards_;
}

nat44_ports& nat44_table::ports_of(std::uint32_t address, wire::ip_protocol protocol)
{
    return ports_.try_emplace({address, protocol}, options_.first_port, options_.last_port).first->second;
}

void nat44_table::clear() noexcept
{
    for (auto& q : queues_)
        while (!q.empty()) erase(q.front());
    std::vector<nat44_mapping_entry*> left;
    mappings_.for_each([&left](nat44_mapping_entry& m) { left.push_back(&m); });
    for (nat44_mapping_entry* const m : left) erase(*m);
    ports_.clear();
}

nat44_counters nat44_table::counters() const noexcept
{
    nat44_counters c = counters_;
    c.mappings = mappings_.size() - forwards_;
    c.sessions = sessions_.size();
    return c;
}

std::vector<nat44_mapping> nat44_table::mappings() const
{
    std::vector<nat44_mapping> out;
    out.reserve(mappings_.size());
    mappings_.for_each([&out](const nat44_mapping_entry& m) {
        nat44_mapping info{static_cast<std::uint8_t>(m.protocol), endpoint(m.inside), endpoint(m.outside), m.is_forward(), 0, {}};
        if (m.is_forward()) info.expires = never;
        for (const nat44_session& s : m.sessions) {
            info.expires = std::max(info.expires, s.expires);
            ++info.sessions;
        }
        out.push_back(info);
    });
    return out;
}

} // namespace tapio::core::ip
