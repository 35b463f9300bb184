/// @file
/// Lists for the status page: connections, interfaces, neighbours and routes of the server's host.
#pragma once

#include <tapio/core/snapshot.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace apps::http_server {

struct host_lists
{
    std::vector<tapio::core::connection_info> connections;
    std::vector<tapio::core::interface_info> interfaces;
    std::vector<tapio::core::neighbor_info> neighbors;
    std::vector<tapio::core::route_info> routes;
};

inline constexpr std::size_t most_listed = 1000; ///< connections; a last line tells how many more there are

std::string render_text(const host_lists& lists); ///< one line each: "connection ESTABLISHED 198.18.0.2:80 198.18.0.1:40000 ..."
std::string render_json(const host_lists& lists); ///< members of an object: "connections": [...], "interfaces": [...], ...

} // namespace apps::http_server
