#include "link/transmit_queue.hpp"

#include "wire/ethernet.hpp"

#include <tapio/core/checksum.hpp>

#include <algorithm>

namespace tapio::core::link {

void transmit_queue::set_device(const device_info& device) noexcept
{
    offload_ = device.offload;
    link_header_size_ = device.link == link_type::ethernet ? sizeof(wire::ethernet_header) : 0;
    most_octets_ = capacity_ * device.mtu; // in octets, so that a GSO segment counts as the packets that it is split into
    packets_for_bulk_ = capacity_ - capacity_ / 4;
    octets_for_bulk_ = most_octets_ - most_octets_ / 4;
}

void transmit_queue::forget_front() noexcept
{
    octets_ -= packets_.front().octets;
    packets_.pop_front();
}

void transmit_queue::cut_pieces()
{
    first_piece_ = pieces_end_ = 0;
    while (pieces_end_ < pieces_.size()) {
        if (segmenter_.done()) {
            if (!cuts_next()) return;
            segmenter_.start(std::move(packets_.front().contents), link_header_size_);
            forget_front();
        }
        if (segmenter_.next(pieces_[pieces_end_])) ++pieces_end_;
    }
}

/// Fills `first_`. @return number of packets in it
std::size_t transmit_queue::prepare(std::size_t most)
{
    most = std::min(most, most_first);
    if (!has_pieces() && (!segmenter_.done() || cuts_next())) cut_pieces();
    std::size_t n = 0;
    for (std::size_t at = first_piece_; at < pieces_end_ && n < most; ++at) first_[n++] = &pieces_[at];
    if (n > 0) return n;
    for (most = std::min(most, packets_.size()); n < most && leaves_whole(packets_[n].contents); ++n) {
        packet& p = packets_[n].contents;
        if (p.offload.checksum == offload_info::checksum_state::partial && !offload_.checksum) complete_checksums(p);
        first_[n] = &p;
    }
    return n;
}

bool transmit_queue::pop(std::size_t n)
{
    shown_ -= n;
    for (; n > 0 && has_pieces(); --n) pieces_[first_piece_++].clear();
    for (; n > 0; --n) {
        packets_.front().contents.clear();
        forget_front();
    }
    if (!congested_ || packets_.size() > capacity_ / 2 || octets_ > most_octets_ / 2) return false;
    congested_ = false;
    return true;
}

} // namespace tapio::core::link
