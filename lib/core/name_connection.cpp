#include "core/name_connection.hpp"

#include <array>
#include <cerrno>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t read_size = 16 * 1024; // octets

bool may_go_on(const error_code& ec) { return !ec || ec == errno_code(EAGAIN) || ec == errno_code(EWOULDBLOCK); }

} // namespace

name_connection::name_connection(owner& o, socket_protocol& tcp, socket_id id, const place& to, client::dns_stream stream)
    : owner_(o), tcp_(tcp), id_(id), to_(to), stream_(std::move(stream))
{
    tcp_.set_owner(id_, this);
}

bool name_connection::send(client::query_id q, const_bytes message, time_point now)
{
    return open_ && stream_.send(q, message, now) && send_more(now);
}

void name_connection::close(time_point now)
{
    if (!std::exchange(open_, false)) return;
    stream_.close();
    (void)send_more(now);
    tcp_.set_owner(id_, nullptr);
    tcp_.close(id_, now);
}

void name_connection::ready(readiness what, time_point now)
{
    if (open_ && any(what & readiness::readable)) receive(now); // first: a response may have come before a reset
    if (open_ && any(what & readiness::error) && !may_go_on(tcp_.take_error(id_))) return end(now);
    if (open_ && !send_more(now)) end(now);
}

/// @return false: the socket has failed
bool name_connection::send_more(time_point now)
{
    while (!stream_.unsent().empty()) {
        const std::array<const_bytes, 1> list{stream_.unsent()};
        const auto sent = tcp_.send(id_, list, nullptr, now);
        if (!sent) return may_go_on(sent.error());
        stream_.sent(*sent);
    }
    return true;
}

void name_connection::receive(time_point now)
{
    std::array<std::byte, read_size> memory;
    const std::array<mutable_bytes, 1> into{mutable_bytes(memory)};
    while (open_) {
        const auto got = tcp_.receive(id_, into, {}, nullptr, now);
        if (!got && may_go_on(got.error())) return;
        if (!got || *got == 0) return end(now); // failed, or the end of the stream
        const error_code failed = stream_.receive(const_bytes(memory).first(*got), now);
        while (const auto r = stream_.next_response()) owner_.responded(r->query, r->octets, now);
        if (open_ && failed) return end(now);
    }
}

void name_connection::end(time_point now) { owner_.ended(*this, now); }

} // namespace tapio::core
