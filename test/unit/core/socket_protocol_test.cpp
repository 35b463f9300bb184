// socket_protocol, the interface that TCP, UDP and raw sockets share: calls that a protocol does not support fail with the right
// error.
#include "raw_host.hpp"

#include <vector>

namespace tapio::core {
namespace {

class any_protocol : public raw_host
{
protected:
    std::vector<socket_protocol*> all() const { return {&h->tcp(), &h->udp(), &h->raw()}; }
    std::vector<socket_protocol*> without_connections() const { return {&h->udp(), &h->raw()}; }

    static constexpr int some_protocol = 253; ///< RFC 3692: reserved for experiments
};

TEST_F(any_protocol, says_what_it_is)
{
    EXPECT_EQ(h->tcp().number(), ip_protocol::tcp);
    EXPECT_EQ(h->udp().number(), ip_protocol::udp);
    EXPECT_EQ(h->raw().number(), ip_protocol::raw);
    EXPECT_EQ(h->tcp().type(), socket_type::stream);
    EXPECT_EQ(h->udp().type(), socket_type::datagram);
    EXPECT_EQ(h->raw().type(), socket_type::raw);
    EXPECT_EQ(*h->tcp().get_option(*h->tcp().open(family::v4), socket_option::protocol), 6);
    EXPECT_EQ(*h->udp().get_option(*h->udp().open(family::v4), socket_option::protocol), 17);
}

TEST_F(any_protocol, without_connections_refuses_to_listen_and_accept)
{
    for (socket_protocol* const p : without_connections()) {
        const socket_id s = *p->open(family::v4, some_protocol);
        endpoint peer;
        EXPECT_EQ(p->listen(s, 5, now), errno_code(EOPNOTSUPP));
        EXPECT_EQ(p->accept(s, peer, now).error(), errno_code(EOPNOTSUPP));
    }
}

TEST_F(any_protocol, of_streams_has_no_groups_no_packet_info_and_no_error_queue)
{
    socket_protocol& p = h->tcp();
    const socket_id s = *p.open(family::v4);
    EXPECT_EQ(p.join_group(s, at("239.0.1.1"), 1), errno_code(EPROTO));
    EXPECT_EQ(p.leave_group(s, at("239.0.1.1"), 1), errno_code(EPROTO));
    EXPECT_EQ(p.take_error_message(s).error(), errno_code(EOPNOTSUPP));
    EXPECT_FALSE(p.is_receive_shut(s));
    send_hints hints;
    hints.info.emplace();
    EXPECT_EQ(p.send(s, {}, nullptr, now, hints).error(), errno_code(EOPNOTSUPP));
}

TEST_F(any_protocol, answers_bad_descriptor_to_a_stale_handle)
{
    for (socket_protocol* const p : all()) {
        const socket_id gone = *p->open(family::v4, some_protocol);
        p->close(gone, now);
        const socket_id fresh = *p->open(family::v4, some_protocol);
        EXPECT_EQ(fresh.index, gone.index);
        EXPECT_EQ(p->bind(gone, {address_v4::any(), 7}), errno_code(EBADF));
        EXPECT_EQ(p->connect(gone, {theirs, 7}, now), errno_code(EBADF));
        EXPECT_EQ(p->send(gone, {}, nullptr, now).error(), errno_code(EBADF));
        EXPECT_EQ(p->receive(gone, {}, {}, nullptr, now).error(), errno_code(EBADF));
        EXPECT_EQ(p->shutdown(gone, shutdown_type::both, now), errno_code(EBADF));
        EXPECT_EQ(p->take_error(gone), errno_code(EBADF));
        EXPECT_EQ(p->local_endpoint(gone).error(), errno_code(EBADF));
        EXPECT_EQ(p->remote_endpoint(gone).error(), errno_code(EBADF));
        EXPECT_EQ(p->available(gone).error(), errno_code(EBADF));
        EXPECT_EQ(p->set_option(gone, socket_option::ttl, 1, now), errno_code(EBADF));
        EXPECT_EQ(p->get_option(gone, socket_option::ttl).error(), errno_code(EBADF));
        EXPECT_EQ(p->poll(gone), readiness::error);
        p->close(gone, now);
        EXPECT_FALSE(p->take_error(fresh));
    }
}

} // namespace
} // namespace tapio::core
