#include "wire/ethernet.hpp"

namespace tapio::core::wire {

parsed<ethernet_frame> parse_ethernet(const_bytes front) noexcept
{
    return parsed_by<ethernet_frame>([&](ethernet_frame& f) { return read_ethernet(front, f); });
}

} // namespace tapio::core::wire
