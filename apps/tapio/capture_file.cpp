#include "tapio/capture_file.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

namespace apps::tools {

namespace {

constexpr std::uint32_t section_header = 0x0a0d0d0a, interface_description = 1, simple_packet = 3, enhanced_packet = 6;
constexpr std::size_t longest_block = 64U << 20U; ///< octets; a longer one is damage

[[noreturn]] void damaged() { throw std::runtime_error("the capture file is damaged"); }

std::uint64_t power(std::uint64_t base, unsigned exponent)
{
    std::uint64_t out = 1;
    while (exponent-- > 0) out *= base;
    return out;
}

std::chrono::nanoseconds to_time(std::uint64_t ticks, std::uint64_t per_second, std::int64_t offset)
{
    constexpr std::int64_t most = 4'000'000'000; // seconds either way: what nanoseconds in 64 bits can say
    const std::uint64_t since = ticks / per_second;
    if (since > static_cast<std::uint64_t>(most) || offset > most || offset < -most) damaged();
    const auto seconds = static_cast<std::int64_t>(since) + offset;
    const double fraction = static_cast<double>(ticks % per_second) / static_cast<double>(per_second);
    const bool exact = 1'000'000'000 % per_second == 0;
    const auto ns = exact ? (ticks % per_second) * (1'000'000'000 / per_second) : static_cast<std::uint64_t>(fraction * 1e9);
    return std::chrono::seconds(seconds) + std::chrono::nanoseconds(ns);
}

} // namespace

std::optional<tapio::core::link_type> link_type_of(unsigned number)
{
    switch (number) {
    case link_ethernet: return tapio::core::link_type::ethernet;
    case 12: // DLT_RAW, which some programs write
    case link_raw_ip:
    case link_ipv4:
    case link_ipv6: return tapio::core::link_type::ip;
    default: return std::nullopt;
    }
}

capture_reader::capture_reader(std::istream& in) : in_(in)
{
    if (!read(4)) throw std::runtime_error("the capture file is empty");
    const std::uint32_t magic = u32(0);
    if (magic == section_header) {
        pcapng_ = true;
        begin_section();
        return;
    }
    constexpr std::uint32_t us = 0xa1b2c3d4, ns = 0xa1b23c4d;
    const std::uint32_t swapped = magic >> 24U | (magic >> 8U & 0xff00U) | (magic << 8U & 0xff0000U) | magic << 24U;
    big_endian_ = swapped == us || swapped == ns;
    const std::uint32_t which = big_endian_ ? swapped : magic;
    if (which != us && which != ns) throw std::runtime_error("not a capture file: neither pcap nor pcapng");
    if (!read(20)) damaged();
    interfaces_.push_back({u32(16) & 0xffffU, which == us ? 1'000'000ULL : 1'000'000'000ULL, 0});
}

std::optional<captured_packet> capture_reader::next() { return pcapng_ ? next_pcapng() : next_pcap(); }

bool capture_reader::read(std::size_t n)
{
    block_.resize(n);
    in_.read(reinterpret_cast<char*>(block_.data()), static_cast<std::streamsize>(n));
    return static_cast<std::size_t>(in_.gcount()) == n;
}

std::uint16_t capture_reader::u16(std::size_t at) const
{
    if (at + 2 > block_.size()) damaged();
    return static_cast<std::uint16_t>(big_endian_ ? block_[at] << 8 | block_[at + 1] : block_[at + 1] << 8 | block_[at]);
}

std::uint32_t capture_reader::u32(std::size_t at) const
{
    const std::uint32_t first = u16(at), second = u16(at + 2);
    return big_endian_ ? first << 16U | second : second << 16U | first;
}

std::optional<captured_packet> capture_reader::next_pcap()
{
    if (!read(16)) return std::nullopt;
    const std::uint64_t ticks = u32(0) * interfaces_[0].ticks_per_second + u32(4);
    const std::size_t captured = u32(8), original = u32(12);
    if (captured > longest_block) damaged();
    if (!read(captured)) return std::nullopt;
    return packet(0, ticks, captured, original, 0);
}

captured_packet capture_reader::packet(std::uint32_t of, std::uint64_t ticks, std::size_t captured, std::size_t original,
                                       std::size_t at) const
{
    if (of >= interfaces_.size() || at + captured > block_.size()) damaged();
    const auto& i = interfaces_[of];
    captured_packet out{i.link, of, to_time(ticks, i.ticks_per_second, i.offset), original, {}};
    const auto* const from = reinterpret_cast<const std::byte*>(block_.data() + at);
    out.octets.assign(from, from + captured);
    return out;
}

std::optional<captured_packet> capture_reader::next_pcapng()
{
    while (read(4)) {
        const std::uint32_t type = u32(0);
        if (type == section_header) { // the byte order of its length follows behind it
            begin_section();
            continue;
        }
        if (!read(4)) return std::nullopt;
        const std::size_t length = u32(0);
        if (length < 12 || length % 4 != 0 || length > longest_block) damaged();
        if (!read(length - 8)) return std::nullopt;
        if (type == interface_description) add_interface();
        if (type == enhanced_packet) return enhanced();
        if (type == simple_packet) return simple();
    }
    return std::nullopt;
}

void capture_reader::begin_section()
{
    if (!read(8)) damaged();
    const auto order = std::span(block_).subspan(4, 4);
    constexpr std::array<unsigned char, 4> big{0x1a, 0x2b, 0x3c, 0x4d}, little{0x4d, 0x3c, 0x2b, 0x1a};
    if (!std::equal(order.begin(), order.end(), big.begin()) && !std::equal(order.begin(), order.end(), little.begin()))
        damaged();
    big_endian_ = order[0] == big[0];
    const std::size_t length = u32(0);
    if (length < 28 || length > longest_block || !read(length - 12)) damaged();
    interfaces_.clear();
}

void capture_reader::add_interface()
{
    interface i;
    i.link = u16(0);
    read_options(8, i);
    interfaces_.push_back(i);
}

void capture_reader::read_options(std::size_t at, interface& i) const
{
    constexpr unsigned end = 0, resolution = 9, offset = 14;
    while (at + 4 <= block_.size() - 4) {
        const unsigned code = u16(at);
        const std::size_t length = u16(at + 2);
        at += 4;
        if (code == end || at + length > block_.size()) return;
        if (code == resolution && length >= 1) {
            const unsigned exponent = block_[at] & 0x7fU;
            const bool binary = (block_[at] & 0x80U) != 0;
            if (exponent > (binary ? 62U : 18U)) damaged();
            i.ticks_per_second = power(binary ? 2 : 10, exponent);
        }
        if (code == offset && length == 8) {
            const std::uint64_t low = u32(big_endian_ ? at + 4 : at), high = u32(big_endian_ ? at : at + 4);
            i.offset = static_cast<std::int64_t>(high << 32U | low);
        }
        at += (length + 3) / 4 * 4;
    }
}

std::optional<captured_packet> capture_reader::enhanced() const
{
    const std::uint64_t ticks = std::uint64_t{u32(4)} << 32U | u32(8);
    return packet(u32(0), ticks, u32(12), u32(16), 20);
}

std::optional<captured_packet> capture_reader::simple() const
{
    if (block_.size() < 8) damaged();
    const std::size_t original = u32(0);
    return packet(0, 0, std::min(original, block_.size() - 8), original, 4); // behind the packet is the block's length
}

} // namespace apps::tools
