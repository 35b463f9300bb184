/// @file
/// The next hops that redirects have named, by destination (RFC 1122 §3.2.2.2, RFC 4861 §8.3). Bounded in number and in time.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>

namespace tapio::core::ip {

class redirect_table
{
public:
    static constexpr std::size_t most_entries = 1024;              ///< the oldest makes room
    static constexpr duration lifetime = std::chrono::minutes(10); ///< after it the router is asked again; Linux: 5 min

    struct entry
    {
        address destination, next_hop;
        std::uint32_t interface = 0;
        time_point expires{};
    };

    void learn(const entry& e)
    {
        forget(e.destination);
        if (entries_.size() >= most_entries) forget(address(entries_.front().destination));
        by_destination_[e.destination] = entries_.insert(entries_.end(), e);
    }
    bool forget(const address& destination)
    {
        const auto at = by_destination_.find(destination);
        if (at == by_destination_.end()) return false;
        entries_.erase(at->second);
        by_destination_.erase(at);
        return true;
    }
    void clear() noexcept
    {
        entries_.clear();
        by_destination_.clear();
    }
    const entry* find(const address& destination) const noexcept ///< null: there is none
    {
        if (entries_.empty()) return nullptr;
        const auto at = by_destination_.find(destination);
        return at == by_destination_.end() ? nullptr : &*at->second;
    }
    /// @return true if an entry has expired
    bool advance(time_point now)
    {
        const std::size_t before = entries_.size();
        while (!entries_.empty() && entries_.front().expires <= now) forget(address(entries_.front().destination));
        return entries_.size() != before;
    }
    time_point next_deadline() const noexcept { return entries_.empty() ? never : entries_.front().expires; }

private:
    std::list<entry> entries_; ///< the oldest first
    std::unordered_map<address, std::list<entry>::iterator, std::hash<boost::asio::ip::address>> by_destination_;
};

} // namespace tapio::core::ip
