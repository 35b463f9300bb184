// A host on a TAP device that is a member of a multicast group, or sends to one; test/interop/bridge_peers runs it.
//
//   group_member TAP ADDRESS PREFIX-LENGTH GROUP PORT receive|send
//
// receive: prints "ready" once it has joined, then the datagrams to the group. send: sends the line "from tapio" twenty
// times a second. Both until they are killed.
#include <tapio/device/tap.hpp>
#include <tapio/ip/udp.hpp>
#include <tapio/stack.hpp>
#include <tapio/steady_timer.hpp>

#include <boost/asio.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

namespace {

namespace asio = boost::asio;
using asio::ip::address;
using tapio::ip::udp;

constexpr unsigned interface_index = 2; // of the stack's first device, as Linux counts

asio::awaitable<void> receive(udp::socket& socket)
{
    char text[1500];
    for (udp::endpoint from;;) {
        const auto n = co_await socket.async_receive_from(asio::buffer(text), from, asio::use_awaitable);
        std::cout << std::string(text, n) << std::flush;
    }
}

asio::awaitable<void> send(udp::socket& socket, udp::endpoint to)
{
    const std::string text = "from tapio\n";
    for (tapio::steady_timer pause(socket.get_executor());;) {
        co_await socket.async_send_to(asio::buffer(text), to, asio::use_awaitable);
        pause.expires_after(std::chrono::milliseconds(50));
        co_await pause.async_wait(asio::use_awaitable);
    }
}

asio::ip::multicast::join_group membership(const address& group)
{
    if (group.is_v4()) return asio::ip::multicast::join_group(group.to_v4());
    return asio::ip::multicast::join_group(group.to_v6(), interface_index);
}

void run(char** arguments)
{
    const address own = asio::ip::make_address(arguments[2]), group = asio::ip::make_address(arguments[4]);
    const auto port = static_cast<asio::ip::port_type>(std::stoul(arguments[5]));
    asio::io_context io(1);
    tapio::stack stack(io, tapio::open_tap({.name = arguments[1]}));
    stack.add_address(own, static_cast<unsigned>(std::stoul(arguments[3])));
    udp::socket socket(stack, own.is_v4() ? udp::v4() : udp::v6());
    const auto rethrow = [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    };
    if (std::string(arguments[6]) == "receive") {
        socket.bind({own.is_v4() ? udp::v4() : udp::v6(), port});
        socket.set_option(membership(group));
        std::cout << "ready" << std::endl;
        asio::co_spawn(stack, receive(socket), rethrow);
    } else {
        asio::co_spawn(stack, send(socket, {group, port}), rethrow);
    }
    io.run();
}

} // namespace

int main(int count, char** arguments)
try {
    if (count != 7) return EXIT_FAILURE;
    run(arguments);
    return EXIT_SUCCESS;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return EXIT_FAILURE;
}
