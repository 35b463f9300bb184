/// @file
/// The packets that wait to leave by one interface. On its way out of the queue a packet is made fit for the device: a GSO
/// segment that the device does not cut is cut here, and a partial checksum that the device does not complete is completed here.
/// So a packet comes out right also where it was built for another device and its route has changed since.
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

    /// The device, its MTU or its offloads are others from now on; what waits leaves by it.
    void set_device(const device_info& device) noexcept;

    /// @return false: the queue is full, and the packet is as it was
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

    /// The queue takes another packet. The last quarter of it is for connections that have little to send, so that a SYN, an
    /// acknowledgement or a short answer need not wait behind bulk data. @param bulk of a connection that has much to send
    bool has_room(bool bulk) const noexcept
    {
        return !(bulk && congested_) && packets_.size() < capacity_ && octets_ < most_octets_;
    }
    /// Bulk has filled its share of the queue, and the queue has not drained to one half since.
    bool is_congested() const noexcept { return congested_; }

    std::size_t size() const noexcept { return packets_.size(); } ///< packets, a GSO segment counted as one
    bool empty() const noexcept { return packets_.empty() && segmenter_.done() && !has_pieces(); }

    /// The next packets to leave, as the device takes them, at most `most` of them; they stay until pop(). Of a segment that is
    /// cut several pieces are made at once: the code for it is in the processor's cache then, and the device's write(2) evicts
    /// it.
    /// @param leaves called once with each packet, when it is shown for the first time
    template <class Leaves>
    std::span<packet* const> first(std::size_t most, Leaves&& leaves)
    {
        const std::size_t n = prepare(most);
        while (shown_ < n) leaves(std::as_const(*first_[shown_++]));
        return {first_.data(), n};
    }
    static constexpr std::size_t most_first = 32; ///< packets that first() gives at most

    /// The device has taken so many of those that first() gave.
    /// @return true: the queue was congested, and is not any more
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
        std::size_t octets = 0; ///< its size, also when the device has moved from it
    };

    bool has_pieces() const noexcept { return first_piece_ < pieces_end_; }
    bool leaves_whole(const packet& p) const noexcept
    {
        return p.offload.gso != offload_info::gso_type::tcp_v4 || offload_.tso_v4;
    }
    bool cuts_next() const noexcept { return !packets_.empty() && !leaves_whole(packets_.front().contents); }
    std::size_t prepare(std::size_t most);
    void cut_pieces();
    void forget_front() noexcept;

    const std::size_t capacity_; ///< packets
    std::size_t most_octets_ = 0;
    std::size_t packets_for_bulk_ = 0, octets_for_bulk_ = 0;
    offload_features offload_;         ///< what the device does
    std::size_t link_header_size_ = 0; ///< octets

    ring<queued> packets_;
    std::size_t octets_ = 0; ///< in `packets_`
    bool congested_ = false;

    segmenter segmenter_;                   ///< the segment that leaves in pieces
    std::array<packet, most_first> pieces_; ///< of it; they leave before the first of `packets_`
    std::size_t first_piece_ = 0, pieces_end_ = 0;
    std::array<packet*, most_first> first_{};
    std::size_t shown_ = 0; ///< so many of the next packets have been shown
};

} // namespace tapio::core::link
