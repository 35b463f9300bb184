// A program with a stack whose events are written to Boost.Log.
#include <tapio/log.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

int main()
{
    const auto log = tapio::make_log_trace();
    boost::asio::io_context io;
    tapio::stack stack(io, nullptr, {.trace = log.get()});
    tapio::ip::tcp::acceptor acceptor(stack, {tapio::ip::tcp::v4(), 7});
    return acceptor.is_open() ? 0 : 1;
}
