/// @file
/// Request targets (RFC 9112 §3.2) and names of files. No function here accesses a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace apps::http_server {

/// A request target, decoded: "/a%20b/c?x" is {{"a b", "c"}, false, "x"}.
struct target
{
    std::vector<std::string> segments; ///< of the path; none is empty, begins with a dot, or contains '/' or NUL
    bool is_directory = false;         ///< the path ends in '/'
    std::string query;                 ///< as received, without the '?'

    std::string path() const; ///< "/a b/c", decoded, for display and comparison
};

/// Parses a target. Returns none if it cannot name a file: it is not in origin or absolute form, or has a malformed escape, an
/// octet that no name may have, or a segment that begins with a dot, escaped or not ("." and ".." could lead out of the
/// directory, and hidden files are not served).
std::optional<target> parse_target(std::string_view text);

/// Whether a file of this name may be served, listed or uploaded.
bool is_public_name(std::string_view name);

/// Escapes all but unreserved characters (RFC 3986 §2.3).
std::string percent_encode(std::string_view segment);

/// Escapes the characters that are special in HTML.
std::string html_escape(std::string_view text);

/// The media type for a file's name: "text/html; charset=utf-8" for "index.html".
std::string_view media_type(std::string_view file_name);

} // namespace apps::http_server
