#include "tcp/receive_buffer.hpp"

#include <algorithm>

namespace tapio::core::tcp {

namespace {

constexpr std::size_t small_slice = 512;  ///< octets; shorter slices are copied together
constexpr std::size_t small_block = 4096; ///< octets of the block that small slices are copied to
} // namespace

std::uint64_t receive_buffer::receive(std::uint64_t at, slice_list&& payload)
{
    const std::uint64_t before = next_;
    for (slice& s : payload) {
        const std::uint64_t end = at + s.size();
        if (end > next_ && at <= next_) {
            s.remove_prefix(next_ - at);
            append(std::move(s));
            if (!early_.empty()) early_.drain(next_, [this](slice d) { append(std::move(d)); });
        } else if (at > next_) {
            early_.insert(at, std::move(s));
        }
        at = end;
    }
    return next_ - before;
}

void receive_buffer::append(slice data)
{
    next_ += data.size();
    unread_ += data.size();
    if (data.size() < small_slice) return append_small(data);
    if (sparing_ && data.size() < data.held() / 2) data = slice::copy_of(data.bytes());
    part none;
    part& before = in_order_.size() > first_ ? in_order_.back() : none;
    const std::size_t charge = charges_.add(data, before.data, before.charge);
    in_order_.push_back({std::move(data), charge});
}

void receive_buffer::append_small(const slice& data)
{
    if (!small_ || small_.capacity() - small_filled_ < data.size()) {
        small_ = block(small_block);
        small_filled_ = 0;
    }
    std::byte* const to = small_.data() + small_filled_;
    std::copy_n(data.data(), data.size(), to);
    part none;
    part& last = in_order_.size() > first_ ? in_order_.back() : none;
    if (!last.data.empty() && last.data.data() + last.data.size() == to) {
        last.data = small_.share(static_cast<std::size_t>(last.data.data() - small_.data()), last.data.size() + data.size());
        last.charge += charges_.add(data.size());
    } else {
        in_order_.push_back({small_.share(small_filled_, data.size()), charges_.add(data.size())});
    }
    small_filled_ += data.size();
}

std::size_t receive_buffer::read(std::span<const mutable_bytes> out, bool peek, std::uint64_t limit)
{
    std::size_t copied = 0;
    std::size_t from = first_; // index of the slice
    std::size_t offset = 0;
    for (mutable_bytes to : out) {
        while (!to.empty() && from < in_order_.size() && copied < limit) {
            const const_bytes have = in_order_[from].data.bytes().subspan(offset);
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>({to.size(), have.size(), limit - copied}));
            std::copy_n(have.data(), n, to.data());
            to = to.subspan(n);
            copied += n;
            offset += n;
            if (n == have.size()) ++from, offset = 0;
        }
    }
    if (!peek) consume(copied);
    return copied;
}

std::size_t receive_buffer::take(std::vector<slice>& out, std::uint64_t limit)
{
    const auto size = static_cast<std::size_t>(std::min(limit, unread_));
    for (std::size_t left = size; left > 0;) {
        slice& s = in_order_[first_].data;
        const auto n = std::min(left, s.size());
        left -= n;
        if (n == s.size()) {
            out.push_back(std::move(s));
            forget_first();
        } else {
            out.push_back(s.part(0, n));
            s.remove_prefix(n);
        }
    }
    unread_ -= size;
    forget_spent();
    return size;
}

std::byte receive_buffer::octet_at(std::uint64_t at) const noexcept
{
    std::uint64_t offset = at - position();
    std::size_t from = first_;
    while (offset >= in_order_[from].data.size()) offset -= in_order_[from++].data.size();
    return in_order_[from].data.bytes()[static_cast<std::size_t>(offset)];
}

void receive_buffer::consume(std::size_t octets)
{
    unread_ -= octets;
    while (octets > 0) {
        slice& s = in_order_[first_].data;
        const auto n = std::min(octets, s.size());
        s.remove_prefix(n);
        octets -= n;
        if (s.empty()) forget_first();
    }
    forget_spent();
}

void receive_buffer::forget_first() noexcept
{
    part& p = in_order_[first_++];
    p.data = slice();
    charges_.remove(std::exchange(p.charge, 0));
}

void receive_buffer::forget_spent()
{
    if (first_ == in_order_.size()) {
        in_order_.clear();
        first_ = 0;
        small_ = block(); // an idle connection keeps no block
        small_filled_ = 0;
    } else if (first_ >= 64 && first_ * 2 >= in_order_.size()) {
        in_order_.erase(in_order_.begin(), in_order_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

void receive_buffer::clear() noexcept
{
    in_order_.clear();
    charges_ = {};
    first_ = 0;
    small_ = block();
    small_filled_ = 0;
    early_.clear();
    unread_ = 0;
}

} // namespace tapio::core::tcp
