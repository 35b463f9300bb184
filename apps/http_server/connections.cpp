#include "http_server/connections.hpp"

#include <algorithm>
#include <utility>

namespace apps::http_server {

connections::connections(boost::asio::io_context& io) : timer_(io) {}

void connections::stop(clock::duration grace)
{
    stopping_ = true;
    last_moment_ = clock::now() + grace;
    boost::system::error_code ignored;
    for (connection* c : all_)
        if (c->idle_) c->socket_.close(ignored);
}

void connections::watch()
{
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (error || !self || self->all_.empty()) return; // the last connection has gone
        self->close_overdue();
        self->watch();
    });
}

void connections::close_overdue()
{
    const auto now = clock::now();
    boost::system::error_code ignored;
    for (connection* c : all_) {
        if (now < std::min(c->deadline_, last_moment_) || !c->socket_.is_open()) continue;
        ++timed_out_;
        c->socket_.close(ignored); // its pending operations end with operation_aborted
    }
}

connection::connection(std::shared_ptr<connections> all, tapio::ip::tcp::socket& socket) : all_(std::move(all)), socket_(socket)
{
    if (all_->all_.empty()) all_->watch();
    place_ = all_->all_.insert(all_->all_.end(), this);
}

connection::~connection()
{
    all_->all_.erase(place_);
    if (all_->all_.empty()) all_->timer_.cancel();
}

void connection::expires_after(connections::clock::duration patience) { deadline_ = connections::clock::now() + patience; }

} // namespace apps::http_server
