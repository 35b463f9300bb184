// Which events a subscriber of the trace interface gets, and in which order.
#include "raw_host.hpp"
#include "support/mocks.hpp"
#include "support/two_hosts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapio::core {
namespace {

using test::mock_trace;
using testing::_;
using testing::InSequence;
using testing::NiceMock;
using testing::StrictMock;

struct traced : raw_host
{
    traced() { h->set_trace(&trace); }
    ~traced() override { h->set_trace(nullptr); }

    StrictMock<mock_trace> trace;
};

TEST_F(traced, a_question_is_received_and_its_answer_sent)
{
    const InSequence order;
    EXPECT_CALL(trace, received(1, _, now));
    EXPECT_CALL(trace, sent(1, _, now));
    arp(wire::arp_operation::request, theirs, ours);
    drain();
}

TEST_F(traced, an_address_conflict_is_a_drop_with_its_reason_and_is_answered_after_it)
{
    const InSequence order;
    EXPECT_CALL(trace, received(1, _, now));
    EXPECT_CALL(trace, dropped(1, drop_reason::arp_conflict, _, now));
    EXPECT_CALL(trace, sent(1, _, now));
    arp(wire::arp_operation::request, ours, ours);
    drain();
}

struct traced_connection : testing::Test, two_hosts
{
    traced_connection() { a.set_trace(&trace); }

    NiceMock<mock_trace> trace;
};

TEST_F(traced_connection, its_states_are_told_one_after_the_other)
{
    using s = tcp_state;
    {
        const InSequence order;
        EXPECT_CALL(trace, tcp_state_changed(_, there, s::closed, s::syn_sent, now));
        EXPECT_CALL(trace, tcp_state_changed(_, there, s::syn_sent, s::established, now));
        EXPECT_CALL(trace, tcp_state_changed(_, there, s::established, s::fin_wait_1, now));
        EXPECT_CALL(trace, tcp_state_changed(_, there, s::fin_wait_1, s::fin_wait_2, now));
        EXPECT_CALL(trace, tcp_state_changed(_, there, s::fin_wait_2, s::time_wait, now));
    }
    EXPECT_CALL(trace, tcp_retransmitted(_, _, _, _, _)).Times(0);
    const auto [client, server] = connect();
    a.tcp().close(client, now);
    settle();
    b.tcp().close(server, now);
    settle();
}

TEST_F(traced_connection, so_are_those_of_a_listener_and_of_what_it_accepts)
{
    using s = tcp_state;
    a.set_trace(nullptr);
    b.set_trace(&trace);
    const InSequence order;
    EXPECT_CALL(trace, tcp_state_changed(there, endpoint{}, s::closed, s::listen, now));
    EXPECT_CALL(trace, tcp_state_changed(there, _, s::listen, s::syn_received, now));
    EXPECT_CALL(trace, tcp_state_changed(there, _, s::syn_received, s::established, now));
    connect();
    b.set_trace(nullptr);
}

TEST_F(traced_connection, a_segment_that_is_lost_is_told_when_it_goes_again)
{
    const tcp_id client = connect().client;
    const std::string text = "hello";
    const std::array<const_bytes, 1> list{octets(text)};
    ASSERT_TRUE(a.tcp().send(client, list, now));
    a.advance(now);
    packet lost;
    ASSERT_TRUE(a.next_packet(1, lost, now));
    EXPECT_CALL(trace, tcp_retransmitted(_, there, _, 5, _)).Times(1);
    now += std::chrono::seconds(1);
    settle();
    testing::Mock::VerifyAndClearExpectations(&trace);
}

} // namespace
} // namespace tapio::core
