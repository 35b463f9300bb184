// // stream_user and acceptor_user.
#include "support/world/stream_user.hpp"

#include <stdexcept>

namespace tapio::test {

void stream_user::ready(readiness, time_point now)
{
    if (closed_ || error_) return;
    if (const error_code e = host_.tcp().take_error(id_)) return failed(e, now);
    write(now);
    if (plan_.reading && !error_) read(now);
    if (!error_ && end_ && shut_ && !closed_) {
        closed_ = true;
        host_.tcp().close(id_, now);
    }
}

void stream_user::write(time_point now)
{
    std::vector<std::byte> octets;
    while (sent_ < plan_.to_send) {
        octets.resize(std::min<std::uint64_t>(plan_.write_size, plan_.to_send - sent_));
        for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = octet_at(sent_ + i, plan_.salt);
        const std::array<const_bytes, 1> from{octets};
        const auto n = host_.tcp().send(id_, from, now);
        if (!n && n.error() == errno_code(EAGAIN)) return;
        if (!n && n.error() == errno_code(ENOTCONN)) return; // still connecting
        if (!n) return failed(n.error(), now);
        sent_ += *n;
    }
    if (shut_ || !plan_.close_after_sending) return;
    const error_code e = host_.tcp().shutdown(id_, shutdown_type::send, now);
    if (e == errno_code(ENOTCONN)) return;
    if (e) return failed(e, now);
    shut_ = true;
}

void stream_user::read(time_point now)
{
    std::vector<std::byte> octets(plan_.read_size);
    const std::array<mutable_bytes, 1> into{octets};
    while (!end_) {
        const auto n = host_.tcp().receive(id_, into, {}, now);
        if (!n && (n.error() == errno_code(EAGAIN) || n.error() == errno_code(ENOTCONN))) return;
        if (!n) return failed(n.error(), now);
        if (*n == 0) end_ = true;
        for (std::size_t i = 0; i < *n; ++i)
            if (octets[i] != octet_at(received_ + i, plan_.peer_salt)) wrong_ = true;
        received_ += *n;
    }
}

void stream_user::failed(error_code why, time_point now)
{
    error_ = why;
    host_.tcp().close(id_, now);
}

acceptor_user::acceptor_user(host& h, const endpoint& at, int backlog, const stream_user::plan& p, time_point now)
    : host_(h), id_(h.tcp().open(test_family()).value()), plan_(p)
{
    if (host_.tcp().bind(id_, at) || host_.tcp().listen(id_, backlog, now)) throw std::runtime_error("cannot listen");
    host_.tcp().set_owner(id_, this);
}

void acceptor_user::ready(readiness, time_point now)
{
    endpoint peer;
    while (const auto id = host_.tcp().accept(id_, peer, now)) {
        users_.push_back(std::make_unique<stream_user>(host_, *id, plan_));
        users_.back()->ready(readiness::readable | readiness::writable, now);
    }
}

tcp_id start_connect(host& h, const endpoint& to, time_point now)
{
    const tcp_id id = h.tcp().open(test_family()).value();
    const error_code e = h.tcp().connect(id, to, now);
    if (e && e != errno_code(EINPROGRESS)) throw std::runtime_error("connect: " + e.message());
    return id;
}

endpoint make_endpoint(const std::string& address, std::uint16_t port) { return {in_test_family(address), port}; }

} // namespace tapio::test
