// // Conversion between virtio-net headers (struct virtio_net_hdr) and offload_info.
#include "device/vnet_header.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <optional>

namespace tapio::detail {
namespace {

using core::offload_info;

using octets_of_header = std::array<std::byte, sizeof(vnet_header)>;

octets_of_header header_of(std::initializer_list<int> octets)
{
    octets_of_header header{};
    std::size_t i = 0;
    for (const int octet : octets) header[i++] = static_cast<std::byte>(octet);
    return header;
}

std::optional<offload_info> from_vnet_header(const octets_of_header& header)
{
    offload_info out;
    return read_vnet_header(header.data(), out) ? std::optional(out) : std::nullopt;
}

octets_of_header to_vnet_header(const offload_info& offload)
{
    octets_of_header header;
    header.fill(std::byte{0xaa});
    write_vnet_header(offload, header.data());
    return header;
}

TEST(vnet_header_in, nothing_is_vouched_for_without_flags)
{
    const auto offload = from_vnet_header(header_of({0, 0}));
    ASSERT_TRUE(offload);
    EXPECT_EQ(offload->checksum, offload_info::checksum_state::complete);
    EXPECT_EQ(offload->gso, offload_info::gso_type::none);
}

TEST(vnet_header_in, data_valid)
{
    EXPECT_EQ(from_vnet_header(header_of({2, 0}))->checksum, offload_info::checksum_state::verified);
}

TEST(vnet_header_in, a_super_segment_with_a_partial_checksum)
{
    std::uint16_t numbers[] = {66, 1448, 34, 16};
    octets_of_header header = header_of({1, 0x81});
    std::memcpy(&header[2], numbers, sizeof numbers);
    const auto offload = from_vnet_header(header);
    ASSERT_TRUE(offload);
    EXPECT_EQ(offload->checksum, offload_info::checksum_state::partial);
    EXPECT_EQ(offload->gso, offload_info::gso_type::tcp_v4);
    EXPECT_TRUE(offload->ecn);
    EXPECT_EQ(offload->header_length, 66);
    EXPECT_EQ(offload->gso_size, 1448);
    EXPECT_EQ(offload->checksum_start, 34);
    EXPECT_EQ(offload->checksum_offset, 16);
}

TEST(vnet_header_in, unknown_gso_types_are_refused)
{
    EXPECT_FALSE(from_vnet_header(header_of({0, 3}))); // UFO, which no current kernel sends
    EXPECT_FALSE(from_vnet_header(header_of({0, 0x7f})));
}

TEST(vnet_header_out, a_finished_packet_is_all_zeros) { EXPECT_EQ(to_vnet_header({}), header_of({})); }

struct round_trip : ::testing::TestWithParam<offload_info::gso_type>
{
};

TEST_P(round_trip, keeps_every_field)
{
    offload_info sent;
    sent.checksum = offload_info::checksum_state::partial;
    sent.gso = GetParam();
    sent.gso_size = 1000;
    sent.header_length = 74;
    sent.checksum_start = 54;
    sent.checksum_offset = 16;
    const auto back = from_vnet_header(to_vnet_header(sent));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->checksum, sent.checksum);
    EXPECT_EQ(back->gso, sent.gso);
    EXPECT_EQ(back->gso_size, sent.gso_size);
    EXPECT_EQ(back->header_length, sent.header_length);
    EXPECT_EQ(back->checksum_start, sent.checksum_start);
    EXPECT_EQ(back->checksum_offset, sent.checksum_offset);
}

INSTANTIATE_TEST_SUITE_P(vnet_header, round_trip,
                         ::testing::Values(offload_info::gso_type::none, offload_info::gso_type::tcp_v4,
                                           offload_info::gso_type::tcp_v6, offload_info::gso_type::udp));

} // namespace
} // namespace tapio::detail
