#include "ip/fragmentation.hpp"

#include "base/checksum.hpp"
#include "base/family_sizes.hpp"
#include "ip/fragment_rules.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"

#include <tapio/core/checksum.hpp>

#include <boost/assert.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace tapio::core::ip {

namespace {

constexpr std::size_t unit = 8; // octets: fragments begin at multiples of it

std::size_t multiple_of_unit(std::size_t octets) noexcept { return octets / unit * unit; }

/// RFC 791 §3.1: of the options, those with the copied flag are in every fragment, the others only in the first one.
/// @param header without malformed options
std::vector<std::byte> with_copied_options(const_bytes header)
{
    constexpr std::size_t fixed = sizeof(wire::ipv4_header);
    constexpr unsigned end_of_list = 0, no_operation = 1, copied = 0x80;
    std::vector<std::byte> out(header.begin(), header.begin() + fixed);
    for (std::size_t at = fixed; at < header.size();) {
        const auto type = std::to_integer<unsigned>(header[at]);
        if (type == end_of_list) break;
        const std::size_t length = type == no_operation ? 1 : std::to_integer<std::size_t>(header[at + 1]);
        const const_bytes option = header.subspan(at, length);
        if ((type & copied) != 0) out.insert(out.end(), option.begin(), option.end());
        at += length;
    }
    out.resize((out.size() + 3) / 4 * 4); // end of list
    out[0] = static_cast<std::byte>(4U << 4 | out.size() / 4);
    return out;
}

bool is_extension(std::byte next_header) noexcept
{
    switch (static_cast<wire::ipv6_extension>(next_header)) {
    case wire::ipv6_extension::hop_by_hop:
    case wire::ipv6_extension::routing:
    case wire::ipv6_extension::fragment:
    case wire::ipv6_extension::destination_options: return true;
    default: return false;
    }
}

/// The headers that every IPv6 fragment has: up to the routing header if there is one, else the hop-by-hop options header.
struct per_fragment_headers
{
    std::size_t size = sizeof(wire::ipv6_header);                          ///< octets
    std::size_t next_header_at = offsetof(wire::ipv6_header, next_header); ///< offset of the octet that names what follows them
};

/// RFC 8200 §4.5.
parsed<per_fragment_headers> read_per_fragment_headers(const_bytes front) noexcept
{
    per_fragment_headers out;
    for (per_fragment_headers all; is_extension(front[all.next_header_at]);) {
        const auto type = static_cast<wire::ipv6_extension>(front[all.next_header_at]);
        if (type == wire::ipv6_extension::fragment) return drop_reason::ip_bad_fragment;
        if (front.size() < all.size + 8) return drop_reason::ipv6_bad_extension;
        const std::size_t length = (std::to_integer<std::size_t>(front[all.size + 1]) + 1) * 8;
        all = {all.size + length, all.size};
        if (front.size() < all.size) return drop_reason::ipv6_bad_extension;
        if (type != wire::ipv6_extension::destination_options) out = all;
    }
    return out;
}

/// The contiguous octets from the IP header on, as far as there are headers to read.
const_bytes reach_ip_headers(packet& p)
{
    const auto reach_up_to = [&p](std::size_t octets) {
        p.pull(std::min(p.size(), octets));
        return p.front();
    };
    const_bytes front = reach_up_to(sizeof(wire::ipv4_header));
    const unsigned first = front.empty() ? 0 : std::to_integer<unsigned>(front[0]);
    if (first >> 4 != 6) return reach_up_to((first & 15) * 4);
    front = reach_up_to(sizeof(wire::ipv6_header));
    const bool chain = front.size() >= sizeof(wire::ipv6_header) && is_extension(front[offsetof(wire::ipv6_header, next_header)]);
    return chain ? reach_up_to(wire::ipv6_longest_chain) : front;
}

} // namespace

std::optional<drop_reason> fragmenter::start(packet& p, std::size_t mtu, std::uint32_t identification)
{
    BOOST_ASSERT(p.offload.gso == offload_info::gso_type::none);
    *this = {};
    mtu_ = mtu;
    fits_ = p.size() <= mtu;
    if (fits_) return whole_ = std::move(p), std::nullopt;
    const const_bytes front = reach_ip_headers(p);
    v6_ = !front.empty() && std::to_integer<unsigned>(front[0]) >> 4 == 6;
    if (mtu < sizes_of(v6_ ? family::v6 : family::v4).least_mtu) return drop_reason::too_big;
    if (const auto why = v6_ ? read_ipv6(front, p.size(), identification) : read_ipv4(front, p.size())) return why;
    complete_checksums(p);
    p.consume(header_.size() - (v6_ ? sizeof(wire::ipv6_fragment_header) : 0));
    left_ = p.size();
    payload_ = p.take_payload();
    p.clear();
    return std::nullopt;
}

