#include "http_server/target.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace apps::http_server {

namespace {

// "http://host:80/path" -> "/path": every server must take the absolute form (RFC 9112 §3.2.2).
std::string_view origin_form(std::string_view text)
{
    const auto scheme = text.find("://");
    if (text.starts_with('/') || scheme == text.npos || scheme > text.find_first_of("/?")) return text;
    const auto path = text.find_first_of("/?", scheme + 3);
    return path == text.npos || text[path] == '?' ? "/" : text.substr(path);
}

// The octet that two hexadecimal digits stand for.
std::optional<char> octet(std::string_view digits)
{
    unsigned char value = 0;
    const char* const end = digits.data() + digits.size();
    if (digits.size() != 2 || std::from_chars(digits.data(), end, value, 16).ptr != end) return std::nullopt;
    return static_cast<char>(value);
}

std::optional<std::string> percent_decode(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto decoded = octet(text.substr(i + 1, 2));
        if (!decoded) return std::nullopt;
        out += *decoded;
        i += 2;
    }
    return out;
}

bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

std::string lower(std::string_view text)
{
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

} // namespace

std::string target::path() const
{
    std::string out;
    for (const auto& segment : segments) out += '/' + segment;
    return is_directory ? out + '/' : out;
}

bool is_public_name(std::string_view name)
{
    return !name.empty() && name.size() <= 255 && name[0] != '.' && name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

std::optional<target> parse_target(std::string_view text)
{
    text = origin_form(text);
    target out;
    if (const auto mark = text.find('?'); mark != text.npos) {
        out.query = text.substr(mark + 1);
        text = text.substr(0, mark);
    }
    if (!text.starts_with('/')) return std::nullopt;
    out.is_directory = text.ends_with('/');
    while (!text.empty()) {
        text.remove_prefix(1); // the '/'
        const auto length = std::min(text.find('/'), text.size());
        auto segment = percent_decode(text.substr(0, length));
        text.remove_prefix(length);
        if (!segment) return std::nullopt;
        if (segment->empty()) continue; // "//" is "/"
        if (!is_public_name(*segment)) return std::nullopt;
        out.segments.push_back(std::move(*segment));
    }
    return out;
}

std::string percent_encode(std::string_view segment)
{
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : segment) {
        const auto value = static_cast<unsigned char>(c);
        if (is_unreserved(c))
            out += c;
        else
            out.append({'%', digits[value >> 4], digits[value & 15]});
    }
    return out;
}

std::string html_escape(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string_view media_type(std::string_view file_name)
{
    using entry = std::pair<std::string_view, std::string_view>;
    static constexpr std::array<entry, 26> types{{
        {"avif", "image/avif"},
        {"bmp", "image/bmp"},
        {"css", "text/css; charset=utf-8"},
        {"csv", "text/csv; charset=utf-8"},
        {"gif", "image/gif"},
        {"gz", "application/gzip"},
        {"htm", "text/html; charset=utf-8"},
        {"html", "text/html; charset=utf-8"},
        {"ico", "image/vnd.microsoft.icon"},
        {"jpeg", "image/jpeg"},
        {"jpg", "image/jpeg"},
        {"js", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"md", "text/markdown; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"mp3", "audio/mpeg"},
        {"mp4", "video/mp4"},
        {"pdf", "application/pdf"},
        {"png", "image/png"},
        {"svg", "image/svg+xml"},
        {"txt", "text/plain; charset=utf-8"},
        {"wasm", "application/wasm"},
        {"webp", "image/webp"},
        {"woff2", "font/woff2"},
        {"xml", "application/xml"},
        {"zip", "application/zip"},
    }};
    const auto dot = file_name.rfind('.');
    const auto extension = dot == file_name.npos ? std::string() : lower(file_name.substr(dot + 1));
    const auto found = std::ranges::find(types, extension, &entry::first);
    return found == types.end() ? "application/octet-stream" : found->second;
}

} // namespace apps::http_server
