#include "link/gso.hpp"

#include "base/checksum.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/tcp.hpp"

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
    large.pull(header_size_);
    std::copy_n(large.front().begin(), header_size_, headers_.begin());
    large.consume(header_size_);
    left_ = large.size();
    payload_ = large.take_payload();
    slice_ = offset_ = done_ = 0;

    const const_bytes given = const_bytes(headers_).first(header_size_);
    ip_at_ = link;
    v6_ = std::to_integer<unsigned>(given[ip_at_]) >> 4 == 6;
    const auto addresses = v6_ ? given.subspan(ip_at_ + offsetof(wire::ipv6_header, source), 32)
                               : given.subspan(ip_at_ + offsetof(wire::ipv4_header, source), 8);
    tcp_at_ = ip_at_ + (v6_ ? sizeof(wire::ipv6_header) : sizeof(wire::ipv4_header));
    auto tcp = wire::read<wire::tcp_header>(given.subspan(tcp_at_));
    if (!v6_) {
        const auto ip = wire::read<wire::ipv4_header>(given.subspan(ip_at_));
        length_ = ip.total_length.value();
        ip_checksum_ = ip.checksum.value();
        identification_ = ip.identification.value();
        atomic_ = (ip.flags_offset.value() & wire::ipv4_dont_fragment) != 0;
    }
    sequence_ = tcp.sequence.value();
    flags_ = tcp.flags.value();
    tcp.sequence = 0;
    tcp.flags = 0;
    tcp.checksum = 0;
    put(headers_.data() + tcp_at_, tcp);
    checksum_accumulator sum;
    sum.add(addresses); // of the pseudo-header
    sum.add_word(static_cast<std::uint16_t>(wire::ip_protocol::tcp));
    sum.add(given.subspan(tcp_at_));
    headers_sum_ = sum.folded();
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

/// @param segment octets of TCP header and payload
void segmenter::write_ip_header(std::byte* at, std::size_t segment, bool last)
{
    if (v6_) {
        const auto length = static_cast<std::uint16_t>(segment);
        return put(at + offsetof(wire::ipv6_header, payload_length), big_uint16_buf_t(length));
    }
    const auto length = static_cast<std::uint16_t>(sizeof(wire::ipv4_header) + segment);
    put(at + offsetof(wire::ipv4_header, total_length), big_uint16_buf_t(length));
    put(at + offsetof(wire::ipv4_header, checksum), big_uint16_buf_t(updated_checksum(ip_checksum_, length_, length)));
    if (atomic_ || last) return;
    const auto next = static_cast<std::uint16_t>(identification_ + 1); // the next segment's; ip::output has reserved one for each
    put(headers_.data() + ip_at_ + offsetof(wire::ipv4_header, identification), big_uint16_buf_t(next));
    ip_checksum_ = updated_checksum(ip_checksum_, identification_, next);
    identification_ = next;
}

/// The headers of the GSO segment, with lengths, identification, sequence number and checksums replaced; FIN and PSH only on the
/// last segment, CWR only on the first (RFC 3168 §6.1.2).
void segmenter::write_headers(std::byte* at, std::size_t payload, std::uint16_t payload_sum, bool first, bool last)
{
    std::copy_n(headers_.begin(), header_size_, at);

    const std::size_t segment = header_size_ - tcp_at_ + payload;
    write_ip_header(at + ip_at_, segment, last);

    unsigned flags = flags_;
    if (!last) flags &= ~unsigned{wire::tcp_fin | wire::tcp_psh};
    if (!first) flags &= ~unsigned{wire::tcp_cwr};
    const std::uint32_t sequence = sequence_ + static_cast<std::uint32_t>(done_);
    put(at + tcp_at_ + offsetof(wire::tcp_header, flags), static_cast<std::uint8_t>(flags));
    put(at + tcp_at_ + offsetof(wire::tcp_header, sequence), big_uint32_buf_t(sequence));

    checksum_accumulator sum;
    sum.add_word(headers_sum_);
    sum.add_word(static_cast<std::uint16_t>(segment)); // length of the pseudo-header
    sum.add_word(static_cast<std::uint16_t>(flags));
    sum.add_word(static_cast<std::uint16_t>(sequence >> 16));
    sum.add_word(static_cast<std::uint16_t>(sequence));
    sum.add_word(payload_sum);
    put(at + tcp_at_ + offsetof(wire::tcp_header, checksum), big_uint16_buf_t(sum.checksum()));
}

} // namespace tapio::core::link
