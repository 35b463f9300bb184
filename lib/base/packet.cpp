#include <tapio/core/packet.hpp>

#include <boost/assert.hpp>

#include <algorithm>
#include <utility>

namespace tapio::core {

packet::packet(const packet& other)
    : offload(other.offload), begin_(other.begin_), payload_size_(other.payload_size_), payload_(other.payload_)
{
    copy_head(other);
}

packet& packet::operator=(const packet& other)
{
    if (this != &other) *this = packet(other);
    return *this;
}

bool packet::gather(std::size_t n)
{
    if (size() < n) return false;
    if (n <= headroom) { // the usual case: headers split over two pieces
        take_front(n);
        return true;
    }
    const block b(size());
    const std::size_t all = copy_to({b.data(), size()});
    const offload_info kept = offload;
    *this = packet(b.share(0, all));
    offload = kept;
    return true;
}

void packet::move_head_to_slice()
{
    const offload_info kept = offload;
    packet out;
    for (slice& s : take_payload()) out.append(std::move(s));
    *this = std::move(out);
    offload = kept;
}

void packet::take_front(std::size_t n)
{
    BOOST_ASSERT(n <= size() && n <= headroom);
    std::array<std::byte, headroom> joined;
    copy_to(mutable_bytes(joined).first(n));
    consume(n);
    std::copy_n(joined.begin(), n, push_front(n));
}

void packet::cut(std::size_t n) noexcept
{
    BOOST_ASSERT(n <= size());
    const std::size_t head = headroom - begin_;
    if (n < head) { // cut within the headers: the rest moves to the end of the headroom
        std::copy_backward(head_.begin() + begin_, head_.begin() + begin_ + static_cast<std::ptrdiff_t>(n), head_.end());
        begin_ = static_cast<std::uint16_t>(headroom - n);
    }
    n -= std::min(n, head);
    if (n == payload_size_) return;
    payload_size_ = static_cast<std::uint32_t>(n);
    payload_.truncate(n);
}

std::size_t packet::copy_to(mutable_bytes out, std::size_t offset) const noexcept
{
    std::size_t copied = 0;
    for_each_piece([&](const_bytes piece) {
        const auto skip = std::min(offset, piece.size());
        offset -= skip;
        piece = piece.subspan(skip);
        const auto n = std::min(piece.size(), out.size() - copied);
        std::copy_n(piece.begin(), n, out.begin() + static_cast<std::ptrdiff_t>(copied));
        copied += n;
    });
    return copied;
}

slice_list packet::take_all()
{
    slice_list out;
    out.push_back(slice::copy_of(front()));
    for (slice& s : payload_) out.push_back(std::move(s));
    payload_.clear();
    payload_size_ = 0;
    begin_ = headroom;
    return out;
}

} // namespace tapio::core
