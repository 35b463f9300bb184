/// @file
/// The records that a host has for multicast DNS on one link: of its name and addresses (RFC 6762 §4), and of its services
/// (RFC 6763 §4). Which of them answer a question, and what else goes along.
#pragma once

#include "client/mdns_transport.hpp"
#include "wire/mdns.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/dns.hpp>
#include <tapio/core/mdns.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tapio::core::client {

inline constexpr std::uint32_t mdns_host_ttl = 120, mdns_other_ttl = 75 * 60; ///< s (RFC 6762 §10)

/// A name that is to be this host's alone, and the records that depend on it: of the host, or of one service.
struct mdns_group
{
    std::string wanted;                    ///< a label
    const mdns_service* service = nullptr; ///< null: the host's own name
    unsigned number = 1;                   ///< of the attempt: "name", "name-2", ...
    dns::name name;

    void rename(unsigned to);
    bool is_same(const mdns_group& other) const noexcept; ///< but for the number and the service's details
};

struct mdns_owned
{
    wire::mdns_record record;
    std::size_t group = 0;               ///< index
    time_point sent = time_point::min(); ///< by multicast; min: never

    bool was_sent() const noexcept { return sent != time_point::min(); }
    bool sent_within(duration d, time_point now) const noexcept { return was_sent() && now - sent < d; }
    bool is_nsec() const noexcept { return record.type == dns::record_type::nsec; } ///< only in answers about what is missing
};

/// The records on a link with these addresses. Shared ones lack the flush bit. For each unique name there is an NSEC record.
std::vector<mdns_owned> make_records(const std::vector<mdns_group>& groups, const std::vector<address>& addresses);

/// Of those that `usable` allows: indices of the records that answer, or that say that there is no such record (§6.1).
template <class Usable>
std::vector<std::size_t> answers_to(const std::vector<mdns_owned>& all, const dns::name& n, dns::record_type type, Usable usable)
{
    std::vector<std::size_t> out, nsec;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const mdns_owned& o = all[i];
        if (!(o.record.owner == n) || !usable(o)) continue;
        const bool fits = o.record.type == type || (type == dns::record_type::any && !o.is_nsec());
        if (fits) out.push_back(i);
        if (o.is_nsec()) nsec.push_back(i);
    }
    return out.empty() ? nsec : out;
}

/// RFC 6762 §6.2, RFC 6763 §12: what the querier would ask next. @return indices, without `answers`
std::vector<std::size_t> additionals_to(const std::vector<mdns_owned>& all, const std::vector<std::size_t>& answers);

/// RFC 6762 §8.2. @return below 0: ours come first, and therefore lose
int compare_probes(std::vector<dns::record> ours, std::vector<dns::record> theirs);

} // namespace tapio::core::client
