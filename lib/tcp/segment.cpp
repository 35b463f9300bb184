#include "tcp/segment.hpp"

#include <algorithm>

namespace tapio::core::tcp {

void segment::trim_front(std::uint32_t n)
{
    seq += n;
    payload_size -= n;
    std::size_t whole = 0;
    for (slice& s : payload) {
        const auto cut = std::min<std::size_t>(n, s.size());
        s.remove_prefix(cut);
        n -= static_cast<std::uint32_t>(cut);
        if (!s.empty()) break;
        ++whole;
    }
    payload.erase(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(whole));
}

void segment::trim_back(std::uint32_t n)
{
    if (n < payload_size || (bits.fin && n == payload_size)) bits.fin = false;
    payload_size = std::min(payload_size, n);
    std::size_t keep = 0;
    for (slice& s : payload) {
        if (n == 0) break;
        s.truncate(std::min<std::size_t>(n, s.size()));
        n -= static_cast<std::uint32_t>(s.size());
        ++keep;
    }
    payload.resize(keep);
}

std::optional<outgoing_segment> reset_for(const segment& seg)
{
    if (seg.bits.rst) return std::nullopt;
    outgoing_segment rst;
    rst.bits.rst = true;
    if (seg.bits.ack) {
        rst.seq = seg.ack;
    } else {
        rst.bits.ack = true;
        rst.ack = seg.end();
    }
    return rst;
}

} // namespace tapio::core::tcp
