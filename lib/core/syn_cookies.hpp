/// @file
/// SYN cookies (RFC 4987 §3.6): the sequence number of our SYN,ACK encodes what has to be known of the SYN, so no state is kept
/// until the peer's ACK proves its address. The SYN's options are encoded in the low bits of our timestamp; without timestamps
/// the connection has no option but the MSS.
///
///     sequence number   29 bits: keyed hash of the flow, the peer's sequence number and the minute; low 3 bits: index of the MSS
///     timestamp         low 6 bits: window scale (4 bits, 15: none), SACK permitted, ECN
#pragma once

#include "base/family_sizes.hpp"
#include "base/flow_key.hpp"
#include "base/siphash.hpp"
#include "tcp/segment.hpp"

#include <tapio/core/time.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace tapio::core {

class syn_cookies
{
public:
    explicit syn_cookies(const siphash_key& key) noexcept : key_(key) {}

    tcp::seq_number make(const flow_key& flow, const tcp::segment& syn, time_point now) const noexcept
    {
        const std::uint16_t mss = tcp::heeded_mss(syn.options.max_segment, sizes_of(flow.family()).default_mss);
        std::uint32_t index = 0;
        while (index + 1 < sizes.size() && sizes[index + 1] <= mss) ++index;
        return tcp::seq_number((hash(flow, syn.seq, minute(now)) & ~7U) | index);
    }

    /// Reconstructs the SYN from an ACK of a cookie of this minute or the previous one; none if the ACK is of no cookie.
    std::optional<tcp::segment> check(const flow_key& flow, const tcp::segment& ack, time_point now) const noexcept
    {
        const std::uint32_t cookie = (ack.ack - 1).value();
        const tcp::seq_number peers = ack.seq - 1;
        const std::uint64_t m = minute(now);
        const bool ours = ((cookie ^ hash(flow, peers, m)) & ~7U) == 0 || ((cookie ^ hash(flow, peers, m - 1)) & ~7U) == 0;
        if (!ours) return std::nullopt;
        tcp::segment syn;
        syn.seq = peers;
        syn.bits.syn = true;
        syn.window = ack.window;
        syn.options.max_segment = sizes[cookie & 7];
        if (ack.options.ts) recall(*ack.options.ts, syn);
        return syn;
    }

    /// Our timestamp with the SYN's options encoded in it; never later than the true one.
    static std::uint32_t remember(const tcp::segment& syn, bool ecn, std::uint32_t timestamp) noexcept
    {
        const std::uint32_t bits = (syn.options.scale ? syn.options.scale->shift() : no_scale) |
                                   (syn.options.sack_permitted ? 16U : 0U) | (ecn ? 32U : 0U);
        const std::uint32_t with = (timestamp & ~63U) | bits;
        return static_cast<std::int32_t>(with - timestamp) > 0 ? with - 64 : with;
    }

private:
    static constexpr std::array<std::uint16_t, 8> sizes{48, 536, 1024, 1220, 1360, 1400, 1440, 1460}; ///< MSS values, octets
    static constexpr std::uint32_t no_scale = 15;

    static void recall(const tcp::timestamps& ts, tcp::segment& syn) noexcept
    {
        syn.options.ts = tcp::timestamps{ts.value, 0};
        if ((ts.echo & 15) != no_scale) syn.options.scale = tcp::window_scale(ts.echo & 15);
        syn.options.sack_permitted = (ts.echo & 16) != 0;
        syn.bits.ece = syn.bits.cwr = (ts.echo & 32) != 0;
    }
    static std::uint64_t minute(time_point now) noexcept
    {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count());
    }
    std::uint32_t hash(const flow_key& flow, tcp::seq_number peers, std::uint64_t m) const noexcept
    {
        std::array<std::uint64_t, 7> words;
        std::copy(flow.words().begin(), flow.words().end(), words.begin());
        words[5] = peers.value();
        words[6] = m;
        return static_cast<std::uint32_t>(siphash(key_, std::as_bytes(std::span(words))));
    }

    siphash_key key_;
};

} // namespace tapio::core
