#include "base/flow_key.hpp"

#include <boost/endian/conversion.hpp>

namespace tapio::core {

void flow_key::put(unsigned end, const address& a) noexcept
{
    if (a.is_v4()) {
        put_half(0, end, a.to_v4().to_uint());
        put_half(2, end, mapped);
        words_[3 + end] = 0;
        return;
    }
    const address_v6 v6 = a.to_v6();
    const auto octets = v6.to_bytes();
    words_[3 + end] = boost::endian::load_big_u64(octets.data());
    put_half(2, end, boost::endian::load_big_u32(octets.data() + 8));
    put_half(0, end, boost::endian::load_big_u32(octets.data() + 12));
    words_[1] |= (v6.scope_id() & most_zone) << 8;
}

address flow_key::v6_address_of(unsigned end) const noexcept
{
    address_v6::bytes_type octets;
    boost::endian::store_big_u64(octets.data(), words_[3 + end]);
    boost::endian::store_big_u32(octets.data() + 8, half(2, end));
    boost::endian::store_big_u32(octets.data() + 12, half(0, end));
    const address_v6 without_zone(octets);
    const bool zoned = without_zone.is_link_local() || without_zone.is_multicast_link_local();
    return zoned ? address_v6(octets, zone()) : without_zone;
}

} // namespace tapio::core
