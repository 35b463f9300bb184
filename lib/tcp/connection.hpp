/// @file
/// A TCP connection (RFC 9293 §3.3.1, the TCB): owns the parts, which do not know of each other, and connects them.
///
///     segments in -> on_segment   segment_arrives.cpp (§3.10.7.4), segment_arrives_opening.cpp (§3.10.7.3, SYN-RECEIVED)
///     user calls  -> send, receive, shutdown, close, abort             connection.cpp (§3.10.1 to §3.10.5)
///     time        -> on_timer                                          connection_timers.cpp (§3.10.8)
///     segments out <- next_segment, until it returns false             output.cpp
///
/// Not here: addresses, IP, sockets. After any call: drain next_segment(), then check next_deadline() and take_events().
#pragma once

#include "tcp/buffer_tuning.hpp"
#include "tcp/delivery_rate.hpp"
#include "tcp/fast_open.hpp"
#include "tcp/idle.hpp"
#include "tcp/keep_alive.hpp"
#include "tcp/lasting_state.hpp"
#include "tcp/loss_recovery.hpp"
#include "tcp/memory_budget.hpp"
#include "tcp/options.hpp"
#include "tcp/pacer.hpp"
#include "tcp/receive_buffer.hpp"
#include "tcp/rtt_estimator.hpp"
#include "tcp/sack_report.hpp"
#include "tcp/segment.hpp"
#include "tcp/send_buffer.hpp"
#include "tcp/sent_queue.hpp"
#include "tcp/state.hpp"
#include "tcp/time_wait.hpp"
#include "tcp/timers.hpp"
#include "tcp/urgent.hpp"

#include <tapio/core/congestion_control.hpp>
#include <tapio/core/counters.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/tcp_info.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tapio::core::tcp {

/// Constructor arguments of a connection.
struct connection_setup
{
    tcp_options options;
    core::family family = core::family::v4;
    seq_number iss;
    std::uint32_t timestamp_offset = 0;
    std::uint32_t secret = 0;                                        ///< random; for challenge_limit
    std::uint32_t path_mss = sizes_of(core::family::v4).default_mss; ///< octets of payload that fit the path without TCP options
    std::uint32_t largest_segment = 0;                               ///< octets of payload in the largest GSO segment; 0: no GSO
    std::uint32_t receive_limit = 0; ///< octets that the device can buffer, which bounds the receive window; 0: no bound
    std::unique_ptr<congestion_control> congestion;
    std::unique_ptr<const fast_open> opens_fast; ///< TCP Fast Open; null: an ordinary handshake
    receive_crowd* crowd = nullptr;  ///< the connections that share `receive_limit`; outlives this one; null: not shared
    memory_budget* budget = nullptr; ///< outlives the connection; null: no bound
};

/// Events that the owner of the socket may be waiting for.
struct connection_events
{
    bool readable = false;
    bool writable = false;
    bool failed = false;
    bool urgent = false; ///< urgent data was announced or has arrived

    bool any() const noexcept { return readable || writable || failed || urgent; }
};

/// Flags of one send().
struct send_flags
{
    bool urgent = false; ///< MSG_OOB: the last octet is urgent
    bool more = false;   ///< MSG_MORE: as with TCP_CORK, until a send without it
};

class connection : private lasting_state
{
public:
    connection(connection_setup setup, tcp_counters& counters);
    /// Wakes a connection that rest() has put away. @param setup only options, budget and crowd are used
    connection(idle_memory m, const connection_setup& setup, tcp_counters& counters);
    ~connection() = default;
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // -- opening -----------------------------------------------------------------------------------------------
    void open_active(time_point now); ///< CLOSED -> SYN-SENT. With Fast Open the SYN may wait for a send() or receive()
    /// LISTEN -> SYN-RECEIVED. @param early accept the SYN's data now; our data may follow the SYN,ACK (RFC 7413 §4.2)
    void open_passive(const segment& syn, time_point now, bool early = false);

