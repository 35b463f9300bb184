#include "tapio/decode.hpp"
#include "tapio/format.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace apps::tools {

namespace {

/// The letters that tcpdump made customary.
std::string flags_text(unsigned flags)
{
    constexpr std::string_view letters = "FSRP.UEW"; // from bit 0 on; the dot is ACK
    std::string out;
    for (const char c : std::string_view("SFRP.UEW"))
        if ((flags >> letters.find(c) & 1U) != 0) out += c;
    return out.empty() ? "none" : out;
}

/// The blocks of a SACK option, relative to the sequence numbers that it acknowledges.
std::string sack_text(octet_reader in, std::uint32_t base)
{
    std::string out = "sack";
    while (in.size() >= 8) {
        const std::uint32_t from = in.u32() - base, to = in.u32() - base;
        out += ' ' + std::to_string(from) + ':' + std::to_string(to);
    }
    return out;
}

std::string option_text(unsigned kind, octet_reader in, std::uint32_t base)
{
    switch (kind) {
    case 2: return "mss " + std::to_string(in.u16());
    case 3: return "wscale " + std::to_string(in.u8());
    case 4: return "sackOK";
    case 5: return sack_text(in, base);
    case 8: {
        const std::uint32_t value = in.u32(), echo = in.u32();
        return "ts " + std::to_string(value) + ' ' + std::to_string(echo);
    }
    case 34: return in.size() == 0 ? "fastopen request" : "fastopen cookie";
    default: return "option " + std::to_string(kind);
    }
}

/// @param base  the first sequence number of the other direction, for SACK
std::string options_text(octet_reader in, std::uint32_t base)
{
    std::string out;
    while (in.size() > 0) {
        const unsigned kind = in.u8();
        if (kind == 0) break;
        if (kind == 1) continue;
        const std::size_t length = in.u8();
        if (length < 2 || length - 2 > in.size()) return out + (out.empty() ? "" : ", ") + "[bad options]";
        out += (out.empty() ? "" : ", ") + option_text(kind, in.part(length - 2), base);
    }
    return out;
}

/// The first line of a payload that begins as a request or an answer of HTTP does; else empty.
std::string http_line(std::span<const std::byte> payload)
{
    constexpr std::array<std::string_view, 7> beginnings{"GET ", "HEAD ", "PUT ", "POST ", "DELETE ", "OPTIONS ", "HTTP/1."};
    constexpr std::size_t longest = 60;
    const std::string_view text(reinterpret_cast<const char*>(payload.data()), std::min(payload.size(), longest + 1));
    if (std::none_of(beginnings.begin(), beginnings.end(), [&](std::string_view b) { return text.starts_with(b); })) return {};
    std::string out(text.substr(0, text.find_first_of("\r\n")));
    if (out.size() > longest) out.replace(longest, out.npos, "...");
    for (char& c : out)
        if (c < 0x20 || c > 0x7e) c = '.';
    return " \"" + out + '"';
}

} // namespace

std::uint32_t decoder::relative(const flow& f, std::uint32_t sequence, bool syn)
{
    constexpr std::size_t most_flows = 100'000;
    if (options_.absolute) return sequence;
    if (first_sequence_.size() >= most_flows) first_sequence_.clear();
    // A connection that was there before the capture is counted from 1, as one whose SYN was seen.
    const auto [known, is_new] = first_sequence_.try_emplace(f, syn ? sequence : sequence - 1);
    if (syn) known->second = sequence;
    return sequence - known->second;
}

std::string decoder::tcp(octet_reader in, const ip_facts& f)
{
    const std::uint16_t source = in.u16(), destination = in.u16();
    std::string out = endpoint_text(f.source, source) + " > " + endpoint_text(f.destination, destination) + " TCP";
    if (f.quoted) return out;
    const std::uint32_t sequence = in.u32(), acknowledgement = in.u32();
    const unsigned offset_and_flags = in.u16(), window = in.u16();
    in.skip(2);
    const unsigned urgent = in.u16();
    const std::size_t header = (offset_and_flags >> 12U) * 4U;
    if (in.truncated()) return out + " [truncated]";
    const unsigned flags = offset_and_flags & 0xffU;
    out += " [" + flags_text(flags) + ']';
    if (header < 20) return out + " [bad length]";
    octet_reader options = in.part(header - 20);
    const std::size_t length = in.size();

    const bool syn = (flags & 0x02U) != 0, ack = (flags & 0x10U) != 0, fin = (flags & 0x01U) != 0;
    const flow there{f.source, source, f.destination, destination}, back{f.destination, destination, f.source, source};
    const std::uint32_t from = relative(there, sequence, syn);
    if (length > 0 || syn || fin || (flags & 0x04U) != 0)
        out +=
            " seq " + std::to_string(from) + (length > 0 ? ':' + std::to_string(from + static_cast<std::uint32_t>(length)) : "");
    std::uint32_t base = 0;
    if (ack) {
        const std::uint32_t acknowledged = relative(back, acknowledgement, false);
        base = acknowledgement - acknowledged;
        out += " ack " + std::to_string(acknowledged);
    }
    out += " win " + std::to_string(window);
    if ((flags & 0x20U) != 0) out += " urg " + std::to_string(urgent);
    if (const std::string text = options_text(options, base); !text.empty()) out += " <" + text + '>';
    return out + " length " + std::to_string(length) + http_line(in.rest()) + (in.truncated() ? " [truncated]" : "");
}

} // namespace apps::tools
