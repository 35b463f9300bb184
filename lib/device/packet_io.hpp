/// @file
/// One packet from a descriptor, one packet into it: a system call each.
#pragma once

#include <tapio/core/error.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>

namespace tapio::detail {

/// Reads packets into pooled blocks.
class packet_reader
{
public:
    /// @param largest octets of the largest packet, headers of the device included
    packet_reader(std::size_t largest, bool vnet_header) noexcept : largest_(largest), vnet_header_(vnet_header) {}

    enum class outcome
    {
        packet,
        nothing_usable,
        drained,
        failed
    };

    /// Reads the next packet into `out`. `nothing_usable`: there was one, but too large or beyond understanding;
    /// `drained`: EAGAIN; `failed`: see `error`.
    outcome read(int fd, core::packet& out, core::error_code& error);

private:
    outcome take(std::size_t size, core::packet& out);

    std::size_t largest_;
    bool vnet_header_;
    core::block block_; // to be filled next; small packets leave it to the next one
};

enum class write_outcome
{
    done, ///< sent, or refused for good (malformed, device down): gone, as on a medium
    full, ///< the device takes no more now; the packet is as it was
};

/// Writes `p` with one system call.
write_outcome write_packet(int fd, core::packet& p, bool vnet_header);

} // namespace tapio::detail