    // -- in ----------------------------------------------------------------------------------------------------
    /// SEGMENT ARRIVES. @return why the segment was dropped, if it was
    std::optional<drop_reason> on_segment(segment&& seg, time_point now);
    void on_timer(time_point now);
    void on_icmp_error(error_code why, std::uint32_t sequence, time_point now); ///< RFC 9293 §3.9.2.2
    /// ICMP fragmentation needed (RFC 1191) about the segment at `sequence`. @param mtu octets of IP packet  @return false: no
    /// such segment is in flight
    bool on_packet_too_big(std::size_t mtu, std::uint32_t sequence, time_point now);
    /// The path MTU is known from other packets to the peer (RFC 8201 §5.2). One that is not smaller than ours has no effect.
    void path_mtu_known(std::size_t mtu, time_point now);

    /// The connection's device or its MTU has changed. Parameters as in connection_setup; the same values have no effect.
    void path_changed(std::uint32_t path_mss, std::uint32_t largest_segment, std::uint32_t receive_limit, time_point now);
    void on_local_error(error_code why); ///< a segment could not leave the host

    // -- user --------------------------------------------------------------------------------------------------
    result<std::size_t> send(std::span<const const_bytes> from, send_flags flags, time_point now);
    result<std::size_t> send(std::span<const slice> from, time_point now); ///< shares the slices, does not copy
    result<std::size_t> receive(std::span<const mutable_bytes> into, bool peek, time_point now);
    result<std::size_t> receive(std::vector<slice>& into, std::size_t limit,
                                time_point now);                                        ///< octets; does not copy
    result<std::size_t> receive_urgent(std::span<const mutable_bytes> into, bool peek); ///< MSG_OOB
    bool at_mark() const noexcept { return urgent_.stands_at(incoming_.position()); }
    error_code shutdown_send(time_point now);
    void shutdown_receive();
    void close(time_point now); ///< the user is done with the socket; sends RST if received data is unread (RFC 2525 §2.17)
    void abort(time_point now); ///< sends RST
    error_code take_error() noexcept;
    void options_changed(const tcp_options& options, time_point now);
    void push() noexcept { pushed_ = outgoing_.end(); } ///< data written so far is not corked any more (TCP_NODELAY)
    void use_congestion_control(std::unique_ptr<congestion_control> other, time_point now); ///< starts from the current window

    // -- out ---------------------------------------------------------------------------------------------------
    /// The next segment to send, into `out`. @param out default-constructed
    /// @param goes_on more segments are about to arrive: an ACK that can cover them too is withheld  @return false: none to send
    bool next_segment(outgoing_segment& out, time_point now, bool goes_on = false);
    /// true: next_segment() would return false now. false means unknown.
    bool has_nothing_to_say() noexcept;
    std::uint64_t unacknowledged() const noexcept { return outgoing_.size(); } ///< octets in the send buffer, sent or not
    /// true: no segment follows the one that next_segment() returned last. false means unknown.
    bool gave_last() const noexcept { return left_.nothing; }
    /// The user is about to write more: in a bulk transfer, data that does not fill a whole GSO piece waits, until
    /// expect_more(false).
    void expect_more(bool yes) noexcept { writing_.more_expected = yes; }
    bool awaits_more() const noexcept { return left_.tail; }  ///< the last next_segment() withheld data (expect_more())
    bool withholds_ack() const noexcept { return left_.ack; } ///< ... or an ACK (`goes_on`)
    time_point next_deadline() const noexcept { return timers_.next(); }
    connection_events take_events() noexcept { return std::exchange(events_, {}); }

    // -- observers ---------------------------------------------------------------------------------------------
    tcp::state state() const noexcept { return state_; }
    bool was_passive() const noexcept { return passive_; }
    bool readable() const noexcept;
    bool writable() const noexcept;
    bool has_error() const noexcept { return bool(error_); }
    bool is_shut_both_ways() const noexcept { return fin_queued_ && (receive_shut_ || got_fin_); }
    bool has_urgent() const noexcept { return urgent_.pending(); }
    bool waits_for_data() const noexcept; ///< Fast Open: the SYN is held back for data to carry
    early_data data_in_syn() const noexcept { return early_; }
    bool syn_timed_out() const noexcept { return syn_timed_out_; }
    std::uint64_t unread() const noexcept; ///< octets readable up to the urgent mark; with SO_OOBINLINE, all of them (FIONREAD)
    const tcp_options& options() const noexcept { return options_; }
    std::uint64_t held() const noexcept { return share_.held(); }                    ///< octets charged to the memory budget
    std::uint32_t receive_capacity() const noexcept { return incoming_.capacity(); } ///< octets
    std::uint32_t path_mss() const noexcept { return path_mss_; }                    ///< octets; without TCP options
    std::uint32_t send_mss() const noexcept { return send_mss_; }                    ///< octets of payload in a full segment
    bool may_be_fragmented() const noexcept { return may_fragment_; }                ///< its packets are sent without DF
    tcp_info info(time_point now) const;
    time_point last_received() const noexcept { return last_data_received_; }
    seq_number next_sequence() const noexcept { return snd_.nxt; }
    /// A number that changes whenever the peer acknowledges data or sends new data.
    std::uint32_t progress() const noexcept { return snd_.una.value() + rcv_.nxt.value(); }
    /// R1 of RFC 9293 §3.8.3 was reached at `now`: the path may be broken. MUST-20
    bool hears_nothing(time_point now) const noexcept { return timeouts_ == suspicious_timeouts && last_timeout_ == now; }

