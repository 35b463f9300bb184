// packet::make_room(): headroom for the headers of a packet that was received and is sent.
#include <tapio/core/packet.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace tapio::core {
namespace {

std::vector<std::byte> contents_of(const packet& p)
{
    std::vector<std::byte> out(p.size());
    p.copy_to(out);
    return out;
}

TEST(packet_room, is_made_whatever_parsing_has_moved_to_the_headroom)
{
    std::vector<std::byte> all(400);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i);
    const auto piece = [&](std::size_t begin, std::size_t end) {
        return slice::copy_of(const_bytes(all).subspan(begin, end - begin));
    };
    for (std::size_t moved = 11; moved <= packet::headroom; ++moved) {
        packet p(piece(0, 10));
        p.append(piece(10, all.size()));
        p.offload.checksum_start = 7;
        ASSERT_TRUE(p.pull(moved)); // lies in two pieces, so it is joined in the headroom
        for (const std::size_t room : {std::size_t{0}, std::size_t{40}, std::size_t{96}, packet::headroom}) {
            packet q = p;
            q.make_room(room);
            std::byte* const front = q.push_front(room);
            std::fill(front, front + room, std::byte{9});
            EXPECT_EQ(q.offload.checksum_start, 7U);
            auto expected = all;
            expected.insert(expected.begin(), room, std::byte{9});
            ASSERT_EQ(contents_of(q), expected) << moved << ' ' << room;
            ASSERT_EQ(contents_of(p), all);
        }
    }
}

} // namespace
} // namespace tapio::core
