/// @file
/// A host behind one lock: what drives it and what it wakes. It never runs user code; finished operations are collected under
/// the lock and completed after it.
#pragma once

#include "asio/asio_timers.hpp"
#include "asio/hosts_table.hpp"
#include "base/timer_wheel.hpp"
#include "core/host.hpp"
#include "core/output_hold.hpp"

#include <tapio/detail/clocks.hpp>
#include <tapio/detail/context_mutex.hpp>
#include <tapio/detail/interface_wait.hpp>
#include <tapio/detail/operation.hpp>
#include <tapio/device/device.hpp>
#include <tapio/stack.hpp>
#include <tapio/virtual_time.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tapio::detail {

class socket;
class timer;

/// Real time. A test program may have put std::chrono::steady_clock under virtual time (virtual_std_clock.hpp).
struct engine_clock
{
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<engine_clock>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept { return time_point(real_time().time_since_epoch()); }
};
using engine_timer = boost::asio::basic_waitable_timer<engine_clock>;

class engine : public std::enable_shared_from_this<engine>
{
public:
    /// @param io drives timers and devices; null: a thread of its own, started at first need
    engine(boost::asio::io_context* io, const stack_options& options);
    ~engine();

    /// The lock, held from construction to destruction; then everything that follows from what was done under it happens.
    class turn
    {
    public:
        explicit turn(engine& e, bool users = false)
            : engine_(e), lock_(e.mutex_), users_(users), deferred_(users && e.defers_ && e.in_handler())
        {
            e.reads_between_ = e.time_ == nullptr && (!users || e.in_handler());
            if (!deferred_ || !e.time_stands_) e.turn_began_ = e.now();
            if (!deferred_) return;
            e.time_stands_ = e.is_catching_up();
            e.host_.tcp().gather(true);
        }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn();

        core::host& host() noexcept { return engine_.host_; }
        core::time_point now() const noexcept { return engine_.turn_began_; }
        operation_queue& done() noexcept { return done_; } ///< completed once the lock is free

        /// It was input: those whom it wakes come first, if their handlers are quick, and what they say goes out together with
        /// what the host has to answer.
        void handlers_first() noexcept { handlers_first_ = true; }

        /// Lets the host speak and wakes who waits for it.
        void settle() { engine_.settle(now(), done_); }

    private:
        engine& engine_;
        std::unique_lock<context_mutex> lock_;
        const bool users_;
        const bool deferred_;
        bool handlers_first_ = false;
        operation_queue done_;
    };

    /// One of a user's call: what follows from it may come when the handler that calls has returned
    /// (stack_options::defer_output).
    class user_turn : public turn
    {
    public:
        explicit user_turn(engine& e) : turn(e, true) {}
    };

    stack::interface_id attach(std::unique_ptr<device> medium);

    // interfaces.cpp
    core::error_code replace(core::interface_id id, std::unique_ptr<device> medium);
    core::error_code set_enabled(core::interface_id id, bool yes);
    core::interface_counters counters(core::interface_id id) const; ///< what its devices have counted included
    std::vector<core::interface_info> interfaces() const;           ///< likewise
    void wait_for_change(const interface_wait& w, operation* op);
    void cancel_wait(std::uint64_t op_id);
    void shutdown();
    bool is_shut_down() const noexcept { return shut_down_; }
    /// It is the default stack of a program that has not set one. Before it has sockets.
    void stand_in() noexcept { stands_in_ = true; }
    /// What an error that says there is no way to `wanted`, or no such address here, comes from: nobody made a stack.
    core::error_code explained(const core::error_code& ec, const core::address& wanted) const noexcept;
    /// SO_RCVTIMEO and SO_SNDTIMEO, by direction, of the few sockets that have them; zero: none. Only under the lock.
    struct socket_timeouts
    {
        core::duration of[2]{};
    };
    socket_timeouts& timeouts(const socket* s) { return timeouts_[s]; }
    void forget_timeouts(const socket* s) { timeouts_.erase(s); }

    void start_drain(core::duration timeout, operation* op); ///< stack::async_drain; drain.cpp
    void cancel_drain(std::uint64_t id);
    bool is_drained() const noexcept { return drained_; }           ///< ... has ended; only under the lock
    bool has_one_thread() const noexcept { return !mutex_.real(); } ///< by its user's promise

    core::host& host() noexcept { return host_; } ///< only under the lock
    /// Calls `f(const core::host&)` under the lock; nothing follows from it.
    template <class F>
    auto look(F&& f) const
    {
        const std::lock_guard lock(mutex_);
        return f(host_);
    }
    void expect_more(core::socket_id id); ///< a handler that has done writing, and may go on, is about to run

