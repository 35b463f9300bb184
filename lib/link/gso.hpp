/// @file
/// Generic segmentation offload, in software: a large TCP segment is cut into ones that fit the link as late as can be, so that
/// what a segment costs above is paid once for many. What a device with offload does itself. Over IPv4 without IP options.
#pragma once

#include <tapio/core/packet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tapio::core::link {

class segmenter
{
public:
    /// Takes a packet with GSO and a partial checksum. Precondition: the last one has been cut to its end.
    /// @param link octets of the link's header
    void start(packet&& large, std::size_t link);

    bool done() const noexcept { return left_ == 0; } ///< there is no piece left

    /// The next piece, complete with its checksums; false when there is none left.
    bool next(packet& out);

private:
    void write_headers(std::byte* at, std::size_t payload, std::uint16_t payload_sum, bool first, bool last);

    // The large one's headers, without what is written for each piece, and that.
    std::array<std::byte, packet::headroom> headers_;
    std::size_t header_size_ = 0, ip_at_ = 0, tcp_at_ = 0; ///< octets
    std::uint16_t headers_sum_ = 0;                        ///< of TCP's and of the pseudo-header, which lacks the length
    std::uint16_t length_ = 0, ip_checksum_ = 0;
    std::uint16_t identification_ = 0;
    bool atomic_ = true; ///< DF: the pieces need no identifications of their own (RFC 6864 §4.1)
    std::uint32_t sequence_ = 0;
    std::uint8_t flags_ = 0;

    slice_list payload_;
    std::size_t slice_ = 0, offset_ = 0; ///< where the next piece begins
    std::size_t left_ = 0;               ///< octets of payload
    std::size_t done_ = 0;               ///< octets of payload
    std::size_t size_ = 0;               ///< of a piece's payload, octets
};

} // namespace tapio::core::link
