/// @file
/// The connections of a host that only wait for 2 MSL to pass: a record each, in order of their ends.
#pragma once

#include "core/network.hpp"
#include "core/socket_types.hpp"
#include "core/tuple_octets.hpp"
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
    struct entry
    {
        packed_names names;
        bool reuse_address = false;
        std::uint8_t ttl = 64, tos = 0;
        tcp::time_wait_memory memory;
        std::uint32_t hash = 0; ///< of its names, in the table of connections
        std::optional<interface_id> device; ///< SO_BINDTODEVICE
        time_point end{};
    };

    /// Handles of entries are of the type of sockets' handles, and of no socket.
    static constexpr std::uint32_t first_index = 0x8000'0000;
    static bool holds(tcp_id id) noexcept { return id && id.index >= first_index; }

    std::size_t size() const noexcept { return slots_ - free_.size(); }
    bool empty() const noexcept { return size() == 0; }

    /// Entries end in the order in which they were added; and a peer that has them taken again and again does not make it longer.
    bool takes(time_point end) const noexcept
    {
        return (order_.empty() || order_.back().first <= end) && order_.size() <= 2 * size() + 64;
    }

    /// Precondition: takes(e.end)
    tcp_id add(const entry& e)
    {
        if (free_.empty()) {
            if (slots_ % page_size == 0) pages_.push_back(std::make_unique<page>());
            free_.push_back(slots_++);
        }
        const std::uint32_t n = free_.back();
        free_.pop_back();
        slot& s = slot_at(n);
        s.value = e;
        s.used = true;
        const tcp_id id{first_index + n, s.generation};
        order_.emplace_back(e.end, id);
        return id;
    }

    /// Precondition: holds(id), and it was not taken yet.
    const entry& at(tcp_id id) const noexcept { return slot_at(id.index - first_index).value; }
    entry take(tcp_id id)
    {
        slot& s = slot_at(id.index - first_index);
        s.used = false;
        ++s.generation;
        free_.push_back(id.index - first_index);
        return s.value;
    }

    /// The one that ends first, or none.
    tcp_id oldest() noexcept
    {
        while (!order_.empty() && !alive(order_.front().second)) order_.pop_front();
        return order_.empty() ? tcp_id() : order_.front().second;
    }

private:
    /// Two lines of the processor's cache, which are fetched as a pair: hardly any is there when it is asked for.
    struct alignas(128) slot
    {
        entry value;
        std::uint32_t generation = 0;
        bool used = false;
    };

    static constexpr std::uint32_t page_size = 32; // slots
    using page = std::array<slot, page_size>;

    slot& slot_at(std::uint32_t n) const noexcept { return (*pages_[n / page_size])[n % page_size]; }
    bool alive(tcp_id id) const noexcept
    {
        const slot& s = slot_at(id.index - first_index);
        return s.used && s.generation == id.generation;
    }

    std::vector<std::unique_ptr<page>> pages_; ///< which stay where they are
    std::uint32_t slots_ = 0;
    std::vector<std::uint32_t> free_;
    std::deque<std::pair<time_point, tcp_id>> order_; ///< some have been taken
};

} // namespace tapio::core
