#include "wire/mdns.hpp"

#include "wire/dns_reader.hpp"
#include "wire/dns_writer.hpp"

#include <algorithm>
#include <array>

namespace tapio::core::wire {

namespace {

// Bits of the second 16-bit word of the header; those that RFC 6762 §18 does not use are 0, and ignored.
constexpr unsigned mdns_response = 0x8000, mdns_authoritative = 0x0400, mdns_truncated = 0x0200;
constexpr std::uint16_t class_bit = 0x8000, class_any = 255; // QU of a question (§18.12), cache-flush of a record (§18.13)
constexpr std::size_t nsec_window_size = 32;                 // octets of a bitmap (RFC 4034 §4.1.2)

void read_question(dns_reader& in, std::vector<mdns_question>& to)
{
    mdns_question q;
    q.name = in.get_name();
    q.type = static_cast<dns::record_type>(in.get_16());
    const std::uint16_t class_code = in.get_16();
    q.unicast = (class_code & class_bit) != 0;
    const unsigned plain = class_code & ~class_bit;
    if (!in.fault() && (plain == dns_class_in || plain == class_any)) to.push_back(std::move(q));
}

void read_mdns_record(dns_reader& in, std::vector<mdns_record>& to)
{
    mdns_record r;
    r.owner = in.get_name();
    r.type = static_cast<dns::record_type>(in.get_16());
    const std::uint16_t class_code = in.get_16();
    const std::uint32_t ttl = in.get_32();
    in.enter(in.get_16());
    if (in.fault()) return;
    const bool wanted = (class_code & ~class_bit) == dns_class_in && r.type != dns::record_type::opt;
    r.flush = (class_code & class_bit) != 0;
    r.ttl = ttl > 0x7fff'ffff ? 0 : ttl; // RFC 2181 §8
    r.data = read_dns_data(in, wanted ? r.type : dns::record_type(0));
    in.leave();
    if (wanted && !in.fault()) to.push_back(std::move(r));
}

unsigned mdns_flags(const mdns_message& m) noexcept
{
    return (m.response ? mdns_response | mdns_authoritative : 0) | unsigned{m.opcode} << 11 | (m.truncated ? mdns_truncated : 0) |
           (m.code & 15U);
}

/// @return how many records were put in
std::size_t put_records(dns_writer& out, const std::vector<mdns_record>& records, std::size_t count_at, std::size_t limit)
{
    std::size_t n = 0;
    for (const mdns_record& r : records) {
        const std::size_t before = out.size();
        out.put_name(r.owner, true);
        out.put_16(static_cast<unsigned>(r.type));
        out.put_16(r.flush ? dns_class_in | class_bit : dns_class_in);
        out.put_32(r.ttl);
        out.put_data(r);
        if (out.size() > limit) {
            out.cut(before);
            break;
        }
        ++n;
    }
    out.set_16(count_at, static_cast<unsigned>(n));
    return n;
}

} // namespace

dns_parsed<mdns_message> parse_mdns(const_bytes message)
{
    dns_reader in(message);
    mdns_message m;
    m.id = in.get_16();
    const unsigned flags = in.get_16();
    m.response = (flags & mdns_response) != 0;
    m.truncated = (flags & mdns_truncated) != 0;
    m.opcode = static_cast<std::uint8_t>(flags >> 11 & 15);
    m.code = static_cast<std::uint8_t>(flags & 15);
    std::array<std::size_t, 4> counts{};
    for (std::size_t& c : counts) c = in.get_16();
    if (counts[0] > most_mdns_questions) in.fail(dns_fault::too_many_questions);
    if (counts[1] + counts[2] + counts[3] > most_dns_records) in.fail(dns_fault::too_many_records);
    for (std::size_t i = 0; i < counts[0] && !in.fault(); ++i) read_question(in, m.questions);
    std::size_t section = 0;
    for (auto* const to : {&m.answers, &m.authorities, &m.additionals}) {
        ++section;
        for (std::size_t i = 0; i < counts[section] && !in.fault(); ++i) read_mdns_record(in, *to);
    }
    if (!in.fault() && in.left() > 0) in.fail(dns_fault::trailing_octets);
    if (in.fault()) return *in.fault();
    return m;
}

std::vector<std::byte> make_mdns(const mdns_message& m, std::size_t limit, std::size_t* left_out)
{
    dns_writer out;
    out.put_16(m.id);
    out.put_16(mdns_flags(m));
    out.put_16(static_cast<unsigned>(m.questions.size()));
    for (int i = 0; i < 3; ++i) out.put_16(0);
    for (const mdns_question& q : m.questions) {
        out.put_name(q.name, true);
        out.put_16(static_cast<unsigned>(q.type));
        out.put_16(q.unicast ? dns_class_in | class_bit : dns_class_in);
    }
    const std::size_t answers = put_records(out, m.answers, 6, limit);
    if (left_out != nullptr) *left_out = m.answers.size() - answers;
    if (answers == m.answers.size() && put_records(out, m.authorities, 8, limit) == m.authorities.size())
        (void)put_records(out, m.additionals, 10, limit);
    return std::move(out).take();
}

std::size_t size_of(const dns::record& r) { return r.owner.wire_size() + 10 + data_of(r).size(); }

std::vector<std::byte> data_of(const dns::record& r)
{
    dns_writer out;
    out.put_data(r); // nothing comes before that it could be compressed with
    auto octets = std::move(out).take();
    octets.erase(octets.begin(), octets.begin() + 2);
    return octets;
}

/// RFC 4034 §4.1. RFC 6762 §6.1 knows the first window alone: types up to 255.
dns::unknown_data make_nsec(const dns::name& owner, std::vector<dns::record_type> types)
{
    std::array<unsigned char, nsec_window_size> bits{};
    std::size_t used = 0;
    for (const dns::record_type t : types) {
        const auto n = static_cast<std::size_t>(t);
        if (n >= nsec_window_size * 8) continue;
        bits[n / 8] = static_cast<unsigned char>(bits[n / 8] | 0x80U >> n % 8);
        used = std::max(used, n / 8 + 1);
    }
    dns_writer out;
    out.put_name(owner, false);
    out.put_8(0);
    out.put_8(static_cast<unsigned>(used));
    out.put(std::as_bytes(std::span(bits)).first(used));
    return std::move(out).take();
}

bool nsec_allows(const dns::unknown_data& nsec, dns::record_type type) noexcept
{
    const auto octet = [&](std::size_t at) { return std::to_integer<std::size_t>(nsec[at]); };
    std::size_t at = 0; // behind the next name, of which only the length matters
    for (;;) {
        if (at >= nsec.size()) return true;
        if (octet(at) >= 0xc0) {
            at += 2;
            break;
        }
        const std::size_t label = octet(at);
        at += label + 1;
        if (label == 0) break;
    }
    if (at + 2 > nsec.size() || octet(at) != 0) return true;
    const std::size_t n = static_cast<std::size_t>(type), size = octet(at + 1);
    if (at + 2 + size != nsec.size() || n >= nsec_window_size * 8) return true;
    return n / 8 < size && (octet(at + 2 + n / 8) & 0x80U >> n % 8) != 0;
}

} // namespace tapio::core::wire
