/// @file
/// Segments as the state machine sees them: typed sequence numbers and windows, parsed options, shared payload.
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
#ifndef __clang__ // clang cannot bit_cast bit-fields at compile time; the unit tests check this at run time
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

/// The peer's MSS that the sender uses. No option, or 0, means the default (RFC 9293 MUST-15). Less than 48 octets counts as 48,
/// as on Linux (tcp_min_snd_mss), so that 8 octets of payload fit beside 40 octets of options.
/// @param usual the family's default (family_sizes)
constexpr std::uint16_t heeded_mss(const std::optional<std::uint16_t>& option, std::uint16_t usual) noexcept
{
    constexpr std::uint16_t least = 48; // octets
    return option.value_or(0) == 0 ? usual : std::max(*option, least);
}

/// A segment that arrived, with a valid checksum and format.
struct segment
{
    seq_number seq;
    seq_number ack; ///< meaningful if bits.ack
    control_bits bits;
    wire_window window{};
    std::uint16_t urgent = 0;
    segment_options options;
    slice_list payload;
    std::uint32_t payload_size = 0; ///< octets in `payload`
    std::uint16_t wire_size = 0; ///< octets of payload per segment on the wire, if several were joined (GRO); 0: a single segment
    bool congestion_experienced = false; ///< its packet was CE-marked (RFC 3168 §5)

    /// SEG.LEN: octets of sequence space.
    std::uint32_t length() const noexcept { return payload_size + (bits.syn ? 1U : 0U) + (bits.fin ? 1U : 0U); }
    seq_number end() const noexcept { return seq + length(); }
    seq_number first_octet() const noexcept { return seq + (bits.syn ? 1U : 0U); } ///< of the payload
    /// Number of segments on the wire.
    std::uint32_t wire_segments() const noexcept
    {
        return wire_size == 0 || payload_size <= wire_size ? 1 : (payload_size + wire_size - 1) / wire_size;
    }

    /// Removes the first `n` octets of payload, and advances the sequence number.
    void trim_front(std::uint32_t n);
    /// Keeps the first `n` octets of payload; drops the FIN if it lies beyond them.
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
    packet payload;             ///< data only, no header yet
    std::uint16_t gso_size = 0; ///< octets of payload per segment when larger than one MSS, else 0
    bool retransmission = false;
    bool ecn_capable = false; ///< send its packet with ECT(0)
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
