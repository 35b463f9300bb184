/// @file
/// The TCP header and its options (RFC 9293 §3.1, RFC 7323, RFC 2018, RFC 7413).
#pragma once

#include "base/checksum.hpp"
#include "wire/header.hpp"
#include "wire/ipv4.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <boost/container/static_vector.hpp>
#include <boost/endian/buffers.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::wire {

/// Wire layout, without options.
struct tcp_header
{
    boost::endian::big_uint16_buf_t source_port;
    boost::endian::big_uint16_buf_t destination_port;
    boost::endian::big_uint32_buf_t sequence;
    boost::endian::big_uint32_buf_t acknowledgement;
    boost::endian::big_uint8_buf_t offset; ///< header length in 32-bit words 4 bits, reserved 4
    boost::endian::big_uint8_buf_t flags;
    boost::endian::big_uint16_buf_t window;
    boost::endian::big_uint16_buf_t checksum;
    boost::endian::big_uint16_buf_t urgent;
};
static_assert(sizeof(tcp_header) == 20 && wire_header<tcp_header>);

enum tcp_flag : std::uint8_t
{
    tcp_fin = 0x01,
    tcp_syn = 0x02,
    tcp_rst = 0x04,
    tcp_psh = 0x08,
    tcp_ack = 0x10,
    tcp_urg = 0x20,
    tcp_ece = 0x40,
    tcp_cwr = 0x80,
};

struct tcp_timestamps ///< RFC 7323 §3.2
{
    std::uint32_t value = 0;
    std::uint32_t echo = 0;
    friend bool operator==(const tcp_timestamps&, const tcp_timestamps&) = default;
};

struct sack_block ///< RFC 2018 §3: [begin, end)
{
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    friend bool operator==(const sack_block&, const sack_block&) = default;
};

/// RFC 7413 §4.1.1: 4 to 16 octets, an even number; empty: a cookie request.
using fast_open_cookie = boost::container::static_vector<std::byte, 16>;

struct tcp_options_field
{
    std::optional<std::uint16_t> max_segment; ///< octets
    std::optional<std::uint8_t> window_scale;
    bool sack_permitted = false;
    std::optional<tcp_timestamps> timestamps;
    boost::container::static_vector<sack_block, 4> sack;
    std::optional<fast_open_cookie> fast_open;
};

/// The fixed fields of a header, in host byte order.
struct tcp_numbers
{
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    std::uint8_t flags = 0; ///< bits of tcp_flag
    std::uint16_t window = 0;
    std::uint16_t urgent = 0;
};

/// A header in host byte order.
struct tcp_fields : tcp_numbers
{
    std::uint16_t header_length = 20; ///< octets
    tcp_options_field options;
};

inline constexpr std::uint32_t timestamps_only = 0x0101'080a; ///< two NOPs, kind 8, length 10 (RFC 7323 appendix A)

/// Options with their wire layout, as 32-bit words in host byte order: so they are written and summed without being read back.
class tcp_option_words
{
public:
    void add(std::uint32_t word) noexcept { words_[count_++] = word; } ///< precondition: fewer than 10 words so far
    void add(const tcp_timestamps& t) noexcept                         ///< as RFC 7323 appendix A lays them out
    {
        add(timestamps_only);
        add(t.value);
        add(t.echo);
    }

    const std::uint32_t* begin() const noexcept { return words_.data(); }
    const std::uint32_t* end() const noexcept { return words_.data() + count_; }
    std::size_t octets() const noexcept { return count_ * sizeof(std::uint32_t); }

private:
    std::array<std::uint32_t, 10> words_; // indeterminate beyond count_
    std::size_t count_ = 0;
};

/// All options of a header.
tcp_option_words write_options(const tcp_options_field& options) noexcept;

