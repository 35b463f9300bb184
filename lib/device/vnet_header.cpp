#include "device/vnet_header.hpp"

#include <cstring>

namespace tapio::detail {

namespace {

using core::offload_info;

// VIRTIO 1.2 §5.1.6
constexpr std::uint8_t needs_checksum = 1, data_valid = 2;                                           // flags
constexpr std::uint8_t gso_none = 0, gso_tcp_v4 = 1, gso_tcp_v6 = 4, gso_udp_l4 = 5, gso_ecn = 0x80; // gso_type

std::uint16_t load(const std::uint8_t (&octets)[2]) noexcept
{
    std::uint16_t value;
    std::memcpy(&value, octets, sizeof value);
    return value;
}

void store(std::uint8_t (&octets)[2], std::uint16_t value) noexcept { std::memcpy(octets, &value, sizeof value); }

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

std::optional<offload_info::gso_type> type_of(const vnet_header& header) noexcept
{
    switch (header.gso_type & ~gso_ecn) {
    case gso_none: return offload_info::gso_type::none;
    case gso_tcp_v4: return offload_info::gso_type::tcp_v4;
    case gso_tcp_v6: return offload_info::gso_type::tcp_v6;
    case gso_udp_l4: return offload_info::gso_type::udp;
    default: return std::nullopt;
    }
}

offload_info::checksum_state checksum_of(const vnet_header& header) noexcept
{
    if ((header.flags & needs_checksum) != 0) return offload_info::checksum_state::partial;
    if ((header.flags & data_valid) != 0) return offload_info::checksum_state::verified;
    return offload_info::checksum_state::complete;
}

} // namespace

vnet_header to_vnet_header(const offload_info& offload) noexcept
{
    vnet_header header;
    header.gso_type = type_of(offload);
    store(header.header_length, offload.header_length);
    store(header.gso_size, offload.gso_size);
    if (offload.checksum == offload_info::checksum_state::partial) {
        header.flags = needs_checksum;
        store(header.checksum_start, offload.checksum_start);
        store(header.checksum_offset, offload.checksum_offset);
    }
    return header;
}

std::optional<offload_info> from_vnet_header(const vnet_header& header) noexcept
{
    const auto gso = type_of(header);
    if (!gso) return std::nullopt;
    offload_info offload;
    offload.checksum = checksum_of(header);
    offload.gso = *gso;
    offload.ecn = (header.gso_type & gso_ecn) != 0;
    offload.gso_size = load(header.gso_size);
    offload.header_length = load(header.header_length);
    offload.checksum_start = load(header.checksum_start);
    offload.checksum_offset = load(header.checksum_offset);
    return offload;
}

} // namespace tapio::detail
