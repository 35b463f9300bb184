/// @file
/// The memory bound that all connections of a host share, for send buffers (written, not acknowledged) and receive buffers
/// (received, not read). It counts whole blocks, which may be much larger than the octets needed of them. At three quarters,
/// receive buffers stop growing and receive windows shrink to `always`; at the bound, send buffers shrink to `always` and
/// out-of-order data is dropped. `always` octets each way are granted to every connection, so that each makes progress.
#pragma once

#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tapio::core::tcp {

/// The memory of a sequence of slices that are added and removed in order. Each slice is charged for the block that it keeps
/// alive; of adjacent slices in the same block, only the last one.
class slice_charges
{
public:
    /// Octets of memory of a block with its header.  @param capacity octets; 0: no block
    static constexpr std::size_t of_block(std::size_t capacity) noexcept { return capacity == 0 ? 0 : capacity + 64; }

    /// @param before the slice in front of `s`  @param charge_before its charge, moved to `s` if adjacent  @return the charge of
    /// `s`
    std::size_t add(const slice& s, const slice& before, std::size_t& charge_before) noexcept
    {
        if (before.data() + before.size() == s.data()) return std::exchange(charge_before, 0);
        return add(of_block(s.held()));
    }
    std::size_t add(std::size_t charge) noexcept { return total_ += charge, charge; }
    void remove(std::size_t charge) noexcept { total_ -= charge; }
    std::size_t total() const noexcept { return total_; } ///< octets

private:
    std::size_t total_ = 0;
};

class memory_budget
{
public:
    static constexpr std::uint32_t always = 16 * 1024; ///< octets each way that any connection may hold

    explicit memory_budget(std::uint64_t limit) noexcept : limit_(limit) {}

    std::uint64_t used() const noexcept { return used_; } ///< octets
    bool tight() const noexcept { return used_ >= limit_ / 4 * 3; }
    bool spent() const noexcept { return used_ >= limit_; }

    /// A connection that held `before` octets holds `now`.
    void change(std::uint64_t before, std::uint64_t now) noexcept { used_ += now - before; }

    std::uint64_t orphaned() const noexcept { return orphaned_; } ///< octets of `used()` that connections without a user hold
    void change_orphaned(std::uint64_t before, std::uint64_t now) noexcept { orphaned_ += now - before; }

private:
    std::uint64_t limit_; ///< octets
    std::uint64_t used_ = 0, orphaned_ = 0;
};

/// One connection's share of the budget.
class memory_share
{
public:
    explicit memory_share(memory_budget* of) noexcept : budget_(of) {}
    ~memory_share() { hold(0); }
    memory_share(const memory_share&) = delete;
    memory_share& operator=(const memory_share&) = delete;

    void hold(std::uint64_t octets) noexcept
    {
        if (budget_ != nullptr) budget_->change(held_, octets);
        if (budget_ != nullptr && orphaned_) budget_->change_orphaned(held_, octets);
        held_ = octets;
    }
    std::uint64_t held() const noexcept { return held_; } ///< octets
    /// The user has closed the socket: the connection's memory is counted as orphaned, too.
    void orphan() noexcept
    {
        if (budget_ != nullptr && !orphaned_) budget_->change_orphaned(0, held_);
        orphaned_ = true;
    }
    bool tight() const noexcept { return budget_ != nullptr && budget_->tight(); }
    bool spent() const noexcept { return budget_ != nullptr && budget_->spent(); }

private:
    memory_budget* budget_;
    std::uint64_t held_ = 0; ///< octets
    bool orphaned_ = false;
};

} // namespace tapio::core::tcp
