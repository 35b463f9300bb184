/// @file
/// The slices of a packet's payload: mostly one or two, which are stored in the list itself and cost little to move.
#pragma once

#include <tapio/core/slice.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// A contiguous sequence of slices. A moved-from list is empty.
/// @par Thread safety  distinct objects: safe; shared objects: unsafe
class slice_list
{
public:
    slice_list() noexcept {}
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
    ~slice_list() { clear(); }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    slice* begin() noexcept { return many_ == nullptr ? few_.at : many_->data(); }
    slice* end() noexcept { return begin() + size_; }
    const slice* begin() const noexcept { return many_ == nullptr ? few_.at : many_->data(); }
    const slice* end() const noexcept { return begin() + size_; }
    const slice& front() const noexcept { return *begin(); }         ///< @pre !empty()
    slice& operator[](std::size_t i) noexcept { return begin()[i]; } ///< @pre i < size()

    void push_back(const slice& s) { push_back(slice(s)); }
    void push_back(slice&& s)
    {
        if (many_ == nullptr && size_ < most_few) {
            std::construct_at(few_.at + size_, std::move(s));
        } else {
            if (many_ == nullptr) spill();
            many_->push_back(std::move(s));
        }
        ++size_;
    }
    void clear() noexcept
    {
        if (size_ > 0) resize(0);
    }

    /// Removes `octets` from the front; all of them if there are fewer.
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
    /// Keeps the first `octets`; all of them if there are fewer.
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
    static constexpr std::size_t most_few = 2;

    void resize(std::size_t n) noexcept ///< precondition: n <= size()
    {
        if (many_ == nullptr) {
            std::destroy(few_.at + n, few_.at + size_);
            size_ = n;
        } else {
            many_->resize(n);
            size_ = n;
            if (n == 0) delete std::exchange(many_, nullptr);
        }
    }
    void spill()
    {
        auto all = std::make_unique<std::vector<slice>>();
        all->reserve(2 * most_few);
        std::move(few_.at, few_.at + size_, std::back_inserter(*all));
        std::destroy(few_.at, few_.at + size_);
        many_ = all.release();
    }
    void take(slice_list& other) noexcept ///< precondition: empty()
    {
        size_ = std::exchange(other.size_, 0);
        many_ = std::exchange(other.many_, nullptr);
        if (many_ != nullptr) return;
        for (std::size_t i = 0; i < size_; ++i) {
            std::construct_at(few_.at + i, std::move(other.few_.at[i]));
            std::destroy_at(other.few_.at + i);
        }
    }

    union places // `size_` of them hold a slice; raw memory, because most of the many packets have no payload slice
    {
        places() noexcept {}
        ~places() {}
        slice at[most_few];
    };

    std::size_t size_ = 0;
    std::vector<slice>* many_ = nullptr; ///< owned; null: all slices are in few_
    places few_;                         ///< unused while `many_` is set
};

} // namespace tapio::core

#pragma GCC visibility pop
