/// @file
/// The open connections of a server: when each has to have made progress, and how they end when the server does.
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

/// All of them. One timer serves every deadline; it looks once a second. Shared, because the last coroutines may be
/// destroyed after the server.
/// Thread safety: everything happens on the one thread that runs the io_context.
class connections : public std::enable_shared_from_this<connections>
{
public:
    using clock = std::chrono::steady_clock;

    explicit connections(boost::asio::io_context& io);

    std::size_t size() const { return all_.size(); }
    std::uint64_t timed_out() const { return timed_out_; }
    bool stopping() const { return stopping_; }

    /// No further requests: connections that wait for one are closed now; the others get `grace` to finish theirs.
    void stop(clock::duration grace);

private:
    friend class connection;
    void watch();
    void close_overdue();

    std::list<connection*> all_;
    boost::asio::steady_timer timer_;
    clock::time_point last_moment_ = clock::time_point::max(); ///< for everyone, once stopping
    std::uint64_t timed_out_ = 0;
    bool stopping_ = false;
};

/// One of them, in the list for as long as it lives.
class connection
{
public:
    connection(std::shared_ptr<connections> all, tapio::ip::tcp::socket& socket);
    ~connection();
    connection(const connection&) = delete;

    /// Progress was made: the next has to come within `patience`, or the socket is closed.
    void expires_after(connections::clock::duration patience);

    /// Whether the connection merely waits for a request: such a one is closed when the server stops.
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
