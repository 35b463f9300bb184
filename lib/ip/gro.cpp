#include "ip/gro.hpp"

#include "base/checksum.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/tcp.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace tapio::core::ip {

namespace {

constexpr std::size_t tcp_size = sizeof(wire::tcp_header); // without options
constexpr std::size_t largest_packet = 65535;              // octets, from the IP header on

std::size_t header_of(link_type link) noexcept { return link == link_type::ethernet ? sizeof(wire::ethernet_header) : 0; }

unsigned octet(const std::byte* header, std::size_t at) noexcept { return std::to_integer<unsigned>(header[at]); }

/// The XOR of two words in memory: 0 if they are equal.
template <class Word>
Word difference(const std::byte* a, const std::byte* b) noexcept
{
    Word x, y;
    std::memcpy(&x, a, sizeof x);
    std::memcpy(&y, b, sizeof y);
    return x ^ y;
}

/// Compares `n` octets. Ethernet headers and the usual TCP options (8 to 16 octets) are compared as two overlapping words.
bool same(const std::byte* a, const std::byte* b, std::size_t n) noexcept
{
    using word = std::uint64_t;
    constexpr std::size_t one = sizeof(word);
    if (n < one || n > 2 * one) return n == 0 || std::memcmp(a, b, n) == 0;
    return (difference<word>(a, b) | difference<word>(a + n - one, b + n - one)) == 0;
}

/// Octets of the IP header of a flow's packets, without options or extension headers.
std::size_t ip_size_of(const flow_key& flow) noexcept
{
    return flow.is_v4() ? sizeof(wire::ipv4_header) : sizeof(wire::ipv6_header);
}

std::size_t payload_of(const rx_packet& p) noexcept { return p.contents.size() - p.payload_at; } // octets

void set_total_length(std::byte* ip, std::uint16_t total) noexcept
{
    const std::uint16_t before = wire::load_16(ip + offsetof(wire::ipv4_header, total_length));
    const std::uint16_t sum = wire::load_16(ip + offsetof(wire::ipv4_header, checksum));
    wire::store_16(ip + offsetof(wire::ipv4_header, total_length), total);
    wire::store_16(ip + offsetof(wire::ipv4_header, checksum), updated_checksum(sum, before, total));
}

template <class List>
auto find_stream(List& list, const flow_key& flow)
{
    return std::find_if(list.begin(), list.end(), [&](const auto& x) { return x.flow == flow; });
}

} // namespace

coalescer::coalescer(link_type link) noexcept : link_(link), link_header_(header_of(link)) {}

rx_packet& coalescer::read(packet&& came)
{
    ++packets_;
    octets_ += came.size();
    rx_packet& p = batch_.emplace_back(std::move(came));
    parse(p, link_);
    return p;
}

/// Flattened, as parse() is. @param p the last packet of the batch, a segment
[[gnu::flatten]] void coalescer::place(rx_packet& p)
{
    view v = look_at(p, link_header_);
    const bool first = is_first_of(p.flow);
    const bool opens = (v.flags & wire::tcp_syn) != 0;
    if (p.verified && opens && first) {
        openings_.push_back(std::move(p));
        batch_.pop_back();
        return;
    }
    if (!(runs_.empty() && acknowledgements_.empty()) && add_to_known(p, v)) return batch_.pop_back();
    if (v.as != use::none) remember(p, v);
}

/// true: the packet is the first of its flow in this batch. false: unknown, since flows may share a bit.
bool coalescer::is_first_of(const flow_key& flow) noexcept
{
    const std::uint64_t mixed = (flow.words()[0] ^ flow.ports()) * 0x9e37'79b9'7f4a'7c15U;
    const std::size_t bit = mixed >> 54;
    const bool seen = seen_[bit];
    seen_[bit] = true;
    return !seen;
}

