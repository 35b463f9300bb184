/// @file
/// The slices of a packet's payload: mostly one or two, which stand in the list itself and cost little to move.
#pragma once

#include <tapio/core/slice.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace tapio::core {

/// A sequence; contiguous. A list that has been moved from is empty.
class slice_list
{
public:
    slice_list() noexcept = default;
    slice_list(const slice_list& other)
    {
        for (const slice& s : other) push_back(s);
    }
    slice_list(slice_list&& other) noexcept { take(other); }
    slice_list& operator=(const slice_list& other)
    {
        if (this != &other) *this = slice_list(other);
        return *this;
    }
    slice_list& operator=(slice_list&& other) noexcept
    {
        if (this == &other) return *this;
        clear();
        take(other);
        return *this;
    }
    ~slice_list() = default;

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    slice* begin() noexcept { return many_ == nullptr ? few_.data() : many_->data(); }
    slice* end() noexcept { return begin() + size_; }
    const slice* begin() const noexcept { return many_ == nullptr ? few_.data() : many_->data(); }
    const slice* end() const noexcept { return begin() + size_; }
    const slice& front() const noexcept { return *begin(); }         ///< precondition: !empty()
    slice& operator[](std::size_t i) noexcept { return begin()[i]; } ///< precondition: i < size()

    void push_back(slice s)
    {
        if (many_ == nullptr && size_ < few_.size()) {
            few_[size_] = std::move(s);
        } else {
            if (many_ == nullptr) spill();
            many_->push_back(std::move(s));
        }
        ++size_;
    }
    void clear() noexcept { resize(0); }

    /// Cuts `octets` off the front; all, if there are fewer.
    void remove_prefix(std::size_t octets) noexcept
    {
        if (size_ > 0 && octets < begin()->size()) return begin()->remove_prefix(octets);
        std::size_t spent = 0;
        for (slice& s : *this) {
            const std::size_t cut = std::min(octets, s.size());
            s.remove_prefix(cut);
            octets -= cut;
            if (!s.empty()) break;
            ++spent;
        }
        if (spent == 0) return;
        std::move(begin() + spent, end(), begin());
        resize(size_ - spent);
    }
    /// Keeps the first `octets`; all, if there are fewer.
    void truncate(std::size_t octets) noexcept
    {
        std::size_t kept = 0;
        for (slice& s : *this) {
            if (octets == 0) break;
            s.truncate(std::min(octets, s.size()));
            octets -= s.size();
            ++kept;
        }
        resize(kept);
    }

private:
    void resize(std::size_t n) noexcept ///< precondition: n <= size()
    {
        if (many_ == nullptr) {
            for (; size_ > n; --size_) few_[size_ - 1] = slice();
        } else {
            many_->resize(n);
            size_ = n;
            if (n == 0) many_.reset();
        }
    }
    void spill()
    {
        many_ = std::make_unique<std::vector<slice>>();
        many_->reserve(2 * few_.size());
        std::move(few_.begin(), few_.end(), std::back_inserter(*many_));
    }
    void take(slice_list& other) noexcept ///< precondition: empty()
    {
        size_ = std::exchange(other.size_, 0);
        many_ = std::move(other.many_);
        if (many_ != nullptr) return;
        if (size_ > 0) few_[0] = std::move(other.few_[0]);
        if (size_ > 1) few_[1] = std::move(other.few_[1]);
    }

    std::size_t size_ = 0;
    std::array<slice, 2> few_;                 ///< empty while there are many
    std::unique_ptr<std::vector<slice>> many_; ///< null: the few are all
};

} // namespace tapio::core
