/// @file
/// A client and a server with a connection between them, over an impaired wire in virtual time.
#pragma once

#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <optional>
#include <utility>

namespace tapio::test {

struct connected_hosts
{
    /// @param wire impairments, both ways  @param receive_buffer of the server's socket, octets; 0: the default
    explicit connected_hosts(const core::impairment_options& wire, int receive_buffer = 0)
    {
        auto [l, r] = make_pipe();
        client_host.emplace(io, impaired(std::move(l), {wire, wire}), stack_options{.time = &time});
        server_host.emplace(io, std::move(r), stack_options{.time = &time});
        client_host->add_address(boost::asio::ip::make_address("192.0.2.1"), 24);
        server_host->add_address(there.address(), 24);
        acceptor.emplace(*server_host, there);
        if (receive_buffer != 0) acceptor->set_option(boost::asio::socket_base::receive_buffer_size(receive_buffer));
        client.emplace(*client_host);
        server.emplace(*server_host);
        client->connect(there);
        acceptor->accept(*server);
    }

    const ip::tcp::endpoint there{boost::asio::ip::make_address("192.0.2.2"), 80};
    boost::asio::io_context io;
    virtual_time time{io};
    std::optional<stack> client_host, server_host;
    std::optional<ip::tcp::acceptor> acceptor;
    std::optional<ip::tcp::socket> client, server;
};

} // namespace tapio::test
