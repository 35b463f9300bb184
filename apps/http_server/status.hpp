/// @file
/// The status page: what the server and the host below it have done so far.
#pragma once

#include <tapio/core/counters.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace apps::http_server {

/// What the server counts.
struct server_counters
{
    std::uint64_t connections = 0; ///< open now
    std::uint64_t accepted = 0, refused = 0, timed_out = 0;
    std::uint64_t requests = 0, client_errors = 0, server_errors = 0;
    std::uint64_t octets_served = 0, octets_uploaded = 0; ///< of content
};

/// One line of the page.
using status_line = std::pair<std::string, std::uint64_t>;

/// Everything there is to say: "server.requests", "tcp.curr_estab", "drop.udp_no_socket", ... Drops only where there
/// were any.
std::vector<status_line> status_lines(std::uint64_t uptime_seconds, const server_counters& server,
                                      const tapio::core::host_counters& host);

std::string render_text(const std::vector<status_line>& lines); ///< "name value" a line
/// One object. @param more members that are rendered already
std::string render_json(const std::vector<status_line>& lines, const std::string& more = {});

} // namespace apps::http_server
