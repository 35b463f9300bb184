/// @file
/// TCP segments as text with relative numbers: "S. 0:0(0) ack 1 win 65535 <mss 1460,wscale 7>".
///
///     flags   S F R P . (ACK) U E W A (AE of RFC 9768, once NS), in any order; "-" for none
///     seq     first:last(octets of payload); SYN and FIN do not count in last, as in tcpdump
///     ack N · win N (the 16 bits of the header field) · urg N
///     <...>   mss N · wscale N · sackOK · ts V E · sack B:E · FO (requests a cookie) · FO 0123abcd (this cookie)
///             FO ours (in input: the cookie given by our host; in expectations: any cookie)
///             in expectations also no_mss, no_wscale, no_sackOK, no_ts, no_sack, no_FO
#pragma once

#include "wire/tcp.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tapio::test {

/// The parsed text; fields that it does not mention are empty.
struct segment_text
{
    std::uint8_t flags = 0;    ///< bits of wire::tcp_flag
    bool accurate_ecn = false; ///< AE, the header bit before CWR
    std::optional<std::uint32_t> seq, size, ack, win, urg, mss, wscale;
    std::optional<core::wire::tcp_timestamps> ts;
    std::vector<core::wire::sack_block> sack;
    std::optional<std::string> fast_open; ///< hexadecimal; empty: requests a cookie
    bool sack_permitted = false;
    std::set<std::string> absent; ///< options that must be absent: "mss", "wscale", "sackOK", "ts", "sack", "FO"
};

/// @throws std::invalid_argument with the part that cannot be parsed
segment_text parse_segment_text(const std::string& text);

std::string to_text(const segment_text& s);

/// Empty, or the names of the fields in which `got` differs from `expected`. PSH is compared only if expected.
std::string difference(const segment_text& expected, const segment_text& got);

} // namespace tapio::test
