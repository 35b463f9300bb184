/// @file
/// The status page: counters of the server and of its host.
#pragma once

#include <tapio/core/counters.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace apps::http_server {

/// Counters of the server.
struct server_counters
{
    std::uint64_t connections = 0; ///< open now
    std::uint64_t accepted = 0, refused = 0, timed_out = 0;
    std::uint64_t requests = 0, client_errors = 0, server_errors = 0;
    std::uint64_t octets_served = 0, octets_uploaded = 0; ///< of content
};

/// One line of the page.
using status_line = std::pair<std::string, std::uint64_t>;

/// All counters: "server.requests", "tcp.curr_estab", "drop.udp_no_socket", ... Drops of a reason only if there were any.
std::vector<status_line> status_lines(std::uint64_t uptime_seconds, const server_counters& server,
                                      const tapio::core::host_counters& host);

std::string render_text(const std::vector<status_line>& lines); ///< a line "name value" for each
/// One JSON object. @param more  further members, rendered already
std::string render_json(const std::vector<status_line>& lines, const std::string& more = {});

} // namespace apps::http_server
