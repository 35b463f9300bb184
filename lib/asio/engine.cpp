#include "asio/engine.hpp"

#include "asio/check_options.hpp"
#include "asio/name_wait.hpp"
#include "asio/seeds.hpp"

#include <tapio/detail/asio_hook.hpp>
#include <tapio/detail/forwarder.hpp>
#include <tapio/detail/socket.hpp>
#include <tapio/detail/timer.hpp>
#include <tapio/error.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace tapio::detail {

namespace {

core::host_options options_for(const stack_options& o)
{
    core::host_options out;
    out.tcp.receive_buffer = o.tcp_receive_buffer;
    out.tcp.send_buffer = o.tcp_send_buffer;
    out.tcp.receive_buffer_limit = o.tcp_receive_buffer_limit;
    out.tcp.send_buffer_limit = o.tcp_send_buffer_limit;
    out.tcp.min_rto = o.tcp_min_rto;
    out.tcp.delayed_ack = o.tcp_delayed_ack;
    out.tcp.time_wait = o.tcp_time_wait;
    out.tcp.offer_ecn = o.tcp_offer_ecn;
    out.tcp_memory = o.tcp_memory;
    out.tcp.orphan_timeout = o.tcp_orphan_timeout;
    out.orphan_limit = o.tcp_orphan_limit;
    out.orphan_memory = o.tcp_orphan_memory;
    out.awake_connections = o.tcp_awake_connections;
    out.congestion_control = o.tcp_congestion_control;
    out.fast_open_without_cookie = o.tcp_fast_open_without_cookie;
    out.udp_receive_buffer = o.udp_receive_buffer;
    out.answer_echo = o.answer_echo;
    out.accept_redirects = o.accept_redirects;
    out.strong_host = o.strong_host;
    out.shards = o.shards;
    out.shard = o.shard;
    if (o.time == nullptr) out.send_quantum = 65536; // protocol work takes no virtual time, so there is nothing to share
    return out;
}

/// Counts the catch_up() handlers that the stacks of an io_context have posted.
class catch_up_count : public boost::asio::execution_context::service
{
public:
    using key_type = catch_up_count;
    inline static boost::asio::execution_context::id id;

    explicit catch_up_count(boost::asio::execution_context& context) : service(context) {}
    void shutdown() override {}

