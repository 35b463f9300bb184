// Two sockets of one stack communicate over its loopback.
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <iostream>

int main()
{
    boost::asio::io_context io;
    tapio::stack stack(io);
    tapio::ip::tcp::acceptor acceptor(stack, {tapio::ip::tcp::v4(), 7});
    tapio::ip::tcp::socket client(stack), server(stack);
    client.connect({boost::asio::ip::address_v4::loopback(), 7});
    acceptor.accept(server);
    boost::asio::write(client, boost::asio::buffer("hello", 5));
    char text[5];
    boost::asio::read(server, boost::asio::buffer(text));
    std::cout << std::string(text, sizeof text) << '\n';
    return std::string(text, sizeof text) == "hello" ? 0 : 1;
}
