// An I/O object move-assigned from one of another execution context then belongs to that context.
#include <tapio/device/pipe.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/stack.hpp>
#include <tapio/steady_timer.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace moves_test {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using tapio::ip::tcp;

TEST(moves, an_object_outlives_the_context_that_it_was_made_on)
{
    auto first = std::make_unique<asio::io_context>();
    asio::io_context second;
    auto [l, r] = tapio::make_pipe({});
    auto here = std::make_unique<tapio::stack>(*first, std::move(l));
    tapio::stack there(second, std::move(r));

    tcp::socket socket(*here, tcp::v4());
    tapio::steady_timer timer(*here, 1h);
    socket = tcp::socket(there, tcp::v4());
    timer = tapio::steady_timer(there, 1ms);
    here.reset();
    first.reset();

    EXPECT_TRUE(socket.is_open()); // destroying the first context did not close it
    bool fired = false;
    timer.async_wait([&](boost::system::error_code ec) { fired = !ec; });
    second.run_for(5s);
    EXPECT_TRUE(fired);
    tcp::socket another(there, tcp::v4()); // the second context's list of sockets is intact
    socket.close();
    EXPECT_TRUE(another.is_open());
}

} // namespace
} // namespace moves_test
