/// @file
/// The pages that the server generates.
#pragma once

#include "http_server/files.hpp"
#include "http_server/target.hpp"

#include <string>
#include <vector>

namespace apps::http_server {

/// The listing of a directory. @param path  its decoded path, as the client asked for it
std::string listing_page(const std::string& path, const std::vector<entry>& entries);

/// The page at "/" if no directory is served.
std::string welcome_page();

} // namespace apps::http_server
