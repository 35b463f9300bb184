/// @file
/// URLs of http and https (RFC 3986), as far as a client needs them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace apps::tools {

struct url
{
    bool tls = false;
    std::string host; ///< without the brackets of an IPv6 address
    std::uint16_t port = 80;
    std::string target = "/"; ///< path and query

    /// The value of the field Host: with brackets, and with the port unless it is the scheme's.
    std::string authority() const;
};

/// "http://" may be left out, as with curl. @return none: not a URL, or of another scheme
std::optional<url> parse_url(std::string_view text);

/// The URL that a redirection's field Location names, relative to `base`.
std::optional<url> follow(const url& base, std::string_view location);

} // namespace apps::tools
