#include "wire/group_record.hpp"

#include <boost/assert.hpp>

#include <algorithm>

namespace tapio::core::wire {

address address_list::operator[](std::size_t n) const noexcept
{
    BOOST_ASSERT(n < size());
    const std::byte* const at = octets_.data() + n * size_of_addresses(family_);
    if (family_ == family::v4) return address_v4(load_32(at));
    address_v6::bytes_type octets;
    std::memcpy(octets.data(), at, octets.size());
    return address_v6(octets);
}

bool read_query_tail(const_bytes tail, family f, group_query& q) noexcept
{
    constexpr std::size_t head = 4;
    if (tail.size() < head) return false;
    const auto flags = std::to_integer<std::uint8_t>(tail[0]);
    q.suppress_router = (flags & 8U) != 0;
    q.robustness = flags & 7U;
    q.query_interval = std::chrono::seconds(value_of_code_8(std::to_integer<std::uint8_t>(tail[1])));
    const std::size_t sources = load_16(tail.data() + 2) * size_of_addresses(f);
    if (tail.size() - head < sources || (q.is_general() && sources != 0)) return false;
    q.sources = address_list(f, tail.subspan(head, sources));
    return true;
}

bool group_record_writer::add(group_record_type type, const address& group, std::span<const address>& sources)
{
    const std::size_t address_size = size_of_addresses(family_), head = 4 + address_size, left = room_ - octets_.size();
    if (!empty() && head + sources.size() * address_size > left) return false;
    BOOST_ASSERT(!empty() || left >= head + address_size); // else a record without sources may fit exactly
    const std::size_t fitting = std::min(sources.size(), (left - head) / address_size);
    const std::size_t at = octets_.size();
    octets_.resize(at + 4); // type, no auxiliary data, number of sources
    octets_[at] = static_cast<std::byte>(type);
    store_16(octets_.data() + at + 2, static_cast<std::uint16_t>(fitting));
    append(group);
    for (const address& s : sources.first(fitting)) append(s);
    ++count_;
    const bool excludes = type == group_record_type::is_exclude || type == group_record_type::to_exclude;
    sources = sources.subspan(excludes ? sources.size() : fitting);
    return sources.empty();
}

void group_record_writer::append(const address& a)
{
    const std::size_t at = octets_.size();
    octets_.resize(at + size_of_addresses(family_));
    if (a.is_v4()) return store_32(octets_.data() + at, a.to_v4().to_uint());
    const auto octets = a.to_v6().to_bytes();
    std::memcpy(octets_.data() + at, octets.data(), octets.size());
}

} // namespace tapio::core::wire
