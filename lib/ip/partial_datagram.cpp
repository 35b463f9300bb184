#include "ip/partial_datagram.hpp"

#include "base/checksum.hpp"
#include "ip/fragment_rules.hpp"
#include "wire/ipv4.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tapio::core::ip {

namespace {

constexpr std::size_t heap_header = 2 * sizeof(void*);   // octets: what malloc() adds
constexpr std::size_t block_header = 64 + heap_header;   // ... of a slice's block (base/slice.cpp)
constexpr std::size_t piece_memory = 4 * sizeof(void*) + // links and colour of a node of std::map
                                     sizeof(std::pair<const std::uint16_t, slice>) + heap_header;
constexpr std::size_t smallest_block = 256; // octets

/// A datagram in tiny fragments is copied when it is whole, because a socket's receive queue counts octets, not blocks.
constexpr std::size_t most_waste = 3; // octets of memory for each octet

constexpr unsigned not_ect = 0, congestion_experienced = 3; // ECN field (RFC 3168 §5)

/// The slice keeps at least twice the memory alive that a copy of it would.
bool wastes_memory(const slice& s) noexcept { return s.held() / 2 >= std::max(s.size(), smallest_block); }

slice in_one_block(const packet& p)
{
    block all(p.size());
    p.copy_to({all.data(), p.size()});
    return std::move(all).into_slice(0, p.size());
}

/// End of the fragment in its datagram, octets.
std::uint32_t end_of(const rx_packet& p) noexcept { return static_cast<std::uint32_t>(p.place.offset + p.transport_size()); }

constexpr std::uint8_t bit_of_ecn(unsigned value) noexcept { return static_cast<std::uint8_t>(1U << value); }

/// RFC 3168 §5.3 leaves open what is to be done about such datagrams, but for Not-ECT with CE. Linux drops all of them.
bool mixes_ecn(unsigned seen) noexcept
{
    return (seen & bit_of_ecn(not_ect)) != 0 && (seen & ~unsigned{bit_of_ecn(not_ect)}) != 0;
}

} // namespace

std::optional<drop_reason> partial_datagram::check(const rx_packet& p, std::size_t most) const noexcept
{
    if (discarded_) return drop_reason::ip_fragment_discarded;
    if (is_duplicate(p)) return drop_reason::ip_fragment_duplicate;
    if (overlaps(p) || contradicts_end(p)) return drop_reason::ip_fragment_overlap;
    if (is_too_long(p)) return drop_reason::ip_fragment_too_long;
    if (mixes_ecn(ecn_seen_ | bit_of_ecn(p.tos & 3))) return drop_reason::ip_fragment_ecn;
    if (pieces_.size() >= most) return drop_reason::ip_fragment_too_many;
    return std::nullopt;
}

/// RFC 8200 §4.5: a fragment that the network has duplicated may be ignored. Like Linux, this compares places, not contents.
bool partial_datagram::is_duplicate(const rx_packet& p) const noexcept
{
    const auto at = pieces_.find(p.place.offset);
    const std::uint32_t end = end_of(p);
    return at != pieces_.end() && at->second.size() == p.transport_size() && p.place.more == (end != end_);
}

bool partial_datagram::overlaps(const rx_packet& p) const noexcept
{
    const auto next = pieces_.lower_bound(p.place.offset);
    if (next != pieces_.end() && next->first < end_of(p)) return true;
    if (next == pieces_.begin()) return false;
    const auto& [offset, data] = *std::prev(next);
    return offset + data.size() > p.place.offset;
}

/// Octets behind the last fragment, or a second last one with another end. Precondition: !overlaps(p)
bool partial_datagram::contradicts_end(const rx_packet& p) const noexcept
{
    const std::uint32_t end = end_of(p);
    if (end_ != 0) return !p.place.more || end > end_;
    return !p.place.more && !pieces_.empty() && pieces_.rbegin()->first >= end;
}

/// Whether header and payload together are too long. check_fragment() has compared a fragment with its own header alone, and the
/// header of the first one may be longer.
bool partial_datagram::is_too_long(const rx_packet& p) const noexcept
{
    const std::size_t header = p.place.offset == 0 ? counted_header(p) : counted_header_;
    const std::uint32_t end = p.place.more ? end_ : end_of(p);
    return header + end > largest_datagram;
}

std::size_t partial_datagram::most_added(const rx_packet& p) noexcept
{
    const auto block = [](std::size_t octets) { return 2 * std::max(octets, smallest_block) + block_header; };
    const std::size_t header = std::size_t{p.transport_at} - p.network_at, size = p.transport_size();
    return piece_memory + (p.place.offset == 0 ? block(header) + block(header + size) : block(size));
}

