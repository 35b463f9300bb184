/// @file
/// The content and the limits of an HTTP server.
#pragma once

#include "http_server/files.hpp"
#include "http_server/lists.hpp"
#include "http_server/status.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/stack.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace apps::http_server {

/// Shared by all connections, on one thread.
struct site
{
    std::optional<directory> root;                       ///< the directory served; none: only a welcome page at "/"
    std::optional<directory> uploads;                    ///< the directory that PUT writes to; none: PUT is refused
    std::uint64_t upload_limit = std::uint64_t(1) << 30; ///< octets of one upload
    std::chrono::seconds patience{30};                   ///< longest time to the next request, and without progress in one
    std::size_t max_connections = 1000;
    std::function<tapio::core::host_counters()> host_counters;
    std::function<host_lists()> lists;

    server_counters counters{};
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
};

/// The status page shows the counters and lists of `host`, which must live as long as the site is served.
void show_host(site& s, const tapio::stack& host);

} // namespace apps::http_server
