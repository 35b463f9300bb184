/// @file
/// What routers have said of path MTUs, for all that send to a destination (RFC 1191, RFC 8201 §5.2). A TCP connection begins
/// with it, and keeps a path MTU of its own.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstddef>
#include <list>
#include <unordered_map>

namespace tapio::core::ip {

class path_mtu_cache
{
public:
    static constexpr std::size_t most_paths = 1024;                ///< beyond it the one learned first is forgotten
    static constexpr duration lifetime = std::chrono::minutes(10); ///< RFC 1191 §6.3, RFC 8201 §5.3
    static constexpr std::size_t least_v4 = 552, least_v6 = 1280; ///< octets; less is not believed (RFC 5927 §7.2; RFC 8201 §4)

    /// An ICMP error about a packet of ours says so. A larger value than the known one is ignored (RFC 8201 §4). @return true:
    /// the path MTU was not known to be that small
    bool learn(const address& destination, std::size_t mtu, time_point now)
    {
        mtu = std::max(mtu, destination.is_v4() ? least_v4 : least_v6);
        if (const auto known = paths_.find(destination); known != paths_.end()) {
            if (mtu >= known->second->mtu) return false;
            order_.erase(known->second);
            paths_.erase(known);
        }
        if (paths_.size() >= most_paths) {
            paths_.erase(order_.front().destination);
            order_.pop_front();
        }
        paths_[destination] = order_.insert(order_.end(), {destination, mtu, now + lifetime});
        return true;
    }

    /// Octets of the longest packet that reaches the destination whole, as far as is known. @param link the interface's MTU
    std::size_t of(const address& destination, std::size_t link) const noexcept
    {
        if (paths_.empty()) return link;
        const auto known = paths_.find(destination);
        return known != paths_.end() ? std::min(link, known->second->mtu) : link;
    }

    void advance(time_point now) ///< forgets what is too old: the path may have changed
    {
        for (; !order_.empty() && order_.front().ends <= now; order_.pop_front()) paths_.erase(order_.front().destination);
    }
    time_point next_deadline() const noexcept { return order_.empty() ? never : order_.front().ends; }

    std::size_t size() const noexcept { return paths_.size(); }

private:
    struct path
    {
        address destination;
        std::size_t mtu; ///< octets
        time_point ends;
    };

    std::list<path> order_; ///< as learned
    std::unordered_map<address, std::list<path>::iterator, std::hash<boost::asio::ip::address>> paths_;
};

} // namespace tapio::core::ip
