/// @file
/// Time that jumps from event to event: whole programs, tested against slow and bad networks, in a moment and always alike.
///
///     boost::asio::io_context io;
///     tapio::virtual_time time(io);
///     auto [left, right] = tapio::make_pipe();
///     tapio::stack a(io, tapio::impaired(std::move(left), {.outgoing = {.drop = 0.1, .delay = 50ms}}), {.time = &time});
///     tapio::stack b(io, std::move(right), {.time = &time});
///     ... start something on both ...
///     time.run();     // handlers run; whenever none is left, the clock goes to the next event
///
/// What goes by it: the stacks made with it, their devices and captures, `tapio::steady_timer` on their contexts and on
/// `io`, and `tapio::steady_clock::now()` on the thread where it was made. What does not, unless the program includes
/// <tapio/virtual_std_clock.hpp>: std::chrono's clocks, and with them Asio's timers and Beast's timeouts. Never: kernel sockets,
/// TAP devices. lib/asio/README.md, "Which clock is which", has all of it.
///
/// It is the time of day, too, and begins with the year 2070: later than any machine has been up, so that code which takes it for
/// std::chrono::steady_clock's time, or the other way about, finds the difference at once.
///
/// A synchronous call on such a stack lets time pass until it is done; in a world where nothing more can happen it fails
/// with resource_deadlock_would_occur instead of hanging.
///
/// Two hosts that answer each other for ever over a wire without delay would never let the clock go on. When a stack has received
/// a million packets at one instant, the world stops: what comes is dropped; run(), run_for() or run_until() throws
/// boost::system::system_error (resource_deadlock_would_occur) that names the two ends; a synchronous call, if it is what let
/// the packets flow, fails with that error, and the run that comes next throws. A wire with any delay has no such end.
///
/// @par Thread safety  none: one thread runs the handlers and makes the calls
/// @par Lifetime  outlives its stacks; `io` outlives it
/// @par Determinism  the same program gives the same packets at the same times, the host's secrets included: they are made
///   from `seed`
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/detail/engine_fwd.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tapio::detail {
std::shared_ptr<engine> engine_of_timers(boost::asio::execution_context& context); // not exported
}

#pragma GCC visibility push(default)

namespace tapio {

namespace detail {

/// What a virtual_time shares with its stacks, whose sockets and timers may outlive it.
struct world
{
    core::time_point now;
    bool ended = false; ///< the virtual_time is gone
};

} // namespace detail

class virtual_time
{
public:
    explicit virtual_time(boost::asio::io_context& io, std::uint64_t seed = 1);
    virtual_time(const virtual_time&) = delete;
    virtual_time& operator=(const virtual_time&) = delete;
    ~virtual_time();

    core::time_point now() const noexcept { return world_->now; }

    /// When each begins: 2070-01-01 00:00 UTC, as time since the UNIX epoch.
    static constexpr core::time_point beginning{std::chrono::sys_days(std::chrono::year(2070) / 1 / 1).time_since_epoch()};

    /// Runs until no handler waits and nothing is to happen. @return how many handlers ran
    std::size_t run();
    /// Runs until then; the clock stands at `now() + length` afterwards, even if nothing happens so late.
    std::size_t run_for(core::duration length);
    /// Runs until `done()`, asked after each handler and each event, at most `limit` long. @return what it answered last
    bool run_until(const std::function<bool()>& done, core::duration limit);

    /// For worlds that move more than that at one instant on purpose. @param packets for each stack; a million at first
    void limit_packets_at_one_instant(std::uint64_t packets) noexcept { most_at_one_instant_ = packets; }

private:
    friend class detail::engine;
    friend class stack;
    friend std::shared_ptr<detail::engine> detail::engine_of_timers(boost::asio::execution_context& context);

    bool is_stopped() const noexcept { return !stopped_by_.empty(); }
    void stop_world();
    void throw_if_stopped();

    void join(std::weak_ptr<detail::engine> e);
    void run_to(core::time_point t); ///< events only, no handlers
    std::size_t poll(const std::function<bool()>* done);
    core::time_point next_event() const;
    core::time_point after(core::duration length) const noexcept; ///< now() + length, or `never`
    std::shared_ptr<detail::engine> engine_of_timers();
    bool step(core::time_point limit);
    std::uint64_t next_seed() noexcept;

    boost::asio::io_context& io_;
    std::vector<std::weak_ptr<detail::engine>> engines_;
    std::shared_ptr<detail::engine> timers_; ///< for those made from the io_context itself; made at first need
    const std::shared_ptr<detail::world> world_;
    const bool moves_asio_timers_; ///< std::chrono's clocks say what it says
    std::uint64_t most_at_one_instant_ = 1'000'000;
    std::string stopped_by_; ///< the two ends of an endless exchange
    std::uint64_t seed_;
};

} // namespace tapio

#pragma GCC visibility pop
