#include "ip/gro.hpp"

#include "base/checksum.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace tapio::core::ip {

namespace {

constexpr std::size_t ip_size = sizeof(wire::ipv4_header); // without options
constexpr std::size_t tcp_size = sizeof(wire::tcp_header); // without options
constexpr std::size_t largest_packet = 65535;              // octets, from the IP header on
constexpr std::uint16_t fragment_bits = 0x3fff;            // more fragments, and the offset

template <class Header>
Header read_at(const std::byte* at) noexcept
{
    return wire::read<Header>({at, sizeof(Header)});
}

std::size_t header_of(link_type link) noexcept { return link == link_type::ethernet ? sizeof(wire::ethernet_header) : 0; }

unsigned octet(const std::byte* header, std::size_t at) noexcept { return std::to_integer<unsigned>(header[at]); }

/// The bits in which two words differ, as they lie in memory.
template <class Word>
Word difference(const std::byte* a, const std::byte* b) noexcept
{
    Word x, y;
    std::memcpy(&x, a, sizeof x);
    std::memcpy(&y, b, sizeof y);
    return x ^ y;
}

/// A link's header and the usual options take two words, which overlap.
bool same(const std::byte* a, const std::byte* b, std::size_t n) noexcept
{
    using word = std::uint64_t;
    constexpr std::size_t one = sizeof(word);
    if (n < one || n > 2 * one) return n == 0 || std::memcmp(a, b, n) == 0;
    return (difference<word>(a, b) | difference<word>(a + n - one, b + n - one)) == 0;
}

template <class List>
auto find_stream(List& list, const flow_key& flow)
{
    return std::find_if(list.begin(), list.end(), [&](const auto& x) { return x.flow == flow; });
}

} // namespace

coalescer::coalescer(link_type link) noexcept : link_(header_of(link)) {}

void coalescer::add(packet&& p)
{
    ++packets_;
    octets_ += p.size();
    view v;
    parse(p, link_, v);
    mark_verified(p, v);
    if (v.is_tcp) {
        const bool first = is_first_of(v.flow);
        if (v.verified && v.opens && first) return void(openings_.emplace_back(std::move(p), true, v.flow));
        if (!(runs_.empty() && acknowledgements_.empty()) && add_to_known(p, v)) return;
        if (v.as != use::none) remember(v);
        if (v.as == use::joined) p.truncate(v.size);
    }
    batch_.emplace_back(std::move(p), v.verified, v.flow);
}

/// Of its stream, in this batch; false if it might not be.
bool coalescer::is_first_of(const flow_key& flow) noexcept
{
    const std::uint64_t mixed = (flow.v4_addresses() ^ flow.ports()) * 0x9e37'79b9'7f4a'7c15U;
    const std::size_t bit = mixed >> 54;
    const bool seen = seen_[bit];
    seen_[bit] = true;
    return !seen;
}

bool coalescer::verify(packet& p, link_type link, flow_key& flow) noexcept
{
    view v;
    parse(p, header_of(link), v);
    mark_verified(p, v);
    if (v.verified) flow = v.flow;
    return v.verified;
}

void coalescer::mark_verified(packet& p, const view& v) noexcept
{
    using state = offload_info::checksum_state;
    if (v.verified && p.offload.checksum == state::complete) p.offload.checksum = state::verified;
}