/// Classifies a segment. Only segments without IP options, not coalesced by the device and contiguous in memory are joined or
/// superseded.
coalescer::view coalescer::look_at(const rx_packet& p, std::size_t link) noexcept
{
    using state = offload_info::checksum_state;
    const const_bytes front = p.contents.front();
    const std::byte* const header = front.data() + p.transport_at;
    view v;
    v.frame = front.data();
    v.flags = octet(header, offsetof(wire::tcp_header, flags));
    const bool usual_headers = p.network_at == link && p.transport_at == link + ip_size_of(p.flow);
    const bool whole = front.size() == p.contents.size() && p.contents.offload.gso == offload_info::gso_type::none;
    if (!p.verified || !usual_headers || !whole) return v;
    v.sequence = wire::load_32(header + offsetof(wire::tcp_header, sequence));
    const bool data = p.payload_at < front.size();
    if ((data ? v.flags & ~unsigned{wire::tcp_psh} : v.flags) != wire::tcp_ack) return v;
    if (data && p.contents.offload.checksum == state::partial) return v;
    v.as = data ? use::joined : use::superseded;
    return v;
}

/// Whether the IP headers of two packets of one flow are equal but for length, identification and checksum.
bool coalescer::alike_ip(const std::byte* a, const std::byte* b, bool v4) noexcept
{
    if (!v4) { // version, traffic class and flow label; next header and hop limit
        constexpr std::size_t next = offsetof(wire::ipv6_header, next_header);
        return (difference<std::uint32_t>(a, b) | difference<std::uint16_t>(a + next, b + next)) == 0;
    }
    constexpr std::size_t tos = offsetof(wire::ipv4_header, version_ihl);  // version and TOS, in a word
    constexpr std::size_t ttl = offsetof(wire::ipv4_header, flags_offset); // flags, TTL and protocol
    static_assert(offsetof(wire::ipv4_header, tos) == tos + 1 && offsetof(wire::ipv4_header, ttl) == ttl + 2);
    return (difference<std::uint16_t>(a + tos, b + tos) | difference<std::uint32_t>(a + ttl, b + ttl)) == 0;
}

/// Whether headers of one flow are equal but for TCP's numbers, window, flags and checksum, and IP's length, identification and
/// checksum. (Linux requires consecutive identifications, or equal ones with DF, so that it can restore forwarded packets. tapio
/// joins nothing that it forwards, and the identification of an atomic datagram is arbitrary: RFC 6864 §4.1.)
bool coalescer::alike(const std::byte* headers, const rx_packet& p, const view& v) const noexcept
{
    const std::byte* const a = headers + link_header_;
    const std::byte* const b = v.frame + link_header_;
    const std::size_t ip_size = ip_size_of(p.flow);
    const std::size_t offset = ip_size + offsetof(wire::tcp_header, offset);
    const std::size_t options = ip_size + tcp_size;
    return alike_ip(a, b, p.flow.is_v4()) && difference<std::uint8_t>(a + offset, b + offset) == 0 &&
           same(headers, v.frame, link_header_) && same(a + options, b + options, p.payload_at - link_header_ - options);
}

/// Joins the segment to the run of its flow, or replaces the last bare ACK of its flow by it. @return false: neither; the segment
/// stays in the batch
bool coalescer::add_to_known(rx_packet& p, view& v)
{
    if (const auto r = find_stream(runs_, p.flow); r != runs_.end()) {
        if (v.as == use::joined && takes(*r, p, v)) {
            join(*r, p, v);
            return true;
        }
        finish(*r);
        runs_.erase(r);
    }
    if (const auto a = find_stream(acknowledgements_, p.flow); a != acknowledgements_.end()) {
        if (v.as == use::superseded) {
            if (is_superseded(*a, p, v)) {
                packet_at(a->index) = std::move(p.contents);
                return true;
            }
            v.repeats = ahead_of(*a, p, v) == 0;
        }
        acknowledgements_.erase(a);
    }
    return false;
}

bool coalescer::takes(const run& r, const rx_packet& p, const view& v) const noexcept
{
    const std::size_t payload = payload_of(p);
    if (r.ended || v.sequence != r.next || payload > r.largest || r.headers - link_header_ + r.size + payload > largest_packet)
        return false;
    const std::size_t ip_size = ip_size_of(p.flow);
    const std::size_t ack = ip_size + offsetof(wire::tcp_header, acknowledgement);
    const std::size_t window = ip_size + offsetof(wire::tcp_header, window);
    const std::byte* const headers = headers_at(r.index);
    const std::byte* const a = headers + link_header_;
    const std::byte* const b = v.frame + link_header_;
    const std::uint32_t differs = difference<std::uint32_t>(a + ack, b + ack) | difference<std::uint16_t>(a + window, b + window);
    return differs == 0 && alike(headers, p, v);
}

