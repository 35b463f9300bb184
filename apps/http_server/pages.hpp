/// @file
/// The pages that the server writes itself.
#pragma once

#include "http_server/files.hpp"
#include "http_server/target.hpp"

#include <string>
#include <vector>

namespace apps::http_server {

/// The listing of a directory; `path` is what the client called it, decoded.
std::string listing_page(const std::string& path, const std::vector<entry>& entries);

/// What "/" says when no directory is served.
std::string welcome_page();

} // namespace apps::http_server
