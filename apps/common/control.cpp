#include "common/control.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace apps {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using local = asio::local::stream_protocol;

struct control_socket::state
{
    state(asio::io_context& io, tapio::stack& s, std::string p) : stack(s), path(std::move(p)), acceptor(io) {}

    tapio::stack& stack;
    const std::string path;
    local::acceptor acceptor;
    bool open = true; ///< false: `stack` may be gone
};

namespace {

constexpr std::size_t longest_question = 256;

/// Whether somebody listens on the socket.
bool is_in_use(asio::io_context& io, const std::string& path)
{
    local::socket probe(io);
    error_code error;
    probe.connect(local::endpoint(path), error);
    return !error;
}

void remove_stale(asio::io_context& io, const std::string& path)
{
    struct stat found = {};
    if (::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
    if (is_in_use(io, path)) throw std::runtime_error("--control " + path + ": another program listens there");
    ::unlink(path.c_str());
}

void listen(local::acceptor& acceptor, const std::string& path)
{
    acceptor.open();
    const mode_t before = ::umask(0177); // for this user only
    error_code error;
    acceptor.bind(local::endpoint(path), error);
    ::umask(before);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) throw std::runtime_error("--control " + path + ": " + error.message());
}

template <class State>
asio::awaitable<void> answer(local::socket socket, std::shared_ptr<State> s)
{
    std::string text;
    for (;;) {
        const auto [error, n] =
            co_await asio::async_read_until(socket, asio::dynamic_buffer(text, longest_question), '\n', as_tuple(use_awaitable));
        if (error || !s->open) co_return;
        const std::string out = answer_control(s->stack, text.substr(0, n - 1)) + '\n';
        text.erase(0, n);
        const auto [failed, sent] = co_await asio::async_write(socket, asio::buffer(out), as_tuple(use_awaitable));
        if (failed) co_return;
    }
}

template <class State>
asio::awaitable<void> accept(std::shared_ptr<State> s)
{
    for (;;) {
        auto [error, socket] = co_await s->acceptor.async_accept(as_tuple(use_awaitable));
        if (error == asio::error::operation_aborted || !s->open) co_return;
        if (!error) asio::co_spawn(s->acceptor.get_executor(), answer(std::move(socket), s), asio::detached);
    }
}

} // namespace

control_socket::control_socket(asio::io_context& io, tapio::stack& stack, const std::string& path)
{
    if (path.empty()) return;
    remove_stale(io, path);
    state_ = std::make_shared<state>(io, stack, path);
    listen(state_->acceptor, path);
    asio::co_spawn(io, accept(state_), asio::detached);
}

control_socket::~control_socket()
{
    if (!state_) return;
    state_->open = false;
    error_code ignored;
    state_->acceptor.close(ignored);
    ::unlink(state_->path.c_str());
}

} // namespace apps