    // -- TIME-WAIT -----------------------------------------------------------------------------------------------------
    bool may_give_way_to(const segment& syn) const noexcept { return state_ == state::time_wait && remember().gives_way_to(syn); }
    /// In TIME-WAIT, closed by the user, and with nothing to send unless the peer sends again.
    bool only_waits() const noexcept { return state_ == state::time_wait && detached_ && !reset_ && !acks_.due(); }
    time_wait_memory remember() const noexcept;
    /// Puts a newly constructed connection into TIME-WAIT, until `end`.
    void wait_again(const time_wait_memory& m, time_point end, time_point now);

    // -- idle ----------------------------------------------------------------------------------------------------------
    /// Nothing is in flight or pending and no timer runs, so that rest() loses nothing.
    bool may_rest(time_point now) const noexcept;
    idle_memory rest(); ///< moves the state out; the connection must be destroyed afterwards

private:
    static constexpr unsigned suspicious_timeouts = 3; ///< consecutive; R1 (RFC 9293 SHLD-10)

    enum class verdict : std::uint8_t
    {
        go_on,
        drop
    };

    // segment_arrives_opening.cpp
    std::optional<drop_reason> arrives_in_syn_sent(const segment& seg, time_point now);
    void accept_syn_options(const segment& syn, time_point now);
    void established(const segment& seg, time_point now);
    verdict ack_in_syn_received(const segment& seg, time_point now);
    bool is_repeated_syn(const segment& seg) const noexcept;
    bool is_crossed_syn_ack(const segment& seg) const noexcept;
    void unwrap_syn_ack(segment& seg) const noexcept;
    bool opens_early() const noexcept { return early_ != early_data::none && is_opening(state_); }
    void syn_data_answered(bool taken) noexcept;
    verdict take_queued_text(time_point now);

    // segment_arrives.cpp, segment_arrives_ack.cpp
    verdict check_timestamp(const segment& seg, time_point now);
    verdict check_sequence(segment& seg, time_point now);
    verdict check_reset(const segment& seg, time_point now);
    verdict check_syn(const segment& seg, time_point now);
    verdict process_ack(const segment& seg, time_point now);
    verdict check_ack(const segment& seg, time_point now);
    void acknowledged(const segment& seg, time_point now);
    std::uint32_t data_octets_acknowledged(std::uint32_t newly) noexcept;
    ack_news update_scoreboard(const segment& seg, time_point now);
    std::optional<sequence_range> told_twice(const segment& seg) const noexcept;
    bool has_news(const segment& seg) const noexcept;
    bool answers_earlier(const sent_segment& s, const segment& seg) const noexcept;
    void rearm_retransmit(time_point now);
    void arm_tail_probe(time_point now);
    void maybe_duplicate_ack(const segment& seg, time_point now);
    void update_window(const segment& seg, time_point now);
    void leave_persist(bool was_closed, time_point now);
    void take_back_unaccepted();
    void our_fin_acknowledged(time_point now);
    void note_mark(const segment& seg);
    void process_urgent(const segment& seg);
    verdict process_text(segment& seg, time_point now);
    void note_early(const segment& seg);
    /// The user has closed the socket or shut down both directions. (After shutdown_receive() alone, data that arrives can still
    /// be read, as on Linux.)
    bool is_for_nobody() const noexcept { return detached_ || (receive_shut_ && fin_queued_); }
    void report_held(const segment& seg, std::uint64_t at, bool has_told);
    void process_fin(const segment& seg, time_point now);
    void fin_received(time_point now);
    bool acceptable(const segment& seg) const noexcept;
    bool probes_closed_window(const segment& seg) const noexcept;
    bool looks_like_probe(const segment& seg) const noexcept;
    void correct(const segment& seg, time_point now);
    void challenge(time_point now);
    verdict dropped(drop_reason why) noexcept;
    std::uint32_t receive_window() const noexcept { return later(rcv_.adv, rcv_.nxt) - rcv_.nxt; }

