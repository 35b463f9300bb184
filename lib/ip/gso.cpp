#include "ip/gso.hpp"

#include "base/checksum.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"

#include <algorithm>
#include <cstring>

namespace tapio::core::ip {

void segmenter::start(packet&& large, std::size_t link)
{
    header_size_ = large.offload.header_length;
    link_ = link;
    size_ = large.offload.gso_size;
    large.pull(header_size_);
    std::copy_n(large.front().begin(), header_size_, headers_.begin());
    large.consume(header_size_);
    left_ = large.size();
    payload_ = large.take_payload();
    slice_ = offset_ = done_ = 0;
}

/// In one piece of memory: the copy is made on the way of the sum, and a device takes one piece faster than several.
bool segmenter::next(packet& out)
{
    if (left_ == 0) return false;
    const bool first = done_ == 0;
    const std::size_t size = std::min(left_, size_);
    const block memory(header_size_ + size);
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
    out = packet(memory.share(0, header_size_ + size));
    return true;
}

/// The large one's, but for lengths, sequence number and checksums; FIN and PSH go on the last, CWR on the first (RFC 3168
/// §6.1.2).
void segmenter::write_headers(std::byte* at, std::size_t payload, std::uint16_t payload_sum, bool first, bool last) const
{
    const const_bytes given = const_bytes(headers_).first(header_size_);
    auto ip = wire::read<wire::ipv4_header>(given.subspan(link_));
    auto tcp = wire::read<wire::tcp_header>(given.subspan(link_ + sizeof ip));
    std::copy(given.begin(), given.end(), at);

    const std::size_t segment = header_size_ - link_ - sizeof ip + payload;
    const std::uint16_t before = ip.total_length.value();
    ip.total_length = static_cast<std::uint16_t>(sizeof ip + segment);
    ip.checksum = updated_checksum(ip.checksum.value(), before, ip.total_length.value());
    std::memcpy(at + link_, &ip, sizeof ip);

    unsigned flags = tcp.flags.value();
    if (!last) flags &= ~unsigned{wire::tcp_fin | wire::tcp_psh};
    if (!first) flags &= ~unsigned{wire::tcp_cwr};
    tcp.flags = static_cast<std::uint8_t>(flags);
    tcp.sequence = tcp.sequence.value() + static_cast<std::uint32_t>(done_);
    tcp.checksum = 0;
    std::byte* const tcp_at = at + link_ + sizeof ip;
    std::memcpy(tcp_at, &tcp, sizeof tcp);

    checksum_accumulator sum;
    sum.add(wire::octets_of(ip).subspan(offsetof(wire::ipv4_header, source))); // the pseudo-header's addresses
    sum.add_word(static_cast<std::uint16_t>(wire::ip_protocol::tcp));
    sum.add_word(static_cast<std::uint16_t>(segment));
    sum.add({tcp_at, segment - payload});
    sum.add_word(payload_sum);
    tcp.checksum = sum.checksum();
    std::memcpy(tcp_at, &tcp, sizeof tcp);
}

} // namespace tapio::core::ip
