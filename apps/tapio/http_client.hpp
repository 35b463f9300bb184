/// @file
/// One exchange of HTTP/1.1 (RFC 9112) over any stream: a plain socket in http.cpp, TLS in http_tls.cpp.
#pragma once

#include "tapio/tool.hpp"
#include "tapio/url.hpp"

#include <tapio/ip/tcp.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace apps::tools {

/// curl's exit statuses.
enum curl_status : int
{
    curl_bad_url = 3,
    curl_no_host = 6,
    curl_no_connection = 7,
    curl_partial_file = 18,
    curl_http_error = 22,
    curl_write_error = 23,
    curl_timed_out = 28,
    curl_tls_failed = 35,
    curl_too_many_redirects = 47,
    curl_nothing_came = 52,
    curl_send_failed = 55,
    curl_receive_failed = 56,
    curl_bad_certificate = 60
};

struct http_request
{
    url to;
    std::string method = "GET";
    std::vector<std::string> fields; ///< "Name: value"
};

struct http_answer
{
    unsigned status = 0;
    std::string head; ///< status line and fields, as they came
    std::string location;
    std::uint64_t octets = 0; ///< of the body
};

/// Called with each piece of the body. `whole`: its length, if the server told it.
using body_sink = std::function<void(const http_answer& so_far, const char* data, std::size_t size, std::uint64_t whole)>;

struct tls_options
{
    bool insecure = false;   ///< do not check the certificate
    std::string authorities; ///< file with certificates of authorities (PEM); empty: the system's
};

/// False if this build is without OpenSSL: then https() throws.
bool has_tls();

/// Does a TLS handshake on a connected socket, then the exchange. http_tls.cpp, or http_no_tls.cpp.
boost::asio::awaitable<http_answer> https(tapio::ip::tcp::socket socket, const http_request& what, const tls_options& tls,
                                          body_sink sink);

namespace http_detail {

namespace beast_http = boost::beast::http;

inline beast_http::request<beast_http::empty_body> to_beast(const http_request& what)
{
    beast_http::request<beast_http::empty_body> out;
    out.version(11);
    out.method_string(what.method);
    out.target(what.to.target);
    out.set(beast_http::field::host, what.to.authority());
    out.set(beast_http::field::user_agent, "tapio");
    out.set(beast_http::field::accept, "*/*");
    for (const std::string& f : what.fields) {
        const auto colon = f.find(':');
        if (colon == f.npos || colon == 0) throw usage_error("-H '" + f + "': not a field, like 'Name: value'");
        out.set(f.substr(0, colon), f.substr(std::min(f.find_first_not_of(' ', colon + 1), f.size())));
    }
    out.set(beast_http::field::connection, "close");
    return out;
}

inline int status_of(const boost::system::error_code& error)
{
    if (error == beast_http::error::end_of_stream) return curl_nothing_came;
    if (error == beast_http::error::partial_message) return curl_partial_file;
    return curl_receive_failed;
}

} // namespace http_detail

/// Sends the request and gives the body to `sink`. @throws tool_error with curl's exit status
template <class Stream>
boost::asio::awaitable<http_answer> exchange(Stream& stream, const http_request& what, body_sink sink)
{
    namespace http = http_detail::beast_http;
    using boost::asio::as_tuple;
    using boost::asio::use_awaitable;
    const auto request = http_detail::to_beast(what);
    const auto [unsent, sent] = co_await http::async_write(stream, request, as_tuple(use_awaitable));
    if (unsent) throw tool_error("send: " + unsent.message(), curl_send_failed);

    boost::beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    parser.skip(what.method == "HEAD");
    const auto [error, n] = co_await http::async_read_header(stream, buffer, parser, as_tuple(use_awaitable));
    if (error) throw tool_error("receive: " + error.message(), http_detail::status_of(error));
    const auto& message = parser.get();
    http_answer out;
    out.status = message.result_int();
    std::ostringstream head;
    head << message.base();
    out.head = head.str();
    out.location = message[http::field::location];
    const std::uint64_t whole = parser.content_length() ? *parser.content_length() : 0;

    sink(out, nullptr, 0, whole);
    std::vector<char> data(65536);
    while (!parser.is_done()) {
        parser.get().body().data = data.data();
        parser.get().body().size = data.size();
        const auto [failed, got] = co_await http::async_read_some(stream, buffer, parser, as_tuple(use_awaitable));
        const std::size_t size = data.size() - parser.get().body().size;
        out.octets += size;
        if (size > 0) sink(out, data.data(), size, whole);
        if (failed && failed != http::error::need_buffer)
            throw tool_error("receive: " + failed.message(), http_detail::status_of(failed));
    }
    co_return out;
}

} // namespace apps::tools
