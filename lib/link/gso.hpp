/// @file
/// Generic segmentation offload in software, for devices without TSO or USO: a large TCP segment is split into segments that fit
/// the link as late as possible, so that the protocol layers process it once; datagrams that were sent or received as one packet
/// are separated. Both families.
#pragma once

#include "base/checksum.hpp"

#include <tapio/core/packet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tapio::core::link {

class segmenter
{
public:
    /// Takes a packet with GSO, whose headers fit into packet::headroom. Its checksum is partial, unless it has no IPv6 extension
    /// headers. Precondition: done().
    /// @param link octets of the link-layer header, without a VLAN tag
    void start(packet&& large, std::size_t link);

    bool done() const noexcept { return left_ == 0; } ///< no segment is left

    /// The next segment, complete with its checksums. @return false: none is left
    bool next(packet& out);

private:
    void read_transport(std::byte* header);
    void write_ip_header(std::byte* at, std::size_t segment, bool last);
    void write_headers(std::byte* at, std::size_t payload, std::uint16_t payload_sum, bool first, bool last);
    void write_tcp(std::byte* at, std::uint16_t payload_sum, std::uint16_t segment, bool first, bool last) const;
    void write_udp(std::byte* at, std::uint16_t payload_sum, std::uint16_t segment) const;
    checksum_accumulator sum_with(std::uint16_t payload_sum, std::uint16_t segment) const noexcept;

    // Headers of the GSO segment, and the fields that differ in each segment.
    std::array<std::byte, packet::headroom> headers_;
    std::size_t header_size_ = 0, ip_at_ = 0, transport_at_ = 0; ///< octets
    std::uint16_t headers_sum_ = 0; ///< sum of transport header and pseudo-header, without the fields that differ
    bool v6_ = false, udp_ = false;
    std::uint16_t length_ = 0, ip_checksum_ = 0; ///< this and the next two: IPv4
    std::uint16_t identification_ = 0;
    bool atomic_ = true; ///< DF is set: segments need no distinct identifications (RFC 6864 §4.1)
    std::uint32_t sequence_ = 0;
    std::uint8_t flags_ = 0;

    slice_list payload_;
    std::size_t slice_ = 0, offset_ = 0; ///< start of the next segment
    std::size_t left_ = 0;               ///< octets of payload not yet sent
    std::size_t done_ = 0;               ///< octets of payload sent
    std::size_t size_ = 0;               ///< octets of payload in a full segment
};

} // namespace tapio::core::link
