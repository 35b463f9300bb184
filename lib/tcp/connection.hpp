/// @file
/// A TCP connection (RFC 9293 §3.3.1, the TCB): the facade that owns the parts and the one place where they meet.
///
///     segments in -> on_segment   segment_arrives.cpp (§3.10.7.4), segment_arrives_opening.cpp (§3.10.7.3, SYN-RECEIVED)
///     user calls  -> send, receive, shutdown, close, abort             connection.cpp (§3.10.1 to §3.10.5)
///     time        -> on_timer                                          connection_timers.cpp (§3.10.8)
///     segments out <- next_segment, until it answers false             output.cpp
///
/// Knows no addresses, no IP, no sockets. After any call: drain next_segment(), look at next_deadline() and take_events().
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

/// What a connection is born with.
struct connection_setup
{
    tcp_options options;
    core::family family = core::family::v4;
    seq_number iss;
    std::uint32_t timestamp_offset = 0;
    std::uint32_t secret = 0;                                        ///< of this connection
    std::uint32_t path_mss = sizes_of(core::family::v4).default_mss; ///< octets of payload that fit the path without TCP options
    std::uint32_t largest_segment = 0;                               ///< octets that the device cuts for us (GSO); 0: none
    std::uint32_t receive_limit = 0; ///< octets; what the device can buffer bounds the window; 0: no bound
    std::unique_ptr<congestion_control> congestion;
    std::unique_ptr<const fast_open> opens_fast; ///< null: as ever
    receive_crowd* crowd = nullptr;              ///< shares `receive_limit`; outlives the connection; null: it is alone
    memory_budget* budget = nullptr;             ///< outlives the connection; null: none
};

/// What happened that the owner of the socket may be waiting for.
struct connection_events
{
    bool readable = false;
    bool writable = false;
    bool failed = false;
    bool urgent = false; ///< urgent data was announced or has come

    bool any() const noexcept { return readable || writable || failed || urgent; }
};

/// How a send is to behave.
struct send_flags
{
    bool urgent = false; ///< MSG_OOB: the last octet is urgent
    bool more = false;   ///< MSG_MORE: as if corked, until a send without it
};

class connection : private lasting_state
{
public:
    connection(connection_setup setup, tcp_counters& counters);
    /// One that was at rest. @param setup what `m` does not know: options, budget and crowd
    connection(idle_memory m, const connection_setup& setup, tcp_counters& counters);
    ~connection() = default;
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // -- opening -----------------------------------------------------------------------------------------------
    void open_active(time_point now); ///< CLOSED -> SYN-SENT. With a cookie the SYN waits for data, or for a receive
    /// LISTEN -> SYN-RECEIVED. @param early its text is taken now, and data of ours may follow the SYN,ACK (RFC 7413 §4.2)
    void open_passive(const segment& syn, time_point now, bool early = false);

    // -- in ----------------------------------------------------------------------------------------------------
    /// SEGMENT ARRIVES. Answers why the segment was dropped, if it was.
    std::optional<drop_reason> on_segment(segment&& seg, time_point now);
    void on_timer(time_point now);
    void on_icmp_error(error_code why, bool hard, std::uint32_t sequence, time_point now); ///< RFC 9293 §3.9.2.2
    /// ICMP fragmentation needed (RFC 1191) about the segment at `sequence`. @param mtu octets of IP packet
    void on_packet_too_big(std::size_t mtu, std::uint32_t sequence, time_point now);

    /// Another device or MTU lies under the connection: connection_setup's fields anew. No change: does nothing.
    void path_changed(std::uint32_t path_mss, std::uint32_t largest_segment, std::uint32_t receive_limit, time_point now);
    void on_local_error(error_code why); ///< a segment could not leave the host

