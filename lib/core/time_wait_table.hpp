/// @file
/// The connections in TIME-WAIT that their users have closed: one record each, in the order in which TIME-WAIT ends.
#pragma once

#include "base/flow_key.hpp"
#include "core/network.hpp"
#include "core/socket_types.hpp"
#include "tcp/time_wait.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace tapio::core {

class time_wait_table
{
public:
    struct alignas(32) entry ///< at most two cache lines
    {
        flow_key flow; ///< of the peer's segments: its source is the remote endpoint
        bool reuse_address = false, own_ttl = false;
        std::uint8_t ttl = 64, tos = 0;
        tcp::time_wait_memory memory;
        std::optional<interface_id> device; ///< SO_BINDTODEVICE
        time_point end{};
    };
    static_assert(sizeof(entry) == 96);

    /// Handles of entries have the type of socket handles; indices from first_index on tell them apart.
    static constexpr std::uint32_t first_index = 0x8000'0000;
    static bool holds(tcp_id id) noexcept { return id && id.index >= first_index; }

    std::size_t size() const noexcept { return generations_.size() - free_.size(); }
    bool empty() const noexcept { return size() == 0; }

    /// Entries can only be added in the order of their ends: false if `end` is before that of the last one.
    bool takes(time_point end) const noexcept { return order_.empty() || order_.back().first <= end; }

    /// Precondition: takes(e.end)
    tcp_id add(const entry& e)
    {
        if (free_.empty()) {
            const auto next = static_cast<std::uint32_t>(generations_.size());
            if (next % page_size == 0) pages_.push_back(std::make_unique<page>());
            generations_.push_back(0);
            free_.push_back(next);
        }
        const std::uint32_t n = free_.back();
        free_.pop_back();
        entry_at(n) = e;
        const tcp_id id{first_index + n, generations_[n]};
        if (order_.size() > 2 * size() + 64) std::erase_if(order_, [this](const auto& o) { return !is_there(o.second); });
        order_.emplace_back(e.end, id);
        return id;
    }

    /// Precondition: holds(id), and the entry was not taken.
    const entry& at(tcp_id id) const noexcept { return entry_at(id.index - first_index); }
    void prefetch(tcp_id id) const noexcept
    {
        const auto* const at = reinterpret_cast<const std::byte*>(&entry_at(id.index - first_index));
        __builtin_prefetch(at);
        __builtin_prefetch(at + sizeof(entry) - 1);
    }
    entry take(tcp_id id)
    {
        const std::uint32_t n = id.index - first_index;
        ++generations_[n];
        free_.push_back(n);
        return entry_at(n);
    }

    /// Calls `f(const entry&)` for each entry, in the order of their ends.
    template <class F>
    void for_each(F&& f) const
    {
        for (const auto& [end, id] : order_)
            if (is_there(id)) f(at(id));
    }

    /// The entry that ends first; none if the table is empty.
    tcp_id oldest() noexcept
    {
        while (!order_.empty() && !is_there(order_.front().second)) order_.pop_front();
        return order_.empty() ? tcp_id() : order_.front().second;
    }

    /// Approximate memory use, octets.
    std::size_t memory() const noexcept
    {
        return pages_.size() * sizeof(page) + generations_.size() * 2 * sizeof(std::uint32_t) +
               order_.size() * sizeof(order_.front());
    }

private:
    static constexpr std::uint32_t page_size = 32; // entries
    using page = std::array<entry, page_size>;

    entry& entry_at(std::uint32_t n) const noexcept { return (*pages_[n / page_size])[n % page_size]; }
    bool is_there(tcp_id id) const noexcept { return generations_[id.index - first_index] == id.generation; }

    std::vector<std::unique_ptr<page>> pages_; ///< pages never move
    std::vector<std::uint32_t> generations_;   ///< of each entry; kept apart, because entries are seldom in the cache
    std::vector<std::uint32_t> free_;
    std::deque<std::pair<time_point, tcp_id>> order_; ///< in the order of ends; may contain taken entries
};

} // namespace tapio::core
