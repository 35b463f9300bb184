/// @file
/// An HTTP/1.1 server on a tapio host, written as coroutines over Beast: GET and HEAD of files, listings and a status
/// page; PUT of files. RFC 9110 and RFC 9112 are the ones to read.
#pragma once

#include "http_server/connections.hpp"
#include "http_server/site.hpp"

#include <tapio/ip/tcp.hpp>
#include <tapio/stack.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>

namespace apps::http_server {

/// Accepts connections and serves `site` on each. Both must outlive the io_context's run.
class server
{
public:
    server(boost::asio::io_context& io, tapio::stack& stack, const tapio::ip::tcp::endpoint& at, site& site);

    /// Accepts no more connections and lets requests that have begun finish, for 5 s at most; then calls `done`, once.
    void stop(std::function<void()> done);

private:
    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(tapio::ip::tcp::socket socket);
    void leave();

    tapio::ip::tcp::acceptor acceptor_;
    site& site_;
    std::shared_ptr<connections> connections_;
    std::function<void()> done_;
};

} // namespace apps::http_server
