/// @file
/// Request targets (RFC 9112 §3.2) and the names of files. Nothing here touches a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace apps::http_server {

/// A request target, decoded: "/a%20b/c?x" is {{"a b", "c"}, false, "x"}.
struct target
{
    std::vector<std::string> segments; ///< of the path; none is empty, begins with a dot or holds a '/' or a NUL
    bool is_directory = false;         ///< the path ends in '/'
    std::string query;                 ///< as it came, without the '?'

    std::string path() const; ///< "/a b/c", decoded, for people and comparisons
};

/// Nothing for a target that names no file of ours: not in origin or absolute form, a malformed escape, an octet that
/// no name may hold, or a segment that begins with a dot, escaped or not: "." and ".." can lead out of the directory,
/// and hidden files are nobody's business.
std::optional<target> parse_target(std::string_view text);

/// Whether a file may be served, listed or uploaded under this name.
bool is_public_name(std::string_view name);

/// Escapes all but unreserved characters (RFC 3986 §2.3).
std::string percent_encode(std::string_view segment);

/// Escapes what HTML would understand.
std::string html_escape(std::string_view text);

/// The media type that goes with a file's name: "text/html; charset=utf-8" for "index.html".
std::string_view media_type(std::string_view file_name);

} // namespace apps::http_server
