/// @file
/// What all connections of a host may hold together: octets written and not acknowledged, received and not read. When most of it
/// is used, buffers stop growing and windows open by little; when all is, what came early is not kept. Every connection may
/// always hold a little, so that each goes on.
#pragma once

#include <cstdint>

namespace tapio::core::tcp {

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

/// One connection's share of it.
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
    /// The connection's user has gone: what it holds counts as orphaned, too.
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
