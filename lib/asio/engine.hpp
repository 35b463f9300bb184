/// @file
/// A host behind one lock, with the devices and timers that drive it and the operations that wait for it. User code never runs
/// under the lock: finished operations are collected, and completed after the lock is released.
#pragma once

#include "asio/asio_timers.hpp"
#include "asio/hosts_table.hpp"
#include "base/timer_wheel.hpp"
#include "core/host.hpp"
#include "core/output_hold.hpp"

#include <tapio/detail/clocks.hpp>
#include <tapio/detail/configuration_wait.hpp>
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
#include <compare>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tapio::core::client {

class dns_sink;

} // namespace tapio::core::client

namespace tapio::detail {

class forwarder;
class name_wait;
class socket;
class timer;

/// The order of name_wait objects: those of a resolver stand together, and among them those of an operation.
struct name_wait_key
{
    const void* owner;       ///< the name_lookups; null: a query of dns_query, or a blocked caller
    std::uint64_t operation; ///< its id; 0: a blocked caller
    std::uint64_t lookup;    ///< the core's
    auto operator<=>(const name_wait_key&) const = default;
};

/// Real time, also in a test program where std::chrono::steady_clock is virtual (virtual_std_clock.hpp).
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
    /// @param io drives timers and devices; null: the engine starts a thread of its own when driver() is first called
    engine(boost::asio::io_context* io, const stack_options& options);
    ~engine();

    /// Holds the lock from construction to destruction. The destructor does what follows from the calls made under the lock:
    /// output, events, timers, completion of operations.
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
        operation_queue& done() noexcept { return done_; } ///< operations to complete after the lock is released

        /// The turn has received input: handlers of operations that complete run before output is sent, unless they are slow
        /// (output_hold), so that what they write shares segments with the ACKs.
        void handlers_first() noexcept { handlers_first_ = true; }

        /// Sends the host's output and completes operations now.
        void settle() { engine_.settle(now(), done_); }

    private:
        engine& engine_;
        std::unique_lock<context_mutex> lock_;
        const bool users_;
        const bool deferred_;
        bool handlers_first_ = false;
        operation_queue done_;
    };

    /// The turn of a user's call: its output may be deferred until the calling handler has returned
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
    core::interface_counters counters(core::interface_id id) const; ///< with the devices' transmit errors
    std::vector<core::interface_info> interfaces() const;           ///< likewise
    void wait_for_change(const interface_wait& w, operation* op);
    void cancel_wait(std::uint64_t op_id);
    void wait_for_configuration(const configuration_wait& w, operation* op); ///< this and the next: configuration.cpp
    void cancel_configuration(std::uint64_t op_id);
    void shutdown();
    bool is_shut_down() const noexcept { return shut_down_; }
    /// Marks the default stack of a program that has not set one. To be called before it has sockets.
    void stand_in() noexcept { stands_in_ = true; }
    /// Turns the error "no route" or "no such address" about `wanted` into errc::no_stack, if this is the default stack of a
    /// program that has not set one. Any other error is returned unchanged.
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
    bool is_drained() const noexcept { return drained_; }           ///< a drain has ended; only under the lock
    bool has_one_thread() const noexcept { return !mutex_.real(); } ///< the user has promised it (runs_on_one_thread())

    core::host& host() noexcept { return host_; } ///< only under the lock
    /// A raw Ethernet socket was opened, bound or closed: devices' packets are kept as they come while there is one that
    /// receives. Under the lock.
    void follow_taps() noexcept { keeps_frames_.store(host_.net().is_tapped(), std::memory_order_relaxed); }
    /// Calls `f(const core::host&)` under the lock, for reading: without the consequences of a turn.
    template <class F>
    auto look(F&& f) const
    {
        const std::lock_guard lock(mutex_);
        return f(host_);
    }
    void expect_more(core::socket_id id); ///< a write completes, and its handler may write again: see tcp_sockets

    /// Number of turns so far. A blocked caller reads it under the lock, and then waits for a later turn.
    std::uint64_t turns() const noexcept { return turns_; }
    enum class waited : std::uint8_t
    {
        went_on,
        timed_out,
        for_ever /* virtual time: there is no further event */
    };
    waited wait_for_turn_after(std::uint64_t seen, core::time_point deadline = core::never);
    void wait_until(core::time_point t);
    core::time_point now() const;
    std::chrono::nanoseconds time_of_day() const;                        ///< since the UNIX epoch; virtual time counts as such
    core::time_point turn_began() const noexcept { return turn_began_; } ///< time of the present turn; only under the lock
    boost::asio::io_context& driver();                                   ///< the user's, or our own, started at the first call

    void join_neighbours(); ///< a caller blocked on another stack of the io_context drives this one as well

    /// The engines of all shards, by number, this one included. To be called before packets arrive.
    void set_siblings(std::vector<std::weak_ptr<engine>> all) { siblings_ = std::move(all); }

    // virtual time
    core::time_point next_event() const; ///< when to call advance(); `never`: no event
    /// The number of packets received at that instant, and the name of the interface that received the last one.
    std::pair<std::uint64_t, std::string> received_at(core::time_point instant) const;
    void advance(); ///< handles all events that are due

    hosts_table& hosts() noexcept { return hosts_; }

    // lookups.cpp: users of the resolver
    using start_names = std::function<std::uint64_t(core::host&, core::client::dns_sink&, core::time_point)>;
    /// Under the lock. `start` begins the lookup. Precondition: not shut down
    void wait_for_names(std::unique_ptr<name_wait> w, const start_names& start, core::time_point now);
    std::unique_ptr<name_wait> end_name_wait(const name_wait_key& k); ///< under the lock
    /// @param owner null: none; `id` says which  @param id of the operation; 0: all of the owner
    void cancel_names(const void* owner, std::uint64_t id);
    void discard_names(const void* owner);
    core::timer_wheel& timers() noexcept { return timers_; } ///< the users' timers; only under the lock

    /// Where sockets and timers put the operations that an event or an expiry finishes. Only under the lock, while events are
    /// dispatched or timers fire.
    operation_queue& finished() noexcept { return *finished_; }

    // sockets, under the lock
    void enlist(socket* s);
    void delist(socket* s);
    void enlist(timer* t);
    void delist(timer* t);
    void enlist(forwarder* f);
    void delist(forwarder* f);

