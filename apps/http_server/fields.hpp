/// @file
/// Header fields that a file server has to understand: dates, byte ranges and the conditions on them (RFC 9110).
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

/// The same, read. The two obsolete formats are not understood: a condition on them does not hold, as is always
/// allowed.
std::optional<std::time_t> parse_date(std::string_view text);

/// Octets first, ..., first + length - 1 of a representation.
struct byte_range
{
    std::uint64_t first = 0, length = 0;

    friend bool operator==(const byte_range&, const byte_range&) = default;
};

struct whole_content
{
}; ///< there is no range, or none that we honour: answer 200 with everything
struct unsatisfiable_range
{
}; ///< 416

/// What a GET asks for of `size` octets (RFC 9110 §14.1.2, §14.2). Several ranges at once are a licence to make us
/// work: they get the whole content, as RFC 9110 §14.2 allows.
using range_request = std::variant<whole_content, byte_range, unsatisfiable_range>;
range_request parse_range(std::string_view field, std::uint64_t size);

/// "bytes 0-499/1234" (RFC 9110 §14.4).
std::string content_range(const byte_range& range, std::uint64_t size);

/// "bytes */1234", of a 416.
std::string unsatisfied_content_range(std::uint64_t size);

/// Whether the copy that the client holds is still good (RFC 9110 §13.1.3).
bool is_not_modified(std::string_view if_modified_since, std::time_t modified);

/// Whether the parts the client holds are of this very content (RFC 9110 §13.1.5); true when it does not ask.
bool is_range_current(std::string_view if_range, std::time_t modified);

} // namespace apps::http_server
