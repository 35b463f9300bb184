// What drives a stack while a synchronous call waits: virtual time, another thread, or the blocked caller itself, which then
// drives all stacks of the io_context.
#include "asio/engine.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace tapio::detail {

namespace {

using namespace std::chrono_literals;

/// Finds out whether any thread runs an io_context, by posting a handler.
class probe
{
public:
    explicit probe(boost::asio::io_context& io) : io_(io) { send(); }

    /// @return true: the handler has run, so a thread was running the io_context since the last call
    bool somebody_runs()
    {
        if (!answered_->exchange(false)) return false;
        send();
        return true;
    }

private:
    void send()
    {
        boost::asio::post(io_, [answered = answered_] { *answered = true; });
    }

    boost::asio::io_context& io_;
    std::shared_ptr<std::atomic<bool>> answered_ = std::make_shared<std::atomic<bool>>(false);
};

/// The stacks of an io_context that go by real time.
class neighbours : public boost::asio::execution_context::service
{
public:
    using key_type = neighbours;
    inline static boost::asio::execution_context::id id;

    explicit neighbours(boost::asio::execution_context& context) : service(context) {}
    void shutdown() override {}

    void add(std::weak_ptr<engine> e)
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(all_, [](const auto& other) { return other.expired(); });
        all_.push_back(std::move(e));
    }
    std::vector<std::shared_ptr<engine>> all() const
    {
        const std::lock_guard lock(mutex_);
        std::vector<std::shared_ptr<engine>> out;
        for (const auto& e : all_)
            if (auto alive = e.lock()) out.push_back(std::move(alive));
        return out;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::weak_ptr<engine>> all_;
};

} // namespace

/// One stack while a blocked caller drives it.
class engine::driven
{
public:
    explicit driven(engine& e) : engine_(e)
    {
        const std::lock_guard lock(e.mutex_);
        media_ = e.devices_;
        if (!e.shut_down_) next_ = e.next_deadline();
        for (const auto& a : media_) { // packets wait until these devices are read: read them now
            if (!a->owes_a_read()) continue;
            a->unread = 0;
            next_ = core::time_point::min();
        }
        if (!e.mutex_.real()) ++e.blocked_; // no handler runs before the caller returns
    }
    ~driven()
    {
        if (!engine_.mutex_.real()) --engine_.blocked_;
    }
    driven(const driven&) = delete;
    driven& operator=(const driven&) = delete;

    core::time_point next() const noexcept { return next_; }
    void watch(std::vector<pollfd>& descriptors) const
    {
        for (const auto& a : media_)
            if (const int fd = a->medium->poll_descriptor(); fd >= 0) descriptors.push_back({fd, POLLIN, 0});
    }
    /// Handles packets that have arrived and timers that are due.
    void go_on() const
    {
        for (const auto& a : media_) a->medium->poll();
        engine_.deliver_in_memory();
        if (engine_.now() >= next_) engine_.advance();
    }

private:
    engine& engine_;
    std::vector<std::shared_ptr<attachment>> media_;
    core::time_point next_ = core::never;
};

void engine::join_neighbours()
{
    if (users_io_) boost::asio::use_service<neighbours>(*io_).add(weak_from_this());
}

engine::waited engine::wait_for_turn_after(std::uint64_t seen, core::time_point deadline)
{
    flush(); // sends deferred output: the calling handler does not return before this wait ends
    if (time_ != nullptr) {
        if (time_->step(deadline)) return waited::went_on;
        if (deadline == core::never || time_->is_stopped()) return waited::for_ever;
        time_->run_to(deadline);
        return waited::timed_out;
    }
    if (!mutex_.real()) return wait_driving(seen, deadline);
    std::unique_lock lock(mutex_.native());
    const auto went_on = [&] { return turns_ != seen; };
    const auto wait_on_others = [&](core::duration at_most) {
        const core::duration left = deadline == core::never ? at_most : std::min(at_most, deadline - now());
        changed_.wait_for(lock, left, went_on);
    };
    std::optional<probe> asked;
    while (!went_on()) {
        if (now() >= deadline) return waited::timed_out;
        boost::asio::io_context& io = driver();
        if (own_io_) {
            wait_on_others(1h);
        } else if (!asked) {
            lock.unlock();
            asked.emplace(io);
            lock.lock();
        } else if (asked->somebody_runs()) {
            wait_on_others(100ms);
        } else {
            lock.unlock();
            wait_here(deadline);
            lock.lock();
        }
    }
    return waited::went_on;
}

/// The caller drives the stack itself: it is the only thread of this stack.
engine::waited engine::wait_driving(std::uint64_t seen, core::time_point deadline)
{
    struct here // restores the count, also if drive() throws
    {
        unsigned& blocked;
        explicit here(unsigned& b) : blocked(b) { ++blocked; }
        here(const here&) = delete;
        here& operator=(const here&) = delete;
        ~here() { --blocked; }
    } const counted(blocked_);
    while (turns_ == seen) {
        if (now() >= deadline) return waited::timed_out;
        wait_here(deadline);
    }
    return waited::went_on;
}

void engine::wait_here(core::time_point deadline)
{
    drive(deadline == core::never ? 1s : std::clamp<core::duration>(deadline - now(), 0ns, 1s));
}

/// A synchronous wait on a timer: sleeps in real time, or runs virtual time up to `t`.
void engine::wait_until(core::time_point t)
{
    if (time_ != nullptr) return time_->run_to(t);
    for (core::time_point n = now(); n < t; n = now()) std::this_thread::sleep_for(std::min<core::duration>(t - n, 24h));
}

/// Wakes a blocked caller in drive(). Call without the lock.
void engine::wake_driver()
{
    if (driving_.load() == 0) return;
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
}

/// One step in place of the io_context: waits at most `at_most` for a packet or a due timer, and handles it. Drives the other
/// stacks of the io_context as well: the caller may wait for one of them.
void engine::drive(core::duration at_most)
{
    {
        const std::lock_guard lock(mutex_);
        if (wake_ < 0) wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    }
    const auto all = users_io_ ? boost::asio::use_service<neighbours>(*io_).all() : std::vector{shared_from_this()};
    for (const auto& e : all)
        if (e.get() != this) e->flush(); // sends output that the calling handler deferred on those stacks
    ++driving_;
    std::deque<driven> stacks;
    std::vector<pollfd> watched{{wake_, POLLIN, 0}};
    core::time_point next = core::never;
    for (const auto& e : all) {
        next = std::min(next, stacks.emplace_back(*e).next());
        stacks.back().watch(watched);
    }
    const core::duration wait =
        std::clamp<core::duration>(next == core::never ? at_most : std::max(next, core::time_point{}) - now(), 0ns, at_most);
    const timespec limit{static_cast<time_t>(wait / 1s), static_cast<long>((wait % 1s).count())};
    ::ppoll(watched.data(), watched.size(), &limit, nullptr);
    --driving_;
    std::uint64_t wakes = 0;
    (void)!::read(wake_, &wakes, sizeof wakes);
    for (const driven& s : stacks) s.go_on();
}

} // namespace tapio::detail
