/// @file
/// Standard input and output without blocking the thread that runs the host.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <unistd.h>

namespace apps::tools {

struct standard_streams
{
    explicit standard_streams(boost::asio::io_context& io) : in(io, ::dup(STDIN_FILENO)), out(io, ::dup(STDOUT_FILENO)) {}

    boost::asio::posix::stream_descriptor in, out;
};

} // namespace apps::tools
