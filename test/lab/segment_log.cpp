#include "lab/segment_log.hpp"

#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"

#include <array>
#include <optional>

namespace tapio::lab {

namespace {

struct seen
{
    core::wire::tcp_fields tcp;
    std::uint32_t payload = 0; ///< octets
};

/// @param p a packet sent or received, with or without an Ethernet header
std::optional<seen> look(const core::packet& p)
{
    std::array<std::byte, 160> start;
    core::const_bytes front(start.data(), p.copy_to(start));
    std::size_t size = p.size();
    if (!front.empty() && std::to_integer<unsigned>(front[0]) >> 4 != 4) {
        if (front.size() <= sizeof(core::wire::ethernet_header)) return std::nullopt;
        front = front.subspan(sizeof(core::wire::ethernet_header));
        size -= sizeof(core::wire::ethernet_header);
    }
    const auto ip = core::wire::parse_ipv4(front, size);
    if (!ip || ip->protocol != core::wire::ip_protocol::tcp) return std::nullopt;
    const std::size_t segment = ip->total_length - ip->header_length;
    const auto tcp = core::wire::parse_tcp(front.subspan(ip->header_length), segment);
    if (!tcp) return std::nullopt;
    return seen{*tcp, static_cast<std::uint32_t>(segment - tcp->header_length)};
}

} // namespace

std::uint64_t segment_log::unwrap(std::uint32_t sequence) const noexcept
{
    const std::uint32_t expected = first_ + static_cast<std::uint32_t>(highest_);
    return highest_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(sequence - expected)));
}

void segment_log::add(segment_event::type what, std::uint64_t begin, std::uint64_t end, core::time_point now)
{
    const core::duration at = now - start_;
    if (at >= from_ && at <= to_) events_.push_back({what, at, begin, end});
}

void segment_log::sent(std::uint32_t, const core::packet& p, core::time_point now)
{
    const auto s = look(p);
    if (!s) return;
    if (port_ == 0) {
        port_ = s->tcp.source_port;
        first_ = s->tcp.sequence + 1; // after the SYN
    }
    if (s->tcp.source_port != port_ || s->payload == 0) return;
    const std::uint64_t begin = unwrap(s->tcp.sequence), end = begin + s->payload;
    add(begin < highest_ ? segment_event::type::sent_again : segment_event::type::sent, begin, end, now);
    highest_ = std::max(highest_, end);
}

void segment_log::received(std::uint32_t, const core::packet& p, core::time_point now)
{
    const auto s = look(p);
    if (!s || s->tcp.destination_port != port_ || (s->tcp.flags & core::wire::tcp_ack) == 0) return;
    const std::uint64_t ack = unwrap(s->tcp.acknowledgement);
    if (ack > acknowledged_) add(segment_event::type::acknowledged, acknowledged_, ack, now);
    acknowledged_ = std::max(acknowledged_, ack);
    for (const auto& b : s->tcp.options.sack) add(segment_event::type::sacked, unwrap(b.begin), unwrap(b.end), now);
}

} // namespace tapio::lab
