/// @file
/// The header fields of a file server: dates, byte ranges and the conditions on them (RFC 9110).
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace apps::http_server {

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
std::string format_date(std::time_t when);

/// Parses such a date. The two obsolete formats are not accepted: a condition with one does not hold, which is always allowed.
std::optional<std::time_t> parse_date(std::string_view text);

/// Octets first, ..., first + length - 1 of a representation.
struct byte_range
{
    std::uint64_t first = 0, length = 0;

    friend bool operator==(const byte_range&, const byte_range&) = default;
};

struct whole_content
{
}; ///< no range, or one that is not supported: answer 200 with everything
struct unsatisfiable_range
{
}; ///< 416

/// The part of `size` octets that a GET asks for (RFC 9110 §14.1.2, §14.2). Several ranges at once could be used to make the
/// server work; they get the whole content, as RFC 9110 §14.2 allows.
using range_request = std::variant<whole_content, byte_range, unsatisfiable_range>;
range_request parse_range(std::string_view field, std::uint64_t size);

/// "bytes 0-499/1234" (RFC 9110 §14.4).
std::string content_range(const byte_range& range, std::uint64_t size);

/// "bytes */1234", for a 416.
std::string unsatisfied_content_range(std::uint64_t size);

/// Whether the client's copy is still valid, by If-Modified-Since (RFC 9110 §13.1.3).
bool is_not_modified(std::string_view if_modified_since, std::time_t modified);

/// Whether the client's parts are of this content, by If-Range (RFC 9110 §13.1.5); true if the request has no If-Range.
bool is_range_current(std::string_view if_range, std::time_t modified);

} // namespace apps::http_server
