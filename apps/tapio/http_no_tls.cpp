// In the place of http_tls.cpp where OpenSSL was not found.
#include "tapio/http_client.hpp"

namespace apps::tools {

bool has_tls() { return false; }

boost::asio::awaitable<http_answer> https(tapio::ip::tcp::socket, const http_request&, const tls_options&, body_sink)
{
    throw tool_error("https: this build is without OpenSSL", 1);
    co_return http_answer{};
}

} // namespace apps::tools