    unsigned posted = 0; ///< used by the only thread of the io_context
};

/// Counts one posted catch_up(), until it begins or is destroyed with the io_context.
class posted_catch_up
{
public:
    explicit posted_catch_up(unsigned& count) noexcept : count_(&count) { ++*count_; }
    posted_catch_up(posted_catch_up&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    posted_catch_up(const posted_catch_up&) = delete;
    posted_catch_up& operator=(const posted_catch_up&) = delete;
    ~posted_catch_up() { begin(); }
    void begin() noexcept
    {
        if (count_ != nullptr) --*count_;
        count_ = nullptr;
    }

private:
    unsigned* count_;
};

} // namespace

engine::engine(boost::asio::io_context* io, const stack_options& options)
    : mutex_(io == nullptr || !runs_on_one_thread(*io)),
      host_(options_for(checked(options)), options.time != nullptr ? seed_from(options.time->next_seed()) : fresh_seed()),
      shard_(options.shard),
      time_(options.time),
      world_(time_ != nullptr ? time_->world_ : nullptr),
      users_io_(options.time == nullptr && io != nullptr),
      runs_handlers_(users_io_ && !mutex_.real()),
      defers_(options.defer_output),
      traced_(options.trace != nullptr),
      io_(io)
{
    host_.set_trace(options.trace);
    if (runs_handlers_) catch_ups_ = &boost::asio::use_service<catch_up_count>(*io_).posted;
}

core::error_code engine::explained(const core::error_code& ec, const core::address& wanted) const noexcept
{
    const bool everyone = wanted == core::address(core::address_v4::broadcast());
    const bool elsewhere = !wanted.is_loopback() && !wanted.is_unspecified() && !wanted.is_multicast() && !everyone;
    const bool unknown = ec == core::errno_code(ENETUNREACH) || ec == core::errno_code(EADDRNOTAVAIL);
    return stands_in_ && elsewhere && unknown ? make_error_code(errc::no_stack) : ec;
}

engine::~engine()
{
    shutdown();
    if (wake_ >= 0) ::close(wake_);
}

/// Handlers posted before still run.
void engine::stop_own_thread()
{
    if (!own_io_) return;
    own_work_.reset();
    boost::asio::post(*own_io_, [io = own_io_.get()] { io->stop(); });
    if (!own_thread_.joinable()) return;
    if (own_thread_.get_id() == std::this_thread::get_id()) {
        own_thread_.detach();
    } else {
        own_thread_.join();
    }
}

namespace {

// Lists whose members store their own index, so that removal is O(1).
template <class T, class Slot>
void add_to(std::vector<T*>& list, T* member, Slot slot)
{
    member->*slot = static_cast<std::remove_reference_t<decltype(member->*slot)>>(list.size());
    list.push_back(member);
}
template <class T, class Slot>
void remove_from(std::vector<T*>& list, T* member, Slot slot)
{
    if (list.empty()) return; // cleared by shutdown()
    list.back()->*slot = member->*slot;
    std::swap(list[member->*slot], list.back());
    list.pop_back();
}

} // namespace

void engine::enlist(socket* s) { add_to(sockets_, s, &socket::slot_); }
void engine::delist(socket* s) { remove_from(sockets_, s, &socket::slot_); }
void engine::enlist(timer* t)
{
    if (!shut_down_) add_to(user_timers_, t, &timer::slot_);
}
void engine::delist(timer* t)
{
    if (!shut_down_) remove_from(user_timers_, t, &timer::slot_);
}

void engine::enlist(forwarder* f) { add_to(forwarders_, f, &forwarder::slot_); }
void engine::delist(forwarder* f) { remove_from(forwarders_, f, &forwarder::slot_); }

core::time_point engine::now() const { return world_ ? world_->now : real_time(); }

std::chrono::nanoseconds engine::time_of_day() const
{
    return world_ ? world_->now.time_since_epoch() : read_clock(CLOCK_REALTIME);
}

boost::asio::io_context& engine::driver()
{
    if (io_ != nullptr) return *io_;
    own_io_ = std::make_unique<boost::asio::io_context>(1);
    own_work_.emplace(own_io_->get_executor());
    own_thread_ = std::thread([io = own_io_.get()] { io->run(); });
    io_ = own_io_.get();
    return *io_;
}

engine::turn::~turn()
{
    if (deferred_ && engine_.is_catching_up()) { // catch_up(), which runs the calling handler, does the rest
        engine_.host_.tcp().gather(false);
        engine_.flush_due_ = true;
        engine_.ready_.append(done_);
        ++engine_.turns_;
        return;
    }
    const bool later = handlers_first_ && engine_.holds_output(done_);
    if (deferred_) {
        engine_.host_.tcp().gather(false);
    } else if (!later) {
        engine_.settle(now(), done_);
    }
    if (deferred_ || later || (engine_.host_.tcp().awaits_more() && !engine_.shut_down_)) engine_.flush_due_ = true;
    if (engine_.runs_handlers_ && !engine_.shut_down_)
        (engine_.is_catching_up() && !users_ ? engine_.arrived_ : engine_.ready_).append(done_);
    // Posts catch_up() if work was deferred, unless one is posted (several would delay other handlers) or running: that one does
    // the work after the present handler. Exception: a handler within catch_up() that runs the io_context itself. The device's
    // input arrives in here, and with a concurrency_hint of 1 what was posted before does not run, so catch_up() is posted again.
    // Deliveries in memory are no sign of that: they occur within any handler.
    const bool in_handlers = engine_.catching_up_ == catching::handlers;
    const bool runs_io_itself = in_handlers && !users_ && !delivering();
    const bool on_its_way = engine_.catch_up_due_ || (engine_.is_catching_up() && (users_ || !in_handlers));
    const bool to_catch_up = engine_.is_behind() && (runs_io_itself || !on_its_way);
    if (to_catch_up) engine_.catch_up_due_ = true;
    ++engine_.turns_;
    const bool to_deliver = std::exchange(engine_.transmitted_, false) && engine_.has_in_memory_;
    if (to_deliver) engine_.deliver_soon();
    const bool to_read = std::exchange(engine_.read_wanted_, false) && !std::exchange(engine_.read_due_, true);
    lock_.unlock();
    if (engine_.mutex_.real()) {
        engine_.changed_.notify_all();
        engine_.wake_driver();
    }
    while (operation* const op = done_.pop()) op->complete();
    if (to_catch_up) engine_.catch_up_later(); // behind the handlers of these operations
    if (to_read)
        boost::asio::post(*engine_.io_, [weak = engine_.weak_from_this()] {
            if (const auto self = weak.lock()) self->read_devices();
        });
    if (to_deliver) deliver_pending();
}

void engine::expect_more(core::socket_id id)
{
    const bool flush_comes_first = runs_handlers_ ? is_catching_up() : flush_due_;
    if (in_handler()) host_.tcp().expect_more(id, flush_comes_first ? 1 : 0);
}

void engine::catch_up_later()
{
    const auto run = [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->catch_up();
    };
    if (catch_ups_ == nullptr) return boost::asio::post(*io_, run);
    boost::asio::post(*io_, [run, posted = posted_catch_up(*catch_ups_)]() mutable {
        posted.begin();
        run();
    });
}

/// Runs the handlers of finished operations, then sends the output that they deferred, all at once. The number of handlers is
/// bounded, so that devices and timers do not wait for long.
void engine::catch_up()
{
    constexpr unsigned most = 16;
    struct running // restores the state also if a handler throws
    {
        engine& self;
        const catching outer;

        explicit running(engine& e) : self(e), outer(e.catching_up_) { self.catching_up_ = catching::handlers; }
        running(const running&) = delete;
        running& operator=(const running&) = delete;
        ~running()
        {
            self.catching_up_ = outer;
            self.ready_.append(self.arrived_);
            self.time_stands_ = false;
            bool behind = false;
            {
                const std::lock_guard lock(self.mutex_);
                behind = self.is_behind() && !std::exchange(self.catch_up_due_, true);
            }
            if (behind) self.catch_up_later();
        }
    };
    {
        const std::lock_guard lock(mutex_);
        catch_up_due_ = false;
    }
    if (!runs_handlers_) return flush();
    const running here(*this);
    constexpr unsigned most_looks = 8;
    for (unsigned looks = 0;; ++looks) {
        for (unsigned n = 0; n < most; ++n) {
            if (ready_.empty() && *catch_ups_ == 0) ready_.append(arrived_);
            operation* const op = ready_.pop();
            if (op == nullptr) break;
            time_stands_ = false;
            op->run();
            if (io_->stopped()) return; // looked at after each handler only: it takes a lock
        }
        catching_up_ = catching::flush;
        flush();
        catching_up_ = catching::look;
        if (looks == most_looks || *catch_ups_ > 0 || !looks_again()) return;
        catching_up_ = catching::handlers;
    }
}

/// While packets arrive in batches, the next batch has usually arrived by now: polls the devices, which avoids a pass through the
/// io_context and its reactor. @return true if packets arrived
bool engine::looks_again()
{
    constexpr std::uint64_t few = 4, many = 64; // packets: after fewer, more are unlikely; after more, others get a turn
    if (came_ < few || came_ > many || is_behind()) return false;
    came_ = 0;
    for (const auto& a : devices_) a->medium->poll();
    return came_ > 0;
}

void engine::flush()
{
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(flush_due_, false)) return;
        host_.tcp().release();
    }
    const turn all(*this);
    hold_.end(all.now());
}

