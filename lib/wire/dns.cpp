#include "wire/dns.hpp"

#include <algorithm>

namespace tapio::core::wire {

namespace {

using dns::name;
using dns::record;
using dns::record_type;

// Bits of the second 16-bit word of the header.
constexpr unsigned response_bit = 0x8000, authoritative_bit = 0x0400, truncated_bit = 0x0200, desired_bit = 0x0100,
                   available_bit = 0x0080;

/// Reads a message front to back. After a fault it stays where it is, and every read gives nothing.
class reader
{
public:
    explicit reader(const_bytes message) noexcept : all_(message), end_(message.size()) {}

    const std::optional<dns_fault>& fault() const noexcept { return fault_; }
    std::size_t at() const noexcept { return at_; }
    std::size_t left() const noexcept { return end_ - at_; }
    void fail(dns_fault why) noexcept
    {
        if (!fault_) fault_ = why;
    }

    std::uint8_t get_8() noexcept { return has(1) ? std::to_integer<std::uint8_t>(all_[at_++]) : std::uint8_t{0}; }
    std::uint16_t get_16() noexcept
    {
        if (!has(2)) return 0;
        at_ += 2;
        return load_16(&all_[at_ - 2]);
    }
    std::uint32_t get_32() noexcept
    {
        if (!has(4)) return 0;
        at_ += 4;
        return load_32(&all_[at_ - 4]);
    }
    const_bytes get(std::size_t n) noexcept
    {
        if (!has(n)) return {};
        at_ += n;
        return all_.subspan(at_ - n, n);
    }
    name get_name();

    /// The data of a record: reads end there until leave(), which requires that all of it was read.
    void enter(std::size_t size) noexcept
    {
        if (!has(size)) return;
        end_ = at_ + size;
        inside_ = true;
    }
    void leave() noexcept
    {
        if (at_ != end_) fail(dns_fault::bad_data);
        end_ = all_.size();
        inside_ = false;
    }
    dns_fault too_short() const noexcept { return inside_ ? dns_fault::bad_data : dns_fault::truncated; }

private:
    bool has(std::size_t n) noexcept
    {
        if (n > left()) fail(too_short());
        return !fault_;
    }

