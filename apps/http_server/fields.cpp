#include "http_server/fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace apps::http_server {

namespace {

constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Parses all of `text`, which must be digits.
template <class T>
std::optional<T> digits(std::string_view text)
{
    T value{};
    const char* const end = text.data() + text.size();
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    const auto [stopped_at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped_at != end) return std::nullopt;
    return value;
}

std::string_view trim(std::string_view text)
{
    const auto from = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(from);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

std::string two(int n) { return {static_cast<char>('0' + n / 10), static_cast<char>('0' + n % 10)}; }

// "-500": the last 500 octets.
range_request suffix_range(std::string_view length_text, std::uint64_t size)
{
    const auto length = digits<std::uint64_t>(length_text);
    if (!length) return whole_content{};
    if (*length == 0 || size == 0) return unsatisfiable_range{};
    const auto n = std::min(*length, size);
    return byte_range{size - n, n};
}

} // namespace

std::string format_date(std::time_t when)
{
    std::tm t{};
    gmtime_r(&when, &t);
    std::string out(days[static_cast<std::size_t>(t.tm_wday)]);
    out += ", " + two(t.tm_mday) + ' ';
    out += months[static_cast<std::size_t>(t.tm_mon)];
    out += ' ' + std::to_string(t.tm_year + 1900) + ' ';
    return out + two(t.tm_hour) + ':' + two(t.tm_min) + ':' + two(t.tm_sec) + " GMT";
}

std::optional<std::time_t> parse_date(std::string_view text)
{
    text = trim(text);
    // Sun, 06 Nov 1994 08:49:37 GMT
    // 0    5  8   12   17 20 23 26
    if (text.size() != 29 || text.substr(25) != " GMT") return std::nullopt;
    const auto month = std::ranges::find(months, text.substr(8, 3));
    const auto day = digits<int>(text.substr(5, 2)), year = digits<int>(text.substr(12, 4));
    const auto hour = digits<int>(text.substr(17, 2)), minute = digits<int>(text.substr(20, 2)),
               second = digits<int>(text.substr(23, 2));
    if (month == months.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
    std::tm t{};
    t.tm_mday = *day;
    t.tm_mon = static_cast<int>(month - months.begin());
    t.tm_year = *year - 1900;
    t.tm_hour = *hour;
    t.tm_min = *minute;
    t.tm_sec = *second;
    const std::time_t when = timegm(&t);
    if (format_date(when) != text) return std::nullopt; // 31 Feb, 25:00, a wrong day of the week or separator
    return when;
}

range_request parse_range(std::string_view field, std::uint64_t size)
{
    field = trim(field);
    const auto equals = field.find('=');
    if (equals == field.npos || field.substr(0, equals) != "bytes") return whole_content{};
    const auto spec = trim(field.substr(equals + 1));
    const auto dash = spec.find('-');
    if (dash == spec.npos) return whole_content{};
    if (dash == 0) return suffix_range(spec.substr(1), size);

    const auto first = digits<std::uint64_t>(spec.substr(0, dash));
    if (!first) return whole_content{};
    std::uint64_t last = UINT64_MAX;
    if (dash + 1 < spec.size()) {
        const auto given = digits<std::uint64_t>(spec.substr(dash + 1));
        if (!given || *given < *first) return whole_content{}; // an invalid range counts as none
        last = *given;
    }
    if (*first >= size) return unsatisfiable_range{};
    return byte_range{*first, std::min(last, size - 1) - *first + 1};
}

std::string content_range(const byte_range& range, std::uint64_t size)
{
    return "bytes " + std::to_string(range.first) + '-' + std::to_string(range.first + range.length - 1) + '/' +
           std::to_string(size);
}

std::string unsatisfied_content_range(std::uint64_t size) { return "bytes */" + std::to_string(size); }

bool is_not_modified(std::string_view if_modified_since, std::time_t modified)
{
    const auto since = parse_date(if_modified_since);
    return since && modified <= *since;
}

bool is_range_current(std::string_view if_range, std::time_t modified)
{
    return if_range.empty() || parse_date(if_range) == modified; // an entity tag matches nothing, because we send none
}

} // namespace apps::http_server
