/// @file
/// Names and addresses, as the resolver service asks for them; implemented in lib/asio. Internal.
#pragma once

#include <tapio/core/address.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// As getaddrinfo(3) is asked: `flags`, `family` and `socket_type` are its numbers.
struct name_query
{
    std::string host, service;
    int flags = 0;
    int family = 0;
    int socket_type = 0;
};

struct resolved_names
{
    std::vector<core::endpoint> endpoints;
    std::string canonical_host;
};

/// From the hosts table of the context's stack and the services that the machine knows. No packet is sent.
resolved_names resolve(boost::asio::execution_context& context, const name_query& query, boost::system::error_code& ec);

struct names_of_endpoint
{
    std::string host, service;
};

/// A host without a name is its address, a service without one its number.
names_of_endpoint resolve(boost::asio::execution_context& context, const core::endpoint& e, int socket_type);

} // namespace tapio::detail

#pragma GCC visibility pop
