#include "wire/dns_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

namespace tapio::core::wire {

namespace {
using dns::name;
} // namespace

/// Case is part of a name here: an end of another case is not shared.
void dns_writer::put_name(const name& n, bool compress)
{
    constexpr std::size_t most_places = 256; // so that a long message is not made in quadratic time
    for (std::string_view rest = n.labels(); !rest.empty();) {
        const auto known = std::find_if(names_.begin(), names_.end(), [rest](const place& p) { return p.labels == rest; });
        if (compress && known != names_.end()) return put_16(0xc000U | static_cast<unsigned>(known->at));
        if (known == names_.end() && size() < 0x4000 && names_.size() < most_places)
            names_.push_back({std::string(rest), size()});
        const std::size_t label = 1U + static_cast<std::uint8_t>(rest.front()); // with its length
        put(std::as_bytes(std::span(rest.substr(0, label))));
        rest.remove_prefix(label);
    }
    put_8(0);
}

namespace {

struct data_writer
{
    dns_writer& out;

    void operator()(const address_v4& a) const { out.put_32(a.to_uint()); }
    void operator()(const address_v6& a) const
    {
        const auto octets = a.to_bytes();
        out.put(std::as_bytes(std::span(octets)));
    }
    void operator()(const name& n) const { out.put_name(n, true); }
    void operator()(const dns::mail_exchange& mx) const
    {
        out.put_16(mx.preference);
        out.put_name(mx.exchange, true);
    }
    void operator()(const dns::service_location& srv) const
    {
        for (const unsigned field : {srv.priority, srv.weight, srv.port}) out.put_16(field);
        out.put_name(srv.target, false); // RFC 2782: not compressed
    }
    void operator()(const dns::zone_authority& soa) const
    {
        out.put_name(soa.primary, true);
        out.put_name(soa.mailbox, true);
        for (const std::uint32_t field : {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum}) out.put_32(field);
    }
    void operator()(const dns::text_strings& strings) const
    {
        for (const std::string& s : strings) {
            out.put_8(static_cast<unsigned>(std::min<std::size_t>(s.size(), 255)));
            out.put(s.substr(0, 255));
        }
        if (strings.empty()) out.put_8(0);
    }
    void operator()(const dns::unknown_data& octets) const { out.put(octets); }
};

} // namespace

void dns_writer::put_data(const dns::record& r)
{
    const std::size_t length_at = size();
    put_16(0);
    std::visit(data_writer{*this}, r.data);
    set_16(length_at, static_cast<unsigned>(size() - length_at - 2));
}

} // namespace tapio::core::wire