    // -- user --------------------------------------------------------------------------------------------------
    result<std::size_t> send(std::span<const const_bytes> from, send_flags flags, time_point now);
    result<std::size_t> send(std::span<const slice> from, time_point now); ///< keeps what it takes of them, uncopied
    result<std::size_t> receive(std::span<const mutable_bytes> into, bool peek, time_point now);
    result<std::size_t> receive(std::vector<slice>& into, std::size_t limit, time_point now); ///< octets; nothing is copied
    result<std::size_t> receive_urgent(std::span<const mutable_bytes> into, bool peek);       ///< MSG_OOB
    bool at_mark() const noexcept { return urgent_.stands_at(incoming_.position()); }
    error_code shutdown_send(time_point now);
    void shutdown_receive();
    void close(time_point now); ///< nobody will read any more; resets if something is unread (RFC 2525 §2.17)
    void abort(time_point now); ///< resets
    error_code take_error() noexcept;
    void options_changed(const tcp_options& options, time_point now);
    void push() noexcept { pushed_ = outgoing_.end(); } ///< what was written so far is not corked any more (TCP_NODELAY)
    void use_congestion_control(std::unique_ptr<congestion_control> other, time_point now); ///< from its window on

    // -- out ---------------------------------------------------------------------------------------------------
    /// @param out a fresh one  @param goes_on more is about to arrive: an acknowledgement that can wait for it does
    bool next_segment(outgoing_segment& out, time_point now, bool goes_on = false);
    /// next_segment() would give none now: it need not be asked. False says nothing.
    bool has_nothing_to_say() noexcept;
    std::uint64_t unacknowledged() const noexcept { return outgoing_.size(); } ///< octets of the user's, sent and unsent
    /// Nothing would follow the segment that the last next_segment() gave: it need not be asked. False says nothing.
    bool gave_last() const noexcept { return last_; }
    /// The user is about to write more: in bulk, what is there beyond whole pieces waits for it, until `false` is said.
    void expect_more(bool yes) noexcept { more_expected_ = yes; }
    bool awaits_more() const noexcept { return awaits_more_; }     ///< the last next_segment() held octets back for that
    bool withholds_ack() const noexcept { return withholds_ack_; } ///< the last next_segment() did, because `goes_on`
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
    bool waits_for_data() const noexcept; ///< before it sends its SYN
    early_data data_in_syn() const noexcept { return early_; }
    bool syn_timed_out() const noexcept { return syn_timed_out_; }
    std::uint64_t unread() const noexcept; ///< octets that a receive would give, without stopping at the mark
    const tcp_options& options() const noexcept { return options_; }
    std::uint64_t held() const noexcept { return share_.held(); }                    ///< octets, of the memory budget
    std::uint32_t receive_capacity() const noexcept { return incoming_.capacity(); } ///< octets
    std::uint32_t path_mss() const noexcept { return path_mss_; }                    ///< octets; without TCP options
    std::uint32_t send_mss() const noexcept { return send_mss_; }                    ///< octets of payload in a full segment
    bool may_be_fragmented() const noexcept { return may_fragment_; }                ///< its packets go without DF
    tcp_info info(time_point now) const;
    time_point last_received() const noexcept { return last_data_received_; }
    seq_number next_sequence() const noexcept { return snd_.nxt; }
    /// Another number whenever the peer has acknowledged something or sent something new.
    std::uint32_t progress() const noexcept { return snd_.una.value() + rcv_.nxt.value(); }
    /// R1 of RFC 9293 §3.8.3 was reached just now: something is wrong with the path. MUST-20
    bool hears_nothing(time_point now) const noexcept { return timeouts_ == suspicious_timeouts && last_timeout_ == now; }

    // -- TIME-WAIT -----------------------------------------------------------------------------------------------------
    bool may_give_way_to(const segment& syn) const noexcept { return state_ == state::time_wait && remember().gives_way_to(syn); }
    /// Its user has gone, and nothing is left to be said unless the peer says something.
    bool only_waits() const noexcept { return state_ == state::time_wait && detached_ && !reset_ && !acks_.due(); }
    time_wait_memory remember() const noexcept;
    /// A fresh connection becomes one that waits, until `end`.
    void wait_again(const time_wait_memory& m, time_point end, time_point now);

    // -- idle ----------------------------------------------------------------------------------------------------------
    /// Nothing is under way, and no timer runs: rest() loses nothing.
    bool may_rest(time_point now) const noexcept;
    idle_memory rest(); ///< moved out: the connection is to be destroyed

private:
    static constexpr unsigned suspicious_timeouts = 3; ///< in a row (RFC 9293 SHLD-10)

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
    /// The user has closed it, or shut both ways (what comes after shutdown(receive) alone can be read, as on Linux).
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

