#include "tcp/segment.hpp"

#include <algorithm>

namespace tapio::core::tcp {

void segment::trim_front(std::uint32_t n)
{
    seq += n;
    payload_size -= n;
    payload.remove_prefix(n);
}

void segment::trim_back(std::uint32_t n)
{
    if (n < payload_size || (bits.fin && n == payload_size)) bits.fin = false;
    payload_size = std::min(payload_size, n);
    payload.truncate(n);
}

outgoing_segment reset::to_segment() const
{
    outgoing_segment out;
    out.seq = seq;
    out.bits.rst = true;
    out.bits.ack = ack.has_value();
    if (ack) out.ack = *ack;
    return out;
}

std::optional<reset> reset_for(const segment& seg)
{
    if (seg.bits.rst) return std::nullopt;
    if (seg.bits.ack) return reset{seg.ack, std::nullopt};
    return reset{seq_number(0), seg.end()};
}

} // namespace tapio::core::tcp
