#include "wire/transport_checksum.hpp"

#include <algorithm>

namespace tapio::core::wire {

void add_part(checksum_accumulator& sum, const packet& p, std::size_t begin, std::size_t length) noexcept
{
    p.for_each_piece([&](const_bytes piece) {
        const std::size_t before = std::min(begin, piece.size());
        begin -= before;
        piece = piece.subspan(before);
        piece = piece.first(std::min(piece.size(), length));
        length -= piece.size();
        sum.add(piece);
    });
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

} // namespace tapio::core::wire
