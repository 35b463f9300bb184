#include "wire/dns_reader.hpp"

#include <string>

namespace tapio::core::wire {

namespace {
using dns::name;
using dns::record_type;
} // namespace

/// RFC 1035 §4.1.4, RFC 9267 §2 and §3. Each pointer leads to a place before the labels that it ends, and there are at most as
/// many pointers as a name may have labels.
name dns_reader::get_name()
{
    constexpr unsigned most_pointers = 127;
    std::string labels;
    std::size_t from = at_, begin = at_;
    std::optional<std::size_t> behind; // where the name ends in the place of its start
    unsigned pointers = 0;
    const auto give_up = [&](dns_fault why) {
        fail(why);
        return name();
    };
    for (;;) {
        if (fault_) return {};
        const std::size_t end = behind ? all_.size() : end_;
        if (from >= end) return give_up(too_short());
        const auto octet = std::to_integer<std::size_t>(all_[from]);
        if (octet == 0) {
            at_ = behind.value_or(from + 1);
            return *name::of_labels(std::move(labels));
        }
        if (octet >= 0xc0) {
            if (from + 1 >= end) return give_up(too_short());
            const std::size_t to = load_16(&all_[from]) & 0x3fffU;
            if (to >= begin || to < dns_header_size || ++pointers > most_pointers) return give_up(dns_fault::bad_pointer);
            if (!behind) behind = from + 2;
            from = begin = to;
            continue;
        }
        if (octet > name::longest_label) return give_up(dns_fault::bad_label);
        if (from + 1 + octet > end) return give_up(too_short());
        if (labels.size() + octet + 2 > name::longest) return give_up(dns_fault::long_name);
        labels.append(reinterpret_cast<const char*>(&all_[from]), octet + 1);
        from += octet + 1;
    }
}

namespace {

dns::zone_authority read_soa(dns_reader& in)
{
    dns::zone_authority soa;
    soa.primary = in.get_name();
    soa.mailbox = in.get_name();
    for (std::uint32_t* const field : {&soa.serial, &soa.refresh, &soa.retry, &soa.expire, &soa.minimum}) *field = in.get_32();
    return soa;
}

/// RFC 1035 §3.3.14: at least one string.
dns::text_strings read_text(dns_reader& in)
{
    dns::text_strings out;
    do {
        const const_bytes octets = in.get(in.get_8());
        out.emplace_back(reinterpret_cast<const char*>(octets.data()), octets.size());
    } while (in.left() > 0 && !in.fault());
    return out;
}

address_v6 read_v6(dns_reader& in)
{
    address_v6::bytes_type octets{};
    const const_bytes from = in.get(octets.size());
    if (!from.empty()) std::memcpy(octets.data(), from.data(), octets.size());
    return address_v6(octets);
}

} // namespace

dns::record_data read_dns_data(dns_reader& in, record_type type)
{
    switch (type) {
    case record_type::a: return address_v4(in.get_32());
    case record_type::aaaa: return read_v6(in);
    case record_type::cname:
    case record_type::ns:
    case record_type::ptr: return in.get_name();
    case record_type::soa: return read_soa(in);
    case record_type::txt: return read_text(in);
    case record_type::mx: {
        dns::mail_exchange mx;
        mx.preference = in.get_16();
        mx.exchange = in.get_name();
        return mx;
    }
    case record_type::srv: {
        dns::service_location srv;
        srv.priority = in.get_16();
        srv.weight = in.get_16();
        srv.port = in.get_16();
        srv.target = in.get_name(); // RFC 3597 §4: compression is accepted
        return srv;
    }
    default: break;
    }
    const const_bytes octets = in.get(in.left());
    return dns::unknown_data(octets.begin(), octets.end());
}

} // namespace tapio::core::wire
