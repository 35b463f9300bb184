/// @file
/// The DHCPv4 client of an interface: carries out what client/dhcpv4_client decides. It owns a UDP socket at port 68, bound to
/// the interface, and probes addresses before their use (RFC 5227).
#pragma once

#include "base/random_source.hpp"
#include "client/dhcpv4_client.hpp"
#include "core/network.hpp"
#include "core/udp_sockets.hpp"
#include "ip/address_prober.hpp"

#include <tapio/core/event_sink.hpp>
#include <tapio/core/interface_configuration.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace tapio::core {

class dhcp_interface final : private event_sink, private client::dhcpv4_actions
{
public:
    /// @param client_id type and identifier
    dhcp_interface(interface_id interface, network& net, udp_sockets& udp, random_source& random,
                   const configure_options& options, std::vector<std::byte> client_id);
    ~dhcp_interface();
    dhcp_interface(const dhcp_interface&) = delete;
    dhcp_interface& operator=(const dhcp_interface&) = delete;

    error_code open(); ///< the socket. @return address_in_use: a socket of the user's has the port
    /// To be called at first, and after each change of the interface's state or device.
    void link_changed(bool replaced, time_point now);
    void arp_heard(const wire::arp_packet& said, time_point now);
    void contested(time_point now); ///< another station insists on the leased address
    void release(time_point now);   ///< gives the lease back; the client is off for good
    void advance(time_point now);
    time_point next_deadline() const noexcept { return std::min(machine_.next_deadline(), prober_.next_deadline()); }

    dhcpv4_state state() const noexcept { return machine_.state(); }
    const std::optional<dhcpv4_lease>& lease() const noexcept { return machine_.lease(); } ///< in use
    bool releases_on_shutdown() const noexcept { return releases_on_shutdown_; }

private:
    void ready(readiness what, time_point now) override;
    void send(const wire::dhcpv4_message& m, const address_v4& from, const address_v4& to) override;
    void probe(const address_v4& a) override { prober_.start(a, now_); }
    void stop_probing() override { prober_.stop(); }
    bool use(const dhcpv4_lease& l) override;
    void lose(client::dhcpv4_loss why) override;

    bool receive_one(time_point now);
    void remove_address(const address_v4& a);
    void add_routes(const std::vector<leased_route>& routes);
    void add_route(const leased_route& r);
    void remove_routes();
    void note_state();

    static constexpr std::uint32_t route_metric = 1024; ///< above the 0 of a user's routes; that of learned routes of IPv6

    const interface_id interface_;
    network& net_;
    udp_sockets& udp_;
    const bool releases_on_shutdown_;
    std::optional<socket_id> socket_;
    time_point now_{}; ///< of the call that is going on
    bool up_ = false;
    std::vector<ip::route> routes_;       ///< those that came with the lease
    std::optional<dhcpv4_lease> applied_; ///< what the interface has of the lease in use
    dhcpv4_state noted_ = dhcpv4_state::off;
    ip::address_prober prober_;
    client::dhcpv4_client machine_;
};

} // namespace tapio::core