    // output.cpp, output_acks.cpp
    void emit_reset(outgoing_segment& out, time_point now);
    bool emit_syn(outgoing_segment& out, time_point now);
    void add_early_data(outgoing_segment& syn, time_point now);
    bool emit_retransmission(outgoing_segment& out, time_point now);
    void resend(outgoing_segment& out, seq_number begin, seq_number end, time_point now, bool trial = false);
    bool emit_tail_probe(outgoing_segment& out, time_point now);
    bool emit_data(outgoing_segment& out, time_point now);
    bool emit_probe(outgoing_segment& out, time_point now);
    bool emit_keep_alive(outgoing_segment& out, time_point now);
    bool emit_ack(outgoing_segment& out, time_point now, bool goes_on);
    bool emit_part(outgoing_segment& out, time_point now);
    void fill_syn(outgoing_segment& out, time_point now);
    void fill_range(outgoing_segment& out, seq_number begin, seq_number end, bool trial = false);
    seq_number acceptable_sequence() const noexcept;
    void finish(outgoing_segment& out, time_point now);
    wire_window window_to_advertise(seq_number acknowledged);
    std::size_t most_sack_blocks() const noexcept;
    std::uint32_t segment_room() const noexcept;
    std::uint32_t whole_piece(std::uint32_t one) const noexcept;
    std::uint32_t sendable(std::uint64_t left, std::uint32_t one, std::uint32_t whole) const noexcept;
    bool says_all() const noexcept;
    bool corked() const noexcept { return (options_.cork || writing_.more) && pushed_ < outgoing_.end(); }
    void note_app_limited() noexcept;
    bool paced_out(time_point now) noexcept;
    flight_stamp stamp(std::uint32_t size, time_point now) noexcept;
    bool worth_sending(std::uint32_t octets) const noexcept;
    bool fin_unsent() const noexcept { return fin_queued_ && !fin_sent_; }
    std::uint64_t position_of(seq_number s) const noexcept; ///< octets from the start of our stream
    /// SND.UNA == ISS alone would not do: sequence numbers wrap, and the octet 4 GiB later has the SYN's number.
    bool syn_outstanding() const noexcept { return snd_.una == snd_.iss && snd_.una_position == 0; }
    std::uint64_t unsent() const noexcept;
    std::uint64_t window_room() const noexcept;
    std::uint64_t congestion_room() const noexcept;
    void sent_new(seq_number begin, seq_number end, time_point now);
    bool window_update_wanted() const noexcept;
    void watch_for_window(time_point now);
    duration window_patience() const noexcept;
    /// After a SYN timeout no more: some middleboxes drop SYNs that ask for ECN (RFC 3168 §6.1.1.1).
    bool asks_for_ecn() const noexcept { return options_.offer_ecn && !syn_timed_out_; }
    bool exact_ecn() const noexcept { return options_.exact_ecn_feedback || congestion_->counts_marks(); }

    // connection_timers.cpp
    void retransmit_timeout(time_point now);
    void reorder_timeout(time_point now);
    void persist_timeout(time_point now);
    void keep_alive_timeout(time_point now);
    void orphan_timeout(time_point now);
    bool gives_up(time_point now) const noexcept;
    bool gives_up_probing(time_point now) const noexcept;
    void abandon();
    bool heeds_user_timeout() const noexcept;
    time_point retransmit_deadline(time_point now) const noexcept;
    time_point probe_deadline(time_point at) const noexcept;
    void arm_retransmit(time_point now) { timers_.arm(timer::retransmit, retransmit_deadline(now)); }

