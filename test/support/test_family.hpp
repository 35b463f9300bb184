/// @file
/// The address family of a run of tests: TAPIO_TEST_FAMILY=v6 runs tests that are written with IPv4 addresses over IPv6.
#pragma once

#include "base/family_sizes.hpp"

#include <tapio/core/address.hpp>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tapio::test {

inline core::family test_family()
{
    static const char* const asked = std::getenv("TAPIO_TEST_FAMILY");
    return asked != nullptr && std::string_view(asked) == "v6" ? core::family::v6 : core::family::v4;
}
inline bool over_v6() { return test_family() == core::family::v6; }

/// An IPv4 address of a test in the family of the run: over IPv6 192.0.2.1 is 2001:db8::c000:201.
inline core::address in_test_family(const core::address& a)
{
    if (!over_v6() || a.is_v6()) return a;
    core::address_v6::bytes_type octets{0x20, 0x01, 0x0d, 0xb8};
    const auto v4 = a.to_v4().to_bytes();
    for (std::size_t i = 0; i < v4.size(); ++i) octets[12 + i] = v4[i];
    return a.is_loopback() ? core::address(core::address_v6::loopback()) : core::address(core::address_v6(octets));
}
inline core::address in_test_family(const std::string& a) { return in_test_family(boost::asio::ip::make_address(a)); }

/// The prefix that has as many host bits. @param v4 bits
inline unsigned prefix_in_test_family(unsigned v4) { return over_v6() ? v4 + 96 : v4; }

/// The MTU for which TCP segments have as much payload as over IPv4. @param v4 octets
inline std::size_t mtu_in_test_family(std::size_t v4)
{
    return v4 - core::sizes_of(core::family::v4).ip_header + core::sizes_of(test_family()).ip_header;
}

} // namespace tapio::test
