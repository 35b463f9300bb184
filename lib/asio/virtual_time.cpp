// Virtual time: jumps from event to event of its stacks. Stacks that have events at the same time handle them in the order in
// which the stacks were made.
#include "asio/asio_timers.hpp"
#include "asio/engine.hpp"

#include <tapio/detail/clocks.hpp>
#include <tapio/virtual_time.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <utility>

namespace tapio {

namespace detail {

namespace {

thread_local const world* running_here = nullptr;
thread_local std::vector<std::shared_ptr<const world>> made_here; ///< the newest last

/// The world whose time is the time of this thread; null: real time.
const world* world_here() noexcept
{
    if (running_here != nullptr) return running_here;
    while (!made_here.empty() && made_here.back()->ended) made_here.pop_back();
    return made_here.empty() ? nullptr : made_here.back().get();
}

std::atomic<bool> std_clock_expected = false;

} // namespace

core::time_point thread_time() noexcept
{
    const world* const w = world_here();
    return w != nullptr ? w->now : real_time();
}

std::chrono::nanoseconds thread_time_of_day() noexcept
{
    const world* const w = world_here();
    return w != nullptr ? w->now.time_since_epoch() : read_clock(CLOCK_REALTIME);
}

bool expect_virtual_std_clock() noexcept
{
    std_clock_expected = true;
    return true;
}

void set_world(boost::asio::io_context& io, virtual_time* world);

} // namespace detail

namespace {

/// Makes the virtual time the time of this thread, while handlers run or Asio's timers are examined.
class on_this_thread
{
public:
    explicit on_this_thread(const detail::world& w) noexcept : before_(std::exchange(detail::running_here, &w)) {}
    on_this_thread(const on_this_thread&) = delete;
    on_this_thread& operator=(const on_this_thread&) = delete;
    ~on_this_thread() { detail::running_here = before_; }

private:
    const detail::world* before_;
};

/// Makes `w` the time of this thread. @return true: std::chrono's clocks follow it
bool begin_here(const std::shared_ptr<const detail::world>& w)
{
    detail::made_here.push_back(w);
    const bool follows = detail::std_clock_is_virtual();
    if (!follows && detail::std_clock_expected)
        throw std::logic_error(
            "virtual_std_clock.hpp is included, but the program has the standard library's clocks all the same "
            "(linked with -static-libstdc++?)");
    return follows;
}

} // namespace

virtual_time::virtual_time(boost::asio::io_context& io, std::uint64_t seed)
    : io_(io),
      world_(std::make_shared<detail::world>(detail::world{beginning})),
      moves_asio_timers_(begin_here(world_)),
      seed_(seed)
{
    detail::set_world(io_, this);
}

virtual_time::~virtual_time()
{
    detail::set_world(io_, nullptr);
    if (timers_) timers_->shutdown();
    world_->ended = true;
    std::erase(detail::made_here, world_); // has no effect on other threads than the one that made it
}

/// An engine without devices, for timers that belong to no stack.
std::shared_ptr<detail::engine> virtual_time::engine_of_timers()
{
    if (timers_) return timers_;
    stack_options o;
    o.time = this;
    timers_ = std::make_shared<detail::engine>(&io_, o);
    join(timers_);
    return timers_;
}

void virtual_time::join(std::weak_ptr<detail::engine> e) { engines_.push_back(std::move(e)); }

std::uint64_t virtual_time::next_seed() noexcept { return seed_++; }

core::time_point virtual_time::next_event() const
{
    core::time_point next = core::never;
    for (const auto& weak : engines_)
        if (const auto e = weak.lock()) next = std::min(next, e->next_event());
    if (moves_asio_timers_) {
        const on_this_thread here(*world_);
        next = std::min(next, after(detail::next_asio_timer(io_)));
    }
    return next;
}

/// Asio's timers that never expire are set to the end of their clock: an expiry close to that counts as `never`.
core::time_point virtual_time::after(core::duration length) const noexcept
{
    constexpr core::duration margin = std::chrono::hours(1);
    return length < core::never - world_->now - margin ? world_->now + length : core::never;
}

/// Advances to the next event, if it is not after `limit`, and handles it. @return false: no such event
bool virtual_time::step(core::time_point limit)
{
    if (is_stopped()) return false;
    const core::time_point next = next_event();
    if (next == core::never || next > limit) return false;
    world_->now = std::max(world_->now, next);
    for (std::size_t i = 0; i < engines_.size(); ++i) {
        const auto e = engines_[i].lock();
        if (e && e->next_event() <= world_->now) e->advance();
    }
    if (moves_asio_timers_) {
        const on_this_thread here(*world_);
        detail::fire_asio_timers(io_);
    }
    return true;
}

/// A stack has received too many packets at this instant. Names it and its likely peer: the stack with the second most packets,
/// if it has at least half as many.
void virtual_time::stop_world()
{
    std::vector<std::pair<std::uint64_t, std::string>> ends;
    for (const auto& weak : engines_)
        if (const auto e = weak.lock()) ends.push_back(e->received_at(world_->now));
    std::stable_sort(ends.begin(), ends.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    const bool two = ends.size() > 1 && ends[1].first >= ends[0].first / 2;
    stopped_by_ = ends[0].second + " and " + (two ? ends[1].second : "the other end of its wire");
}

void virtual_time::throw_if_stopped()
{
    if (!is_stopped()) return;
    const std::string ends = std::exchange(stopped_by_, {});
    throw boost::system::system_error(make_error_code(boost::system::errc::resource_deadlock_would_occur),
                                      "packets without end at one instant of virtual time between " + ends);
}

/// Runs handlers until none is ready, or `*done` returns true. @return the number of handlers
std::size_t virtual_time::poll(const std::function<bool()>* done)
{
    const on_this_thread here(*world_);
    std::size_t n = 0;
    if (io_.stopped()) io_.restart();
    throw_if_stopped();
    while (io_.poll_one() != 0) {
        throw_if_stopped();
        ++n;
        if (done != nullptr && (*done)()) break;
    }
    return n;
}

std::size_t virtual_time::run()
{
    std::size_t n = 0;
    do n += poll(nullptr);
    while (step(core::never));
    throw_if_stopped();
    return n;
}

std::size_t virtual_time::run_for(core::duration length)
{
    const core::time_point end = after(length);
    std::size_t n = 0;
    do n += poll(nullptr);
    while (step(end));
    throw_if_stopped();
    if (end != core::never) world_->now = end;
    return n;
}

void virtual_time::run_to(core::time_point t)
{
    while (step(t)) {}
    if (t != core::never) world_->now = std::max(world_->now, t);
}

bool virtual_time::run_until(const std::function<bool()>& done, core::duration limit)
{
    const core::time_point end = after(limit);
    for (;;) {
        poll(&done);
        if (done()) return true;
        if (!step(end)) break;
    }
    throw_if_stopped();
    if (end != core::never) world_->now = end;
    return done();
}

} // namespace tapio
