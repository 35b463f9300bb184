/// @file
/// Generic receive offload, in software: TCP segments that came in one batch and follow one another are joined, so that what a
/// segment costs above is paid once for many. What a device with offload hands us is the same; nothing is lost that TCP looks at.
/// Over IPv4 without IP options.
#pragma once

#include "base/flow_key.hpp"

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>

#include <boost/container/static_vector.hpp>

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace tapio::core::ip {

/// A packet that has come.
struct arrival
{
    arrival(packet&& p, bool is_verified, const flow_key& f) noexcept : contents(std::move(p)), flow(f), verified(is_verified) {}

    packet contents;
    flow_key flow; ///< if it is verified
    /// A TCP segment over IPv4: IP header without options and no fragment, all headers in one piece and as long as they say, and
    /// the checksums right. Of these it need not be asked again.
    bool verified;
};

/// Gathers the packets of a batch. Each is looked at, and its checksums verified, when it comes: while it is in the processor's
/// cache.
///
/// Only segments are joined whose checksums are right, that carry data and no flag but ACK and PSH, whose headers differ in
/// sequence number, PSH and lengths alone, and that begin where the last one ended; all but the last of equal length. They are
/// marked as coalesced by a device would be (`offload_info`), and what was verified on the way as verified. Of bare
/// acknowledgements that follow one another, with the same options (timestamps included), the one that acknowledges most is left,
/// as Linux does with those that wait for their socket; but of those that acknowledge the same, all are: a sender without SACK
/// counts them. A stream's order stays.
///
/// Segments that open a connection, and before which nothing of it has come in the batch, are set apart, to be taken in first and
/// one after the other: they set off what no others do, and all of it at once does not fit in the processor's first cache.
class coalescer
{
public:
    explicit coalescer(link_type link) noexcept;

    void add(packet&& p);

    /// arrival::verified and arrival::flow of a packet that comes alone. What was verified on the way is marked in it.
    static bool verify(packet& p, link_type link, flow_key& flow) noexcept;

    /// What has become of the packets, in two parts; they may be moved from. Until the next add() or clear().
    std::span<arrival> openings() noexcept { return openings_; }
    std::span<arrival> finish(); ///< all others
    void clear() noexcept;       ///< precondition: finish() was called

    std::uint64_t packets() const noexcept { return packets_; } ///< that were added since clear()
    std::uint64_t octets() const noexcept { return octets_; }

private:
    static constexpr std::size_t most_streams = 16; // that are joined at a time

    enum class use
    {
        none,       ///< nothing joins it
        joined,     ///< carries data and no news
        superseded, ///< acknowledges, and says nothing else
    };

    /// A TCP segment, as far as joining looks at it.
    struct view
    {
        const std::byte* octets;  ///< from the link's header on
        std::size_t size;         ///< octets without padding
        std::size_t headers_size; ///< octets of all headers
        flow_key flow;
        std::uint32_t sequence;
        use as;
        bool is_tcp;   ///< over IPv4 without options, its headers in one piece: else nothing of this is set but `as`
        bool verified; ///< arrival::verified
        bool opens;    ///< a SYN
        bool repeats;  ///< what the bare acknowledgement before it said

        std::size_t payload() const noexcept { return size - headers_size; }
    };

    /// A segment and what has been joined to it.
    struct run
    {
        flow_key flow;
        std::uint32_t next;  ///< the sequence number that goes on here
        std::size_t index;   ///< of the packet
        std::size_t headers; ///< octets
        std::size_t size;    ///< octets of payload
        std::size_t largest; ///< of one segment
        bool pushed = false;
        bool ended = false; ///< the last was shorter: nothing may follow
    };

    /// The last bare acknowledgement of a stream, of which nothing else has come since.
    struct acknowledgement
    {
        flow_key flow;
        std::size_t index;      ///< of the packet
        bool duplicate = false; ///< the one before it said the same
    };

    static void parse(const packet& p, std::size_t link, view& v) noexcept;
    static void mark_verified(packet& p, const view& v) noexcept;
    static bool has_right_checksum(const packet& p, std::size_t link, const view& v) noexcept;
    packet& packet_at(std::size_t index) noexcept { return batch_[index].contents; }
    const_bytes headers_at(std::size_t index) const noexcept { return batch_[index].contents.front(); }
    bool alike(const std::byte* headers, const view& v) const noexcept;
    bool takes(const run& r, const view& v) const noexcept;
    bool is_superseded(const acknowledgement& a, const view& v) const noexcept;
    std::int32_t ahead_of(const acknowledgement& a, const view& v) const noexcept;
    bool add_to_known(packet& p, view& v);
    bool is_first_of(const flow_key& flow) noexcept;
    void join(run& r, packet& p, const view& v);
    void finish(const run& r) noexcept;
    void remember(const view& v);

    const std::size_t link_; ///< octets of the link's header
    std::vector<arrival> openings_, batch_;
    std::bitset<1024> seen_; ///< streams of which something has come, by a hash: some have the same
    boost::container::static_vector<run, most_streams> runs_;
    boost::container::static_vector<acknowledgement, most_streams> acknowledgements_;
    std::uint64_t packets_ = 0, octets_ = 0;
};

} // namespace tapio::core::ip
