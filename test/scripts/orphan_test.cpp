// Orphans: connections whose socket is closed. They still deliver their data, within limits of time, number and memory (as
// Linux's tcp_max_orphans and tcp_orphan_retries).
#include "support/script/script.hpp"

namespace tapio::test {
namespace {

class orphan : public packet_script
{
protected:
    /// An established connection; the peer's window is `window` octets.
    script_socket open(unsigned window)
    {
        script_socket listener = wire.listen();
        wire.in("S 0:0(0) win " + std::to_string(window) + " <mss 1000>").out("S. 0:0(0) ack 1");
        wire.in(". 1:1(0) ack 1 win " + std::to_string(window)).out_nothing();
        return listener.accept();
    }

    std::size_t connections() { return wire.host().tcp().size() - 1; } // without the listener

    /// Lets `length` pass; the peer sends `answer` in reply to every packet. @return time of the last packet
    duration answer_all(const std::string& answer, duration length)
    {
        duration last{};
        for (const duration end = wire.elapsed() + length; wire.elapsed() < end; wire.after(100ms)) {
            if (wire.packets_waiting() == 0) continue;
            last = wire.elapsed();
            wire.ignore_output();
            if (connections() > 0) wire.in(answer);
        }
        return last;
    }
};

TEST_F(orphan, whose_peer_keeps_its_window_closed_ends)
{
    script_socket s = open(100);
    s.send(1000);
    wire.out(". 1:101(100) ack 1").in(". 1:1(0) ack 101 win 0");
    s.close();
    EXPECT_EQ(wire.counters().tcp.orphans, 1U);
    const duration last = answer_all(". 1:1(0) ack 101 win 0", 1h); // Linux sends the last packet after 212 s
    EXPECT_EQ(connections(), 0U);
    EXPECT_GE(last, 200s);
    EXPECT_LE(last, 220s);
    EXPECT_EQ(wire.counters().tcp.orphans, 0U);
    EXPECT_EQ(wire.counters().tcp.orphans_timed_out, 1U);
}

TEST_F(orphan, tells_the_peer_when_it_gives_up)
{
    script_socket s = open(100);
    s.send(1000);
    wire.out(". 1:101(100) ack 1").in(". 1:1(0) ack 101 win 0");
    s.close();
    while (wire.elapsed() < 10min && connections() > 0) {
        wire.after(10ms);
        if (wire.packets_waiting() == 0) continue;
        if (connections() == 0) break;
        wire.ignore_output();
        wire.in(". 1:1(0) ack 101 win 0");
    }
    wire.out_within(10ms, "R. 101:101(0) ack 1");
}

TEST_F(orphan, whose_peer_goes_on_reading_delivers_all)
{
    script_socket s = open(0);
    s.send(20'000);
    s.close();
    for (unsigned at = 1; at < 20'000; at += 1000) { // the peer accepts 1000 octets every two minutes
        const std::string all = ". 1:1(0) ack " + std::to_string(at);
        answer_all(all + " win 0", 2min);
        ASSERT_EQ(connections(), 1U);
        wire.ignore_output().in(all + " win 1000").ignore_output();
        wire.in(". 1:1(0) ack " + std::to_string(at + 1000) + " win 0").ignore_output();
    }
    wire.in(". 1:1(0) ack 20001 win 1000").ignore_output();
    wire.in(". 1:1(0) ack 20002").ignore_output();
    EXPECT_EQ(wire.counters().tcp.orphans_timed_out, 0U);
}

TEST_F(orphan, whose_peer_is_silent_ends_sooner_than_with_a_user)
{
    script_socket s = open_passive();
    s.send(100);
    s.close();
    wire.ignore_output();
    wire.after(2min).ignore_output(); // eight retransmissions take 102 s (Linux's tcp_orphan_retries)
    EXPECT_EQ(connections(), 0U);
    EXPECT_EQ(wire.counters().tcp.orphans, 0U);
}

TEST_F(orphan, in_every_state_ends)
{
    struct row
    {
        const char* name;
        bool peer_fin_first, half_closed_first;
        const char* then;
    };
    // The peer answers every packet, but acknowledges none of our data.
    for (const row& r : {row{"FIN-WAIT-1", false, false, nullptr}, row{"LAST-ACK", true, false, nullptr},
                         row{"CLOSING", false, true, "F. 1:1(0) ack 1 win 0"}}) {
        SCOPED_TRACE(r.name);
        script w;
        script_socket listener = w.listen();
        w.in("S 0:0(0) win 1000 <mss 1000>").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1").out_nothing();
        script_socket s = listener.accept();
        if (r.peer_fin_first) w.in("F. 1:1(0) ack 1").ignore_output();
        if (r.half_closed_first) s.shutdown(shutdown_type::send);
        w.ignore_output();
        if (r.then != nullptr) w.in(r.then).ignore_output();
        if (!r.half_closed_first) s.send(100);
        s.close();
        w.ignore_output();
        const std::string answer = r.peer_fin_first || r.then != nullptr ? ". 2:2(0) ack 1 win 0" : ". 1:1(0) ack 1 win 0";
        for (int i = 0; i < 6000 && w.host().tcp().size() > 1; ++i) {
            w.after(100ms);
            if (w.packets_waiting() > 0) w.ignore_output().in(answer);
            w.ignore_output();
        }
        EXPECT_EQ(w.host().tcp().size(), 1U);
        EXPECT_LE(w.elapsed(), 5min);
    }
}

TEST_F(orphan, beyond_the_number_that_may_be_is_reset)
{
    wire.options.orphan_limit = 2;
    script_socket listener = wire.listen();
    for (std::uint16_t port = 1000; port < 1003; ++port) {
        wire.peer(port).in("S 0:0(0) win 0 <mss 1000>").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1 win 0").out_nothing();
        script_socket s = listener.accept();
        s.send(100);
        s.close();
        if (port == 1002) wire.out("R. 1:1(0) ack 1");
        wire.out_nothing();
    }
    EXPECT_EQ(wire.counters().tcp.orphans, 2U);
    EXPECT_EQ(wire.counters().tcp.orphans_refused, 1U);
}

TEST_F(orphan, beyond_the_memory_that_all_may_hold_is_reset)
{
    wire.options.orphan_memory = 300'000; // 100,000 octets occupy two blocks of 64 KiB
    script_socket listener = wire.listen();
    for (std::uint16_t port = 1000; port < 1003; ++port) {
        wire.peer(port).in("S 0:0(0) win 0 <mss 1000>").out("S. 0:0(0) ack 1").in(". 1:1(0) ack 1 win 0").out_nothing();
        script_socket s = listener.accept();
        EXPECT_EQ(s.send(100'000), 100'000U);
        s.close();
        if (port == 1002) wire.out("R. 1:1(0) ack 1");
        wire.out_nothing();
    }
    EXPECT_EQ(wire.counters().tcp.orphans_refused, 1U);
}

// -- a reset while the user still holds the socket --------------------------------------------------------------------

TEST_F(orphan, not_yet_hears_of_a_reset_in_last_ack)
{
    script_socket s = open_passive();
    wire.in("F. 1:1(0) ack 1").out(". 1:1(0) ack 2");
    s.send(100);
    s.shutdown(shutdown_type::send);
    wire.ignore_output();
    ASSERT_EQ(s.state(), tcp_state::last_ack);
    wire.in("R 2:2(0)").out_nothing();
    EXPECT_EQ(s.error(), errno_code(ECONNRESET)); // as on Linux: the data written is lost
}

TEST_F(orphan, not_yet_hears_of_a_reset_in_closing)
{
    script_socket s = open_passive();
    s.shutdown(shutdown_type::send);
    wire.out("F. 1:1(0) ack 1").in("F. 1:1(0) ack 1").out(". 2:2(0) ack 2");
    ASSERT_EQ(s.state(), tcp_state::closing);
    wire.in("R 2:2(0)").out_nothing();
    EXPECT_NE(s.poll() & readiness::error, readiness::none);
    EXPECT_EQ(s.error(), errno_code(ECONNRESET));
}

} // namespace
} // namespace tapio::test
