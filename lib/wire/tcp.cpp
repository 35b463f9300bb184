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

/// Parses an option's value; unknown kinds are skipped (RFC 9293 MUST-6). @return false: wrong length for its kind
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
    case kind::fast_open: // an option with an invalid cookie size is ignored (RFC 7413 §4.1.1)
        if (value.empty() || (value.size() >= 4 && value.size() <= 16 && value.size() % 2 == 0))
            out.fast_open.emplace(value.begin(), value.end());
        return true;
    default: return true;
    }
}

/// Writes options into a buffer of 40 octets, the most that a header can have.
class option_writer
{
public:
    void put_8(unsigned v) noexcept { octets_[size_++] = static_cast<unsigned char>(v); }
    void put_16(std::uint16_t v) noexcept { boost::endian::store_big_u16(&octets_[size_], v), size_ += 2; }
    void put_32(std::uint32_t v) noexcept { boost::endian::store_big_u32(&octets_[size_], v), size_ += 4; }
    bool fits(std::size_t n) const noexcept { return size_ + n <= sizeof octets_; }

    tcp_option_words padded() noexcept
    {
        while (size_ % 4 != 0) put_8(kind::end_of_list); // RFC 9293 MUST-69
        tcp_option_words out;
        for (std::size_t at = 0; at < size_; at += 4) out.add(boost::endian::load_big_u32(&octets_[at]));
        return out;
    }

private:
    unsigned char octets_[40];
    std::size_t size_ = 0;
};

} // namespace

/// Each step advances by at least one octet, so the loop ends (RFC 9293 MUST-7: a bad length must not crash us).
bool read_options(const_bytes options, tcp_options_field& out) noexcept
{
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

tcp_option_words write_options(const tcp_options_field& o) noexcept
{
    option_writer w;
    if (o.max_segment) w.put_8(kind::max_segment), w.put_8(4), w.put_16(*o.max_segment);
    if (o.window_scale) w.put_8(kind::no_operation), w.put_8(kind::window_scale), w.put_8(3), w.put_8(*o.window_scale);
    if (o.sack_permitted && !o.timestamps) w.put_8(kind::no_operation), w.put_8(kind::no_operation);
    if (o.sack_permitted) w.put_8(kind::sack_permitted), w.put_8(2);
    if (o.timestamps) { // RFC 7323 appendix A; in a SYN, SACK-permitted takes the place of the padding
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

parsed<tcp_fields> parse_tcp(const_bytes front, std::size_t total) noexcept
{
    return parsed_by<tcp_fields>([&](tcp_fields& f) -> std::optional<drop_reason> {
        const_bytes options;
        if (const auto why = read_tcp(front, total, f, options)) return why;
        f.header_length = static_cast<std::uint16_t>(sizeof(tcp_header) + options.size());
        if (!read_options(options, f.options)) return drop_reason::tcp_bad_options;
        return std::nullopt;
    });
}

void push_tcp(packet& p, const tcp_fields& f, const address& source, const address& destination, bool partial) noexcept
{
    const tcp_option_words options = write_options(f.options);
    const std::size_t length = sizeof(tcp_header) + options.octets() + p.size();
    push_tcp(p, f, options, pseudo_header(source, destination, static_cast<std::uint8_t>(ip_protocol::tcp), length), partial);
}

} // namespace tapio::core::wire
