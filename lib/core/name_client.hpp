/// @file
/// The resolver of a host: client/dns_client with sockets. Owns a UDP socket for each query that is under way, connected to the
/// server and with a random port (RFC 5452 §9.2), and connections by TCP or TLS, which queries share. Made by host::names() at
/// its first use.
#pragma once

#include "base/random_source.hpp"
#include "client/dns_client.hpp"
#include "core/dhcp_clients.hpp"
#include "core/mdns_node.hpp"
#include "core/name_connection.hpp"
#include "core/network.hpp"
#include "core/socket_protocol.hpp"

#include <tapio/core/dns.hpp>
#include <tapio/core/event_sink.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tapio::core {

class name_client final : private client::dns_transport, private name_connection::owner
{
public:
    name_client(network& net, const dhcp_clients& configured, socket_protocol& udp, socket_protocol& tcp, random_source& random);
    ~name_client();

    /// What the user wants. Without servers, those of interface_configuration are used, which DHCP and routers have told.
    /// @param multicast for the names that `options` says; null: none
    void configure(const dns_options& options, mdns_node* multicast = nullptr);

    /// @param text  as a user gives it: search domains are tried
    client::lookup_id look_up(std::string_view text, std::vector<dns::record_type> types, client::dns_sink& sink, time_point now);
    client::lookup_id query(const dns::name& n, dns::record_type type, client::dns_sink& sink, time_point now);
    void cancel(client::lookup_id l, time_point now);

    // For the host.
    void advance(time_point now);
    time_point next_deadline() const noexcept;
    bool deliver(time_point now); ///< tells one sink; not to be called from within event_sink::ready()

    dns_status status();

private:
    class channel;

    void refresh();
    bool is_for_multicast(const dns::name& n) const;
    bool send_datagram(client::query_id q, const endpoint& server, const_bytes message, time_point now) override;
    bool open_stream(client::query_id q, const endpoint& server, const_bytes message, time_point now) override;
    bool open_secure(client::query_id q, const endpoint& server, const_bytes message, time_point now) override;
    void close(client::query_id q, time_point now) override;
    void responded(client::query_id q, const_bytes octets, time_point now) override;
    void ended(name_connection& c, time_point now) override;

    bool send(client::query_id q, const name_connection::place& to, const_bytes message, time_point now);
    bool give(name_connection& c, client::query_id q, const_bytes message, time_point now);
    name_connection* connection_to(const name_connection::place& to, time_point now);
    name_connection* connect(const name_connection::place& to, time_point now);
    std::vector<client::dns_stream::message> take_down(name_connection& c, time_point now);

    network& net_;
    const dhcp_clients& configured_;
    socket_protocol& udp_;
    socket_protocol& tcp_;
    mdns_node* multicast_ = nullptr; ///< null: it has never been used
    bool asks_multicast_ = false;
    dns_options wanted_;                      ///< by the user
    std::optional<std::uint64_t> learned_at_; ///< network::configurations() when learned servers were looked at
    client::dns_client client_;
    std::map<client::query_id, std::unique_ptr<channel>> channels_; ///< UDP
    std::vector<std::unique_ptr<name_connection>> connections_;     ///< TCP and TLS
    std::map<client::query_id, name_connection*> connection_of_;
    std::vector<std::unique_ptr<channel>> closed_; ///< this and the next may be closed while they are told of an event
    std::vector<std::unique_ptr<name_connection>> ended_;
    std::string tls_failure_;       ///< of the last connection by TLS that has failed
    std::vector<std::byte> memory_; ///< for one received datagram
};

} // namespace tapio::core
