/// @file
/// The DHCPv6 client of an interface: carries out what client/dhcpv6_client decides. It owns a UDP socket at port 546, bound to
/// the interface.
///
/// A leased address is added with 128 bits, since a lease says nothing about neighbours (RFC 8415 §18.2.10.1); it is optimistic
/// until duplicate address detection has ended, as RFC 4429 §3.1 allows for addresses of DHCPv6. A delegated prefix becomes an
/// unreachable route.
#pragma once

#include "base/random_source.hpp"
#include "client/dhcpv6_client.hpp"
#include "core/network.hpp"
#include "core/udp_sockets.hpp"

#include <tapio/core/event_sink.hpp>
#include <tapio/core/interface_configuration.hpp>

#include <optional>
#include <vector>

namespace tapio::core {

class dhcpv6_interface final : private event_sink, private client::dhcpv6_actions
{
public:
    dhcpv6_interface(interface_id interface, network& net, udp_sockets& udp, random_source& random,
                     const configure_options& options, std::vector<std::byte> duid);
    ~dhcpv6_interface();
    dhcpv6_interface(const dhcpv6_interface&) = delete;
    dhcpv6_interface& operator=(const dhcpv6_interface&) = delete;

    error_code open(); ///< the socket. @return address_in_use: a socket of the user's has the port
    /// To be called at first, and after each change of the interface's state or device.
    void link_changed(bool replaced, time_point now);
    void routers_said(const ip::link_parameters& p, time_point now);
    bool duplicate(const address& own, time_point now); ///< another node has the address. @return false: it is not leased
    void release(time_point now);                       ///< gives everything back; the client is off for good, soon
    void advance(time_point now);
    time_point next_deadline() const noexcept { return machine_.next_deadline(); }

    dhcpv6_state state() const noexcept { return machine_.state(); }
    const dhcpv6_lease& lease() const noexcept { return machine_.lease(); } ///< without a server: none
    bool releases_on_shutdown() const noexcept { return releases_on_shutdown_; }
    bool is_released() const noexcept { return released_; }
    bool has_ended() const noexcept { return released_ && state() == dhcpv6_state::off; }

private:
    using resource = dhcpv6_lease::resource;

    void ready(readiness what, time_point now) override;
    void send(const wire::dhcpv6_message& m) override;
    void use(const dhcpv6_lease& l) override;

    bool receive_one(time_point now);
    std::optional<address> link_local() const;
    bool is_leased(const address& own) const;
    void change_addresses(const std::vector<resource>& before, const std::vector<resource>& now);
    void change_prefixes(const std::vector<resource>& before, const std::vector<resource>& now);
    ip::route unreachable(const resource& prefix) const;
    void note_state();

    static constexpr std::uint32_t route_metric = 1024; ///< above the 0 of a user's routes

    const interface_id interface_;
    network& net_;
    udp_sockets& udp_;
    const bool releases_on_shutdown_;
    const dhcpv6_use wanted_;
    std::optional<socket_id> socket_;
    time_point now_{}; ///< of the call that is going on
    bool up_ = false, released_ = false;
    dhcpv6_lease applied_; ///< what the interface has of the lease
    dhcpv6_state noted_ = dhcpv6_state::off;
    client::dhcpv6_client machine_;
};

} // namespace tapio::core
