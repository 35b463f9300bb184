/// @file
/// Segments as the state machine sees them: numbers that are sequence numbers, options that were negotiated, payload shared.
#pragma once

#include "tcp/fast_open.hpp"
#include "tcp/seq_number.hpp"
#include "tcp/window.hpp"

#include <tapio/core/packet.hpp>

#include <boost/container/static_vector.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

/// Control bits (RFC 9293 §3.1).
struct control_bits
{
    bool fin : 1 = false;
    bool syn : 1 = false;
    bool rst : 1 = false;
    bool psh : 1 = false;
    bool ack : 1 = false;
    bool urg : 1 = false;
    bool ece : 1 = false;
    bool cwr : 1 = false;

    friend bool operator==(const control_bits&, const control_bits&) = default;
};
#ifndef __clang__ // which cannot look into bit-fields at compile time; the unit tests do it at run time
static_assert(std::bit_cast<std::uint8_t>(control_bits{.fin = true}) == 0x01 &&
                  std::bit_cast<std::uint8_t>(control_bits{.cwr = true}) == 0x80,
              "as they travel");
#endif

/// RFC 7323 §3.2
struct timestamps
{
    std::uint32_t value = 0;
    std::uint32_t echo = 0;
};

using sack_list = boost::container::static_vector<sequence_range, 4>;

struct segment_options
{
    std::optional<std::uint16_t> max_segment; ///< octets; SYN only
    std::optional<window_scale> scale;        ///< SYN only
    bool sack_permitted = false;              ///< SYN only
    std::optional<timestamps> ts;
    sack_list sack;
    std::optional<fast_open_cookie> fast_open; ///< SYN only
};

/// The peer's MSS option as the sender heeds it. None, or 0, means the default (RFC 9293 MUST-15); less than 48 octets would be
/// all headers, and is taken as 48, as Linux does (tcp_min_snd_mss): beside 40 octets of options 8 of payload still fit.
/// @param usual the default of the family (family_sizes)
constexpr std::uint16_t heeded_mss(const std::optional<std::uint16_t>& option, std::uint16_t usual) noexcept
{
    constexpr std::uint16_t least = 48; // octets
    return option.value_or(0) == 0 ? usual : std::max(*option, least);
}

/// A segment that arrived and whose checksum and form are right.
struct segment
{
    seq_number seq;
    seq_number ack; ///< meaningful if bits.ack
    control_bits bits;
    wire_window window{};
    std::uint16_t urgent = 0;
    segment_options options;
    slice_list payload;
    std::uint32_t payload_size = 0;      ///< octets in `payload`
    std::uint16_t wire_size = 0;         ///< octets of payload in each of the segments that were joined to this; 0: it came alone
    bool congestion_experienced = false; ///< the network marked its packet (RFC 3168 §5)

    /// SEG.LEN: the sequence space it occupies.
    std::uint32_t length() const noexcept { return payload_size + (bits.syn ? 1U : 0U) + (bits.fin ? 1U : 0U); }
    seq_number end() const noexcept { return seq + length(); }
    seq_number first_octet() const noexcept { return seq + (bits.syn ? 1U : 0U); } ///< of the payload
    /// As how many segments its payload crossed the wire.
    std::uint32_t wire_segments() const noexcept
    {
        return wire_size == 0 || payload_size <= wire_size ? 1 : (payload_size + wire_size - 1) / wire_size;
    }

    /// Cuts `n` octets of payload off the front; the sequence number moves on with them.
    void trim_front(std::uint32_t n);
    /// Keeps the first `n` octets of payload, and drops a FIN that stood behind what is cut.
    void trim_back(std::uint32_t n);
};

/// A segment to be sent. The caller adds ports, addresses and the checksum.
struct outgoing_segment
{
    seq_number seq;
    seq_number ack;
    control_bits bits;
    wire_window window{};
    std::uint16_t urgent = 0; ///< the urgent pointer, with bits.urg
    segment_options options;
    packet payload;             ///< octets of data, no header yet
    std::uint16_t gso_size = 0; ///< octets of payload per segment when larger than one MSS, else 0
    bool retransmission = false;
    bool ecn_capable = false; ///< its packet is to say ECT(0)
};

/// A reset waiting to be sent.
struct reset
{
    seq_number seq;
    std::optional<seq_number> ack; ///< with ACK if set

    outgoing_segment to_segment() const;
};

/// The reset that answers a segment for which there is no connection (RFC 9293 §3.10.7.1), or none if it is a reset itself.
std::optional<reset> reset_for(const segment& seg);

} // namespace tapio::core::tcp
