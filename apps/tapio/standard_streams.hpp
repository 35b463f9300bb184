/// @file
/// Standard input and output without blocking the thread that runs the host.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace apps::tools {

/// Asio makes descriptors non-blocking, which the shell and its other programs share with us: they get back what they had.
class standard_streams
{
public:
    explicit standard_streams(boost::asio::io_context& io)
        : in_flags_(::fcntl(STDIN_FILENO, F_GETFL)),
          out_flags_(::fcntl(STDOUT_FILENO, F_GETFL)),
          in(io, ::dup(STDIN_FILENO)),
          out(io, ::dup(STDOUT_FILENO))
    {
    }
    standard_streams(const standard_streams&) = delete;
    standard_streams& operator=(const standard_streams&) = delete;
    ~standard_streams()
    {
        if (in_flags_ >= 0) ::fcntl(STDIN_FILENO, F_SETFL, in_flags_);
        if (out_flags_ >= 0) ::fcntl(STDOUT_FILENO, F_SETFL, out_flags_);
    }

private:
    const int in_flags_, out_flags_;

public:
    boost::asio::posix::stream_descriptor in, out;
};

} // namespace apps::tools
