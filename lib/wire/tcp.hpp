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

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::wire {

/// As it travels, without options.
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

/// RFC 7413 §4.1.1: 4 to 16 octets, an even number of them; none asks for one.
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

/// What every header says, in host byte order.
struct tcp_numbers
{
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    std::uint8_t flags = 0; ///< of tcp_flag
    std::uint16_t window = 0;
};

/// A header in host byte order.
struct tcp_fields : tcp_numbers
{
    std::uint16_t urgent = 0;
    std::uint16_t header_length = 20; ///< octets
    tcp_options_field options;
};

inline constexpr std::uint32_t timestamps_only = 0x0101'080a; ///< kind and length, padded (RFC 7323 appendix A)

/// What most segments carry: no SYN, no urgent data, no option but timestamps, and these as in RFC 7323 appendix A.
struct plain_tcp : tcp_numbers
{
    std::optional<tcp_timestamps> timestamps;

    std::size_t header_length() const noexcept { return sizeof(tcp_header) + (timestamps ? 12 : 0); } ///< octets
};

/// Makes the header with its options contiguous, and no more than that: the payload stays as it lies.
void pull_tcp(packet& p);

/// @param front contiguous octets from the header on  @param total octets of the segment
parsed<tcp_fields> parse_tcp(const_bytes front, std::size_t total) noexcept;

/// The same of a plain one. @return false: it is no such, or a malformed one, and `fields` is of no use
bool read_plain_tcp(const_bytes front, std::size_t total, plain_tcp& fields) noexcept;

/// Puts header and options in front of the payload, checksum computed, or left to the device if `partial`.
void push_tcp(packet& p, const tcp_fields& fields, const address& source, const address& destination,
              bool partial = false) noexcept;

/// Puts a plain one in front, over IPv4. The sum (RFC 9293 MUST-2) is made of the words as they are known, not of what is being
/// written.
inline void push_tcp(packet& p, const plain_tcp& f, const address_v4& source, const address_v4& destination,
                     bool partial) noexcept
{
    constexpr auto protocol = static_cast<std::uint32_t>(ip_protocol::tcp);
    const std::size_t header = f.header_length();
    const std::uint32_t ports = std::uint32_t{f.source_port} << 16 | f.destination_port;
    const std::uint32_t offset_flags_window = static_cast<std::uint32_t>(header) << 26 | std::uint32_t{f.flags} << 16 | f.window;
    checksum_accumulator sum;
    if (!partial) {
        if (!p.empty()) add(sum, p);
        for (const std::uint32_t w : {ports, f.sequence, f.acknowledgement, offset_flags_window}) sum.add_words(w);
        if (f.timestamps)
            for (const std::uint32_t w : {timestamps_only, f.timestamps->value, f.timestamps->echo}) sum.add_words(w);
    }
    for (const std::uint32_t w : {source.to_uint(), destination.to_uint(), protocol}) sum.add_words(w);
    sum.add_words(static_cast<std::uint32_t>(header + p.size()));
    std::byte* const at = p.push_front(header);
    store_32(at, ports);
    store_32(at + offsetof(tcp_header, sequence), f.sequence);
    store_32(at + offsetof(tcp_header, acknowledgement), f.acknowledgement);
    store_32(at + offsetof(tcp_header, offset), offset_flags_window);
    store_32(at + offsetof(tcp_header, checksum), std::uint32_t{partial ? sum.folded() : sum.checksum()} << 16);
    if (f.timestamps) {
        std::byte* const options = at + sizeof(tcp_header);
        store_32(options, timestamps_only);
        store_32(options + 4, f.timestamps->value);
        store_32(options + 8, f.timestamps->echo);
    }
    if (!partial) return;
    p.offload.checksum = offload_info::checksum_state::partial;
    p.offload.checksum_offset = offsetof(tcp_header, checksum);
}

} // namespace tapio::core::wire
