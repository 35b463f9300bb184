#include "device/vnet_header.hpp"

#include <cstring>

namespace tapio::detail {

namespace {

using core::offload_info;

// VIRTIO 1.2 §5.1.6
constexpr std::uint8_t needs_checksum = 1, data_valid = 2;                                           // flags
constexpr std::uint8_t gso_none = 0, gso_tcp_v4 = 1, gso_tcp_v6 = 4, gso_udp_l4 = 5, gso_ecn = 0x80; // gso_type

// Single fields: nothing is read in larger pieces than it was just written in (wire/header.hpp).
std::uint8_t load_8(const std::byte* from, std::size_t field) noexcept { return std::to_integer<std::uint8_t>(from[field]); }
std::uint16_t load_16(const std::byte* from, std::size_t field) noexcept
{
    std::uint16_t value;
    std::memcpy(&value, from + field, sizeof value);
    return value;
}
void store_8(std::byte* to, std::size_t field, std::uint8_t value) noexcept { to[field] = std::byte{value}; }
void store_16(std::byte* to, std::size_t field, std::uint16_t value) noexcept { std::memcpy(to + field, &value, sizeof value); }

std::uint8_t type_of(const offload_info& offload) noexcept
{
    const std::uint8_t ecn = offload.ecn ? gso_ecn : 0;
    switch (offload.gso) {
    case offload_info::gso_type::tcp_v4: return gso_tcp_v4 | ecn;
    case offload_info::gso_type::tcp_v6: return gso_tcp_v6 | ecn;
    case offload_info::gso_type::udp: return gso_udp_l4;
    case offload_info::gso_type::none: break;
    }
    return gso_none;
}

bool is_type(std::uint8_t gso_type, offload_info::gso_type& out) noexcept
{
    switch (gso_type & ~gso_ecn) {
    case gso_none: out = offload_info::gso_type::none; return true;
    case gso_tcp_v4: out = offload_info::gso_type::tcp_v4; return true;
    case gso_tcp_v6: out = offload_info::gso_type::tcp_v6; return true;
    case gso_udp_l4: out = offload_info::gso_type::udp; return true;
    default: return false;
    }
}

offload_info::checksum_state checksum_of(std::uint8_t flags) noexcept
{
    if ((flags & needs_checksum) != 0) return offload_info::checksum_state::partial;
    if ((flags & data_valid) != 0) return offload_info::checksum_state::verified;
    return offload_info::checksum_state::complete;
}

} // namespace

void write_vnet_header(const offload_info& from, std::byte* to) noexcept
{
    const bool partial = from.checksum == offload_info::checksum_state::partial;
    store_8(to, offsetof(vnet_header, flags), partial ? needs_checksum : std::uint8_t{0});
    store_8(to, offsetof(vnet_header, gso_type), type_of(from));
    store_16(to, offsetof(vnet_header, header_length), from.header_length);
    store_16(to, offsetof(vnet_header, gso_size), from.gso_size);
    store_16(to, offsetof(vnet_header, checksum_start), partial ? from.checksum_start : std::uint16_t{0});
    store_16(to, offsetof(vnet_header, checksum_offset), partial ? from.checksum_offset : std::uint16_t{0});
}

bool read_vnet_header(const std::byte* from, offload_info& out) noexcept
{
    const std::uint8_t gso = load_8(from, offsetof(vnet_header, gso_type));
    if (!is_type(gso, out.gso)) return false;
    out.checksum = checksum_of(load_8(from, offsetof(vnet_header, flags)));
    out.ecn = (gso & gso_ecn) != 0;
    out.gso_size = load_16(from, offsetof(vnet_header, gso_size));
    out.header_length = load_16(from, offsetof(vnet_header, header_length));
    out.checksum_start = load_16(from, offsetof(vnet_header, checksum_start));
    out.checksum_offset = load_16(from, offsetof(vnet_header, checksum_offset));
    return true;
}

} // namespace tapio::detail
