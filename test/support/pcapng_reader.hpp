/// @file
/// Reads pcapng files for tests, and checks the block structure of the specification.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace tapio::test {

struct pcapng_block
{
    std::uint32_t type = 0;
    std::string body;
};

inline std::uint32_t number(const std::string& text, std::size_t at)
{
    std::uint32_t value = 0;
    std::memcpy(&value, text.data() + at, sizeof value);
    return value;
}

inline std::vector<pcapng_block> blocks_of(const std::string& file)
{
    std::vector<pcapng_block> blocks;
    for (std::size_t at = 0; at + 12 <= file.size();) {
        const auto length = number(file, at + 4);
        if (length < 12 || length % 4 != 0 || at + length > file.size()) return {};
        if (number(file, at + length - 4) != length) return {};
        blocks.push_back({number(file, at), file.substr(at + 8, length - 12)});
        at += length;
    }
    return blocks;
}

/// The value of option `code` among the options that begin at `at`; "none" if it is missing.
inline std::string option(const std::string& body, std::size_t at, std::uint16_t code)
{
    while (at + 4 <= body.size()) {
        const auto word = number(body, at);
        const auto length = word >> 16;
        if ((word & 0xffff) == code) return body.substr(at + 4, length);
        at += 4 + (length + 3) / 4 * 4;
    }
    return "none";
}

/// All blocks of a file; empty if one of them is truncated or malformed.
inline std::vector<pcapng_block> read_pcapng(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return blocks_of({std::istreambuf_iterator<char>(file), {}});
}

struct captured_packet
{
    std::chrono::nanoseconds time; ///< since the UNIX epoch
    std::uint32_t interface = 0;
    std::string octets, comment; ///< "none": no comment
};

/// The packets: all enhanced packet blocks.
inline std::vector<captured_packet> packets_of(const std::vector<pcapng_block>& blocks)
{
    constexpr std::uint32_t enhanced_packet = 6;
    std::vector<captured_packet> out;
    for (const auto& [type, body] : blocks) {
        if (type != enhanced_packet) continue;
        const std::uint64_t time = std::uint64_t{number(body, 4)} << 32 | number(body, 8);
        const std::uint32_t size = number(body, 12);
        out.push_back(
            {std::chrono::nanoseconds(time), number(body, 0), body.substr(20, size), option(body, 20 + (size + 3) / 4 * 4, 1)});
    }
    return out;
}

} // namespace tapio::test
