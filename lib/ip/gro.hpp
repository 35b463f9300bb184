/// @file
/// Generic receive offload in software: consecutive TCP segments of a batch are joined, so that the upper layers process one
/// large segment instead of many. The result is the same as from a device with receive offload; TCP loses no information. Only
/// for IPv4 without IP options.
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

/// Collects the packets of a batch. Each packet is parsed, and its checksums are verified, when it is added: while it is in the
/// processor's cache.
///
/// Segments are joined if their checksums are correct, they carry data and no flags but ACK and PSH, their headers differ only in
/// sequence number, PSH, lengths, checksums and IP identification, and each begins where the previous one ends. All but the last
/// have equal length. The result is marked as coalesced and verified, as a device would mark it (`offload_info`).
///
/// Of consecutive bare ACKs with equal options (timestamps included), only the one that acknowledges most is kept, as Linux does
/// in a socket's backlog. ACKs with equal numbers are all kept: a sender without SACK counts duplicates. The order of packets
/// within a flow does not change.
///
/// Segments with SYN that are the first of their flow in the batch are kept separately (openings()), to be processed first, one
/// after the other: they run code that no other segments run, and both together do not fit in the processor's L1 cache.
class coalescer
{
public:
    explicit coalescer(link_type link) noexcept;

    /// Segments are joined or superseded only if note_ours() has been called for their destination: packets that are not for this
    /// host stay as they were received.
    void add(packet&& p)
    {
        add(std::move(p), [this](const flow_key& flow) { return is_ours(flow); });
    }
    /// @param ours ours(flow_key): whether the flow's destination is an address of ours
    template <class Ours>
    void add(packet&& came, Ours&& ours)
    {
        rx_packet& p = read(std::move(came));
        if (p.is_segment() && ours(std::as_const(p.flow))) place(p);
    }

    /// The flow's destination is an address of ours: packets to it may be joined until forget_ours(). If the address has been
    /// removed meanwhile, that does no harm: a joined segment can be split again.
    void note_ours(const flow_key& flow) noexcept { ours_[slot_of(flow)] = flow; }
    bool is_ours(const flow_key& flow) const noexcept { return ours_[slot_of(flow)].has_destination_of(flow); }
    /// Forgets the addresses if `generation` (routing::generation()) has changed since the last call.
    void forget_ours(std::uint64_t generation) noexcept
    {
        if (std::exchange(generation_, generation) != generation) ours_.fill({});
    }

    /// The resulting packets, in two parts, valid until the next add() or clear(). The caller may move from them.
    std::span<rx_packet> openings() noexcept { return openings_; }
    std::span<rx_packet> finish(); ///< all others
    void clear() noexcept;         ///< precondition: finish() was called

    std::uint64_t packets() const noexcept { return packets_; } ///< packets added since clear()
    std::uint64_t octets() const noexcept { return octets_; }

private:
    static constexpr std::size_t most_streams = 16;   // flows with a run or a bare ACK
    static constexpr std::size_t most_addresses = 16; // remembered addresses of ours

    enum class use
    {
        none,       ///< neither of these two
        joined,     ///< data, with no flags but ACK and PSH: may join a run
        superseded, ///< bare ACK: a later one may supersede it
    };

    /// What coalescing needs to know of a segment.
    struct view
    {
        const std::byte* frame = nullptr; ///< the first contiguous octets; valid as long as the packet is not moved
        unsigned flags = 0;
        use as = use::none;
        std::uint32_t sequence = 0;
        bool repeats = false; ///< acknowledges the same as the bare ACK before
    };

    /// A segment and the segments joined to it.
    struct run
    {
        flow_key flow;
        std::uint32_t next;  ///< sequence number of the segment that may be joined next
        std::size_t index;   ///< of the packet in `batch_`
        std::size_t headers; ///< octets
        std::size_t size;    ///< octets of payload, all segments together
        std::size_t largest; ///< octets of payload of the first segment
        bool pushed = false;
        bool ended = false; ///< the last segment was shorter: no more may be joined
    };

    /// The last bare ACK of a flow, if no other segment of the flow has followed.
    struct acknowledgement
    {
        flow_key flow;
        std::size_t index;      ///< of the packet in `batch_`
        bool duplicate = false; ///< the bare ACK before it had the same number
    };

    static std::size_t slot_of(const flow_key& flow) noexcept { return flow.words()[0] % most_addresses; }
    rx_packet& read(packet&& came);
    void place(rx_packet& p);
    static view look_at(const rx_packet& p, std::size_t link) noexcept;
    packet& packet_at(std::size_t index) noexcept { return batch_[index].contents; }
    const std::byte* headers_at(std::size_t index) const noexcept { return batch_[index].contents.front().data(); }
    static bool alike_ip(const std::byte* a, const std::byte* b, bool v4) noexcept;
    bool alike(const std::byte* headers, const rx_packet& p, const view& v) const noexcept;
    bool takes(const run& r, const rx_packet& p, const view& v) const noexcept;
    bool is_superseded(const acknowledgement& a, const rx_packet& p, const view& v) const noexcept;
    std::int32_t ahead_of(const acknowledgement& a, const rx_packet& p, const view& v) const noexcept;
    bool add_to_known(rx_packet& p, view& v);
    bool is_first_of(const flow_key& flow) noexcept;
    void join(run& r, rx_packet& p, const view& v);
    void finish(const run& r) noexcept;
    void remember(const rx_packet& p, const view& v);

    const link_type link_;
    const std::size_t link_header_;             ///< octets
    std::array<flow_key, most_addresses> ours_; ///< by slot_of()
    std::uint64_t generation_ = 0;
    std::vector<rx_packet> openings_, batch_;
    std::bitset<1024> seen_; ///< by a hash of the flow: the flow may have had a packet in this batch
    boost::container::static_vector<run, most_streams> runs_;
    boost::container::static_vector<acknowledgement, most_streams> acknowledgements_;
    std::uint64_t packets_ = 0, octets_ = 0;
};

} // namespace tapio::core::ip
