/// @file
/// TCP Fast Open's cookies (RFC 7413 §4.1): those that we hand out as a server, and those that we were given as a client.
#pragma once

#include "base/flow_key.hpp"
#include "base/siphash.hpp"
#include "tcp/fast_open.hpp"

#include <tapio/core/time.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <unordered_map>

namespace tapio::core {

/// A server's. A cookie is a keyed hash of the client's address, ours and the hour: nothing is kept (RFC 7413 §4.1.2).
class fast_open_cookies
{
public:
    explicit fast_open_cookies(const siphash_key& key) noexcept : key_(key) {}

    tcp::fast_open_cookie make(const address& ours, const address& client, time_point now) const
    {
        return of_hour(ours, client, hour(now));
    }
    /// Of this hour or the last.
    bool check(const address& ours, const address& client, const tcp::fast_open_cookie& cookie, time_point now) const
    {
        return cookie == of_hour(ours, client, hour(now)) || cookie == of_hour(ours, client, hour(now) - 1);
    }

private:
    static std::uint64_t hour(time_point now) noexcept
    {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::hours>(now.time_since_epoch()).count());
    }
    tcp::fast_open_cookie of_hour(const address& ours, const address& client, std::uint64_t h) const
    {
        const auto addresses = flow_key({client, 0}, {ours, 0}, ip_protocol::tcp).words();
        std::array<std::uint64_t, addresses.size() + 1> words;
        *std::copy(addresses.begin(), addresses.end(), words.begin()) = h;
        const std::uint64_t hashed = siphash(key_, std::as_bytes(std::span(words)));
        tcp::fast_open_cookie cookie(sizeof hashed);
        std::memcpy(cookie.data(), &hashed, sizeof hashed);
        return cookie;
    }

    siphash_key key_;
};

/// A client's: what each server has given it, and which paths do not let such SYNs through.
class fast_open_memory
{
public:
    /// What a SYN to there may carry; null: nothing, not even the question (RFC 7413 §4.1.3.1).
    /// @param without_cookie  the server wants none
    std::unique_ptr<const tcp::fast_open> request(const address& server, bool without_cookie, time_point now) const
    {
        const auto known = servers_.find(server);
        auto out = std::make_unique<tcp::fast_open>();
        if (known != servers_.end()) {
            if (now < known->second.avoid_until) return nullptr;
            *out = known->second.last;
        }
        out->without_cookie = without_cookie;
        return out;
    }
    void given(const address& server, const tcp::fast_open_cookie& cookie, std::uint16_t mss)
    {
        entry(server).last = {cookie, mss};
    }
    /// A SYN with data went unanswered: perhaps something on the way drops them.
    void avoid(const address& server, time_point now) { entry(server).avoid_until = now + avoidance; }

private:
    static constexpr std::size_t most = 1024; ///< servers
    static constexpr duration avoidance = std::chrono::hours(1);

    struct known_server
    {
        tcp::fast_open last;
        time_point avoid_until{};
    };

    known_server& entry(const address& a)
    {
        if (servers_.size() >= most && !servers_.contains(a))
            servers_.erase(servers_.begin()); // any: to forget costs a round trip
        return servers_[a];
    }

    std::unordered_map<address, known_server> servers_;
};

} // namespace tapio::core
