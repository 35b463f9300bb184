/// @file
/// Lists of domain names in the wire form of DNS (RFC 1035 §3.1), as DHCP carries them: RFC 3397 §2 (compressed) and RFC 8415 §10
/// (never compressed).
#pragma once

#include <tapio/core/slice.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tapio::core::wire {

/// The text in lower case, if it is a domain name: labels of [a-z0-9_-] with 1 to 63 characters, separated by dots, together at
/// most 253. One dot at its end, and zero octets behind it, are left out (RFC 2132 §2).
std::optional<std::string> domain_name_of(std::string_view text);

/// The names, as domain_name_of() returns them. A name with a character that no host name has is left out.
/// @param compressed a name may end in a pointer to an earlier part of `from`
/// @param most names that are read; the rest is ignored
/// @return none: a name is cut off or too long, or a pointer does not point backwards
std::optional<std::vector<std::string>> parse_domain_list(const_bytes from, bool compressed, std::size_t most);

/// Without compression. Precondition: the names are as domain_name_of() returns them.
std::vector<std::byte> make_domain_list(const std::vector<std::string>& names);

} // namespace tapio::core::wire
