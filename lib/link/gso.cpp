#include "link/gso.hpp"

#include "base/checksum.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/tcp.hpp"
#include "wire/udp.hpp"

#include <boost/assert.hpp>

#include <algorithm>
#include <cstring>

namespace tapio::core::link {

namespace {

using boost::endian::big_uint16_buf_t;
using boost::endian::big_uint32_buf_t;

template <class Field>
void put(std::byte* at, const Field& field) noexcept
{
    std::memcpy(at, &field, sizeof field);
}

} // namespace

void segmenter::start(packet&& large, std::size_t link)
{
    header_size_ = large.offload.header_length;
    size_ = large.offload.gso_size;
    udp_ = large.offload.gso == offload_info::gso_type::udp;
    const bool partial = large.offload.checksum == offload_info::checksum_state::partial;
    const std::size_t checksum_start = large.offload.checksum_start;
    BOOST_ASSERT(header_size_ <= headers_.size() && size_ > 0);
    large.pull(header_size_);
    std::copy_n(large.front().begin(), header_size_, headers_.begin());
    large.consume(header_size_);
    left_ = large.size();
    payload_ = large.take_payload();
    slice_ = offset_ = done_ = 0;

    ip_at_ = link;
    constexpr std::size_t type = offsetof(wire::ethernet_header, type);
    const bool tagged = link != 0 && wire::load_16(headers_.data() + type) == static_cast<std::uint16_t>(wire::ether_type::vlan);
    if (tagged) ip_at_ += sizeof(wire::vlan_tag);
    const const_bytes given = const_bytes(headers_).first(header_size_);
    v6_ = std::to_integer<unsigned>(given[ip_at_]) >> 4 == 6;
    const std::size_t ip_size = v6_ ? sizeof(wire::ipv6_header) : (std::to_integer<std::size_t>(given[ip_at_]) & 15) * 4;
    transport_at_ = partial ? checksum_start : ip_at_ + ip_size;
    const auto addresses = v6_ ? given.subspan(ip_at_ + offsetof(wire::ipv6_header, source), 32)
                               : given.subspan(ip_at_ + offsetof(wire::ipv4_header, source), 8);
    if (!v6_) {
        const auto ip = wire::read<wire::ipv4_header>(given.subspan(ip_at_));
        length_ = ip.total_length.value();
        ip_checksum_ = ip.checksum.value();
        identification_ = ip.identification.value();
        atomic_ = (ip.flags_offset.value() & wire::ipv4_dont_fragment) != 0;
    }
    read_transport(headers_.data() + transport_at_);
    checksum_accumulator sum;
    sum.add(addresses); // of the pseudo-header
    sum.add_word(static_cast<std::uint16_t>(udp_ ? wire::ip_protocol::udp : wire::ip_protocol::tcp));
    sum.add(given.subspan(transport_at_));
    headers_sum_ = sum.folded();
}

/// Keeps the fields that differ in each segment, and clears them.
void segmenter::read_transport(std::byte* header)
{
    if (udp_) {
        put(header + offsetof(wire::udp_header, length), big_uint16_buf_t(0));
        return put(header + offsetof(wire::udp_header, checksum), big_uint16_buf_t(0));
    }
    auto tcp = wire::read<wire::tcp_header>(const_bytes(header, sizeof(wire::tcp_header)));
    sequence_ = tcp.sequence.value();
    flags_ = tcp.flags.value();
    tcp.sequence = 0;
    tcp.flags = 0;
    tcp.checksum = 0;
    put(header, tcp);
}

/// The segment is one piece of memory: the copy is made in the same pass as the sum, and a device takes one piece faster than
/// several.
bool segmenter::next(packet& out)
{
    if (left_ == 0) return false;
    const bool first = done_ == 0;
    const std::size_t size = std::min(left_, size_);
    block memory(header_size_ + size);
    checksum_accumulator sum;
    std::byte* at = memory.data() + header_size_;
    for (std::size_t wanted = size; wanted > 0;) {
        slice& from = payload_[slice_];
        const std::size_t n = std::min(wanted, from.size() - offset_);
        sum.add_copying(from.bytes().subspan(offset_, n), at);
        at += n;
        wanted -= n;
        offset_ += n;
        if (offset_ == from.size()) {
            from = {};
            ++slice_;
            offset_ = 0;
        }
    }
    left_ -= size;
    write_headers(memory.data(), size, sum.folded(), first, left_ == 0);
    done_ += size;
    out = packet(std::move(memory).into_slice(0, header_size_ + size));
    return true;
}

/// @param segment octets of transport header and payload
void segmenter::write_ip_header(std::byte* at, std::size_t segment, bool last)
{
    const std::size_t header = transport_at_ - ip_at_;
    if (v6_) {
        const auto length = static_cast<std::uint16_t>(header - sizeof(wire::ipv6_header) + segment);
        return put(at + offsetof(wire::ipv6_header, payload_length), big_uint16_buf_t(length));
    }
    const auto length = static_cast<std::uint16_t>(header + segment);
    put(at + offsetof(wire::ipv4_header, total_length), big_uint16_buf_t(length));
    put(at + offsetof(wire::ipv4_header, checksum), big_uint16_buf_t(updated_checksum(ip_checksum_, length_, length)));
    if (atomic_ || last) return;
    const auto next = static_cast<std::uint16_t>(identification_ + 1); // the next segment's; ip::output has reserved one for each
    put(headers_.data() + ip_at_ + offsetof(wire::ipv4_header, identification), big_uint16_buf_t(next));
    ip_checksum_ = updated_checksum(ip_checksum_, identification_, next);
    identification_ = next;
}

/// The headers of the GSO segment, with lengths, identification and checksums replaced, and what the transport changes.
void segmenter::write_headers(std::byte* at, std::size_t payload, std::uint16_t payload_sum, bool first, bool last)
{
    std::copy_n(headers_.begin(), header_size_, at);
    const std::size_t segment = header_size_ - transport_at_ + payload;
    write_ip_header(at + ip_at_, segment, last);
    const auto length = static_cast<std::uint16_t>(segment);
    udp_ ? write_udp(at + transport_at_, payload_sum, length) : write_tcp(at + transport_at_, payload_sum, length, first, last);
}

/// @param segment octets of transport header and payload
checksum_accumulator segmenter::sum_with(std::uint16_t payload_sum, std::uint16_t segment) const noexcept
{
    checksum_accumulator sum;
    sum.add_word(headers_sum_);
    sum.add_word(segment); // length of the pseudo-header
    sum.add_word(payload_sum);
    return sum;
}

/// FIN and PSH only on the last segment, CWR only on the first (RFC 3168 §6.1.2).
void segmenter::write_tcp(std::byte* at, std::uint16_t payload_sum, std::uint16_t segment, bool first, bool last) const
{
    unsigned flags = flags_;
    if (!last) flags &= ~unsigned{wire::tcp_fin | wire::tcp_psh};
    if (!first) flags &= ~unsigned{wire::tcp_cwr};
    const std::uint32_t sequence = sequence_ + static_cast<std::uint32_t>(done_);
    put(at + offsetof(wire::tcp_header, flags), static_cast<std::uint8_t>(flags));
    put(at + offsetof(wire::tcp_header, sequence), big_uint32_buf_t(sequence));
    checksum_accumulator sum = sum_with(payload_sum, segment);
    sum.add_word(static_cast<std::uint16_t>(flags));
    sum.add_words(sequence);
    put(at + offsetof(wire::tcp_header, checksum), big_uint16_buf_t(sum.checksum()));
}

void segmenter::write_udp(std::byte* at, std::uint16_t payload_sum, std::uint16_t segment) const
{
    put(at + offsetof(wire::udp_header, length), big_uint16_buf_t(segment));
    checksum_accumulator sum = sum_with(payload_sum, segment);
    sum.add_word(segment);
    const std::uint16_t checksum = sum.checksum();
    put(at + offsetof(wire::udp_header, checksum), big_uint16_buf_t(checksum == 0 ? 0xffff : checksum)); // RFC 768
}

} // namespace tapio::core::link
