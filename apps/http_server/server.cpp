#include "http_server/server.hpp"

#include "http_server/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace apps::http_server {

namespace asio = boost::asio;
using tapio::ip::tcp;

server::server(asio::io_context& io, tapio::stack& stack, const tcp::endpoint& at, site& site)
    : acceptor_(stack, at), site_(site), connections_(std::make_shared<connections>(io))
{
    asio::co_spawn(stack, accept(), asio::detached);
}

asio::awaitable<void> server::accept()
{
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        boost::system::error_code error;
        tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
        if (error) continue; // the peer was gone before we accepted
        if (connections_->size() >= site_.max_connections) {
            ++site_.counters.refused;
            continue; // the destructor closes it
        }
        asio::co_spawn(executor, serve(std::move(socket)), asio::detached);
    }
}

asio::awaitable<void> server::serve(tcp::socket socket)
{
    ++site_.counters.accepted;
    {
        session one(std::move(socket), site_, connections_);
        co_await one.run();
    }
    site_.counters.timed_out = connections_->timed_out();
    leave();
}

void server::stop(std::function<void()> done)
{
    done_ = std::move(done);
    acceptor_.close();
    connections_->stop(std::chrono::seconds(5));
    leave();
}

// Called by each connection as it ends; the last one calls `done`.
void server::leave()
{
    if (connections_->stopping() && connections_->size() == 0 && done_) std::exchange(done_, nullptr)();
}

} // namespace apps::http_server
