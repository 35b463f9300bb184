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

bool segmenter::next(packet& out)
{
    if (left_ == 0) return false;
    out = packet();
    const bool first = done_ == 0;
    for (std::size_t wanted = std::min(left_, size_); wanted > 0;) {
        const std::size_t n = std::min(wanted, payload_[slice_].size() - offset_);
        out.append(payload_[slice_].part(offset_, n));
        wanted -= n;
        offset_ += n;
        if (offset_ == payload_[slice_].size()) {
            payload_[slice_++] = {};
            offset_ = 0;
        }
    }
    const std::size_t taken = out.size();
    left_ -= taken;
    write_headers(out, first, left_ == 0);
    done_ += taken;
    return true;
}

/// The large one's, but for lengths, sequence number and checksums; FIN and PSH go on the last, CWR on the first (RFC 3168
/// §6.1.2).
void segmenter::write_headers(packet& piece, bool first, bool last) const
{
    const const_bytes given = const_bytes(headers_).first(header_size_);
    auto ip = wire::read<wire::ipv4_header>(given.subspan(link_));
    auto tcp = wire::read<wire::tcp_header>(given.subspan(link_ + sizeof ip));
    std::byte* const at = piece.push_front(header_size_);
    std::copy(given.begin(), given.end(), at);

    const std::size_t segment = piece.size() - link_ - sizeof ip;
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
    std::memcpy(at + link_ + sizeof ip, &tcp, sizeof tcp);

    checksum_accumulator sum;
    sum.add(wire::octets_of(ip).subspan(offsetof(wire::ipv4_header, source))); // the pseudo-header's addresses
    sum.add_word(static_cast<std::uint16_t>(wire::ip_protocol::tcp));
    sum.add_word(static_cast<std::uint16_t>(segment));
    std::size_t skip = link_ + sizeof ip;
    piece.for_each_piece([&](const_bytes octets) { sum.add(octets.subspan(std::exchange(skip, 0))); });
    tcp.checksum = sum.checksum();
    std::memcpy(at + link_ + sizeof ip, &tcp, sizeof tcp);
}

} // namespace tapio::core::ip
