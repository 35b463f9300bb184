/// @file
/// The option `--control PATH`: a socket of the local machine (AF_UNIX) that answers questions about the running program. `tapio
/// ss` asks them. A question is a line: connections (TCP), sockets (these, and those for datagrams), interfaces, neighbors,
/// routes, counters, or all. The answer is a line, too: a JSON object with a member for each list. Any number of questions may
/// follow on one connection.
#pragma once

#include <tapio/stack.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace apps {

/// The socket. It can be used by the user who started the program, and by root.
class control_socket
{
public:
    /// @param path  removed first if it is a socket to which nobody listens any more; empty: there is no socket
    /// @throws std::runtime_error if it cannot be made, for example because another program listens there
    control_socket(boost::asio::io_context& io, tapio::stack& stack, const std::string& path);
    ~control_socket(); ///< closes and removes it
    control_socket(const control_socket&) = delete;
    control_socket& operator=(const control_socket&) = delete;

private:
    struct state;
    std::shared_ptr<state> state_;
};

/// The answer to a question, without a newline. (control_json.cpp; separate for its tests.)
std::string answer_control(const tapio::stack& stack, const std::string& question);

} // namespace apps
