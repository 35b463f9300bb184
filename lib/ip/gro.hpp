/// @file
/// Generic receive offload, in software: TCP segments that came in one batch and follow one another are joined, so that what a
/// segment costs above is paid once for many. What a device with offload hands us is the same; nothing is lost that TCP looks at.
/// Over IPv4 without IP options.
#pragma once

#include "base/flow_key.hpp"
#include "ip/rx_packet.hpp"

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>

#include <boost/container/static_vector.hpp>

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace tapio::core::ip {

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

    /// Of packets to addresses that note_ours() was not told of nothing is joined or thinned: who passes a packet on passes it on
    /// as it came.
    void add(packet&& p)
    {
        add(std::move(p), [this](const flow_key& flow) { return is_ours(flow); });
    }
    /// @param ours says of a flow_key whether its destination is an address of ours
    template <class Ours>
    void add(packet&& came, Ours&& ours)
    {
        rx_packet& p = read(std::move(came));
        if (p.is_segment() && ours(std::as_const(p.flow))) place(p);
    }

    /// The destination is an address of ours: packets to it may be joined from now on, until forget_ours(). One that is no longer
    /// ours does no harm: what was joined can be cut again.
    void note_ours(const flow_key& flow) noexcept { ours_[slot_of(flow)] = flow; }
    bool is_ours(const flow_key& flow) const noexcept { return ours_[slot_of(flow)].has_destination_of(flow); }
    /// Addresses may have changed since the last call, if that had another generation: routing::generation().
    void forget_ours(std::uint64_t generation) noexcept
    {
        if (std::exchange(generation_, generation) != generation) ours_.fill({});
    }

    /// What has become of the packets, in two parts; they may be moved from. Until the next add() or clear().
    std::span<rx_packet> openings() noexcept { return openings_; }
    std::span<rx_packet> finish(); ///< all others
    void clear() noexcept;         ///< precondition: finish() was called

    std::uint64_t packets() const noexcept { return packets_; } ///< that were added since clear()
    std::uint64_t octets() const noexcept { return octets_; }

private:
    static constexpr std::size_t most_streams = 16;   // that are joined at a time
    static constexpr std::size_t most_addresses = 16; // of ours that are remembered

    enum class use
    {
        none,       ///< nothing joins it
        joined,     ///< carries data and no news
        superseded, ///< acknowledges, and says nothing else
    };

    /// What joining asks of a segment.
    struct view
    {
        use as = use::none;
        std::uint32_t sequence = 0;
        bool repeats = false; ///< what the bare acknowledgement before it said
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

    static std::size_t slot_of(const flow_key& flow) noexcept { return flow.words()[0] % most_addresses; }
    rx_packet& read(packet&& came);
    void place(rx_packet& p);
    static view look_at(const rx_packet& p, std::size_t link) noexcept;
    packet& packet_at(std::size_t index) noexcept { return batch_[index].contents; }
    const_bytes headers_at(std::size_t index) const noexcept { return batch_[index].contents.front(); }
    bool alike(const std::byte* headers, const rx_packet& p) const noexcept;
    bool takes(const run& r, const rx_packet& p, const view& v) const noexcept;
    bool is_superseded(const acknowledgement& a, const rx_packet& p, const view& v) const noexcept;
    std::int32_t ahead_of(const acknowledgement& a, const rx_packet& p) const noexcept;
    bool add_to_known(rx_packet& p, view& v);
    bool is_first_of(const flow_key& flow) noexcept;
    void join(run& r, rx_packet& p);
    void finish(const run& r) noexcept;
    void remember(const rx_packet& p, const view& v);

    const link_type link_;
    const std::size_t link_header_;             ///< octets
    std::array<flow_key, most_addresses> ours_; ///< by the destination's last bits
    std::uint64_t generation_ = 0;
    std::vector<rx_packet> openings_, batch_;
    std::bitset<1024> seen_; ///< streams of which something has come, by a hash: some have the same
    boost::container::static_vector<run, most_streams> runs_;
    boost::container::static_vector<acknowledgement, most_streams> acknowledgements_;
    std::uint64_t packets_ = 0, octets_ = 0;
};

} // namespace tapio::core::ip
