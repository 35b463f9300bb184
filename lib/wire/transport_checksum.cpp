#include "wire/transport_checksum.hpp"

#include "base/checksum.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace tapio::core::wire {

bool verify_checksum(const packet& p, const address& source, const address& destination, ip_protocol protocol) noexcept
{
    if (p.offload.checksum != offload_info::checksum_state::complete) return true;
    auto sum = pseudo_header(source, destination, static_cast<std::uint8_t>(protocol), p.size());
    add(sum, p);
    return sum.folded() == 0xffff;
}

std::uint16_t transport_checksum(packet& p, const address& source, const address& destination, ip_protocol protocol,
                                 std::uint16_t field_offset, bool partial) noexcept
{
    auto sum = pseudo_header(source, destination, static_cast<std::uint8_t>(protocol), p.size());
    if (partial) {
        p.offload.checksum = offload_info::checksum_state::partial;
        p.offload.checksum_offset = field_offset;
        return sum.folded();
    }
    add(sum, p);
    return sum.checksum();
}

void complete_checksum(packet& p)
{
    const std::size_t start = std::exchange(p.offload.checksum_start, std::uint16_t{0});
    const std::size_t headers = start + p.offload.checksum_offset + sizeof(std::uint16_t);
    p.offload.checksum = offload_info::checksum_state::complete;
    if (p.size() < headers) return;
    packet summed = p; // its headers are copied, its payload is shared
    summed.consume(start);
    checksum_accumulator sum;
    add(sum, summed);
    const std::uint16_t complete = sum.checksum();
    // UDP writes a sum of zero as ones (RFC 768); to TCP both are the same number.
    const boost::endian::big_uint16_buf_t field(complete == 0 ? std::uint16_t{0xffff} : complete);
    std::array<std::byte, packet::headroom> front;
    p.copy_to(mutable_bytes(front).first(headers));
    std::memcpy(front.data() + headers - sizeof field, &field, sizeof field);
    p.consume(headers);
    std::copy_n(front.begin(), headers, p.push_front(headers));
}

} // namespace tapio::core::wire