/// Sends packets and dispatches events until there is nothing more to do.
void engine::settle(core::time_point now, operation_queue& done)
{
    finished_ = &done;
    for (bool more = true; more && !shut_down_;) {
        host_.advance(now);
        timers_.advance(now);
        bool any = false;
        for (const auto& a : devices_) any = transmit(*a, now) || any;
        any = host_.dispatch_events(now) || any;
        more = any && has_more_to_do();
    }
    while (auto m = host_.next_misdirected()) pass_on(std::move(*m));
    if (!drains_.empty()) complete_drains();
    if (!configuring_.empty()) complete_configurations(done);
    if (!shut_down_) arm_timer(now);
}

/// @return true: handlers have become ready, and output waits for them
bool engine::holds_output(operation_queue& done)
{
    if (!runs_handlers_ || shut_down_) return false;
    // No handler runs before a blocked caller returns. A delivery in memory may occur within such a call on another stack.
    if (blocked_ > 0 || delivering()) return false;
    if (!hold_.may_begin() || !wake_waiters(done)) return false;
    hold_.begin(turn_began_);
    return true;
}

/// Dispatches events without sending anything. @return true if an operation finished
bool engine::wake_waiters(operation_queue& done)
{
    host_.tcp().gather(true);
    host_.tcp().announce();
    finished_ = &done;
    host_.dispatch_events(turn_began_);
    host_.tcp().gather(false);
    return !done.empty();
}

