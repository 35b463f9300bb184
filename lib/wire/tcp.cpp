#include "wire/tcp.hpp"

#include "wire/ipv4.hpp"
#include "wire/transport_checksum.hpp"

#include <boost/endian/conversion.hpp>

#include <cstddef>

namespace tapio::core::wire {

namespace {

namespace kind {
enum : std::uint8_t
{
    end_of_list = 0,
    no_operation = 1,
    max_segment = 2,
    window_scale = 3,
    sack_permitted = 4,
    sack = 5,
    timestamps = 8,
    fast_open = 34
};
} // namespace kind

/// One option's value. False if its length is wrong for its kind; kinds that we do not know are skipped (RFC 9293 MUST-6).
bool read_option(std::uint8_t kind, const_bytes value, tcp_options_field& out) noexcept
{
    switch (kind) {
    case kind::max_segment:
        if (value.size() != 2) return false;
        out.max_segment = load_16(value.data());
        return true;
    case kind::window_scale:
        if (value.size() != 1) return false;
        out.window_scale = std::to_integer<std::uint8_t>(value[0]);
        return true;
    case kind::sack_permitted: out.sack_permitted = value.empty(); return value.empty();
    case kind::timestamps:
        if (value.size() != 8) return false;
        out.timestamps = tcp_timestamps{load_32(value.data()), load_32(value.data() + 4)};
        return true;
    case kind::sack:
        if (value.empty() || value.size() % 8 != 0) return false;
        for (; !value.empty() && out.sack.size() < out.sack.capacity(); value = value.subspan(8))
            out.sack.push_back({load_32(value.data()), load_32(value.data() + 4)});
        return true;
    case kind::fast_open: // a cookie of any other size is none (RFC 7413 §4.1.1)
        if (value.empty() || (value.size() >= 4 && value.size() <= 16 && value.size() % 2 == 0))
            out.fast_open.emplace(value.begin(), value.end());
        return true;
    default: return true;
    }
}

/// RFC 9293 §3.2. Each step moves on by at least one octet, so it ends (MUST-7: a bad length is no reason to crash).
bool walk_options(const_bytes options, tcp_options_field& out) noexcept
{
    if (options.size() == 12 && load_32(options.data()) == timestamps_only) { // RFC 7323 appendix A: what most segments carry
        out.timestamps = tcp_timestamps{load_32(options.data() + 4), load_32(options.data() + 8)};
        return true;
    }
    while (!options.empty()) {
        const auto kind = std::to_integer<std::uint8_t>(options[0]);
        if (kind == kind::end_of_list) return true;
        if (kind == kind::no_operation) { // RFC 9293 MUST-4, MUST-64
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2) return false; // RFC 9293 MUST-68
        const auto length = std::to_integer<std::size_t>(options[1]);
        if (length < 2 || length > options.size()) return false;
        if (!read_option(kind, options.subspan(2, length - 2), out)) return false;
        options = options.subspan(length);
    }
    return true;
}

/// Options as they travel, written forward into a fixed buffer of the most there can be.
class option_writer
{
public:
    void put_8(unsigned v) noexcept { octets_[size_++] = static_cast<unsigned char>(v); }
    void put_16(std::uint16_t v) noexcept { boost::endian::store_big_u16(&octets_[size_], v), size_ += 2; }
    void put_32(std::uint32_t v) noexcept { boost::endian::store_big_u32(&octets_[size_], v), size_ += 4; }
    bool fits(std::size_t n) const noexcept { return size_ + n <= sizeof octets_; }

