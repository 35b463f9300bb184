#include "ip/nat44_tcp.hpp"

#include "wire/tcp.hpp"

namespace tapio::core::ip {

void nat44_tcp::on_segment(nat44_direction from, std::uint8_t flags) noexcept
{
    const auto side = static_cast<std::uint8_t>(from);
    if ((flags & wire::tcp_rst) != 0) {
        reset_ |= side;
        return;
    }
    if ((flags & (wire::tcp_syn | wire::tcp_ack)) == wire::tcp_syn && ended()) *this = nat44_tcp(); // the ports are used again
    // The inside host did not believe the RST from outside, which may be forged: RFC 7857 §2.2.
    if (from == nat44_direction::outbound) reset_ &= static_cast<std::uint8_t>(nat44_direction::outbound);
    if ((flags & wire::tcp_ack) != 0) acknowledged_ |= side;
    if ((flags & wire::tcp_fin) != 0) finished_ |= side;
}

} // namespace tapio::core::ip
