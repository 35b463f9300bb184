/// @file
/// Fragmentation of packets longer than an MTU, IPv4 and IPv6. Read RFC 791 §3.2 and RFC 8200 §4.5 first.
#pragma once

#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core::ip {

/// Splits one packet. The fragments share its payload.
///
///     fragmenter f;
///     if (const auto why = f.start(p, mtu, identification)) return drop(*why, p);
///     for (packet fragment; f.next(fragment);) send(std::move(fragment));
class fragmenter
{
public:
    /// Takes a packet, and completes its transport checksum. If it fits the MTU, it is its own only fragment, and unchanged.
    /// An IPv4 packet may be a fragment already, as it may be in a router.
    /// @param p from its IP header on, not GSO  @param mtu octets
    /// @param identification IPv6: of the fragments; IPv4 has it in its header
    /// @return why the packet cannot be split; then it is still in `p`. ipv4_too_big: DF is set. too_big: the MTU is below the
    /// minimum (RFC 791 §3.2, RFC 8200 §5), or too small for the headers. ip_fragment_tiny: the first fragment would not have all
    /// IPv6 headers (RFC 7112 §5). ip_bad_fragment: IPv6, a fragment already. Others: the header is invalid
    std::optional<drop_reason> start(packet& p, std::size_t mtu, std::uint32_t identification = 0);

    std::size_t count() const noexcept; ///< fragments left
    bool next(packet& out);             ///< @return false: none is left

private:
    std::optional<drop_reason> read_ipv4(const_bytes front, std::size_t size);
    std::optional<drop_reason> read_ipv6(const_bytes front, std::size_t size, std::uint32_t identification);
    std::size_t room() const noexcept { return mtu_ - header_.size(); } ///< octets of payload in the next fragment
    void write_header(std::byte* to, std::size_t payload) const noexcept;
    void append_payload(packet& out, std::size_t octets);

    std::size_t mtu_ = 0; ///< octets
    bool v6_ = false;
    bool fits_ = false; ///< the packet is `whole_`, and its own only fragment
    packet whole_;
    std::vector<std::byte> header_; ///< of the next fragment, without the fields that differ in each
    std::vector<std::byte> later_;  ///< IPv4: of all fragments but the first
    slice_list payload_;
    std::size_t slice_ = 0, at_ = 0; ///< the next fragment's start in payload_
    std::size_t left_ = 0;           ///< octets of payload
    std::size_t offset_ = 0;         ///< of the next fragment, octets
    bool more_ = false;              ///< fragments follow the last of these: an IPv4 packet that was a fragment already
};

} // namespace tapio::core::ip