    /// A count of turns. A blocked caller reads it under the lock and waits until it has gone on from there.
    std::uint64_t turns() const noexcept { return turns_; }
    enum class waited : std::uint8_t
    {
        went_on,
        timed_out,
        for_ever /* nothing can come any more: in virtual time */
    };
    waited wait_for_turn_after(std::uint64_t seen, core::time_point deadline = core::never);
    void wait_until(core::time_point t);
    core::time_point now() const;
    std::chrono::nanoseconds time_of_day() const;                        ///< since the UNIX epoch; virtual time is one
    core::time_point turn_began() const noexcept { return turn_began_; } ///< the time of this turn; only under the lock
    boost::asio::io_context& driver();                                   ///< the user's, or our own, started now

    void join_neighbours(); ///< a caller that waits on another stack of the io_context drives this one as well

    /// The stacks that share its addresses, by number, itself included. Before anything has come.
    void set_siblings(std::vector<std::weak_ptr<engine>> all) { siblings_ = std::move(all); }

    // virtual time
    core::time_point next_event() const; ///< `never`, or when advance() is wanted
    /// How many packets it has received at that instant, and the name of the interface that the last came by.
    std::pair<std::uint64_t, std::string> received_at(core::time_point instant) const;
    void advance(); ///< that time has come

    hosts_table& hosts() noexcept { return hosts_; }
    core::timer_wheel& timers() noexcept { return timers_; } ///< the users' timers; only under the lock

    /// Where sockets that are told of events and timers that fire leave the operations that this finishes; only under the lock,
    /// while that goes on.
    operation_queue& finished() noexcept { return *finished_; }

    // sockets, under the lock
    void enlist(socket* s);
    void delist(socket* s);
    void enlist(timer* t);
    void delist(timer* t);

private:
    /// One device and its interface.
    class attachment final : public device_receiver
    {
    public:
        attachment(engine& e, std::unique_ptr<device> d);

        void receive(packet&& p) override { owner.traced_ ? batch.push_back(std::move(p)) : gathered.add(std::move(p)); }
        core::time_point now() const override { return owner.now(); }
        std::chrono::nanoseconds time_of_day() const override { return owner.time_of_day(); }
        void end_batch(bool goes_on) override;
        void writable() override;
        void changed() override;
        void failed(boost::system::error_code why) override;

        engine& owner;
        std::unique_ptr<device> medium;
        bool owes_a_read() const noexcept { return most_unread != 0 && unread >= most_unread; }

        core::interface_id id = 0;
        std::size_t unread = 0;          ///< packets written since the device was last read
        std::size_t most_unread = 0;     ///< then it is read before more is written: the answers fill its queue; 0: no bound
        std::uint64_t batches = 0;       ///< that it has delivered
        bool unflushed = false;          ///< it has been given packets since the last flush()
        bool full = false;               ///< the device refused a packet and has not said writable() since
        bool replaced = false;           ///< the interface is another device's now
        std::uint64_t errors_before = 0; ///< that the interface's earlier devices have counted
        // One of them, by whether there is a trace; touched by the device's handler only.
        std::vector<packet> batch;
        core::ip::coalescer gathered;
    };

    void note_link(attachment& a, turn& t);
    bool finishes_at_once(const interface_wait& w, operation& op) const;
    void tell_waiters(core::interface_id id, operation_queue& done);
    void abort_waits(operation_queue& done);
    struct drain;
    void look_later();
    void drain_goes_on();
    void complete_drains();
    void end_drained(operation* op);
    void abort_drains(operation_queue& done);

    void settle(core::time_point now, operation_queue& done);
    bool holds_output(operation_queue& done);
    bool wake_waiters(operation_queue& done);
    bool can_send(const attachment& a) const;
    bool transmit(attachment& a, core::time_point now);
    void read_devices();
    bool has_more_to_do() const;
    void arm_timer(core::time_point now);
    bool has_descriptor() const; ///< a device waits for one: that, and not a timer, keeps the io_context running
    void go_on(core::time_point next);
    bool in_handler() const ///< the caller is one, on the stack's own io_context
    {
        return users_io_ && !shut_down_ && (is_catching_up() || io_->get_executor().running_in_this_thread());
    }
    bool is_behind() const noexcept { return flush_due_ || !ready_.empty() || !arrived_.empty(); }
    bool is_catching_up() const noexcept { return catching_up_ != catching::no; }
    void catch_up_later();
    void catch_up();
    bool looks_again();
    void pass_on(core::misdirected&& m);
    static void send_to(const std::weak_ptr<engine>& sibling, core::misdirected m);
    void flush(); ///< what was left for later, if nobody has seen to it since
    void timer_fired();
    bool world_has_stopped(const attachment& a, std::uint64_t packets);
    void deliver();
    void deliver_soon(); ///< what this engine's in-memory devices have, once deliver_pending() is called
    void deliver_in_memory();
    static void deliver_pending();
    static bool delivering() noexcept;      ///< on this thread deliver_pending() is running
    core::time_point next_deadline() const; ///< of the host, the devices and the users' timers
    std::vector<std::shared_ptr<attachment>> devices() const;
    void wait_here(core::time_point deadline);
    waited wait_driving(std::uint64_t seen, core::time_point deadline);
    class driven;
    void drive(core::duration at_most);
    void wake_driver();
    void stop_own_thread();

