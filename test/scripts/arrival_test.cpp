// SEGMENT ARRIVES (RFC 9293 §3.10.7): which segments are acceptable, and how each kind of segment is answered in each state.
#include "support/script/script.hpp"

#include <set>

namespace tapio::test {
namespace {

class acceptability : public packet_script
{
protected:
    acceptability() { wire.options.tcp.receive_buffer = 4000; }
};

struct window_case
{
    const char* segment;
    bool acceptable; ///< by the table of RFC 9293 §3.10.7.4 with RCV.NXT = 1, RCV.WND = 4000
};
class acceptability_table : public acceptability, public testing::WithParamInterface<window_case>
{
};

TEST_P(acceptability_table, row)
{
    open_passive();
    wire.at(1s).in(GetParam().segment);
    const bool dropped = wire.counters().drops[drop_reason::tcp_out_of_window] != 0;
    EXPECT_EQ(!dropped, GetParam().acceptable);
    if (!GetParam().acceptable) wire.out(". 1:1(0) ack 1"); // §3.10.7.4 first: "an acknowledgment should be sent in reply"
    wire.ignore_output();
}

INSTANTIATE_TEST_SUITE_P(rows, acceptability_table,
                         testing::Values(
                             // No data: RCV.NXT <= SEG.SEQ <= RCV.NXT + RCV.WND. RFC 9293 excludes the right edge; Linux includes
                             // it, because a peer that has filled the window sends from there.
                             window_case{". 1:1(0) ack 1", true}, window_case{". 0:0(0) ack 1", false},
                             window_case{". 4000:4000(0) ack 1", true}, window_case{". 4001:4001(0) ack 1", true},
                             window_case{". 4002:4002(0) ack 1", false}, window_case{". 100000:100000(0) ack 1", false},
                             window_case{". 2147483649:2147483649(0) ack 1", false},
                             // Data: its first or its last octet is in the window.
                             window_case{". 1:11(10) ack 1", true}, window_case{". 4000:4010(10) ack 1", true},
                             window_case{". 4001:4011(10) ack 1", false}, window_case{". 4294967287:1(10) ack 1", false},
                             window_case{". 4294967292:6(10) ack 1", true}));

TEST_F(acceptability, zero_window_takes_only_empty_segments_at_rcv_nxt)
{
    script_socket s = open_passive();
    for (const char* t :
         {". 1:1001(1000) ack 1", ". 1001:2001(1000) ack 1", ". 2001:3001(1000) ack 1", ". 3001:4001(1000) ack 1"})
        wire.in(t).ignore_output();
    ASSERT_EQ(s.info().receive_window, 0U);
    wire.at(1s).ignore_output();
    wire.in(". 4001:4001(0) ack 1").out_nothing();
    wire.in(". 4001:4002(1) ack 1").out(". 1:1(0) ack 4001 win 0"); // a zero-window probe
    wire.in(". 4000:4000(0) ack 1").out(". 1:1(0) ack 4001 win 0");
    EXPECT_EQ(s.receive().size(), 4000U);
    wire.out(". 1:1(0) ack 4001 win 4000");
}

TEST_F(acceptability, an_ack_is_processed_even_with_a_closed_window) // RFC 9293 MUST-66
{
    script_socket s = open_passive();
    for (const char* t :
         {". 1:1001(1000) ack 1", ". 1001:2001(1000) ack 1", ". 2001:3001(1000) ack 1", ". 3001:4001(1000) ack 1"})
        wire.in(t).ignore_output();
    s.send("abc");
    wire.out("P. 1:4(3) ack 4001 win 0");
    wire.in(". 4001:4001(0) ack 4").out_nothing();
    EXPECT_EQ(s.info().unacked, 0U);
}

class reset_rules : public acceptability
{
};

// RFC 9293 §3.10.7.4 second, RFC 5961 §3.2: a RST with SEG.SEQ = RCV.NXT resets the connection
TEST_F(reset_rules, exactly_at_rcv_nxt_kills)
{
    script_socket s = open_passive();
    wire.in("R 1:1(0)").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::closed);
}

TEST_F(reset_rules, in_the_window_is_challenged)
{
    script_socket s = open_passive();
    wire.in("R 2:2(0)").out(". 1:1(0) ack 1");
    wire.in("R 4000:4000(0)").ignore_output();
    EXPECT_EQ(s.state(), tcp_state::established);
    EXPECT_GE(wire.counters().tcp.challenge_acks, 1U);
}

TEST_F(reset_rules, outside_the_window_is_dropped_silently)
{
    script_socket s = open_passive();
    wire.in("R 0:0(0)").out_nothing();
    wire.in("R 4001:4001(0)").out_nothing();
    wire.in("R 1000000:1000000(0)").out_nothing();
    EXPECT_EQ(s.state(), tcp_state::established);
}

TEST_F(reset_rules, a_syn_in_the_window_is_challenged)
{
    script_socket s = open_passive();
    wire.in("S 1:1(0)").out(". 1:1(0) ack 1"); // §3.10.7.4 fourth, RFC 5961 §4: a challenge ACK
    wire.after(2s).in("S 100000:100000(0)").out(". 1:1(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::established);
}

TEST_F(reset_rules, challenges_are_limited)
{
    script_socket s = open_passive();
    std::set<std::uint64_t> budgets;
    for (std::uint64_t before = 0; wire.elapsed() < 200s; wire.after(5s)) { // RFC 5961 §7: challenge ACKs are rate limited
        for (int i = 0; i < 20; ++i) wire.in("R 2:2(0)").ignore_output();
        const std::uint64_t all = wire.counters().tcp.challenge_acks;
        budgets.insert(all - std::exchange(before, all));
    }
    EXPECT_GE(*budgets.begin(), 5U);
    EXPECT_LE(*budgets.rbegin(), 14U);
    EXPECT_GT(budgets.size(), 4U)
        << "the number per period is random, so that an off-path attacker cannot count it (CVE-2016-5696)";
    EXPECT_EQ(s.state(), tcp_state::established);
}

TEST_F(reset_rules, without_ack_is_dropped)
{
    script_socket s = open_passive();
    wire.in("- 1:4(3)", "abc").out_nothing(); // §3.10.7.4 fifth: dropped if the ACK bit is off
    EXPECT_EQ(s.receive(), "");
}

class closed_port : public packet_script
{
};

// §3.10.7.1: state CLOSED
TEST_F(closed_port, everything_but_a_reset_is_reset)
{
    wire.in("S 5:5(0)").out("R. 0:0(0) ack 6");
    wire.in("S 5:8(3)").out("R. 0:0(0) ack 9"); // ACK = SEG.SEQ + SEG.LEN
    wire.in(". 5:5(0) ack 700").out("R 700:700(0)");
    wire.in("F. 5:8(3) ack 700").out("R 700:700(0)");
    wire.in("- 5:8(3)").out("R. 0:0(0) ack 8");
    wire.in("R 5:5(0)").out_nothing();
    wire.in("R. 5:5(0) ack 700").out_nothing();
    EXPECT_EQ(wire.counters().tcp.out_rsts, 5U);
}

// -- every state, every class of segment -----------------------------------------------------------------------------

enum class segment_class
{
    reset_exact,
    reset_in_window,
    reset_outside,
    syn_in_window,
    data_in_order,
    data_old,
    data_beyond,
    ack_unsent,
    no_ack,
    bare_ack,
    fin
};

class every_state : public acceptability, public testing::WithParamInterface<std::tuple<tcp_state, segment_class>>
{
protected:
    /// Brings the connection into this state. `next_` is then the peer's next sequence number, `ours_` ours.
    void go(tcp_state to)
    {
        listener_ = wire.listen();
        wire.in("S 0:0(0) win 65535").out("S. 0:0(0) ack 1");
        if (to == tcp_state::syn_received) return;
        wire.in(". 1:1(0) ack 1");
        socket_ = listener_.accept();
        const bool peer_closes = to == tcp_state::close_wait || to == tcp_state::last_ack;
        if (peer_closes) wire.in("F. 1:1(0) ack 1").out(". 1:1(0) ack 2"), next_ = 2;
        if (to == tcp_state::established || to == tcp_state::close_wait) return;
        socket_.shutdown(shutdown_type::send);
        wire.out("F. 1:1(0)");
        ours_ = 2;
        if (to == tcp_state::fin_wait_2) wire.in(". 1:1(0) ack 2");
        if (to == tcp_state::closing) wire.in("F. 1:1(0) ack 1").out(". 2:2(0) ack 2"), next_ = 2;
        if (to == tcp_state::time_wait) wire.in("F. 1:1(0) ack 2").out(". 2:2(0) ack 2"), next_ = 2;
    }
    std::string text(const char* flags, std::uint32_t seq, std::uint32_t size, std::optional<std::uint32_t> ack) const
    {
        std::string t =
            std::string(flags) + ' ' + std::to_string(seq) + ':' + std::to_string(seq + size) + '(' + std::to_string(size) + ')';
        if (ack) t += " ack " + std::to_string(*ack);
        return t;
    }
    std::string segment(segment_class c) const
    {
        const std::uint32_t acked =
            std::get<0>(GetParam()) == tcp_state::fin_wait_2 || std::get<0>(GetParam()) == tcp_state::time_wait ? 2 : 1;
        switch (c) {
        case segment_class::reset_exact: return text("R", next_, 0, {});
        case segment_class::reset_in_window: return text("R", next_ + 10, 0, {});
        case segment_class::reset_outside: return text("R", next_ + 100'000, 0, {});
        case segment_class::syn_in_window: return text("S", next_ + 5, 0, {});
        case segment_class::data_in_order: return text(".", next_, 5, acked);
        case segment_class::data_old: return text(".", next_ - 3, 2, acked);
        case segment_class::data_beyond: return text(".", next_ + 100'000, 5, acked);
        case segment_class::ack_unsent: return text(".", next_, 0, ours_ + 1000);
        case segment_class::no_ack: return text("-", next_, 0, {});
        case segment_class::bare_ack: return text(".", next_, 0, acked);
        case segment_class::fin: return text("F.", next_, 0, acked);
        }
        return "-";
    }
    tcp_state state() { return socket_ ? socket_.state() : tcp_state::syn_received; }

    script_socket listener_, socket_;
    std::uint32_t next_ = 1, ours_ = 1;
};

/// The required answer: "" none, "." an ACK of everything received, "d" an ACK of the data, "R" a RST, "?" any or none.
const char* expected_answer(tcp_state s, segment_class c)
{
    const bool opening = s == tcp_state::syn_received;
    const bool peer_finished =
        s == tcp_state::close_wait || s == tcp_state::closing || s == tcp_state::last_ack || s == tcp_state::time_wait;
    switch (c) {
    case segment_class::reset_exact:
    case segment_class::reset_outside:
    case segment_class::no_ack: return "";
    case segment_class::reset_in_window:
    case segment_class::syn_in_window:
        if (s == tcp_state::syn_received && c == segment_class::syn_in_window)
            return ""; // §3.10.7.4 fourth: a passive open returns to LISTEN
        return ".";    // RFC 5961 §3.2, §4.2 (only a SYN beyond the window may reopen TIME-WAIT)
    case segment_class::data_old:
    case segment_class::data_beyond: return ".";                // §3.10.7.4 first: not acceptable
    case segment_class::ack_unsent: return opening ? "R" : "."; // §3.10.7.4 fifth
    case segment_class::bare_ack: return "";
    case segment_class::data_in_order: return peer_finished ? "?" : "d"; // "this should not occur": either is right
    case segment_class::fin: return peer_finished ? "?" : ".";
    }
    return "?";
}

TEST_P(every_state, is_answered_as_the_rfc_says)
{
    const auto [s, c] = GetParam();
    go(s);
    ASSERT_EQ(state(), s);
    wire.after(2s); // past rate limits; retransmissions of the SYN,ACK or FIN are ignored
    wire.ignore_output();
    std::string answer = expected_answer(s, c);
    if (s == tcp_state::time_wait && c == segment_class::syn_in_window) answer = "?"; // may reopen: tested in close_test.cpp
    wire.in(segment(c));
    if (answer == "d") {
        // After idle time the ACK of the first data may be sent at once or be delayed by up to 40 ms.
        wire.out_within(40ms, text(".", ours_, 0, next_ + 5));
    } else if (answer == "R") {
        wire.out("R");
    } else if (answer == ".") {
        wire.out(text(".", ours_, 0, c == segment_class::fin ? next_ + 1 : next_));
    } else if (answer.empty()) {
        wire.out_nothing();
    }
    wire.ignore_output();
    if (c == segment_class::reset_exact) {
        EXPECT_EQ(wire.host().tcp().size(), socket_ && !socket_.gone() ? 2U : 1U);
        if (socket_ && s != tcp_state::time_wait) {
            EXPECT_EQ(socket_.state(), tcp_state::closed);
        }
    } else if (s == tcp_state::syn_received && c == segment_class::syn_in_window) {
        EXPECT_EQ(wire.host().tcp().size(), 1U) << "the passive open is back in LISTEN";
    } else if (c != segment_class::fin && c != segment_class::bare_ack && c != segment_class::data_in_order && answer != "?") {
        EXPECT_EQ(state(), s) << "the segment must not change the state";
    }
}

std::string cell_name(const testing::TestParamInfo<std::tuple<tcp_state, segment_class>>& info)
{
    static const char* const names[] = {"reset_exact", "reset_in_window", "reset_outside", "syn_in_window", "data_in_order",
                                        "data_old",    "data_beyond",     "ack_unsent",    "no_ack",        "bare_ack",
                                        "fin"};
    std::string s = name(std::get<0>(info.param));
    for (char& ch : s)
        if (ch == '-') ch = '_';
    return s + "__" + names[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(all, every_state,
                         testing::Combine(testing::Values(tcp_state::syn_received, tcp_state::established, tcp_state::fin_wait_1,
                                                          tcp_state::fin_wait_2, tcp_state::close_wait, tcp_state::closing,
                                                          tcp_state::last_ack, tcp_state::time_wait),
                                          testing::Values(segment_class::reset_exact, segment_class::reset_in_window,
                                                          segment_class::reset_outside, segment_class::syn_in_window,
                                                          segment_class::data_in_order, segment_class::data_old,
                                                          segment_class::data_beyond, segment_class::ack_unsent,
                                                          segment_class::no_ack, segment_class::bare_ack, segment_class::fin)),
                         cell_name);

// -- the states before there is a connection ---------------------------------------------------------------------------

struct opening_case
{
    const char* segment;
    const char* answer;                    ///< "": none
    tcp_state after = tcp_state::syn_sent; ///< the state of the connection afterwards
};

void PrintTo(const opening_case& c, std::ostream* out) { *out << c.segment; }

class in_listen : public packet_script, public testing::WithParamInterface<opening_case>
{
};

// RFC 9293 §3.10.7.2: state LISTEN
TEST_P(in_listen, is_answered_as_the_rfc_says)
{
    wire.listen();
    wire.in(GetParam().segment);
    if (*GetParam().answer != '\0') wire.out(GetParam().answer);
    wire.out_nothing();
    const bool opens = *GetParam().answer == 'S';
    EXPECT_EQ(wire.host().tcp().size(), opens ? 2U : 1U);
}

INSTANTIATE_TEST_SUITE_P(
    rows, in_listen,
    testing::Values(opening_case{"R 5:5(0)", ""}, opening_case{"R. 5:5(0) ack 7", ""}, opening_case{"SR 5:5(0)", ""},
                    opening_case{". 5:5(0) ack 7", "R 7:7(0)"}, opening_case{"S. 5:5(0) ack 7", "R 7:7(0)"},
                    opening_case{"F. 5:5(0) ack 7", "R 7:7(0)"}, opening_case{". 5:8(3) ack 7", "R 7:7(0)"},
                    opening_case{"S 0:0(0) win 100", "S. 0:0(0) ack 1"}, opening_case{"SP 0:0(0) win 0", "S. 0:0(0) ack 1"},
                    opening_case{"S 0:3(3) win 100", "S. 0:0(0) ack 1"}, opening_case{"SF 0:0(0) win 100", ""},
                    opening_case{"F 5:5(0)", ""}, opening_case{"- 5:5(0)", ""}, opening_case{"- 5:8(3)", ""},
                    opening_case{"P 5:8(3)", ""}, opening_case{"FPU 5:5(0) urg 1", ""}));

class in_syn_sent : public packet_script, public testing::WithParamInterface<opening_case>
{
};

// RFC 9293 §3.10.7.3: state SYN-SENT
TEST_P(in_syn_sent, is_answered_as_the_rfc_says)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").at(500ms).in(GetParam().segment);
    if (*GetParam().answer != '\0') wire.out(GetParam().answer);
    wire.out_nothing();
    EXPECT_EQ(s.state(), GetParam().after);
    if (GetParam().after == tcp_state::syn_sent) { // the handshake still completes
        wire.at(1s).out("S 0:0(0)").in("S. 0:0(0) ack 1").out(". 1:1(0) ack 1");
        EXPECT_EQ(s.state(), tcp_state::established);
    }
}

INSTANTIATE_TEST_SUITE_P(
    rows, in_syn_sent,
    testing::Values(opening_case{". 0:0(0) ack 0", "R 0:0(0)"}, opening_case{". 0:0(0) ack 2", "R 2:2(0)"}, // first
                    opening_case{"S. 0:0(0) ack 0", "R 0:0(0)"}, opening_case{"S. 0:0(0) ack 2", "R 2:2(0)"},
                    opening_case{"F. 0:0(0) ack 9", "R 9:9(0)"}, opening_case{"R. 0:0(0) ack 0", ""},
                    opening_case{"R. 0:0(0) ack 2", ""}, opening_case{"SR. 0:0(0) ack 2", ""}, opening_case{"R 0:0(0)", ""},
                    opening_case{"SR 0:0(0)", ""}, // second
                    opening_case{"R. 0:0(0) ack 1", "", tcp_state::closed},
                    opening_case{"SR. 0:0(0) ack 1", ""}, // SYN with RST is malformed, and is dropped when parsed
                    opening_case{"S. 0:0(0) ack 1", ". 1:1(0) ack 1", tcp_state::established}, // fourth
                    opening_case{"S. 0:3(3) ack 1", ". 1:1(0) ack 4", tcp_state::established},
                    opening_case{"S 0:0(0)", "S. 0:0(0) ack 1", tcp_state::syn_received},
                    opening_case{". 0:0(0) ack 1", ""}, // fifth
                    opening_case{"F. 0:0(0) ack 1", ""}, opening_case{"F 0:0(0)", ""}, opening_case{"- 0:3(3)", ""},
                    opening_case{"P. 0:3(3) ack 1", ""}, opening_case{"- 0:0(0)", ""}, opening_case{"SF 0:0(0)", ""}));

} // namespace
} // namespace tapio::test
