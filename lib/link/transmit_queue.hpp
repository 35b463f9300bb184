/// @file
/// The packets waiting to be sent by one interface. On output a packet is adapted to the device: a GSO segment is split here if
/// the device cannot split it, and a partial checksum is completed here if the device cannot. So a packet that was built for
/// another device is still sent correctly after a change of route.
#pragma once

#include "base/ring.hpp"
#include "link/gso.hpp"

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace tapio::core::link {

class transmit_queue
{
public:
    /// @param capacity packets
    transmit_queue(std::size_t capacity, const device_info& device) : capacity_(capacity) { set_device(device); }

    /// The device, its MTU or its offloads have changed; waiting packets are adapted too.
    void set_device(const device_info& device) noexcept;

    /// @return false: the queue is full, and `p` is unchanged
    bool push(packet&& p)
    {
        const std::size_t waiting = packets_.size();
        if (waiting >= capacity_) return false;
        queued& last = packets_.push_back();
        last.octets = p.size();
        last.contents = std::move(p);
        octets_ += last.octets;
        if (waiting + 1 >= packets_for_bulk_ || octets_ >= octets_for_bulk_) congested_ = true;
        return true;
    }

    /// Whether the queue accepts another packet. Its last quarter is reserved for connections that have little to send, so that a
    /// SYN, an ACK or a short answer does not have to wait for bulk data. @param bulk the connection has much to send
    bool has_room(bool bulk) const noexcept
    {
        return !(bulk && congested_) && packets_.size() < capacity_ && octets_ < most_octets_;
    }
    /// Bulk data has filled its share of the queue, and the queue has not drained to one half since.
    bool is_congested() const noexcept { return congested_; }

    std::size_t size() const noexcept { return packets_.size(); } ///< packets, a GSO segment counted as one
    bool empty() const noexcept { return packets_.empty() && segmenter_.done() && !has_pieces(); }

    /// Up to `most` next packets to send, adapted to the device; they stay queued until pop(). A GSO segment is split into
    /// several segments at once, because the device's write(2) evicts the splitting code from the processor's cache.
    /// @param leaves called once with each packet, when first() returns it for the first time
    template <class Leaves>
    std::span<packet* const> first(std::size_t most, Leaves&& leaves)
    {
        const std::size_t n = prepare(most);
        while (shown_ < n) leaves(std::as_const(*first_[shown_++]));
        return {first_.data(), n};
    }
    static constexpr std::size_t most_first = 32; ///< most packets that first() returns

    /// Removes the first `n` packets that first() returned: the device has taken them.
    /// @return true: the queue has just ceased to be congested
    bool pop(std::size_t n);

    /// Empties the queue. @param discarded called with each packet
    template <class Discarded>
    void clear(Discarded&& discarded)
    {
        for (; has_pieces(); ++first_piece_) discarded(std::as_const(pieces_[first_piece_])), pieces_[first_piece_].clear();
        for (; !packets_.empty(); packets_.pop_front())
            discarded(std::as_const(packets_.front().contents)), packets_.front().contents.clear();
        segmenter_ = segmenter();
        octets_ = shown_ = 0;
        congested_ = false;
    }

private:
    struct queued
    {
        packet contents;
        std::size_t octets = 0; ///< size of `contents` when queued: the device may have moved from it
    };

    bool has_pieces() const noexcept { return first_piece_ < pieces_end_; }
    bool leaves_whole(const packet& p) const noexcept
    {
        switch (p.offload.gso) {
        case offload_info::gso_type::tcp_v4: return offload_.tso_v4;
        case offload_info::gso_type::tcp_v6: return offload_.tso_v6;
        case offload_info::gso_type::udp: return offload_.uso;
        case offload_info::gso_type::none: break;
        }
        return true;
    }
    bool cuts_next() const noexcept { return !packets_.empty() && !leaves_whole(packets_.front().contents); }
    std::size_t prepare(std::size_t most);
    void cut_pieces();
    void forget_front() noexcept;

    const std::size_t capacity_; ///< packets
    std::size_t most_octets_ = 0;
    std::size_t packets_for_bulk_ = 0, octets_for_bulk_ = 0;
    offload_features offload_;         ///< the device's
    std::size_t link_header_size_ = 0; ///< octets

    ring<queued> packets_;
    std::size_t octets_ = 0; ///< in `packets_`
    bool congested_ = false;

    segmenter segmenter_;                   ///< splits one GSO segment
    std::array<packet, most_first> pieces_; ///< its segments, sent before the first of `packets_`
    std::size_t first_piece_ = 0, pieces_end_ = 0;
    std::array<packet*, most_first> first_{};
    std::size_t shown_ = 0; ///< number of packets at the front that `leaves` was called with
};

} // namespace tapio::core::link