    mutable context_mutex mutex_;
    std::condition_variable changed_; ///< somebody may be blocked in a synchronous call
    core::host host_;
    hosts_table hosts_;
    core::timer_wheel timers_;
    operation_queue* finished_ = nullptr; ///< see finished()
    std::uint64_t turns_ = 0;
    core::time_point turn_began_{};
    bool transmitted_ = false;   ///< in this turn: an in-memory device may have something to deliver
    bool reads_between_ = false; ///< in this turn: attachment::most_unread holds, because somebody will run read_devices()
    bool read_wanted_ = false;   ///< in this turn: packets wait until a device has been read
    bool read_due_ = false;      ///< read_devices() is posted
    std::vector<std::shared_ptr<attachment>> devices_;
    bool has_in_memory_ = false; ///< one of them wants deliver()
    std::vector<socket*> sockets_;
    std::vector<timer*> user_timers_;
    std::vector<operation_queue> interface_waits_; ///< by interface, up to the last that anybody has waited for
    bool shut_down_ = false;
    std::vector<std::shared_ptr<drain>> drains_;
    core::time_point looked_at_{}; ///< whether connections are still written to; drain.cpp
    bool look_due_ = false;        ///< drain_goes_on() is posted
    bool drained_ = false;

    std::vector<std::weak_ptr<engine>> siblings_;
    const unsigned shard_;

    core::time_point instant_{};     ///< of the last batch; in virtual time
    std::uint64_t at_instant_ = 0;   ///< packets since time went on
    core::interface_id came_by_ = 0; ///< the last interface

    virtual_time* const time_;
    const std::shared_ptr<const world> world_; ///< of `time_`: objects that outlive it still ask for the time
    const bool users_io_;                      ///< in real time, and its handlers run where the user's do
    const bool runs_handlers_;                 ///< one thread: the handlers of what finishes together are run together
    const bool defers_;                        ///< stack_options::defer_output
    const bool traced_;
    bool stands_in_ = false;
    operation_queue ready_; ///< finished; only if `runs_handlers_`
    /// Finished by what came in while handlers ran. Where handlers of other stacks wait they go first: over a pipe a user that
    /// does one thing after the other (connects) would have many of them done here for each handler that runs there (accepts).
    operation_queue arrived_;
    bool flush_due_ = false;        ///< something has been left for later
    bool catch_up_due_ = false;     ///< one is on its way
    unsigned* catch_ups_ = nullptr; ///< those on their way of all stacks of the io_context; only if `runs_handlers_`
    enum class catching : std::uint8_t
    {
        no,
        handlers,                                       ///< the handlers of finished operations run
        flush,                                          ///< what they have left to be done is done
        look                                            ///< devices are polled for the next batch
    } catching_up_ = catching::no;                      ///< what catch_up() is doing; only if `runs_handlers_`
    std::uint64_t came_ = 0;                            ///< packets of the last batch
    bool time_stands_ = false;                          ///< for a handler's calls of which nothing follows before it has returned
    core::output_hold hold_;                            ///< of the host's output, for handlers that come first
    std::map<const socket*, socket_timeouts> timeouts_; ///< SO_RCVTIMEO, SO_SNDTIMEO
    unsigned blocked_ = 0;                              ///< callers of the one thread there is that drive it and wait
    int wake_ = -1;                                     ///< eventfd: wakes a blocked caller that drives the stack
    std::atomic<int> driving_ = 0;                      ///< blocked callers that do
    boost::asio::io_context* io_;
    std::unique_ptr<boost::asio::io_context> own_io_;
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> own_work_;
    std::thread own_thread_;
    std::optional<engine_timer> timer_;
    early_timer early_timer_;
    core::time_point armed_for_ = core::never;
};

} // namespace tapio::detail