void partial_datagram::add(rx_packet& p)
{
    const std::uint32_t end = end_of(p);
    pieces_.emplace(p.place.offset, p.place.offset == 0 ? take_with_header(p) : take_behind(p, p.transport_at));
    held_ += piece_memory;
    octets_ += end - p.place.offset;
    if (!p.place.more) end_ = end;
    ecn_seen_ |= bit_of_ecn(p.tos & 3);
    link_group_ = link_group_ || p.link_group;
    to_group_ = to_group_ || p.to_group;
}

/// Also keeps the header; usually both are in one block. @return the octets behind it
slice partial_datagram::take_with_header(rx_packet& p)
{
    counted_header_ = static_cast<std::uint16_t>(counted_header(p));
    next_header_at_ = p.place.next_header_at;
    const std::size_t size = std::size_t{p.transport_at} - p.network_at;
    if (p.contents.front().size() != p.contents.size()) {
        header_ = keep(slice::copy_of(p.network_header().first(size)));
        return take_behind(p, p.transport_at);
    }
    slice data = take_behind(p, p.network_at);
    header_ = data.part(0, size);
    data.remove_prefix(size);
    return data;
}

/// The octets from `at` on as one slice.
slice partial_datagram::take_behind(rx_packet& p, std::size_t at)
{
    packet c = std::move(p.contents);
    c.consume(at);
    return keep(c.front().size() == c.size() ? std::move(c.take_payload()[0]) : in_one_block(c));
}

/// Counts the memory of a slice, and copies it if it wastes memory.
slice partial_datagram::keep(slice s)
{
    if (wastes_memory(s)) s = slice::copy_of(s.bytes());
    held_ += s.held() + block_header;
    return s;
}

rx_packet partial_datagram::take_whole()
{
    const std::size_t header = header_.size() - (v6_ ? sizeof(wire::ipv6_fragment_header) : 0);
    packet whole;
    for (auto& [offset, data] : pieces_) whole.append(std::move(data));
    if (held_ > most_waste * octets_) whole = packet(in_one_block(whole));
    put_header(whole, header, [&](std::byte* at) {
        std::copy_n(header_.data(), header, at);
        v6_ ? write_ipv6({at, header}) : write_ipv4({at, header});
    });
    discard();
    return make(std::move(whole));
}

std::optional<rx_packet> partial_datagram::take_first()
{
    if (header_.empty()) return std::nullopt;
    packet first(std::move(header_));
    first.append(std::move(pieces_.begin()->second));
    discard();
    return make(std::move(first));
}

rx_packet partial_datagram::make(packet&& contents) const
{
    rx_packet out(std::move(contents), interface_);
    out.hops = hops_;
    out.from_us = from_us_;
    out.link_group = link_group_;
    out.to_group = to_group_;
    out.reassembled = true;
    parse_ip(out);
    return out;
}

/// RFC 3168 §5.3: CE if any fragment has it.
void partial_datagram::write_ipv4(mutable_bytes header) const noexcept
{
    std::byte* const at = header.data();
    if ((ecn_seen_ & bit_of_ecn(congestion_experienced)) != 0)
        at[offsetof(wire::ipv4_header, tos)] |= std::byte{congestion_experienced};
    wire::store_16(at + offsetof(wire::ipv4_header, total_length), static_cast<std::uint16_t>(header.size() + end_));
    wire::store_16(at + offsetof(wire::ipv4_header, flags_offset), 0);
    wire::store_16(at + offsetof(wire::ipv4_header, checksum), 0);
    wire::store_16(at + offsetof(wire::ipv4_header, checksum), static_cast<std::uint16_t>(~ones_sum(header)));
}

/// RFC 8200 §4.5: the header in front of the fragment header names what the first fragment's fragment header named.
void partial_datagram::write_ipv6(mutable_bytes header) const noexcept
{
    std::byte* const at = header.data();
    constexpr std::size_t class_low = 1; // offset of the octet with the lower half of the traffic class
    constexpr auto ce = std::byte{congestion_experienced} << 4;
    if ((ecn_seen_ & bit_of_ecn(congestion_experienced)) != 0) at[class_low] |= ce;
    const std::size_t length = header.size() - sizeof(wire::ipv6_header) + end_;
    wire::store_16(at + offsetof(wire::ipv6_header, payload_length), static_cast<std::uint16_t>(length));
    at[next_header_at_] = header_.bytes()[header.size() + offsetof(wire::ipv6_fragment_header, next_header)];
}

void partial_datagram::discard() noexcept
{
    discarded_ = true;
    pieces_.clear();
    header_ = {};
    held_ = 0;
}

} // namespace tapio::core::ip