std::optional<drop_reason> fragmenter::read_ipv4(const_bytes front, std::size_t size)
{
    wire::ipv4_fields f;
    if (const auto why = wire::read_ipv4(front, size, f)) return why;
    if (f.total_length != size) return drop_reason::ipv4_bad_total_length;
    if (f.dont_fragment) return drop_reason::ipv4_too_big;
    if (f.more_fragments && (size - f.header_length) % unit != 0) return drop_reason::ip_bad_fragment;
    header_.assign(front.begin(), front.begin() + f.header_length);
    later_ = with_copied_options(header_);
    offset_ = f.fragment_offset;
    more_ = f.more_fragments;
    return std::nullopt;
}

std::optional<drop_reason> fragmenter::read_ipv6(const_bytes front, std::size_t size, std::uint32_t identification)
{
    if (front.size() < sizeof(wire::ipv6_header)) return drop_reason::ipv6_truncated;
    if (sizeof(wire::ipv6_header) + wire::load_16(front.data() + offsetof(wire::ipv6_header, payload_length)) != size)
        return drop_reason::ipv6_truncated;
    const auto kept = read_per_fragment_headers(front);
    if (!kept) return kept.error();
    wire::ipv6_fragment_header h{};
    h.next_header = std::to_integer<std::uint8_t>(front[kept->next_header_at]);
    h.identification = identification;
    header_.assign(front.begin(), front.begin() + static_cast<std::ptrdiff_t>(kept->size));
    header_[kept->next_header_at] = static_cast<std::byte>(wire::ipv6_extension::fragment);
    header_.insert(header_.end(), wire::octets_of(h).begin(), wire::octets_of(h).end());
    if (mtu_ < header_.size() + unit) return drop_reason::too_big;
    const bool chain = has_header_chain(front.subspan(kept->size), multiple_of_unit(room()), h.next_header.value());
    return chain ? std::nullopt : std::optional(drop_reason::ip_fragment_tiny);
}

std::size_t fragmenter::count() const noexcept
{
    if (fits_ || left_ <= room()) return fits_ || left_ > 0 ? 1 : 0;
    const std::size_t left = left_ - multiple_of_unit(room());
    const std::size_t later = v6_ ? room() : mtu_ - later_.size(), full = multiple_of_unit(later);
    return left <= later ? 2 : 2 + (left - later + full - 1) / full;
}

bool fragmenter::next(packet& out)
{
    if (std::exchange(fits_, false)) return out = std::move(whole_), true;
    if (left_ == 0) return false;
    const std::size_t payload = left_ <= room() ? left_ : multiple_of_unit(room());
    left_ -= payload;
    out = packet();
    append_payload(out, payload);
    put_header(out, header_.size(), [&](std::byte* to) { write_header(to, payload); });
    offset_ += payload;
    if (!v6_) header_ = later_;
    return true;
}

/// Precondition: `left_` is what follows the fragment.
void fragmenter::write_header(std::byte* to, std::size_t payload) const noexcept
{
    std::copy(header_.begin(), header_.end(), to);
    const bool more = left_ > 0 || more_;
    const std::size_t size = header_.size();
    if (v6_) {
        const std::size_t length = size - sizeof(wire::ipv6_header) + payload;
        wire::store_16(to + offsetof(wire::ipv6_header, payload_length), static_cast<std::uint16_t>(length));
        std::byte* const fragment_header = to + size - sizeof(wire::ipv6_fragment_header);
        wire::store_16(fragment_header + offsetof(wire::ipv6_fragment_header, offset_more),
                       static_cast<std::uint16_t>(offset_ | (more ? 1 : 0)));
        return;
    }
    const std::size_t flags = more ? wire::ipv4_more_fragments : 0;
    wire::store_16(to + offsetof(wire::ipv4_header, total_length), static_cast<std::uint16_t>(size + payload));
    wire::store_16(to + offsetof(wire::ipv4_header, flags_offset), static_cast<std::uint16_t>(flags | offset_ / unit));
    wire::store_16(to + offsetof(wire::ipv4_header, checksum), 0);
    wire::store_16(to + offsetof(wire::ipv4_header, checksum), static_cast<std::uint16_t>(~ones_sum(const_bytes(to, size))));
}

void fragmenter::append_payload(packet& out, std::size_t octets)
{
    while (octets > 0) {
        slice& from = payload_[slice_];
        const std::size_t n = std::min(octets, from.size() - at_);
        out.append(from.part(at_, n));
        octets -= n;
        at_ += n;
        if (at_ < from.size()) continue;
        from = {};
        ++slice_;
        at_ = 0;
    }
}

} // namespace tapio::core::ip
