// Converts our tcp_info to Linux's.
#include "asio/linux_tcp_info.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <netinet/tcp.h>
#include <type_traits>

namespace tapio::detail {

static_assert(std::is_standard_layout_v<linux_tcp_info> && sizeof(linux_tcp_info) == 248);
static_assert(offsetof(linux_tcp_info, rto) == offsetof(::tcp_info, tcpi_rto));
static_assert(offsetof(linux_tcp_info, total_retrans) == offsetof(::tcp_info, tcpi_total_retrans));

namespace {

std::uint32_t microseconds(core::duration d) noexcept
{
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
}

std::uint32_t milliseconds(const std::optional<core::duration>& d) noexcept
{
    return d ? static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(*d).count()) : 0;
}

std::uint8_t octet(std::uint32_t n) noexcept { return static_cast<std::uint8_t>(std::min(n, 255U)); }
std::uint64_t or_none(std::uint64_t rate) noexcept { return rate == 0 ? UINT64_MAX : rate; }

std::uint8_t linux_state(core::tcp_state s) noexcept
{
    using core::tcp_state;
    switch (s) {
    case tcp_state::established: return TCP_ESTABLISHED;
    case tcp_state::syn_sent: return TCP_SYN_SENT;
    case tcp_state::syn_received: return TCP_SYN_RECV;
    case tcp_state::fin_wait_1: return TCP_FIN_WAIT1;
    case tcp_state::fin_wait_2: return TCP_FIN_WAIT2;
    case tcp_state::time_wait: return TCP_TIME_WAIT;
    case tcp_state::close_wait: return TCP_CLOSE_WAIT;
    case tcp_state::last_ack: return TCP_LAST_ACK;
    case tcp_state::listen: return TCP_LISTEN;
    case tcp_state::closing: return TCP_CLOSING;
    case tcp_state::closed: break;
    }
    return TCP_CLOSE;
}

std::uint8_t options_of(const core::tcp_info& i) noexcept
{
    constexpr int syn_data = 32; // TCPI_OPT_SYN_DATA
    return static_cast<std::uint8_t>((i.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (i.sack ? TCPI_OPT_SACK : 0) |
                                     (i.window_scaling ? TCPI_OPT_WSCALE : 0) | (i.ecn ? TCPI_OPT_ECN : 0) |
                                     (i.data_in_syn ? syn_data : 0));
}

/// Linux counts these in segments, we count octets.
void put_segments(linux_tcp_info& out, const core::tcp_info& i) noexcept
{
    const std::uint64_t mss = std::max(i.send_mss, 1U);
    const auto segments = [mss](std::uint64_t octets) { return static_cast<std::uint32_t>((octets + mss - 1) / mss); };
    out.unacked = segments(i.unacked);
    out.sacked = segments(i.sacked);
    out.lost = segments(i.lost);
    out.snd_cwnd = static_cast<std::uint32_t>(i.cwnd / mss);
    constexpr std::uint32_t infinite = 0x7fff'ffff; // Linux's TCP_INFINITE_SSTHRESH
    out.snd_ssthresh = i.ssthresh >= infinite ? infinite : static_cast<std::uint32_t>(i.ssthresh / mss);
}

void put_times(linux_tcp_info& out, const core::tcp_info& i) noexcept
{
    out.rto = microseconds(i.rto);
    out.ato = microseconds(i.delayed_ack);
    out.rtt = microseconds(i.srtt);
    out.rttvar = microseconds(i.rttvar);
    out.min_rtt = i.srtt == core::duration::zero() ? UINT32_MAX : microseconds(i.min_rtt);
    out.rcv_rtt = microseconds(i.receive_rtt);
    out.last_data_sent = milliseconds(i.since_data_sent);
    out.last_data_recv = milliseconds(i.since_data_received);
    out.last_ack_recv = milliseconds(i.since_received);
    out.busy_time = static_cast<std::uint64_t>(i.busy.count()) / 1000;
}

void put_history(linux_tcp_info& out, const core::tcp_info& i) noexcept
{
    using core::tcp_state;
    const bool opened = i.state >= tcp_state::established;
    const bool fin_acked = i.state == tcp_state::fin_wait_2 || i.state == tcp_state::time_wait;
    const bool got_fin = i.state == tcp_state::close_wait || i.state == tcp_state::closing || i.state == tcp_state::last_ack ||
                         i.state == tcp_state::time_wait;
    out.bytes_acked = i.bytes_acked + (opened && !i.passive ? 1 : 0) + (fin_acked ? 1 : 0);
    out.bytes_received = i.bytes_received + (got_fin ? 1 : 0);
    out.bytes_sent = i.bytes_sent;
    out.bytes_retrans = i.bytes_retransmitted;
    out.total_retrans = i.retransmissions;
    out.segs_out = i.segments_sent;
    out.segs_in = i.segments_received;
    out.data_segs_out = i.data_segments_sent;
    out.data_segs_in = i.data_segments_received;
    out.delivered = i.delivered;
    out.delivered_ce = i.delivered_ce;
    out.dsack_dups = i.duplicates_told;
    out.reord_seen = i.reorderings;
    out.rcv_ooopack = i.out_of_order_received;
    out.total_rto = static_cast<std::uint16_t>(std::min(i.timeouts, 0xffffU));
    out.total_rto_recoveries = static_cast<std::uint16_t>(std::min(i.timeout_recoveries, 0xffffU));
}

} // namespace

linux_tcp_info linux_info(const core::tcp_info& i) noexcept
{
    constexpr std::uint32_t duplicate_threshold = 3; // RFC 5681 §3.2; RACK's reordering window is a time, which has no field here
    linux_tcp_info out;
    out.state = linux_state(i.state);
    out.pacing_rate = or_none(i.pacing_rate);
    out.max_pacing_rate = or_none(i.max_pacing_rate);
    out.reordering = duplicate_threshold;
    if (i.state == core::tcp_state::listen) {
        out.unacked = i.waiting;
        out.sacked = i.backlog;
        return out;
    }
    out.ca_state = static_cast<std::uint8_t>(i.recovery); // in Linux's order
    out.retransmits = octet(i.consecutive_timeouts);
    out.probes = octet(i.unanswered_probes);
    out.backoff = octet(i.backoff);
    out.options = options_of(i);
    out.window_scales = static_cast<std::uint8_t>((i.send_window_scale & 15) | i.receive_window_scale << 4);
    out.flags = static_cast<std::uint8_t>((i.delivery_rate_app_limited ? 1 : 0) | (i.data_in_syn_refused ? 3 << 1 : 0));
    out.snd_mss = i.send_mss;
    out.rcv_mss = i.receive_mss;
    out.advmss = i.advertised_mss;
    out.pmtu = i.path_mtu;
    out.rcv_ssthresh = static_cast<std::uint32_t>(i.receive_window);
    out.rcv_space = static_cast<std::uint32_t>(i.receive_buffer);
    out.notsent_bytes = static_cast<std::uint32_t>(i.unsent);
    out.delivery_rate = i.delivery_rate;
    out.snd_wnd = static_cast<std::uint32_t>(i.send_window);
    out.rcv_wnd = static_cast<std::uint32_t>(i.receive_window);
    put_segments(out, i);
    put_times(out, i);
    put_history(out, i);
    return out;
}

} // namespace tapio::detail
