#include "wire/dns.hpp"

#include "wire/dns_reader.hpp"
#include "wire/dns_writer.hpp"

#include <algorithm>

namespace tapio::core::wire {

namespace {

using dns::name;
using dns::record;
using dns::record_type;

// Bits of the second 16-bit word of the header.
constexpr unsigned response_bit = 0x8000, authoritative_bit = 0x0400, truncated_bit = 0x0200, desired_bit = 0x0100,
                   available_bit = 0x0080;

void read_flags(dns_head& h, unsigned flags) noexcept
{
    h.response = (flags & response_bit) != 0;
    h.opcode = static_cast<std::uint8_t>(flags >> 11 & 15);
    h.authoritative = (flags & authoritative_bit) != 0;
    h.truncated = (flags & truncated_bit) != 0;
    h.recursion_desired = (flags & desired_bit) != 0;
    h.recursion_available = (flags & available_bit) != 0;
    h.code = static_cast<dns::response_code>(flags & 15);
}

struct section_counts
{
    std::size_t answers = 0, authorities = 0, additionals = 0;
};

section_counts read_head(dns_reader& in, dns_head& h)
{
    h.id = in.get_16();
    read_flags(h, in.get_16());
    const unsigned questions = in.get_16();
    section_counts counts;
    counts.answers = in.get_16();
    counts.authorities = in.get_16();
    counts.additionals = in.get_16();
    if (questions > 1) in.fail(dns_fault::too_many_questions);
    if (questions != 1 || in.fault()) return counts;
    dns_question q;
    q.name = in.get_name();
    q.type = static_cast<record_type>(in.get_16());
    q.class_code = in.get_16();
    h.question = std::move(q);
    return counts;
}

/// RFC 6891 §6.1.
void read_edns(dns_message& m, const name& owner, std::uint16_t payload, std::uint32_t ttl, dns_reader& in)
{
    if (m.edns || !owner.is_root()) return in.fail(dns_fault::bad_edns);
    m.edns = dns_edns{payload, static_cast<std::uint8_t>(ttl >> 16), 0};
    m.code = static_cast<dns::response_code>((ttl >> 24 << 4) | static_cast<unsigned>(m.code));
    (void)in.get(in.left());
}

/// RFC 2181 §8: a TTL with its highest bit set counts as 0. §5.2 leaves differences of TTLs to the cache.
void read_record(dns_reader& in, std::vector<record>& to, dns_message& m, bool additional)
{
    record r;
    r.owner = in.get_name();
    r.type = static_cast<record_type>(in.get_16());
    const std::uint16_t class_code = in.get_16();
    const std::uint32_t ttl = in.get_32();
    const std::size_t size = in.get_16();
    in.enter(size);
    if (in.fault()) return;
    if (r.type == record_type::opt) {
        additional ? read_edns(m, r.owner, class_code, ttl, in) : in.fail(dns_fault::bad_edns);
        return in.leave();
    }
    const bool known_class = class_code == dns_class_in;
    r.ttl = ttl > 0x7fff'ffff ? 0 : ttl;
    r.data = known_class ? read_dns_data(in, r.type) : read_dns_data(in, record_type(0));
    in.leave();
    if (known_class && !in.fault()) to.push_back(std::move(r));
}

void read_section(dns_reader& in, std::size_t count, std::vector<record>& to, dns_message& m, bool additional = false)
{
    for (std::size_t i = 0; i < count && !in.fault(); ++i) read_record(in, to, m, additional);
}

// -- emitting ---------------------------------------------------------------------------------------------------------------

void put_record(dns_writer& out, const record& r)
{
    out.put_name(r.owner, true);
    out.put_16(static_cast<unsigned>(r.type));
    out.put_16(dns_class_in);
    out.put_32(r.ttl);
    out.put_data(r);
}

/// @param count_at where the header has the section's count  @param room octets of the message
/// @return false: not all records fit in
bool put_section(dns_writer& out, const std::vector<record>& records, std::size_t count_at, std::size_t room)
{
    for (const record& r : records) {
        const std::size_t before = out.size();
        put_record(out, r);
        if (out.size() > room) return out.cut(before), false;
        out.set_16(count_at, out.get_16(count_at) + 1U);
    }
    return true;
}

void put_edns(dns_writer& out, const dns_edns& e, dns::response_code code)
{
    out.put_8(0);
    out.put_16(static_cast<unsigned>(record_type::opt));
    out.put_16(e.payload);
    out.put_8(static_cast<unsigned>(code) >> 4);
    out.put_8(e.version);
    out.put_16(0); // flags
    constexpr std::size_t length_size = 2, option_header_size = 4;
    const std::size_t size = out.size() + length_size + option_header_size;
    const std::size_t padding = e.pad_to == 0 ? 0 : (e.pad_to - size % e.pad_to) % e.pad_to;
    out.put_16(static_cast<unsigned>(e.pad_to == 0 ? 0 : option_header_size + padding));
    if (e.pad_to == 0) return;
    constexpr unsigned padding_option = 12;
    out.put_16(padding_option);
    out.put_16(static_cast<unsigned>(padding));
    for (std::size_t i = 0; i < padding; ++i) out.put_8(0);
}

unsigned flags_of(const dns_head& h) noexcept
{
    return (h.response ? response_bit : 0) | unsigned{h.opcode} << 11 | (h.authoritative ? authoritative_bit : 0) |
           (h.truncated ? truncated_bit : 0) | (h.recursion_desired ? desired_bit : 0) |
           (h.recursion_available ? available_bit : 0) | (static_cast<unsigned>(h.code) & 15);
}

constexpr std::size_t edns_size = 11; ///< octets of an OPT record without options

} // namespace

dns_parsed<dns_head> parse_dns_head(const_bytes message)
{
    dns_reader in(message);
    dns_head h;
    (void)read_head(in, h);
    if (in.fault()) return *in.fault();
    return h;
}

dns_parsed<dns_message> parse_dns(const_bytes message)
{
    dns_reader in(message);
    dns_message m;
    const section_counts counts = read_head(in, m);
    if (counts.answers + counts.authorities + counts.additionals > most_dns_records) in.fail(dns_fault::too_many_records);
    read_section(in, counts.answers, m.answers, m);
    read_section(in, counts.authorities, m.authorities, m);
    read_section(in, counts.additionals, m.additionals, m, true);
    if (!in.fault() && in.left() > 0) in.fail(dns_fault::trailing_octets);
    if (in.fault()) return *in.fault();
    return m;
}

std::vector<std::byte> make_dns(const dns_message& m, std::size_t limit)
{
    dns_writer out;
    const std::size_t room = limit - (m.edns ? edns_size : 0);
    out.put_16(m.id);
    out.put_16(flags_of(m));
    out.put_16(m.question ? 1 : 0);
    for (int i = 0; i < 3; ++i) out.put_16(0);
    if (m.question) {
        out.put_name(m.question->name, true);
        out.put_16(static_cast<unsigned>(m.question->type));
        out.put_16(m.question->class_code);
    }
    const bool whole = put_section(out, m.answers, 6, room) && put_section(out, m.authorities, 8, room);
    if (!whole) out.set_16(2, flags_of(m) | truncated_bit);
    if (whole) (void)put_section(out, m.additionals, 10, room); // RFC 2181 §9: their lack is no truncation
    if (m.edns) out.set_16(10, out.get_16(10) + 1U);
    if (m.edns) put_edns(out, *m.edns, m.code);
    return std::move(out).take();
}

} // namespace tapio::core::wire