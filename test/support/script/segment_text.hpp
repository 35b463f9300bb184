/// @file
/// TCP segments as text, in relative numbers: "S. 0:0(0) ack 1 win 65535 <mss 1460,wscale 7>".
///
///     flags   S F R P . (ACK) U E W A (AE of RFC 9768, once NS), in any order; "-" for none
///     seq     first:last(octets of payload); SYN and FIN are not counted in last, as in a capture
///     ack N · win N (the 16 bits of the field) · urg N
///     <...>   mss N · wscale N · sackOK · ts V E · sack B:E · FO (asks for a cookie) · FO 0123abcd (shows or gives that
///           one) · FO ours (in what arrives: the one that our host gave; in expectations: some cookie); in expectations also
///           no_mss, no_wscale, no_sackOK, no_ts, no_sack, no_FO
#pragma once

#include "wire/tcp.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tapio::test {

/// What a text says; what it does not say is empty.
struct segment_text
{
    std::uint8_t flags = 0;    ///< of wire::tcp_flag
    bool accurate_ecn = false; ///< AE, the bit before CWR
    std::optional<std::uint32_t> seq, size, ack, win, urg, mss, wscale;
    std::optional<core::wire::tcp_timestamps> ts;
    std::vector<core::wire::sack_block> sack;
    std::optional<std::string> fast_open; ///< hexadecimal; empty: asks
    bool sack_permitted = false;
    std::set<std::string> absent; ///< "mss", "wscale", "sackOK", "ts"
};

/// @throws std::invalid_argument with the part that makes no sense
segment_text parse_segment_text(const std::string& text);

std::string to_text(const segment_text& s);

/// Empty, or what in `got` is not as `expected` says. PSH counts only if expected.
std::string difference(const segment_text& expected, const segment_text& got);

} // namespace tapio::test
