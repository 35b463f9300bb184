#include "wire/domain_list.hpp"

#include <algorithm>

namespace tapio::core::wire {

namespace {

constexpr std::size_t longest_label = 63; // octets (RFC 1035 §2.3.4)
constexpr std::size_t longest_name = 253; // characters: 255 octets on the wire, with the first length and the root
constexpr unsigned most_pointers = 16;    // in one name: a chain of them is of no use to a sender

/// The character in lower case, because names are compared without regard to it (RFC 4343); 0: not of a host name.
char host_name_character(char c) noexcept
{
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ? c : '\0';
}

/// Reads the name at `at`, which is then behind it. Pointers lead backwards only, so that reading ends.
/// @param name its labels, separated by dots; a character that no host name has becomes 0
/// @return false: malformed
bool take_name(const_bytes from, std::size_t& at, bool compressed, std::string& name)
{
    std::size_t here = at, lowest = at;
    bool jumped = false;
    for (unsigned pointers = 0; here < from.size();) {
        const std::size_t length = std::to_integer<std::size_t>(from[here]);
        if (length >= 0xc0) {
            if (!compressed || here + 1 >= from.size() || ++pointers > most_pointers) return false;
            const std::size_t to = (length & 0x3f) << 8 | std::to_integer<std::size_t>(from[here + 1]);
            if (to >= lowest) return false;
            if (!jumped) at = here + 2;
            jumped = true;
            here = lowest = to;
            continue;
        }
        if (length > longest_label || length >= from.size() - here) return false;
        if (!jumped) at = here + 1 + length;
        if (length == 0) return true;
        if (!name.empty()) name += '.';
        for (const std::byte b : from.subspan(here + 1, length)) name += host_name_character(static_cast<char>(b));
        if (name.size() > longest_name) return false;
        here += 1 + length;
    }
    return false;
}

} // namespace

std::optional<std::string> domain_name_of(std::string_view text)
{
    while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
    if (!text.empty() && text.back() == '.') text.remove_suffix(1);
    if (text.empty() || text.size() > longest_name) return std::nullopt;
    std::string out;
    std::size_t label = 0;
    for (const char c : text) {
        label = c == '.' ? 0 : label + 1;
        out += c == '.' ? '.' : host_name_character(c);
        if (out.back() == '\0' || label > longest_label) return std::nullopt;
    }
    const bool empty_label = out.front() == '.' || out.back() == '.' || out.find("..") != out.npos;
    return empty_label ? std::nullopt : std::optional(std::move(out));
}

std::optional<std::vector<std::string>> parse_domain_list(const_bytes from, bool compressed, std::size_t most)
{
    std::vector<std::string> out;
    std::size_t at = 0;
    for (std::size_t n = 0; n < most && at < from.size(); ++n) {
        std::string name;
        if (!take_name(from, at, compressed, name)) return std::nullopt;
        if (!name.empty() && name.find('\0') == name.npos) out.push_back(std::move(name));
    }
    return out;
}

std::vector<std::byte> make_domain_list(const std::vector<std::string>& names)
{
    std::vector<std::byte> out;
    for (const std::string_view name : names) {
        for (std::string_view rest = name; !rest.empty();) {
            const std::string_view label = rest.substr(0, rest.find('.'));
            out.push_back(static_cast<std::byte>(label.size()));
            for (const char c : label) out.push_back(static_cast<std::byte>(c));
            rest.remove_prefix(std::min(rest.size(), label.size() + 1));
        }
        out.push_back(std::byte{0});
    }
    return out;
}

} // namespace tapio::core::wire
