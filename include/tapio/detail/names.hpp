/// @file
/// Name lookup for the resolver service; implemented in lib/asio. Internal.
#pragma once

#include <tapio/core/address.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// A query as for getaddrinfo(3), whose numbers `flags`, `family` and `socket_type` are.
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

/// Looks hosts up in the hosts table of the context's stack, and services in those of the machine. Sends no packet.
resolved_names resolve(boost::asio::execution_context& context, const name_query& query, boost::system::error_code& ec);

struct names_of_endpoint
{
    std::string host, service;
};

/// The reverse lookup: an unknown host gives its address, an unknown service its number.
names_of_endpoint resolve(boost::asio::execution_context& context, const core::endpoint& e, int socket_type);

} // namespace tapio::detail

#pragma GCC visibility pop
