#include "device/frame_header.hpp"

#include "device/vnet_header.hpp"

#include <boost/endian/conversion.hpp>

namespace tapio::detail {

namespace {

// AF_UNSPEC, AF_INET and AF_INET6 of macOS (its sys/socket.h). Linux has other numbers.
constexpr std::uint32_t no_family = 0, family_v4 = 2, family_v6 = 30;

unsigned char* octets(std::byte* p) noexcept { return reinterpret_cast<unsigned char*>(p); }
const unsigned char* octets(const std::byte* p) noexcept { return reinterpret_cast<const unsigned char*>(p); }

std::uint32_t family_of(const core::packet& p) noexcept
{
    if (p.empty()) return no_family;
    const unsigned version = std::to_integer<unsigned>(p.front()[0]) >> 4;
    return version == 4 ? family_v4 : version == 6 ? family_v6 : no_family;
}

} // namespace

std::size_t size_of(frame_header h) noexcept
{
    return h == frame_header::none ? 0 : h == frame_header::vnet ? sizeof(vnet_header) : sizeof(std::uint32_t);
}

void put_header(frame_header h, core::packet& p)
{
    if (h == frame_header::vnet) {
        write_vnet_header(p.offload, p.push_front(sizeof(vnet_header)));
    } else if (h == frame_header::address_family) {
        const std::uint32_t family = family_of(p);
        boost::endian::store_big_u32(octets(p.push_front(sizeof family)), family);
    }
}

bool is_sendable(frame_header h, const core::packet& p) noexcept
{
    return h != frame_header::address_family || boost::endian::load_big_u32(octets(p.front().data())) != no_family;
}

bool read_header(frame_header h, const std::byte* from, std::size_t size, core::offload_info& out) noexcept
{
    if (size < size_of(h)) return false;
    if (h == frame_header::vnet) return read_vnet_header(from, out);
    out = {};
    if (h == frame_header::none) return true;
    const std::uint32_t family = boost::endian::load_big_u32(octets(from));
    return family == family_v4 || family == family_v6;
}

} // namespace tapio::detail
