#include "wire/transport_checksum.hpp"

#include "base/checksum.hpp"

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

} // namespace tapio::core::wire
