/// @file
/// A listener that hands each connection to a function.
#pragma once

#include <tapio/ip/tcp.hpp>
#include <tapio/stack.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace apps::bench_server {

/// Accepts all that has arrived at each wake-up, and no more than it must in one go.
template <class OnConnection>
class listener : public std::enable_shared_from_this<listener<OnConnection>>
{
public:
    listener(tapio::stack& stack, std::uint16_t port, OnConnection on_connection)
        : acceptor_(stack, {tapio::ip::tcp::v4(), port}), on_connection_(std::move(on_connection))
    {
        acceptor_.listen(4096);
        acceptor_.non_blocking(true);
    }

    void accept()
    {
        acceptor_.async_accept([self = this->shared_from_this()](boost::system::error_code error, tapio::ip::tcp::socket socket) {
            if (error == boost::asio::error::operation_aborted || error == boost::asio::error::bad_descriptor) return;
            if (!error) {
                self->on_connection_(std::move(socket));
                self->accept_more();
            }
            self->accept();
        });
    }

private:
    void accept_more()
    {
        for (int i = 0; i < 64; ++i) {
            boost::system::error_code error;
            auto socket = acceptor_.accept(error);
            if (error) return;
            on_connection_(std::move(socket));
        }
    }

    tapio::ip::tcp::acceptor acceptor_;
    OnConnection on_connection_;
};

/// Listens on `port` and calls `on_connection(socket)` for every connection, until the stack ends.
template <class OnConnection>
void listen(tapio::stack& stack, std::uint16_t port, OnConnection on_connection)
{
    std::make_shared<listener<OnConnection>>(stack, port, std::move(on_connection))->accept();
}

} // namespace apps::bench_server
