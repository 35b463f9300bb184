#include "tapio/url.hpp"

#include <algorithm>
#include <charconv>

namespace apps::tools {

namespace {

/// Splits "host:port" or "[v6]:port". @return false: malformed
bool read_authority(std::string_view text, url& out)
{
    if (const auto at = text.rfind('@'); at != text.npos) text.remove_prefix(at + 1); // credentials are not used
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == text.npos) return false;
        out.host = text.substr(1, end - 1);
        port = text.substr(end + 1);
    } else {
        const auto colon = text.find(':');
        out.host = text.substr(0, colon);
        port = colon == text.npos ? std::string_view() : text.substr(colon);
    }
    if (out.host.empty()) return false;
    if (port.empty() || port == ":") return true;
    if (!port.starts_with(':')) return false;
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), out.port);
    return error == std::errc() && end == port.data() + port.size() && out.port != 0;
}

bool acceptable(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; }

} // namespace

std::string url::authority() const
{
    const std::string name = host.find(':') == host.npos ? host : '[' + host + ']';
    return port == (tls ? 443 : 80) ? name : name + ':' + std::to_string(port);
}

std::optional<url> parse_url(std::string_view text)
{
    url out;
    if (!std::all_of(text.begin(), text.end(), acceptable)) return std::nullopt;
    if (const auto scheme = text.find("://"); scheme != text.npos) {
        out.tls = text.substr(0, scheme) == "https";
        if (!out.tls && text.substr(0, scheme) != "http") return std::nullopt;
        text.remove_prefix(scheme + 3);
    }
    out.port = out.tls ? 443 : 80;
    text = text.substr(0, text.find('#'));
    const auto path = text.find_first_of("/?");
    if (!read_authority(text.substr(0, path), out)) return std::nullopt;
    if (path != text.npos) out.target = (text[path] == '?' ? "/" : "") + std::string(text.substr(path));
    return out;
}

std::optional<url> follow(const url& base, std::string_view location)
{
    if (location.find("://") != location.npos) return parse_url(location);
    if (location.empty() || !std::all_of(location.begin(), location.end(), acceptable)) return std::nullopt;
    url out = base;
    location = location.substr(0, location.find('#'));
    if (location.starts_with('/'))
        out.target = location;
    else
        out.target = base.target.substr(0, base.target.substr(0, base.target.find('?')).rfind('/') + 1) + std::string(location);
    return out;
}

} // namespace apps::tools
