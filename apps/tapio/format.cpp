#include "tapio/format.hpp"

#include "common/program.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace apps::tools {

namespace {

/// A number at the beginning of `text`, digits with an optional fraction, which is removed. @return NaN if there is none.
/// (libc++ 16 has no std::from_chars for floating point.)
double take_number(std::string_view& text)
{
    const auto end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string digits(text.substr(0, end));
    const bool right = digits.find_first_of("0123456789") != digits.npos && std::count(digits.begin(), digits.end(), '.') <= 1;
    text.remove_prefix(end);
    return right ? std::strtod(digits.c_str(), nullptr) : std::numeric_limits<double>::quiet_NaN();
}

/// Nanoseconds of a unit; 0: there is no such unit.
double unit_of_time(std::string_view unit)
{
    if (unit.empty() || unit == "s") return 1e9;
    if (unit == "us") return 1e3;
    if (unit == "ms") return 1e6;
    if (unit == "m") return 60e9;
    return unit == "h" ? 3600e9 : 0;
}

/// Three digits of a value below 1000: "1.25", "12.3", "934".
std::string three_digits(double value) { return format_fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0); }

template <std::size_t N>
std::string scaled(double value, double step, const std::array<const char*, N>& units)
{
    std::size_t i = 0;
    while (value >= step * 0.9995 && i + 1 < N) value /= step, ++i;
    return three_digits(value) + ' ' + units[i];
}

} // namespace

std::chrono::nanoseconds parse_duration(const std::string& text)
{
    std::string_view rest = text;
    const double value = take_number(rest), unit = unit_of_time(rest);
    constexpr double longest = 1e9 * 86400 * 365;
    if (std::isnan(value) || unit == 0 || value * unit > longest)
        throw usage_error("'" + text + "' is not a duration, like 0.2, 200ms, 2s or 1m");
    return std::chrono::nanoseconds(std::llround(value * unit));
}

std::uint64_t parse_scaled(const std::string& text, std::uint64_t step)
{
    std::string_view rest = text;
    double value = take_number(rest);
    const std::string_view suffixes = "kmg";
    if (!rest.empty()) {
        const auto power = suffixes.find(static_cast<char>(rest.front() | 0x20));
        if (rest.size() == 1 && power != suffixes.npos)
            value *= std::pow(static_cast<double>(step), static_cast<double>(power + 1));
        else
            value = std::numeric_limits<double>::quiet_NaN();
    }
    if (std::isnan(value) || value > 1e18) throw usage_error("'" + text + "' is not a number, like 1200, 64K, 10M or 1G");
    return static_cast<std::uint64_t>(std::llround(value));
}

std::string endpoint_text(const boost::asio::ip::address& a, std::uint16_t port)
{
    return (a.is_v6() ? '[' + a.to_string() + ']' : a.to_string()) + ':' + std::to_string(port);
}

std::string format_fixed(double value, int digits)
{
    std::array<char, 64> out{};
    const int n = std::snprintf(out.data(), out.size(), "%.*f", digits, value);
    return {out.data(), static_cast<std::size_t>(std::min<int>(n, out.size() - 1))};
}

std::string format_ms(std::chrono::nanoseconds d, int digits)
{
    return format_fixed(static_cast<double>(d.count()) / 1e6, digits);
}

std::string format_duration(std::chrono::nanoseconds d)
{
    const std::array units{"ns", "us", "ms", "s"};
    return scaled(static_cast<double>(d.count()), 1000, units);
}

std::string format_bytes(double octets)
{
    const std::array units{"Bytes", "KBytes", "MBytes", "GBytes", "TBytes"};
    return scaled(octets, 1024, units);
}

std::string format_rate(double bits_per_second)
{
    const std::array units{"bits/sec", "Kbits/sec", "Mbits/sec", "Gbits/sec", "Tbits/sec"};
    return scaled(bits_per_second, 1000, units);
}

} // namespace apps::tools
