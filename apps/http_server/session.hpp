/// @file
/// One connection of the HTTP server. It serves requests one after the other, also if the client pipelines them.
#pragma once

#include "http_server/connections.hpp"
#include "http_server/fields.hpp"
#include "http_server/site.hpp"
#include "http_server/target.hpp"

#include <tapio/ip/tcp.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>

namespace apps::http_server {

namespace beast = boost::beast;
namespace http = boost::beast::http;

class session
{
public:
    session(tapio::ip::tcp::socket socket, site& site, std::shared_ptr<connections> all);

    /// Serves requests until the client closes or asks to close, is too slow, or sends something invalid.
    boost::asio::awaitable<void> run();

private:
    template <class T = void>
    using awaitable = boost::asio::awaitable<T>;
    using request = http::request<http::empty_body>;
    using head_parser = http::request_parser<http::empty_body>;

    awaitable<bool> serve_one();
    awaitable<bool> refuse(beast::error_code why);
    awaitable<> dispatch(head_parser& head);

    awaitable<> get(const request& asked);
    awaitable<> get_from_root(const request& asked, const target& where);
    awaitable<> send_file(const request& asked, const readable_file& file, std::string_view name);
    awaitable<> send_content(const readable_file& file, byte_range range);
    awaitable<> send_directory(const request& asked, const directory& which, const target& where);
    awaitable<> send_status(const request& asked, const target& where);

    awaitable<> put(head_parser& head);
    awaitable<> receive(head_parser& head, upload file);
    awaitable<> finish(const request& asked, upload& file);

    awaitable<> send_text(const request& asked, http::status status, std::string text,
                          std::string_view type = "text/plain; charset=utf-8");
    awaitable<> send_error(const request& asked, http::status status);
    awaitable<> send_redirect(const request& asked, const std::string& to);
    template <class Body>
    awaitable<> send(http::response<Body>& answer, const request& asked);
    void count(http::status status);

    awaitable<> say_goodbye();
    void progress();

    tapio::ip::tcp::socket socket_;
    beast::flat_buffer buffer_;
    site& site_;
    std::shared_ptr<connections> all_;
    connection entry_;
    bool keep_alive_ = true;
};

} // namespace apps::http_server