    const_bytes padded() noexcept
    {
        while (size_ % 4 != 0) put_8(kind::end_of_list); // RFC 9293 MUST-69
        return std::as_bytes(std::span(octets_, size_));
    }

private:
    unsigned char octets_[40];
    std::size_t size_ = 0;
};

const_bytes write_options(option_writer& w, const tcp_options_field& o) noexcept
{
    if (o.max_segment) w.put_8(kind::max_segment), w.put_8(4), w.put_16(*o.max_segment);
    if (o.window_scale) w.put_8(kind::no_operation), w.put_8(kind::window_scale), w.put_8(3), w.put_8(*o.window_scale);
    if (o.sack_permitted && !o.timestamps) w.put_8(kind::no_operation), w.put_8(kind::no_operation);
    if (o.sack_permitted) w.put_8(kind::sack_permitted), w.put_8(2);
    if (o.timestamps) { // RFC 7323 appendix A; in a SYN the other option takes the room of the padding
        if (!o.sack_permitted) w.put_8(kind::no_operation), w.put_8(kind::no_operation);
        w.put_8(kind::timestamps), w.put_8(10);
        w.put_32(o.timestamps->value), w.put_32(o.timestamps->echo);
    }
    if (!o.sack.empty() && w.fits(12)) {
        std::size_t n = 0;
        while (n < o.sack.size() && w.fits(4 + 8 * (n + 1))) ++n;
        w.put_8(kind::no_operation), w.put_8(kind::no_operation), w.put_8(kind::sack), w.put_8(static_cast<unsigned>(2 + 8 * n));
        for (std::size_t i = 0; i < n; ++i) w.put_32(o.sack[i].begin), w.put_32(o.sack[i].end);
    }
    if (o.fast_open && w.fits(2 + o.fast_open->size())) {
        w.put_8(kind::fast_open), w.put_8(static_cast<unsigned>(2 + o.fast_open->size()));
        for (const std::byte b : *o.fast_open) w.put_8(std::to_integer<unsigned>(b));
    }
    return w.padded();
}

void load_numbers(const std::byte* at, tcp_numbers& n) noexcept
{
    n.source_port = load_16(at + offsetof(tcp_header, source_port));
    n.destination_port = load_16(at + offsetof(tcp_header, destination_port));
    n.sequence = load_32(at + offsetof(tcp_header, sequence));
    n.acknowledgement = load_32(at + offsetof(tcp_header, acknowledgement));
    n.flags = std::to_integer<std::uint8_t>(at[offsetof(tcp_header, flags)]);
    n.window = load_16(at + offsetof(tcp_header, window));
}

std::optional<drop_reason> read_tcp(const_bytes front, std::size_t total, tcp_fields& f) noexcept
{
    if (front.size() < sizeof(tcp_header)) return drop_reason::tcp_truncated;
    const std::byte* const at = front.data();
    f.header_length = static_cast<std::uint16_t>((std::to_integer<unsigned>(at[offsetof(tcp_header, offset)]) >> 4) * 4);
    if (f.header_length < sizeof(tcp_header) || f.header_length > total || f.header_length > front.size())
        return drop_reason::tcp_bad_offset;
    load_numbers(at, f);
    if (f.source_port == 0 || f.destination_port == 0) return drop_reason::tcp_zero_port;
    if ((f.flags & tcp_syn) != 0 && (f.flags & tcp_rst) != 0) return drop_reason::tcp_bad_flags;
    f.urgent = load_16(at + offsetof(tcp_header, urgent));
    if (!walk_options(front.subspan(sizeof(tcp_header), f.header_length - sizeof(tcp_header)), f.options))
        return drop_reason::tcp_bad_options; // RFC 9293 MUST-5
    return std::nullopt;
}

/// Octets of them.
std::size_t push_options(packet& p, const tcp_options_field& o) noexcept
{
    const bool others = o.max_segment || o.window_scale || o.sack_permitted || !o.sack.empty() || o.fast_open;
    if (o.timestamps && !others) { // what most segments carry goes where it is to be
        std::byte* const at = p.push_front(12);
        store_32(at, timestamps_only);
        store_32(at + 4, o.timestamps->value);
        store_32(at + 8, o.timestamps->echo);
        return 12;
    }
    option_writer writer;
    const const_bytes options = write_options(writer, o);
    if (!options.empty()) std::memcpy(p.push_front(options.size()), options.data(), options.size());
    return options.size();
}

} // namespace

void pull_tcp(packet& p)
{
    if (!p.pull(sizeof(tcp_header))) return;
    p.pull(std::min<std::size_t>(p.size(), (std::to_integer<unsigned>(p.front()[offsetof(tcp_header, offset)]) >> 4) * 4));
}

parsed<tcp_fields> parse_tcp(const_bytes front, std::size_t total) noexcept
{
    return parsed_by<tcp_fields>([&](tcp_fields& f) { return read_tcp(front, total, f); });
}

void push_tcp(packet& p, const tcp_fields& f, const address& source, const address& destination, bool partial) noexcept
{
    const std::size_t options = push_options(p, f.options);
    std::byte* const at = p.push_front(sizeof(tcp_header));
    store_32(at, std::uint32_t{f.source_port} << 16 | f.destination_port);
    store_32(at + offsetof(tcp_header, sequence), f.sequence);
    store_32(at + offsetof(tcp_header, acknowledgement), f.acknowledgement);
    const auto offset = static_cast<std::uint32_t>((sizeof(tcp_header) + options) / 4 << 4);
    store_32(at + offsetof(tcp_header, offset), offset << 24 | std::uint32_t{f.flags} << 16 | f.window);
    store_32(at + offsetof(tcp_header, checksum), f.urgent);
    const std::uint16_t checksum = transport_checksum(p, source, destination, ip_protocol::tcp, // RFC 9293 MUST-2
                                                      offsetof(tcp_header, checksum), partial);
    store_16(at + offsetof(tcp_header, checksum), checksum);
}

bool read_plain_tcp(const_bytes front, std::size_t total, plain_tcp& f) noexcept
{
    if (front.size() < sizeof(tcp_header)) return false;
    const std::byte* const at = front.data();
    const std::size_t header = (std::to_integer<unsigned>(at[offsetof(tcp_header, offset)]) >> 4) * 4;
    const bool timestamps = header == sizeof(tcp_header) + 12;
    if ((header != sizeof(tcp_header) && !timestamps) || header > total || header > front.size()) return false;
    load_numbers(at, f);
    if ((f.flags & (tcp_syn | tcp_urg)) != 0 || f.source_port == 0 || f.destination_port == 0) return false;
    if (!timestamps) return true;
    const std::byte* const options = at + sizeof(tcp_header);
    f.timestamps = tcp_timestamps{load_32(options + 4), load_32(options + 8)};
    return load_32(options) == timestamps_only;
}

} // namespace tapio::core::wire