    const_bytes all_;
    std::size_t at_ = 0;
    std::size_t end_;
    bool inside_ = false; ///< the data of a record
    std::optional<dns_fault> fault_;
};

/// RFC 1035 §4.1.4, RFC 9267 §2 and §3. Each pointer leads to a place before the labels that it ends, and there are at most as
/// many pointers as a name may have labels.
name reader::get_name()
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

section_counts read_head(reader& in, dns_head& h)
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

dns::zone_authority read_soa(reader& in)
{
    dns::zone_authority soa;
    soa.primary = in.get_name();
    soa.mailbox = in.get_name();
    for (std::uint32_t* const field : {&soa.serial, &soa.refresh, &soa.retry, &soa.expire, &soa.minimum}) *field = in.get_32();
    return soa;
}

/// RFC 1035 §3.3.14: at least one string.
dns::text_strings read_text(reader& in)
{
    dns::text_strings out;
    do {
        const const_bytes octets = in.get(in.get_8());
        out.emplace_back(reinterpret_cast<const char*>(octets.data()), octets.size());
    } while (in.left() > 0 && !in.fault());
    return out;
}

address_v6 read_v6(reader& in)
{
    address_v6::bytes_type octets{};
    const const_bytes from = in.get(octets.size());
    if (!from.empty()) std::memcpy(octets.data(), from.data(), octets.size());
    return address_v6(octets);
}

dns::record_data read_data(reader& in, record_type type)
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

/// RFC 6891 §6.1.
void read_edns(dns_message& m, const name& owner, std::uint16_t payload, std::uint32_t ttl, reader& in)
{
    if (m.edns || !owner.is_root()) return in.fail(dns_fault::bad_edns);
    m.edns = dns_edns{payload, static_cast<std::uint8_t>(ttl >> 16), 0};
    m.code = static_cast<dns::response_code>((ttl >> 24 << 4) | static_cast<unsigned>(m.code));
    (void)in.get(in.left());
}

/// RFC 2181 §8: a TTL with its highest bit set counts as 0. §5.2 leaves differences of TTLs to the cache.
void read_record(reader& in, std::vector<record>& to, dns_message& m, bool additional)
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
    r.data = known_class ? read_data(in, r.type) : read_data(in, record_type(0));
    in.leave();
    if (known_class && !in.fault()) to.push_back(std::move(r));
}

void read_section(reader& in, std::size_t count, std::vector<record>& to, dns_message& m, bool additional = false)
{
    for (std::size_t i = 0; i < count && !in.fault(); ++i) read_record(in, to, m, additional);
}

// -- emitting ---------------------------------------------------------------------------------------------------------------

class writer
{
public:
    void put_8(unsigned v) { out_.push_back(static_cast<std::byte>(v)); }
    void put_16(unsigned v)
    {
        put_8(v >> 8 & 255);
        put_8(v & 255);
    }
    void put_32(std::uint32_t v)
    {
        put_16(v >> 16);
        put_16(v & 0xffff);
    }
    void put(const_bytes octets) { out_.insert(out_.end(), octets.begin(), octets.end()); }
    void put(const std::string& s) { put(std::as_bytes(std::span(s))); }
    void put_name(const name& n, bool compress);
    void set_16(std::size_t at, unsigned v) { store_16(&out_[at], static_cast<std::uint16_t>(v)); }
    unsigned get_16(std::size_t at) const { return load_16(&out_[at]); }
    std::size_t size() const noexcept { return out_.size(); }
    /// Removes what was written behind `size`.
    void cut(std::size_t size)
    {
        out_.resize(size);
        while (!names_.empty() && names_.back().at >= size) names_.pop_back();
    }
    std::vector<std::byte> take() && { return std::move(out_); }

private:
    struct place
    {
        std::string labels; ///< of a name or of the end of one
        std::size_t at;
    };

    std::vector<std::byte> out_;
    std::vector<place> names_; ///< in the order of their places
};

/// Case is part of a name here: an end of another case is not shared.
void writer::put_name(const name& n, bool compress)
{
    constexpr std::size_t most_places = 256; // so that a long message is not made in quadratic time
    name rest = n;
    for (; !rest.is_root(); rest = rest.parent()) {
        const auto known = std::find_if(names_.begin(), names_.end(), [&](const place& p) { return p.labels == rest.labels(); });
        if (compress && known != names_.end()) return put_16(0xc000U | static_cast<unsigned>(known->at));
        if (known == names_.end() && size() < 0x4000 && names_.size() < most_places) names_.push_back({rest.labels(), size()});
        put_8(static_cast<unsigned>(rest.first_label().size()));
        put(std::string(rest.first_label()));
    }
    put_8(0);
}

struct data_writer
{
    writer& out;

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

void put_record(writer& out, const record& r)
{
    out.put_name(r.owner, true);
    out.put_16(static_cast<unsigned>(r.type));
    out.put_16(dns_class_in);
    out.put_32(r.ttl);
    const std::size_t length_at = out.size();
    out.put_16(0);
    std::visit(data_writer{out}, r.data);
    out.set_16(length_at, static_cast<unsigned>(out.size() - length_at - 2));
}

/// @param count_at where the header has the section's count  @param room octets of the message
/// @return false: not all records fit in
bool put_section(writer& out, const std::vector<record>& records, std::size_t count_at, std::size_t room)
{
    for (const record& r : records) {
        const std::size_t before = out.size();
        put_record(out, r);
        if (out.size() > room) return out.cut(before), false;
        out.set_16(count_at, out.get_16(count_at) + 1U);
    }
    return true;
}

void put_edns(writer& out, const dns_edns& e, dns::response_code code)
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
    reader in(message);
    dns_head h;
    (void)read_head(in, h);
    if (in.fault()) return *in.fault();
    return h;
}

dns_parsed<dns_message> parse_dns(const_bytes message)
{
    reader in(message);
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
    writer out;
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