    // connection.cpp, connection_path.cpp, connection_info.cpp
    void enter(tcp::state s) noexcept { state_ = s; }
    void enter_time_wait(time_point now);
    void fail(error_code why);
    void use_sack() noexcept;
    void finish_opening(time_point now);
    bool is_outstanding(std::uint32_t sequence) const noexcept;
    void suspect_black_hole(time_point now);
    void larger_segments_pass(std::uint32_t size, time_point now);
    bool lower_path_mtu(std::size_t mtu); ///< octets of IP packet
    bool lower_for_a_while(std::size_t mtu, bool in_fragments, time_point now);
    void resend_smaller(time_point now);
    void use_path_mss(std::uint32_t octets, time_point now);
    void try_larger_segments(time_point now);
    std::uint32_t trial_size(std::uint64_t left, time_point now) const noexcept;
    void queue_reset();
    void closed();
    result<std::uint64_t> room_to_send() noexcept;
    template <class Read>
    result<std::size_t> receive_by(Read&& read, bool peek, time_point now);
    std::uint64_t send_capacity() const noexcept;
    std::uint32_t receive_room() const noexcept;
    void describe_path(tcp_info& i) const;
    void describe_history(tcp_info& i) const;
    void describe_times(tcp_info& i, time_point now) const;
    tcp_recovery recovery_phase() const noexcept;
    void settle() noexcept { share_.hold(outgoing_.held() + incoming_.held()); }
    void tune_receive_buffer(std::uint64_t octets, time_point now);
    void negotiate_segment_sizes(std::optional<std::uint16_t> peers, time_point now);
    std::uint32_t option_octets() const noexcept { return ts_.enabled() ? 12 : 0; }

    tcp::state state_ = state::closed;
    bool fin_queued_ = false; ///< the user has shut down sending: a FIN follows the last octet
    bool fin_sent_ = false;
    bool detached_ = false; ///< the user has closed the socket
    bool receive_shut_ = false;
    bool got_fin_ = false;   ///< the peer's FIN was received, and all data before it
    bool resending_ = false; ///< the next "new" segment repeats data taken back by take_back_unaccepted(): no RTT sample (Karn)
    struct due_probes        ///< probes that a timer has asked for and that have not been sent
    {
        bool window = false, tail = false, keep_alive = false;
        bool any() const noexcept { return window || tail || keep_alive; }
    } due_;
    struct write_style ///< how the user writes
    {
        bool more = false;          ///< the last send had MSG_MORE
        bool in_bulk = false;       ///< the last segment with new data was a whole piece (whole_piece())
        bool more_expected = false; ///< set by expect_more()
    } writing_;
    struct unsent_rest ///< what the last next_segment() has left
    {
        bool nothing = false; ///< the next call would return false
        bool tail = false;    ///< the end of a bulk write, because more is expected
        bool ack = false;     ///< an acknowledgement, because input goes on
    } left_;
    std::uint64_t pushed_ = 0;        ///< stream position up to which data is not corked
    std::uint64_t small_end_ = 0;     ///< stream position where the last less-than-full segment ends (Nagle)
    std::optional<drop_reason> drop_; ///< why the segment being processed was dropped
    connection_events events_;
    error_code error_;           ///< SO_ERROR
    error_code soft_error_;      ///< the last soft ICMP error: reported if the connection times out
    std::optional<reset> reset_; ///< to be sent before anything else
    std::unique_ptr<const fast_open> opens_fast_;
    std::unique_ptr<segment> queued_text_; ///< data and FIN of the peer's SYN; after crossed SYNs, until the handshake is done

    tcp_options options_;
    send_buffer outgoing_;
    receive_buffer incoming_;
    sack_report sack_;
    mark_report marks_;
    receive_crowd* crowd_;
    memory_share share_;
    urgent_mark urgent_;
    std::uint64_t urgent_end_ = 0; ///< stream position after the last urgent octet that we send
    sent_queue sent_;
    loss_recovery recovery_;
    rtt_estimator rtt_;
    delivery_rate rate_;
    pacer pacer_;
    timer_table timers_;
    tcp::keep_alive keep_alive_;
    unsigned timeouts_ = 0; ///< consecutive
    unsigned persist_backoff_ = 0;
    time_point busy_since_{};    ///< when the present busy period began; meaningful while data is outstanding
    time_point hole_since_{};    ///< when the present hole in the received data appeared
    time_point last_progress_{}; ///< when the peer last acknowledged data, or when data became outstanding
    time_point probing_since_{}; ///< when the first probe of a closed window was sent, while persist_backoff_ > 0
    tcp_counters& counters_;
};

} // namespace tapio::core::tcp
