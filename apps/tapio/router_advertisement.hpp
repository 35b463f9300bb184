/// @file
/// A router advertisement for people, in the words of rdisc6, and for machines.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace apps::tools {

struct router_advertisement
{
    std::string text;                  ///< lines, each with its newline
    std::string json;                  ///< the members of an object, without its braces
    std::vector<std::string> prefixes; ///< "2001:db8::/64"
};

/// @param message from the ICMPv6 header on  @return none: it is no router advertisement, or malformed (RFC 4861 §6.1.2)
std::optional<router_advertisement> describe_advertisement(std::span<const std::byte> message);

/// The link-layer address in an option of a Neighbour Discovery message, as "02:00:00:00:00:02"; empty if there is none.
/// @param options behind the message's fixed part  @param type 1: the source's, 2: the target's (RFC 4861 §4.6.1)
std::string link_layer_address(std::span<const std::byte> options, unsigned type);

} // namespace apps::tools
