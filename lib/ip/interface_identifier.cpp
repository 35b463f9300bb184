#include "ip/interface_identifier.hpp"

#include <boost/endian/conversion.hpp>

#include <cstddef>
#include <vector>

namespace tapio::core::ip {

bool is_reserved_identifier(std::uint64_t identifier) noexcept
{
    constexpr std::uint64_t ethernet_block = 0x0200'5eff'fe00'0000, subnet_anycast = 0xfdff'ffff'ffff'ff80;
    return identifier == 0 || identifier >> 24 == ethernet_block >> 24 || identifier >> 7 == subnet_anycast >> 7;
}

std::uint64_t stable_identifier(const siphash_key& secret, const address_v6& prefix, std::string_view net_iface,
                                std::uint8_t dad_counter)
{
    const auto network = prefix.to_bytes();
    std::vector<std::byte> in;
    for (std::size_t i = 0; i < 8; ++i) in.push_back(std::byte{network[i]});
    in.push_back(std::byte{dad_counter});
    for (const char c : net_iface) in.push_back(static_cast<std::byte>(c));
    return siphash(secret, in);
}

std::uint64_t random_identifier(random_source& random) noexcept
{
    for (;;)
        if (const std::uint64_t identifier = random.next_u64(); !is_reserved_identifier(identifier)) return identifier;
}

address_v6 join(const address_v6& prefix, std::uint64_t identifier) noexcept
{
    auto octets = prefix.to_bytes();
    boost::endian::store_big_u64(octets.data() + 8, identifier);
    return address_v6(octets);
}

} // namespace tapio::core::ip
