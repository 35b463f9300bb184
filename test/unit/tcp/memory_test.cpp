// Memory held by the buffers of a connection: whole blocks count, not only octets of the stream.
#include "tcp/receive_buffer.hpp"
#include "tcp/send_buffer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tapio::core::tcp::memory_test {
namespace {

slice some(std::size_t n)
{
    const std::string text(n, 'x');
    return slice::copy_of(std::as_bytes(std::span(text)));
}

/// The first `n` octets of a block of `capacity` octets, as received from a device.
slice of_block(std::size_t capacity, std::size_t n)
{
    const block b(capacity);
    std::fill_n(b.data(), n, std::byte{'x'});
    return b.share(0, n);
}

std::uint64_t put(receive_buffer& b, std::uint64_t at, slice s)
{
    slice_list l;
    l.push_back(std::move(s));
    return b.receive(at, std::move(l));
}

std::size_t take_all(receive_buffer& b)
{
    std::vector<slice> out;
    return b.take(out, UINT64_MAX);
}

constexpr std::size_t lists = 4096; ///< octets that the lists of slices may take

TEST(held_memory, of_an_empty_buffer_is_none)
{
    EXPECT_EQ(receive_buffer(1000).held(), 0U);
    EXPECT_EQ(send_buffer().held(), 0U);
    EXPECT_EQ(reassembler().held(), 0U);
}

TEST(held_memory, of_a_segment_is_its_block)
{
    receive_buffer b(1 << 20);
    put(b, 0, of_block(2048, 1448));
    EXPECT_GE(b.held(), 2048U);
    EXPECT_LE(b.held(), 2048U + lists);
    put(b, 1448, of_block(131'072, 600));
    EXPECT_GE(b.held(), 2048U + 131'072U);
    std::byte octets[1448];
    EXPECT_EQ(b.read(std::vector<mutable_bytes>{mutable_bytes(octets)}, false), 1448U);
    EXPECT_GE(b.held(), 131'072U);
    EXPECT_LE(b.held(), 131'072U + lists);
    EXPECT_EQ(take_all(b), 600U);
    EXPECT_LE(b.held(), lists);
}

TEST(held_memory, is_spared_when_it_is_scarce)
{
    receive_buffer b(1 << 20);
    b.be_sparing(true);
    put(b, 0, of_block(131'072, 1448));
    EXPECT_LE(b.held(), 2048U + lists);
    put(b, 1448, of_block(2048, 1448)); // as compact as a copy
    EXPECT_EQ(take_all(b), 2896U);
}

TEST(held_memory, of_small_segments_in_order_is_a_block_for_many)
{
    receive_buffer b(1 << 20);
    for (std::uint64_t at = 0; at < 10'000; ++at) put(b, at, some(1));
    EXPECT_GE(b.held(), 10'000U);
    EXPECT_LE(b.held(), 10'000U + 4096 + lists);
    EXPECT_EQ(take_all(b), 10'000U);
    EXPECT_LE(b.held(), lists);
}

TEST(held_memory, of_one_octet_out_of_order_is_a_block_and_its_place)
{
    receive_buffer b(1 << 20);
    for (std::uint64_t at = 1; at < 4000; at += 2) put(b, at, some(1));
    EXPECT_EQ(b.early().size(), 2000U);
    EXPECT_GE(b.held(), 2000U * 256);
    EXPECT_LE(b.held(), 2000U * 512);
    EXPECT_EQ(put(b, 0, some(4001)), 4001U);
    EXPECT_LE(b.held(), 8192U + lists) << "the gaps are filled by one block, the single octets are freed";
    EXPECT_EQ(take_all(b), 4001U);
}

TEST(held_memory, of_a_little_out_of_order_is_not_a_large_block)
{
    receive_buffer b(1 << 20);
    put(b, 10'000, of_block(131'072, 1448));
    EXPECT_LE(b.held(), 2048U + lists);
    put(b, 20'000, of_block(131'072, 60'000)); // large enough to keep its block
    EXPECT_GE(b.held(), 131'072U);
    b.clear();
    EXPECT_LE(b.held(), lists);
}

TEST(held_memory, of_neighbours_in_one_block_is_counted_once)
{
    const block b(65'536);
    std::fill_n(b.data(), 65'536, std::byte{'x'});
    receive_buffer r(1 << 20);
    send_buffer s;
    for (std::size_t at = 0; at < 60'000; at += 1000) put(r, at, b.share(at, 1000)), s.append(b.share(at, 1000));
    for (const std::size_t held : {r.held(), s.held()}) {
        EXPECT_GE(held, 65'536U);
        EXPECT_LE(held, 65'536U + 2 * lists + 2048);
    }
    std::vector<slice> out;
    EXPECT_EQ(r.take(out, 59'000), 59'000U);
    s.acknowledge(59'000);
    EXPECT_GE(r.held(), 65'536U) << "the last slice still holds the whole block";
    EXPECT_GE(s.held(), 65'536U);
    EXPECT_EQ(take_all(r), 1000U);
    s.acknowledge(60'000);
    EXPECT_LE(r.held(), 2 * lists);
    EXPECT_LE(s.held(), 2 * lists + 2048);
}

TEST(held_memory, of_an_octet_that_was_written_is_a_block)
{
    send_buffer s;
    s.write(some(1).bytes());
    EXPECT_GE(s.held(), 2048U);
    EXPECT_LE(s.held(), 2048U + 100);
    s.write(some(1000).bytes());
    EXPECT_LE(s.held(), 2048U + 100) << "the first block had room for it";
    s.acknowledge(1001);
    EXPECT_EQ(s.held(), 0U);
}

} // namespace
} // namespace tapio::core::tcp::memory_test
