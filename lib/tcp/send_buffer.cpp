#include "tcp/send_buffer.hpp"

#include <algorithm>
#include <bit>

namespace tapio::core::tcp {

namespace {

constexpr std::size_t smallest_chunk = 2048;
constexpr std::size_t largest_chunk = 65536;

} // namespace

send_buffer::chunk& send_buffer::writable_chunk(const_bytes wanted)
{
    if (chunks_.size() > first_ && chunks_.back().filled < chunks_.back().memory.capacity()) return chunks_.back();
    const auto capacity = std::clamp(std::bit_ceil(wanted.size()), smallest_chunk, largest_chunk);
    chunk& fresh = chunks_.emplace_back(chunk{block(capacity), {}, end_, 0, 0});
    fresh.charge = charges_.add(slice_charges::of_block(fresh.memory.capacity()));
    fresh.memory.lie_like(wanted.data());
    return fresh;
}

void send_buffer::write(const_bytes bytes)
{
    while (!bytes.empty()) {
        chunk& c = writable_chunk(bytes);
        const auto n = std::min(bytes.size(), c.memory.capacity() - c.filled);
        std::copy_n(bytes.data(), n, c.memory.data() + c.filled);
        c.filled += n;
        end_ += n;
        bytes = bytes.subspan(n);
    }
}

void send_buffer::append(slice data)
{
    if (data.empty()) return;
    const std::size_t n = data.size();
    chunk none;
    chunk& before = chunks_.size() > first_ ? chunks_.back() : none;
    const std::size_t charge = charges_.add(data, before.given, before.charge);
    chunks_.push_back({{}, std::move(data), end_, n, charge});
    end_ += n;
}

void send_buffer::share(std::uint64_t from, std::size_t size, packet& out) const
{
    auto c = std::upper_bound(chunks_.begin() + static_cast<std::ptrdiff_t>(first_), chunks_.end(), from,
                              [](std::uint64_t position, const chunk& x) { return position < x.begin; });
    for (--c; size > 0; ++c) {
        const auto offset = static_cast<std::size_t>(from - c->begin);
        const auto n = std::min(size, c->filled - offset);
        out.append(c->octets(offset, n));
        from += n;
        size -= n;
    }
}

void send_buffer::acknowledge(std::uint64_t position)
{
    begin_ = std::max(begin_, std::min(position, end_));
    while (first_ < chunks_.size() && chunks_[first_].begin + chunks_[first_].filled <= begin_) {
        chunks_[first_].memory = block();
        chunks_[first_].given = slice();
        charges_.remove(std::exchange(chunks_[first_].charge, 0));
        ++first_;
    }
    if (first_ == chunks_.size()) {
        clear();
    } else if (first_ >= 32 && first_ * 2 >= chunks_.size()) { // amortised O(1)
        chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

void send_buffer::clear() noexcept
{
    chunks_.clear();
    charges_ = {};
    first_ = 0;
    begin_ = end_;
}

} // namespace tapio::core::tcp