/// Parses a header without its options: see only_timestamps() and read_options().
/// @param front contiguous octets, beginning with the header  @param total octets of the segment
/// @param options set to the options' octets
inline std::optional<drop_reason> read_tcp(const_bytes front, std::size_t total, tcp_numbers& f, const_bytes& options) noexcept
{
    if (front.size() < sizeof(tcp_header)) return drop_reason::tcp_truncated;
    const std::byte* const at = front.data();
    const std::size_t length = (std::to_integer<unsigned>(at[offsetof(tcp_header, offset)]) >> 4) * 4;
    if (length < sizeof(tcp_header) || length > total || length > front.size()) return drop_reason::tcp_bad_offset;
    f.source_port = load_16(at + offsetof(tcp_header, source_port));
    f.destination_port = load_16(at + offsetof(tcp_header, destination_port));
    f.sequence = load_32(at + offsetof(tcp_header, sequence));
    f.acknowledgement = load_32(at + offsetof(tcp_header, acknowledgement));
    f.flags = std::to_integer<std::uint8_t>(at[offsetof(tcp_header, flags)]);
    f.window = load_16(at + offsetof(tcp_header, window));
    f.urgent = load_16(at + offsetof(tcp_header, urgent));
    if (f.source_port == 0 || f.destination_port == 0) return drop_reason::tcp_zero_port;
    if ((f.flags & tcp_syn) != 0 && (f.flags & tcp_rst) != 0) return drop_reason::tcp_bad_flags;
    options = front.subspan(sizeof(tcp_header), length - sizeof(tcp_header));
    return std::nullopt;
}

/// The timestamps, if they are the only option, laid out as in RFC 7323 appendix A: as in most segments. None: other options, or
/// no options.
inline std::optional<tcp_timestamps> only_timestamps(const_bytes options) noexcept
{
    if (options.size() != 12 || load_32(options.data()) != timestamps_only) return std::nullopt;
    return tcp_timestamps{load_32(options.data() + 4), load_32(options.data() + 8)};
}

/// RFC 9293 §3.2. @return false: malformed (MUST-5)
bool read_options(const_bytes options, tcp_options_field& out) noexcept;

/// Parses a header with its options. @param front contiguous octets, beginning with the header  @param total octets of the
/// segment
parsed<tcp_fields> parse_tcp(const_bytes front, std::size_t total) noexcept;

/// Prepends a header to the payload. The checksum (RFC 9293 MUST-2) is left to the device if `partial`, else computed from the
/// words in registers, not read back from the header (header.hpp).
/// @param pseudo_header flow_key::pseudo_header(), for the octets of header and payload
inline void push_tcp(packet& p, const tcp_numbers& f, const tcp_option_words& options, checksum_accumulator pseudo_header,
                     bool partial) noexcept
{
    const std::size_t header = sizeof(tcp_header) + options.octets();
    const std::uint32_t ports = std::uint32_t{f.source_port} << 16 | f.destination_port;
    const std::uint32_t offset_flags_window = static_cast<std::uint32_t>(header) << 26 | std::uint32_t{f.flags} << 16 | f.window;
    if (!partial) {
        for (const std::uint32_t w : {ports, f.sequence, f.acknowledgement, offset_flags_window}) pseudo_header.add_words(w);
        pseudo_header.add_word(f.urgent);
        for (const std::uint32_t w : options) pseudo_header.add_words(w);
        if (!p.empty()) add(pseudo_header, p);
    }
    std::byte* at = p.push_front(header);
    store_32(at, ports);
    store_32(at + offsetof(tcp_header, sequence), f.sequence);
    store_32(at + offsetof(tcp_header, acknowledgement), f.acknowledgement);
    store_32(at + offsetof(tcp_header, offset), offset_flags_window);
    const std::uint16_t checksum = partial ? pseudo_header.folded() : pseudo_header.checksum();
    store_32(at + offsetof(tcp_header, checksum), std::uint32_t{checksum} << 16 | f.urgent);
    at += sizeof(tcp_header);
    for (const std::uint32_t w : options) store_32(at, w), at += sizeof w;
    if (!partial) return;
    p.offload.checksum = offload_info::checksum_state::partial;
    p.offload.checksum_offset = offsetof(tcp_header, checksum);
}

/// The same, from fields and addresses.
void push_tcp(packet& p, const tcp_fields& fields, const address& source, const address& destination,
              bool partial = false) noexcept;

} // namespace tapio::core::wire
