// A hundred thousand random segments in each state: no invariant breaks, states change only as RFC 9293 permits, and all
// connections end.
#include "support/script/script.hpp"

#include <random>

namespace tapio::test {
namespace {

/// Makes random segments whose numbers are mostly near those of the connection, so that most of them are acceptable.
class segment_maker
{
public:
    explicit segment_maker(unsigned seed) : random_(seed) {}

    /// @param next the peer's next sequence number, relative  @param una, nxt ours, relative
    std::string make(std::uint32_t next, std::uint32_t una, std::uint32_t nxt)
    {
        static const char* const flags[] = {".", ".",  ".", ".", "P.", "F.", "S",   "S.",
                                            "R", "R.", "-", "F", "SF", "SR", "PU.", "FPU"};
        const std::string chosen = flags[below(16)];
        const std::uint32_t size = below(3) == 0 ? below(1400) : 0;
        const std::uint32_t seq = next + near(size);
        std::string text =
            chosen + ' ' + std::to_string(seq) + ':' + std::to_string(seq + size) + '(' + std::to_string(size) + ')';
        if (chosen.find('.') != std::string::npos) text += " ack " + std::to_string(acknowledgement(una, nxt));
        if (chosen.find('U') != std::string::npos) text += " urg " + std::to_string(below(65536));
        text += " win " + std::to_string(below(4) == 0 ? below(2000) : below(65536));
        if (below(3) == 0) return text + " <" + blocks(una, nxt) + '>';
        static const char* const options[] = {
            "", "", "", " <ts 500 0>", " <mss 1>", " <mss 65535,wscale 14>", " <sackOK>", " <mss 0,ts 1 1>"};
        return text + options[below(8)];
    }
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

private:
    std::uint32_t near(std::uint32_t size)
    {
        switch (below(8)) {
        case 0: return 0U - size;                             // old
        case 1: return 0U - below(3000);                      // overlaps data received before
        case 2: return below(70'000);                         // in the window or beyond
        case 3: return static_cast<std::uint32_t>(random_()); // anywhere
        default: return 0;
        }
    }
    std::uint32_t acknowledgement(std::uint32_t una, std::uint32_t nxt)
    {
        switch (below(6)) {
        case 0: return nxt + below(5);      // acknowledges data never sent
        case 1: return una - below(70'000); // old
        case 2: return static_cast<std::uint32_t>(random_());
        default: return una + below(nxt - una + 1);
        }
    }

    /// SACK blocks, most of them of data in flight.
    std::string blocks(std::uint32_t una, std::uint32_t nxt)
    {
        std::string text = "sack";
        for (std::uint32_t n = 1 + below(4); n > 0; --n) {
            const std::uint32_t begin =
                below(8) == 0 ? static_cast<std::uint32_t>(random_()) : una + below(nxt - una + 500) - below(200);
            text += ' ' + std::to_string(begin) + ':' + std::to_string(begin + (below(8) == 0 ? 0 : below(1500)));
        }
        return text;
    }

    std::mt19937 random_;
};

/// RFC 9293 §3.3.2, figure 5, with the transitions by RST, by timeout, and by segments that cause two transitions.
bool may_follow(tcp_state from, tcp_state to)
{
    using s = tcp_state;
    if (from == to || to == s::closed) return true;
    switch (from) {
    case s::syn_sent: return to == s::syn_received || to == s::established || to == s::close_wait;
    case s::syn_received: return to == s::established || to == s::close_wait || to == s::fin_wait_1;
    case s::established: return to == s::close_wait;
    case s::fin_wait_1: return to == s::fin_wait_2 || to == s::closing || to == s::time_wait;
    case s::fin_wait_2: return to == s::time_wait;
    case s::closing: return to == s::time_wait;
    default: return false;
    }
}

class random_segments : public packet_script, public testing::WithParamInterface<tcp_state>
{
protected:
    static constexpr unsigned segments = 100'000;

    /// A connection in this state, on a port of its own, with some unsent and some unread data where the state permits it.
    script_socket make(tcp_state to, std::uint16_t port)
    {
        wire.peer(port);
        if (to == tcp_state::syn_sent) {
            script_socket s = wire.connect();
            wire.ignore_output();
            return s;
        }
        if (to == tcp_state::closed) return {};
        wire.in(port % 2 == 0 ? "S 0:0(0) win 65535 <mss 1000>" : "S 0:0(0) win 65535 <mss 1000,sackOK>").ignore_output();
        if (to == tcp_state::syn_received || to == tcp_state::listen) return {};
        wire.in(". 1:1(0) ack 1").ignore_output();
        script_socket s = listener_.accept();
        if (!s) return s;
        wire.in(". 1:101(100) ack 1").ignore_output();
        s.send(5000);
        wire.ignore_output();
        peer_next_ = 101;
        if (to == tcp_state::close_wait || to == tcp_state::last_ack)
            wire.in("F. 101:101(0) ack 1").ignore_output(), peer_next_ = 102;
        if (to == tcp_state::established || to == tcp_state::close_wait) return s;
        s.shutdown(shutdown_type::send);
        wire.ignore_output();
        const bool acked = to == tcp_state::fin_wait_2 || to == tcp_state::time_wait;
        if (acked) wire.in(". 101:101(0) ack 5002").ignore_output();
        if (to == tcp_state::closing || to == tcp_state::time_wait)
            wire.in("F. 101:101(0) ack " + std::to_string(acked ? 5002 : 1)).ignore_output(), peer_next_ = 102;
        return s;
    }

    void check(const tcp_info& before, const tcp_info& after)
    {
        EXPECT_TRUE(may_follow(before.state, after.state)) << name(before.state) << " to " << name(after.state);
        EXPECT_GE(after.bytes_received, before.bytes_received);
        EXPECT_GE(after.bytes_acked, before.bytes_acked);
        EXPECT_LE(after.bytes_acked, after.bytes_sent);
        EXPECT_LE(after.bytes_sent - after.bytes_retransmitted, 5000U);
        EXPECT_LE(after.unread, 256U * 1024);
        EXPECT_LE(after.in_flight, after.unacked);
        EXPECT_LE(after.unacked, 5002U);
        EXPECT_GE(after.cwnd, after.send_mss);
        EXPECT_GE(after.send_mss, 12U);
        if (after.state != tcp_state::closed && before.state >= tcp_state::established) {
            const unsigned fin = after.state != before.state ? 1 : 0; // a FIN occupies a sequence number, but no octet
            EXPECT_GE(after.bytes_received + after.receive_window + fin, before.bytes_received + before.receive_window)
                << "the right edge of the receive window moved left";
        }
    }

    script_socket listener_;
    std::uint32_t peer_next_ = 1;
};

TEST_P(random_segments, break_nothing)
{
    const tcp_state state = GetParam();
    segment_maker maker(static_cast<unsigned>(state) + 1);
    wire.options.tcp.time_wait = 1h;
    const bool listens = state != tcp_state::closed && state != tcp_state::syn_sent;
    if (listens) listener_ = wire.listen(64);
    std::uint16_t port = 1000;
    unsigned done = 0, lives = 0;
    while (done < segments && !wire.broken() && !HasFailure()) {
        peer_next_ = 1;
        script_socket s = make(state, port++);
        if (!s && state > tcp_state::syn_received) FAIL() << "no connection after " << done;
        ++lives;
        for (unsigned i = 0; i < 200 && done < segments; ++i, ++done) {
            const tcp_info before = s ? s.info() : tcp_info{};
            const auto una = static_cast<std::uint32_t>(before.bytes_acked + 1);
            wire.in(
                maker.make(peer_next_ + static_cast<std::uint32_t>(before.bytes_received > 100 ? before.bytes_received - 100 : 0),
                           una, una + static_cast<std::uint32_t>(before.unacked)));
            EXPECT_LE(wire.packets_waiting(), 12U) << "packets sent in reply to one segment";
            wire.ignore_output();
            if (!s) continue;
            check(before, s.info());
            const tcp_state now = s.info().state;
            if (now == tcp_state::closed || (now == tcp_state::time_wait && state != tcp_state::time_wait)) break;
            if (maker.below(20) == 0) s.receive(), wire.ignore_output();
            if (maker.below(10) == 0)
                wire.after(std::chrono::milliseconds(maker.below(400))).ignore_output(); // lets recovery timers expire
        }
        if (s) s.abort();
        while (listens) { // connections opened by the random segments
            script_socket child = listener_.accept();
            if (!child) break;
            child.abort();
        }
        wire.ignore_output();
        ASSERT_LT(port, 60'000) << "connections end too early";
        if (lives % 16 == 0) wire.after(200s).ignore_output(); // lets half-open connections time out
    }
    EXPECT_EQ(done, segments);
    wire.after(100h).ignore_output();
    EXPECT_LE(wire.host().tcp().size(), listens ? 1U : 0U) << "connections left over";
}

INSTANTIATE_TEST_SUITE_P(states, random_segments,
                         testing::Values(tcp_state::closed, tcp_state::listen, tcp_state::syn_sent, tcp_state::syn_received,
                                         tcp_state::established, tcp_state::fin_wait_1, tcp_state::fin_wait_2,
                                         tcp_state::close_wait, tcp_state::closing, tcp_state::last_ack, tcp_state::time_wait),
                         [](const auto& p) {
                             std::string s = name(p.param);
                             for (char& c : s)
                                 if (c == '-') c = '_';
                             return s;
                         });

} // namespace
} // namespace tapio::test