/// Only as far as it is TCP over IPv4 without options, and its headers lie in one piece.
void coalescer::parse(const packet& p, std::size_t link, view& v) noexcept
{
    using state = offload_info::checksum_state;
    v.is_tcp = v.verified = v.repeats = false;
    v.as = use::none;
    const const_bytes front = p.front();
    if (front.size() < link + ip_size + tcp_size) return;
    const std::byte* const ip = front.data() + link;
    const std::byte* const tcp = ip + ip_size;
    constexpr auto type = offsetof(wire::ethernet_header, type);
    if (link != 0 && wire::load_16(front.data() + type) != static_cast<std::uint16_t>(wire::ether_type::ipv4)) return;
    if (octet(ip, offsetof(wire::ipv4_header, version_ihl)) != 0x45) return;
    if (octet(ip, offsetof(wire::ipv4_header, protocol)) != static_cast<unsigned>(wire::ip_protocol::tcp)) return;
    v.is_tcp = true;
    v.octets = front.data();
    v.flow = flow_key::v4(wire::load_64(ip + offsetof(wire::ipv4_header, source)), wire::load_32(tcp), ip_protocol::tcp);
    v.sequence = wire::load_32(tcp + offsetof(wire::tcp_header, sequence));
    v.size = link + wire::load_16(ip + offsetof(wire::ipv4_header, total_length));
    v.headers_size = link + ip_size + 4U * (octet(tcp, offsetof(wire::tcp_header, offset)) >> 4);
    const bool sizes_right = v.size <= p.size() && v.headers_size >= link + ip_size + tcp_size && v.headers_size <= v.size &&
                             v.headers_size <= front.size();
    if (!sizes_right || (wire::load_16(ip + offsetof(wire::ipv4_header, flags_offset)) & fragment_bits) != 0) return;
    if (ones_sum(std::span<const std::byte, ip_size>(ip, ip_size)) != 0xffff) return;
    if (p.offload.checksum == state::complete && !has_right_checksum(p, link, v)) return;
    const bool in_one_piece = front.size() == p.size();
    v.verified = true;
    const unsigned flags = octet(tcp, offsetof(wire::tcp_header, flags));
    v.opens = (flags & wire::tcp_syn) != 0;
    if (p.offload.gso != offload_info::gso_type::none || !in_one_piece) return;
    const bool data = v.headers_size < v.size;
    if ((data ? flags & ~unsigned{wire::tcp_psh} : flags) != wire::tcp_ack) return;
    if (data && p.offload.checksum == state::partial) return;
    v.as = data ? use::joined : use::superseded;
}

/// TCP's, with its pseudo-header.
bool coalescer::has_right_checksum(const packet& p, std::size_t link, const view& v) noexcept
{
    // The addresses stand right before it, and are summed with it: 8 octets, so that the order within words stays.
    std::size_t skip = link + offsetof(wire::ipv4_header, source);
    std::size_t left = v.size - skip;
    checksum_accumulator sum;
    sum.add_word(static_cast<std::uint16_t>(wire::ip_protocol::tcp));
    sum.add_word(static_cast<std::uint16_t>(v.size - link - ip_size));
    if (v.size <= p.front().size()) {
        sum.add_word(ones_sum({v.octets + skip, left}));
        return sum.folded() == 0xffff;
    }
    p.for_each_piece([&](const_bytes piece) {
        piece = piece.subspan(std::exchange(skip, 0));
        piece = piece.first(std::min(piece.size(), left)); // without padding
        left -= piece.size();
        sum.add(piece);
    });
    return sum.folded() == 0xffff;
}

/// Headers of one stream that differ in TCP's numbers and flags at most, and in IP's length and identification. (Linux wants
/// identifications that count up, or with DF all the same, so that it could cut what it forwards as it was. Here nothing is
/// forwarded, and an atomic datagram's may be anything: RFC 6864 §4.1.)
bool coalescer::alike(const std::byte* headers, const view& v) const noexcept
{
    constexpr std::size_t tos = offsetof(wire::ipv4_header, version_ihl);  // version and TOS, in a word
    constexpr std::size_t ttl = offsetof(wire::ipv4_header, flags_offset); // flags, TTL and protocol
    constexpr std::size_t offset = ip_size + offsetof(wire::tcp_header, offset);
    static_assert(offsetof(wire::ipv4_header, tos) == tos + 1 && offsetof(wire::ipv4_header, ttl) == ttl + 2);
    const std::byte* const a = headers + link_;
    const std::byte* const b = v.octets + link_;
    const std::uint32_t differs = difference<std::uint16_t>(a + tos, b + tos) | difference<std::uint32_t>(a + ttl, b + ttl) |
                                  difference<std::uint8_t>(a + offset, b + offset);
    const std::size_t options = ip_size + tcp_size;
    return differs == 0 && same(headers, v.octets, link_) && same(a + options, b + options, v.headers_size - link_ - options);
}

/// Joins it to what has come of its stream, or puts it in its place. False: it stands for itself.
bool coalescer::add_to_known(packet& p, view& v)
{
    if (const auto r = find_stream(runs_, v.flow); r != runs_.end()) {
        if (v.as == use::joined && takes(*r, v)) {
            join(*r, p, v);
            return true;
        }
        finish(*r);
        runs_.erase(r);
    }
    if (const auto a = find_stream(acknowledgements_, v.flow); a != acknowledgements_.end()) {
        if (v.as == use::superseded) {
            if (is_superseded(*a, v)) {
                packet_at(a->index) = std::move(p);
                return true;
            }
            v.repeats = ahead_of(*a, v) == 0;
        }
        acknowledgements_.erase(a);
    }
    return false;
}