void coalescer::join(run& r, rx_packet& p, const view& v)
{
    const std::size_t payload = payload_of(p);
    r.pushed = r.pushed || (v.flags & wire::tcp_psh) != 0;
    r.ended = payload < r.largest;
    r.size += payload;
    r.next += static_cast<std::uint32_t>(payload);
    p.contents.consume(p.payload_at);
    packet_at(r.index).append(std::move(p.contents));
}

/// Makes one segment of the run. Its TCP checksum is still that of the first segment, so it is marked as verified: the checksums
/// of all segments have been.
void coalescer::finish(const run& r) noexcept
{
    if (r.size == r.largest) return; // nothing was joined
    packet& head = packet_at(r.index);
    const bool v4 = r.flow.is_v4();
    const std::size_t ip_size = ip_size_of(r.flow);
    std::array<std::byte, sizeof(wire::ethernet_header) + sizeof(wire::ipv6_header) + 60> headers;
    std::copy_n(head.front().begin(), r.headers, headers.begin());
    std::byte* const ip = headers.data() + link_header_;
    const auto total = static_cast<std::uint16_t>(r.headers - link_header_ + r.size);
    v4 ? set_total_length(ip, total)
       : wire::store_16(ip + offsetof(wire::ipv6_header, payload_length), static_cast<std::uint16_t>(total - ip_size));
    if (r.pushed) ip[ip_size + offsetof(wire::tcp_header, flags)] |= std::byte{wire::tcp_psh};
    head.consume(r.headers);
    std::copy_n(headers.begin(), r.headers, head.push_front(r.headers));
    head.offload.checksum = offload_info::checksum_state::verified;
    head.offload.gso = v4 ? offload_info::gso_type::tcp_v4 : offload_info::gso_type::tcp_v6;
    head.offload.gso_size = static_cast<std::uint16_t>(r.largest);
    head.offload.header_length = static_cast<std::uint16_t>(r.headers);
}

/// Whether `p` carries all information of the earlier ACK, and acknowledges more. Equal acknowledgement numbers are duplicate
/// ACKs, which TCP counts, so all of them are kept.
bool coalescer::is_superseded(const acknowledgement& a, const rx_packet& p, const view& v) const noexcept
{
    if (a.duplicate || ahead_of(a, p, v) <= 0) return false;
    const std::byte* const headers = headers_at(a.index);
    const std::size_t sequence = link_header_ + ip_size_of(p.flow) + offsetof(wire::tcp_header, sequence);
    return v.sequence == wire::load_32(headers + sequence) && alike(headers, p, v);
}

/// How many octets more than `a` the segment `p` acknowledges.
std::int32_t coalescer::ahead_of(const acknowledgement& a, const rx_packet& p, const view& v) const noexcept
{
    const std::size_t number = ip_size_of(p.flow) + offsetof(wire::tcp_header, acknowledgement);
    const std::uint32_t later = wire::load_32(v.frame + link_header_ + number);
    return static_cast<std::int32_t>(later - wire::load_32(headers_at(a.index) + link_header_ + number));
}

/// @param p the last packet of the batch
void coalescer::remember(const rx_packet& p, const view& v)
{
    const auto room_in = [](auto& list) {
        const bool full = list.size() == most_streams;
        if (full) list.erase(list.begin());
    };
    const std::size_t index = batch_.size() - 1;
    if (v.as == use::superseded) {
        room_in(acknowledgements_);
        acknowledgements_.push_back({p.flow, index, v.repeats});
        return;
    }
    if (runs_.size() == most_streams) finish(runs_.front());
    room_in(runs_);
    const std::size_t payload = payload_of(p);
    const std::size_t headers = p.payload_at;
    runs_.push_back({p.flow, v.sequence + static_cast<std::uint32_t>(payload), index, headers, payload, payload});
}

std::span<rx_packet> coalescer::finish()
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
