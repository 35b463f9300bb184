/// @file
/// Two stacks on a wire with a delay of 20 ms in virtual time, in which std::chrono::steady_clock's timers run as well.
#pragma once

#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>
#include <tapio/virtual_std_clock.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <optional>

namespace tapio::test {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = tapio::ip::tcp;
using namespace std::chrono_literals;

class network : public testing::Test
{
protected:
    explicit network(double loss = 0.02)
    {
        auto [l, r] = tapio::make_pipe();
        core::impairment_options o;
        o.delay = 10ms;
        o.drop = loss;
        client.emplace(io, tapio::impaired(std::move(l), {o, o, 1}), stack_options{.time = &time});
        server.emplace(io, std::move(r), stack_options{.time = &time});
        client->add_address(asio::ip::make_address("192.0.2.1"), 24);
        server->add_address(server_address, 24);
        client->add_host_name("server.example", server_address);
    }

    /// Runs both coroutines to their end, and rethrows an exception of either.
    template <class Server, class Client>
    void talk(Server&& serve, Client&& ask, core::duration limit = 1h)
    {
        int done = 0;
        std::exception_ptr failed;
        const auto ended = [&](std::exception_ptr e) {
            if (e && !failed) failed = e;
            ++done;
        };
        asio::co_spawn(*server, std::forward<Server>(serve), ended);
        asio::co_spawn(*client, std::forward<Client>(ask), ended);
        ASSERT_TRUE(time.run_until([&] { return done == 2 || failed; }, limit));
        if (failed) std::rethrow_exception(failed);
    }

    const asio::ip::address server_address = asio::ip::make_address("192.0.2.2");
    asio::io_context io{1};
    virtual_time time{io};
    std::optional<stack> client, server;
};

} // namespace tapio::test