    // output.cpp, output_acks.cpp; next_segment() asks a reset, a SYN, what is lost and the probes only when they are due
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
    bool corked() const noexcept { return (options_.cork || more_) && pushed_ < outgoing_.end(); }
    void note_app_limited() noexcept;
    bool paced_out(time_point now) noexcept;
    flight_stamp stamp(std::uint32_t size, time_point now) noexcept;
    bool worth_sending(std::uint32_t octets) const noexcept;
    bool fin_unsent() const noexcept { return fin_queued_ && !fin_sent_; }
    std::uint64_t position_of(seq_number s) const noexcept; ///< in the stream that we send
    /// Sequence numbers come round: SND.UNA alone would take the octet 4 GiB later for the SYN.
    bool syn_outstanding() const noexcept { return snd_.una == snd_.iss && snd_.una_position == 0; }
    std::uint64_t unsent() const noexcept;
    std::uint64_t window_room() const noexcept;
    std::uint64_t congestion_room() const noexcept;
    void sent_new(seq_number begin, seq_number end, time_point now);
    bool window_update_wanted() const noexcept;
    void watch_for_window(time_point now);
    duration window_patience() const noexcept;
    bool asks_for_ecn() const noexcept
    {
        return options_.offer_ecn && !syn_timed_out_;
    } ///< else perhaps something drops such SYNs
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

    // connection.cpp
    void enter(tcp::state s) noexcept { state_ = s; }
    void enter_time_wait(time_point now);
    void fail(error_code why);
    void use_sack() noexcept;
    void finish_opening(time_point now);
    bool is_outstanding(std::uint32_t sequence) const noexcept;
    void suspect_black_hole(time_point now);
    bool lower_path_mtu(std::size_t mtu); ///< octets of IP packet
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
    bool fin_queued_ = false; ///< the user has closed: a FIN follows the last octet
    bool fin_sent_ = false;
    bool detached_ = false; ///< the user has closed the socket: nobody reads
    bool receive_shut_ = false;
    bool got_fin_ = false; ///< the peer's FIN was reached
    bool probe_due_ = false;
    bool tail_probe_due_ = false;
    bool resending_ = false; ///< what goes out next has gone out before: it gives no round-trip sample (Karn)
    bool keep_alive_due_ = false;
    bool more_ = false;          ///< the last send said that more is to come
    bool in_bulk_ = false;       ///< the new data sent last was a whole piece
    bool more_expected_ = false; ///< by expect_more()
    bool awaits_more_ = false;
    bool withholds_ack_ = false;
    bool last_ = false;
    std::uint64_t pushed_ = 0;        ///< position before which no cork holds anything back
    std::uint64_t small_end_ = 0;     ///< where the last segment that was not full ends in the stream
    std::optional<drop_reason> drop_; ///< of the segment in hand
    connection_events events_;
    error_code error_;           ///< SO_ERROR
    error_code soft_error_;      ///< what ICMP said meanwhile
    std::optional<reset> reset_; ///< to be sent before anything else
    std::unique_ptr<const fast_open> opens_fast_;
    std::unique_ptr<segment> queued_text_; ///< of the SYN that crossed ours, until the handshake is done

    tcp_options options_;
    send_buffer outgoing_;
    receive_buffer incoming_;
    sack_report sack_;
    mark_report marks_;
    receive_crowd* crowd_;
    memory_share share_;
    urgent_mark urgent_;
    std::uint64_t urgent_end_ = 0; ///< position behind the last urgent octet of ours
    sent_queue sent_;
    loss_recovery recovery_;
    rtt_estimator rtt_;
    delivery_rate rate_;
    pacer pacer_;
    timer_table timers_;
    tcp::keep_alive keep_alive_;
    unsigned timeouts_ = 0; ///< in a row
    unsigned persist_backoff_ = 0;
    time_point busy_since_{};    ///< when something was first outstanding, while something is
    time_point hole_since_{};    ///< in what was received, if there is one
    time_point last_progress_{}; ///< when the peer last acknowledged something, or data was first outstanding
    time_point probing_since_{}; ///< when the first probe of a closed window was sent, while persist_backoff_ > 0
    tcp_counters& counters_;
};

} // namespace tapio::core::tcp
