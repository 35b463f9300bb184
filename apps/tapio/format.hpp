/// @file
/// Numbers as people read and write them: durations, sizes, rates.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace apps::tools {

/// Parses seconds with an optional fraction, or a number with the unit us, ms, s, m or h. @throws usage_error
std::chrono::nanoseconds parse_duration(const std::string& text);

/// Parses a number with an optional suffix K, M or G, in either case, each `step` times the one before. @throws usage_error
std::uint64_t parse_scaled(const std::string& text, std::uint64_t step);

/// "12.3 us", "1.25 ms", "3.00 s": three digits and a unit.
std::string format_duration(std::chrono::nanoseconds d);

/// Milliseconds with `digits` behind the point: "0.123".
std::string format_ms(std::chrono::nanoseconds d, int digits = 3);

/// "1.25 MBytes": steps of 1024, three digits.
std::string format_bytes(double octets);

/// "934 Mbits/sec": steps of 1000, three digits.
std::string format_rate(double bits_per_second);

/// "198.18.0.2:80", "[2001:db8::2]:80".
std::string endpoint_text(const boost::asio::ip::address& a, std::uint16_t port);

/// printf("%.*f").
std::string format_fixed(double value, int digits);

} // namespace apps::tools
