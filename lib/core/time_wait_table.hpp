/// @file
/// The connections of a host that only wait for 2 MSL to pass: a record each, in order of their ends.
#pragma once

#include "core/network.hpp"
#include "core/socket_types.hpp"
#include "tcp/time_wait.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace tapio::core {

class time_wait_table
{
public:
    struct entry
    {
        endpoint local, remote;
        tcp::time_wait_memory memory;
        time_point end{};
        std::optional<interface_id> device; ///< SO_BINDTODEVICE
        std::uint8_t ttl = 64, tos = 0;
        bool reuse_address = false;
    };

    /// Handles of entries are of the type of sockets' handles, and of no socket.
    static constexpr std::uint32_t first_index = 0x8000'0000;
    static bool holds(tcp_id id) noexcept { return id && id.index >= first_index; }

    std::size_t size() const noexcept { return slots_.size() - free_.size(); }
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
            free_.push_back(static_cast<std::uint32_t>(slots_.size()));
            slots_.emplace_back();
        }
        const std::uint32_t n = free_.back();
        free_.pop_back();
        slots_[n].value = e;
        slots_[n].used = true;
        const tcp_id id{first_index + n, slots_[n].generation};
        order_.emplace_back(e.end, id);
        return id;
    }

    /// Precondition: holds(id), and it was not taken yet.
    const entry& at(tcp_id id) const noexcept { return slots_[id.index - first_index].value; }
    entry take(tcp_id id)
    {
        slot& s = slots_[id.index - first_index];
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
    struct slot
    {
        entry value;
        std::uint32_t generation = 0;
        bool used = false;
    };

    bool alive(tcp_id id) const noexcept
    {
        const slot& s = slots_[id.index - first_index];
        return s.used && s.generation == id.generation;
    }

    std::deque<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::deque<std::pair<time_point, tcp_id>> order_; ///< some have been taken
};

} // namespace tapio::core