bool engine::has_more_to_do() const
{
    return host_.wants_advance() || std::any_of(devices_.begin(), devices_.end(), [this](const auto& a) { return can_send(*a); });
}

void engine::pass_on(core::misdirected&& m)
{
    const std::size_t n = siblings_.size();
    if (!m.to_all) return n > 1 ? send_to(siblings_[(shard_ + 1) % n], std::move(m)) : void();
    for (std::size_t i = 0; i < n; ++i)
        if (i != shard_) send_to(siblings_[i], m);
}

void engine::send_to(const std::weak_ptr<engine>& sibling, core::misdirected m)
{
    const auto to = sibling.lock();
    if (!to || to->io_ == nullptr) return;
    boost::asio::post(*to->io_, [sibling, passed_on = std::move(m)]() mutable {
        const auto self = sibling.lock();
        if (!self || self->is_shut_down()) return;
        turn t(*self);
        t.host().receive_misdirected(std::move(passed_on), t.now());
    });
}

core::time_point engine::next_deadline() const
{
    core::time_point next = std::min(host_.next_deadline(), timers_.next_deadline());
    for (const auto& a : devices_) next = std::min(next, a->medium->next_deadline());
    return next;
}

bool engine::has_descriptor() const
{
    return std::any_of(devices_.begin(), devices_.end(), [](const auto& a) { return a->medium->poll_descriptor() >= 0; });
}

void engine::arm_timer(core::time_point now)
{
    if (time_ != nullptr) return; // virtual_time calls next_event()
    if (early_timer_.is_due(now) && has_descriptor()) early_timer_.arm(*io_);
    const core::time_point next = next_deadline();
    if (next == core::never || next >= armed_for_) return; // an early expiry is harmless
    if (next <= now + std::chrono::microseconds(1)) return go_on(next);
    if (!timer_) timer_.emplace(driver());
    armed_for_ = next;
    const auto at =
        engine_clock::time_point(std::chrono::duration_cast<engine_clock::duration>(std::max(next, now).time_since_epoch()));
    timer_->expires_at(at);
    timer_->async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
        const auto self = weak.lock();
        if (!ec && self) self->timer_fired();
    });
}

/// Something is due at once: posts a handler instead of arming the timer, so that devices are read first.
void engine::go_on(core::time_point next)
{
    armed_for_ = next;
    boost::asio::post(driver(), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->timer_fired();
    });
}

void engine::timer_fired()
{
    {
        const std::lock_guard lock(mutex_);
        armed_for_ = core::never;
    }
    advance();
}

core::time_point engine::next_event() const
{
    const std::lock_guard lock(mutex_);
    return shut_down_ ? core::never : next_deadline();
}

void engine::advance()
{
    const core::time_point t = now();
    for (const auto& a : devices()) {
        std::unique_lock lock(mutex_);
        const bool due = a->medium->next_deadline() <= t;
        lock.unlock();
        if (due) a->medium->advance();
    }
    const turn all(*this);
}

void engine::shutdown()
{
    std::vector<std::shared_ptr<attachment>> gone;
    std::optional<engine_timer> alarm;
    operation_queue done;
    {
        const std::lock_guard lock(mutex_);
        if (shut_down_) return;
        done.append(ready_);
        done.append(arrived_);
        turn_began_ = now();
        abort_drains(done);
        abort_names(done);
        abort_configurations(done);
        for (socket* s : sockets_) s->detach(done);
        sockets_.clear();
        for (forwarder* f : forwarders_) f->detach(done);
        forwarders_.clear();
        reads_between_ = false;
        settle(turn_began_, done);      // sends the resets
        host_.say_goodbye(turn_began_); // after them: they leave from a leased address
        settle(turn_began_, done);
        abort_waits(done);
        for (timer* t : user_timers_) t->abort(done);
        user_timers_.clear();
        shut_down_ = true;
        ++turns_;
        alarm.swap(timer_);
        early_timer_.stop();
        gone.swap(devices_);
    }
    for (const auto& a : gone) a->medium->stop(); // without the lock: a handler of the device may be waiting for the lock
    changed_.notify_all();
    wake_driver();
    while (operation* const op = done.pop()) op->complete();
    stop_own_thread();
}

} // namespace tapio::detail
