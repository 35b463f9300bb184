/// @file
/// What nat44_table consists of: mappings, the inside hosts that own them, and the sessions that keep them alive.
#pragma once

#include "ip/nat44_pool.hpp"
#include "ip/nat44_tcp.hpp"
#include "wire/ipv4.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <cstdint>

namespace tapio::core::ip {

/// An IPv4 address and a port, or the identifier of an ICMP query, in host byte order.
struct nat44_endpoint
{
    std::uint32_t address = 0;
    std::uint16_t port = 0;

    nat44_endpoint() = default;
    nat44_endpoint(std::uint32_t a, std::uint16_t p) noexcept : address(a), port(p) {}
    explicit nat44_endpoint(const endpoint& e) : address(e.address.to_v4().to_uint()), port(e.port) {}
    explicit operator endpoint() const { return {core::address(address_v4(address)), port}; }

    friend bool operator==(const nat44_endpoint&, const nat44_endpoint&) = default;
};

inline nat44_key nat44_key_of(wire::ip_protocol protocol, const nat44_endpoint& e) noexcept
{
    return {std::uint64_t{e.address} << 32 | e.port, static_cast<std::uint32_t>(protocol)};
}

/// The timeouts of nat44_options: a queue of sessions each.
enum class nat44_timeout : std::uint8_t
{
    udp,
    icmp,
    tcp_transitory,
    tcp_established
};
inline constexpr std::size_t nat44_timeout_count = 4;

template <class Tag>
using nat44_hook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<Tag>, boost::intrusive::link_mode<boost::intrusive::normal_link>>;

struct nat44_mapping_entry;

/// A remote to which a mapping's inside endpoint has sent. Key: number of the mapping, remote address and port. For UDP and ICMP
/// the port is 0; with endpoint-independent filtering so is the address, because then no remote needs to be known.
struct nat44_session : nat44_pooled<nat44_session>, nat44_hook<struct nat44_by_expiry>, nat44_hook<struct nat44_by_use>
{
    nat44_mapping_entry* mapping = nullptr;
    time_point expires{};
    nat44_tcp tcp;
    nat44_timeout timeout{}; ///< the queue that has the session
};

template <class Tag>
using nat44_session_list = boost::intrusive::list<nat44_session, boost::intrusive::base_hook<nat44_hook<Tag>>,
                                                  boost::intrusive::constant_time_size<false>>;

/// The number of TCP sessions of a mapping with a remote address, whatever the remote port: for address-dependent filtering.
struct nat44_peer : nat44_pooled<nat44_peer>
{
    std::size_t sessions = 0;
};

struct nat44_host : nat44_pooled<nat44_host>
{
    std::size_t mappings = 0, sessions = 0;
};

/// Key: protocol and inside endpoint.
struct nat44_mapping_entry : nat44_pooled<nat44_mapping_entry>
{
    wire::ip_protocol protocol{};
    nat44_endpoint inside, outside;
    nat44_host* host = nullptr;                         ///< null: a forward, which has no sessions
    nat44_session_list<struct nat44_by_use> sessions{}; ///< the least recently used first

    bool is_forward() const noexcept { return host == nullptr; }
};

/// Finds a mapping from outside. Key: protocol and outside endpoint.
struct nat44_outside : nat44_pooled<nat44_outside>
{
    nat44_mapping_entry* mapping = nullptr;
};

} // namespace tapio::core::ip
