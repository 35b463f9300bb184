/// @file
/// TCP Fast Open cookies (RFC 7413 §4.1): those that we issue as a server, and those that we received as a client.
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

/// The server's side. A cookie is a keyed hash of the client's address, ours and the hour, so no state is kept (RFC 7413 §4.1.2).
class fast_open_cookies
{
public:
    explicit fast_open_cookies(const siphash_key& key) noexcept : key_(key) {}

    tcp::fast_open_cookie make(const address& ours, const address& client, time_point now) const
    {
        return of_hour(ours, client, hour(now));
    }
    /// Accepts cookies of this hour and of the previous one.
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

/// The client's side: the cookie and MSS received from each server, and the servers to which a SYN with data was not answered.
class fast_open_memory
{
public:
    /// What a SYN to `server` carries: its cookie, or a cookie request if none is known. Null: no Fast Open option at all,
    /// because SYNs with data are not answered (RFC 7413 §4.1.3.1). @param without_cookie the server accepts data without a
    /// cookie
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
    /// A SYN with data was not answered: a middlebox may drop such SYNs.
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
            servers_.erase(servers_.begin()); // any one: losing a cookie costs only a round trip
        return servers_[a];
    }

    std::unordered_map<address, known_server> servers_;
};

} // namespace tapio::core
