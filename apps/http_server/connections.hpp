/// @file
/// The open connections of a server: the deadline by which each must make progress, and how they end with the server.
#pragma once

#include <tapio/ip/tcp.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

namespace apps::http_server {

class connection;

/// All connections. One timer checks every deadline once a second. The object is shared, because the last coroutines may be
/// destroyed after the server.
/// @par Thread safety  none: everything runs on the one thread of the io_context
class connections : public std::enable_shared_from_this<connections>
{
public:
    using clock = std::chrono::steady_clock;

    explicit connections(boost::asio::io_context& io);

    std::size_t size() const { return all_.size(); }
    std::uint64_t timed_out() const { return timed_out_; }
    bool stopping() const { return stopping_; }

    /// Accepts no further requests: closes idle connections now, and gives the others `grace` to finish their request.
    void stop(clock::duration grace);

private:
    friend class connection;
    void watch();
    void close_overdue();

    std::list<connection*> all_;
    boost::asio::steady_timer timer_;
    clock::time_point last_moment_ = clock::time_point::max(); ///< deadline of every connection once stopping
    std::uint64_t timed_out_ = 0;
    bool stopping_ = false;
};

/// One connection, which is in the list as long as it lives.
class connection
{
public:
    connection(std::shared_ptr<connections> all, tapio::ip::tcp::socket& socket);
    ~connection();
    connection(const connection&) = delete;

    /// The connection made progress: unless it does so again within `patience`, the socket is closed.
    void expires_after(connections::clock::duration patience);

    /// Whether the connection only waits for a request; if so it is closed when the server stops.
    void set_idle(bool idle) { idle_ = idle; }

private:
    friend class connections;

    std::shared_ptr<connections> all_;
    tapio::ip::tcp::socket& socket_;
    std::list<connection*>::iterator place_;
    connections::clock::time_point deadline_ = connections::clock::time_point::max();
    bool idle_ = false;
};

} // namespace apps::http_server