private:
    /// One device and its interface.
    class attachment final : public device_receiver
    {
    public:
        attachment(engine& e, std::unique_ptr<device> d);

        void receive(packet&& p) override
        {
            if (owner.traced_ || !batch.empty() || (owner.keeps_frames() && gathered.packets() == 0)) {
                batch.push_back(std::move(p));
            } else {
                gathered.add(std::move(p));
            }
        }
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
        std::size_t most_unread = 0;     ///< bound of `unread` beyond which nothing is written (bound_on_unread()); 0: no bound
        std::uint64_t batches = 0;       ///< number of batches that the device has delivered
        bool unflushed = false;          ///< packets were written that flush() has not flushed yet
        bool full = false;               ///< the device refused a packet and has not said writable() since
        bool replaced = false;           ///< the interface has another device now
        std::uint64_t errors_before = 0; ///< transmit errors of the interface's earlier devices
        // Packets of the present batch: in `batch` if a trace or a raw Ethernet socket is to see them, else in `gathered`. A
        // batch ends where it has begun. Used by the device's handler only.
        std::vector<packet> batch;
        core::ip::coalescer gathered;
    };

    void note_link(attachment& a, turn& t);
    bool finishes_at_once(const interface_wait& w, operation& op) const;
    void tell_waiters(core::interface_id id, operation_queue& done);
    void abort_waits(operation_queue& done);
    struct configuring;
    core::error_code begin_configuration(const configuration_wait& w, core::time_point now);
    void complete_configurations(operation_queue& done);
    void end_configuration(configuring& c, operation_queue& done);
    void abort_configurations(operation_queue& done);
    struct drain;
    void look_later();
    void drain_goes_on();
    void complete_drains();
    void end_drained(operation* op);
    void abort_drains(operation_queue& done);
    void abort_names(operation_queue& done);
    std::vector<std::unique_ptr<name_wait>> take_name_waits(const void* owner, std::uint64_t id, core::time_point now);

    void settle(core::time_point now, operation_queue& done);
    bool holds_output(operation_queue& done);
    bool wake_waiters(operation_queue& done);
    bool can_send(const attachment& a) const;
    bool transmit(attachment& a, core::time_point now);
    void read_devices();
    bool has_more_to_do() const;
    bool keeps_frames() const noexcept { return keeps_frames_.load(std::memory_order_relaxed); }
    void arm_timer(core::time_point now);
    bool has_descriptor() const; ///< a device has a descriptor, whose wait keeps the io_context running anyway
    void go_on(core::time_point next);
    bool in_handler() const ///< the caller is a handler that runs on the stack's io_context
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
    void flush(); ///< sends the output that was deferred, if any
    void timer_fired();
    bool world_has_stopped(const attachment& a, std::uint64_t packets);
    void deliver();
    void deliver_soon(); ///< the next deliver_pending() delivers the packets of this engine's in-memory devices
    void deliver_in_memory();
    static void deliver_pending();
    static bool delivering() noexcept;      ///< deliver_pending() is running on this thread
    core::time_point next_deadline() const; ///< of the host, the devices and the users' timers
    std::vector<std::shared_ptr<attachment>> devices() const;
    void wait_here(core::time_point deadline);
    waited wait_driving(std::uint64_t seen, core::time_point deadline);
    class driven;
    void drive(core::duration at_most);
    void wake_driver();
    void stop_own_thread();

    mutable context_mutex mutex_;
    std::condition_variable changed_; ///< notified at the end of a turn, for blocked synchronous calls
    core::host host_;
    hosts_table hosts_;
    core::timer_wheel timers_;
    operation_queue* finished_ = nullptr; ///< see finished()
    std::uint64_t turns_ = 0;
    core::time_point turn_began_{};
    bool transmitted_ = false;   ///< in this turn: in-memory devices may have packets to deliver
    bool reads_between_ = false; ///< in this turn: attachment::most_unread applies, since read_devices() can be posted
    bool read_wanted_ = false;   ///< in this turn: packets wait until a device has been read
    bool read_due_ = false;      ///< read_devices() is posted
    std::vector<std::shared_ptr<attachment>> devices_;
    bool has_in_memory_ = false; ///< at least one device delivers in memory
    std::vector<socket*> sockets_;
    std::vector<timer*> user_timers_;
    std::vector<forwarder*> forwarders_;
    std::map<name_wait_key, std::unique_ptr<name_wait>> name_waits_;
    std::vector<operation_queue> interface_waits_; ///< by interface; grows on demand
    std::vector<std::shared_ptr<configuring>> configuring_;
    std::atomic<bool> shut_down_ = false; ///< written under the lock
    std::vector<std::shared_ptr<drain>> drains_;
    core::time_point looked_at_{}; ///< when drain_goes_on() last checked the sockets
    bool look_due_ = false;        ///< drain_goes_on() is posted
    bool drained_ = false;

    std::vector<std::weak_ptr<engine>> siblings_;
    const unsigned shard_;

    core::time_point instant_{};     ///< virtual time of the last batch
    std::uint64_t at_instant_ = 0;   ///< packets received at `instant_`
    core::interface_id came_by_ = 0; ///< interface of the last batch

    virtual_time* const time_;
    const std::shared_ptr<const world> world_; ///< of `time_`; shared with objects that outlive it and still ask for the time
    const bool users_io_;                      ///< real time, on the user's io_context
    const bool runs_handlers_;                 ///< one thread: catch_up() runs the handlers of finished operations
    const bool defers_;                        ///< stack_options::defer_output
    const bool traced_;
    std::atomic<bool> keeps_frames_ = false; ///< follow_taps(); written under the lock
    bool stands_in_ = false;
    operation_queue ready_; ///< finished operations, for catch_up(); only if `runs_handlers_`
    /// Operations finished by input while catch_up() ran. If other stacks have posted catch_up(), those run first: otherwise,
    /// over a pipe, a user that does one operation after the other (connects) would complete many of them here for each handler
    /// that runs at the other stack (accepts).
    operation_queue arrived_;
    bool flush_due_ = false;        ///< output has been deferred
    bool catch_up_due_ = false;     ///< catch_up() is posted
    unsigned* catch_ups_ = nullptr; ///< number posted by all stacks of the io_context; only if `runs_handlers_`
    enum class catching : std::uint8_t
    {
        no,
        handlers,                  ///< runs handlers of finished operations
        flush,                     ///< sends the output that they deferred
        look                       ///< polls devices for the next batch
    } catching_up_ = catching::no; ///< what catch_up() is doing; only if `runs_handlers_`
    std::uint64_t came_ = 0;       ///< packets of the last batch
    bool time_stands_ = false;     ///< the calls of one handler share turn_began_: the clock is not read again
    core::output_hold hold_;       ///< output that waits for handlers (turn::handlers_first())
    std::map<const socket*, socket_timeouts> timeouts_; ///< SO_RCVTIMEO, SO_SNDTIMEO
    unsigned blocked_ = 0;                              ///< nested calls of the only thread that drive the stack
    int wake_ = -1;                                     ///< eventfd that wakes a caller in drive(); -1: none yet
    std::atomic<int> driving_ = 0;                      ///< number of callers in drive()
    boost::asio::io_context* io_;
    std::unique_ptr<boost::asio::io_context> own_io_;
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> own_work_;
    std::thread own_thread_;
    std::optional<engine_timer> timer_;
    early_timer early_timer_;
    core::time_point armed_for_ = core::never;
};

} // namespace tapio::detail