bool coalescer::takes(const run& r, const view& v) const noexcept
{
    if (r.ended || v.sequence != r.next || v.payload() > r.largest || r.headers - link_ + r.size + v.payload() > largest_packet)
        return false;
    constexpr std::size_t ack = ip_size + offsetof(wire::tcp_header, acknowledgement);
    constexpr std::size_t window = ip_size + offsetof(wire::tcp_header, window);
    const std::byte* const headers = headers_at(r.index).data();
    const std::byte* const a = headers + link_;
    const std::byte* const b = v.octets + link_;
    const std::uint32_t differs = difference<std::uint32_t>(a + ack, b + ack) | difference<std::uint16_t>(a + window, b + window);
    return differs == 0 && alike(headers, v);
}

void coalescer::join(run& r, packet& p, const view& v)
{
    const auto flags = std::to_integer<unsigned>(v.octets[link_ + ip_size + offsetof(wire::tcp_header, flags)]);
    r.pushed = r.pushed || (flags & wire::tcp_psh) != 0;
    r.ended = v.payload() < r.largest;
    r.size += v.payload();
    r.next += static_cast<std::uint32_t>(v.payload());
    p.truncate(v.size);
    p.consume(v.headers_size);
    packet_at(r.index).append(std::move(p));
}

/// Makes one segment of it.
void coalescer::finish(const run& r) noexcept
{
    if (r.size == r.largest) return; // nothing was joined
    packet& head = packet_at(r.index);
    std::array<std::byte, sizeof(wire::ethernet_header) + ip_size + 60> headers;
    std::copy_n(head.front().begin(), r.headers, headers.begin());
    auto ip = read_at<wire::ipv4_header>(headers.data() + link_);
    const std::uint16_t before = ip.total_length.value();
    ip.total_length = static_cast<std::uint16_t>(r.headers - link_ + r.size);
    ip.checksum = updated_checksum(ip.checksum.value(), before, ip.total_length.value());
    std::memcpy(headers.data() + link_, &ip, sizeof ip);
    if (r.pushed) headers[link_ + ip_size + offsetof(wire::tcp_header, flags)] |= std::byte{wire::tcp_psh};
    head.consume(r.headers);
    std::copy_n(headers.begin(), r.headers, head.push_front(r.headers));
    head.offload.gso = offload_info::gso_type::tcp_v4;
    head.offload.gso_size = static_cast<std::uint16_t>(r.largest);
    head.offload.header_length = static_cast<std::uint16_t>(r.headers);
}

/// `v` says all that the earlier one does, and acknowledges more. Equal numbers are duplicates, which TCP counts: all are left.
bool coalescer::is_superseded(const acknowledgement& a, const view& v) const noexcept
{
    if (a.duplicate || ahead_of(a, v) <= 0) return false;
    const std::byte* const headers = headers_at(a.index).data();
    return v.sequence == wire::load_32(headers + link_ + ip_size + offsetof(wire::tcp_header, sequence)) && alike(headers, v);
}

/// How many octets more `v` acknowledges.
std::int32_t coalescer::ahead_of(const acknowledgement& a, const view& v) const noexcept
{
    constexpr std::size_t number = ip_size + offsetof(wire::tcp_header, acknowledgement);
    const std::uint32_t later = wire::load_32(v.octets + link_ + number);
    return static_cast<std::int32_t>(later - wire::load_32(headers_at(a.index).data() + link_ + number));
}

/// It will be the last packet of the batch.
void coalescer::remember(const view& v)
{
    const auto room_in = [](auto& list) {
        const bool full = list.size() == most_streams;
        if (full) list.erase(list.begin());
    };
    if (v.as == use::superseded) {
        room_in(acknowledgements_);
        acknowledgements_.push_back({v.flow, batch_.size(), v.repeats});
        return;
    }
    if (runs_.size() == most_streams) finish(runs_.front());
    room_in(runs_);
    const auto next = v.sequence + static_cast<std::uint32_t>(v.payload());
    runs_.push_back({v.flow, next, batch_.size(), v.headers_size, v.payload(), v.payload()});
}

std::span<arrival> coalescer::finish()
{
    for (const run& r : runs_) finish(r);
    runs_.clear();
    acknowledgements_.clear();
    return batch_;
}

void coalescer::clear() noexcept
{
    openings_.clear();
    seen_.reset();
    batch_.clear();
    packets_ = octets_ = 0;
}

} // namespace tapio::core::ip
